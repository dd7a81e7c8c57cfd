"""What is asked of the model itself: a vector, and where it looks."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

from instructcir.errors import ModelError
from instructcir.items import ComposedQuery
from instructcir.server.refusals import Refusal
from instructcir.server.schemas import Attention, EmbeddingIn, EmbeddingOut, ExplainIn
from instructcir.server.service import Service


class VectorDesk:
    """What the endpoints do with the model, each in a thread of its own.

    Args:
        service: the index and its model.
    """

    def __init__(self, service: Service) -> None:
        self._service = service

    def embed(self, asked: EmbeddingIn, sent: Sequence[bytes] = ()) -> EmbeddingOut:
        """One vector of a picture, a text, or both.

        Raises:
            Refusal: nothing was given, or several pictures were.
            InstructcirError: the picture cannot be used, or the text is too long.
        """
        model = self._service.model
        images = [self._service.uploads.add(data).data for data in sent]
        images += [self._service.bytes_of(asked.reference)] if asked.reference else []
        text = asked.text or ""
        if len(images) > 1 or not (images or text.strip()):
            raise Refusal(422, "invalid", "give one picture, a text, or both")
        if not images:
            vector, kind = model.embed_texts([text])[0], "text"
        elif text.strip():
            vector, kind = model.reference(images[0]).embed([text])[0], "composed"
        else:
            vector, kind = model.reference(images[0]).gallery(), "image"
        fingerprint = self._service.newest().manifest.identity.fingerprint
        return EmbeddingOut.model_validate(
            {"kind": kind, "dimension": len(vector), "model": fingerprint, "vector": vector.tolist()}
        )

    def explain(self, asked: ExplainIn) -> Attention:
        """Where the model looks.

        Raises:
            Refusal: this model's attention cannot be shown.
            InstructcirError: the picture cannot be used, or the words are too long.
        """
        from instructcir.model.attention import explain

        model = self._service.model
        query = ComposedQuery(self._service.bytes_of(asked.reference), asked.modification)
        try:
            found = model.call(lambda: explain(model.embedder, query.reference, query.modification))
        except ModelError:
            raise Refusal(422, "no_attention", "this model's attention cannot be shown") from None
        jpeg = io.BytesIO()
        found.picture.convert("RGB").save(jpeg, "JPEG", quality=88)
        return Attention(
            picture="data:image/jpeg;base64," + base64.b64encode(jpeg.getvalue()).decode(),
            with_words=found.query_map_HW.tolist(),
            without_words=found.gallery_map_HW.tolist(),
            share_with_words=found.query_share,
            share_without_words=found.gallery_share,
        )
