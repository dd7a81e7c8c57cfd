"""A language model behind an OpenAI-compatible address, asked what a picture shows after a modification."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from instructcir.benchmarks.benchmark import Picture
from instructcir.endpoints import LATER, picture_url, without_thoughts
from instructcir.errors import InputError

SIDE = 512
"""Pixels of the longer side of a picture that is sent."""
TASK = (
    "A picture is to be changed as the user asks. Say in one English sentence what the changed picture shows, so that "
    "it could be found by that sentence alone. Do not mention the change or the picture before. Write nothing else."
)
_TRIES = 5


@dataclass(frozen=True, slots=True)
class CaptionModel:
    """A model that writes captions.

    Attributes:
        url: of the API, with its version: "http://localhost:8000/v1".
        name: of the model there.
        key: sent as a bearer token; empty where none is needed.
        timeout: seconds that an answer may take.
        patience: seconds before a second try; each further one waits twice as long.
    """

    url: str
    name: str
    key: str = ""
    timeout: float = 120.0
    patience: float = 1.0

    def write(self, modification: str, *, picture: Picture | None = None, shown: str = "") -> str:
        """What a picture shows after a modification.

        Args:
            modification: what is to change.
            picture: the reference; or
            shown: what the reference shows, in words.

        Raises:
            InputError: there is no such server, it refuses, or it answers with something else.
            ImageError: the picture cannot be used.
        """
        before = (
            [] if picture is None else [{"type": "image_url", "image_url": {"url": picture_url(picture.open(), SIDE)}}]
        )
        said = f"The picture shows: {shown}\n" if shown else ""
        asked = {"type": "text", "text": f"{said}The change: {modification}"}
        content: Any = [*before, asked] if before else asked["text"]
        messages = [{"role": "system", "content": TASK}, {"role": "user", "content": content}]
        return self._caption(self._post({"model": self.name, "messages": messages, "temperature": 0}))

    def _post(self, content: Mapping[str, Any]) -> Any:
        address = self.url.rstrip("/") + "/chat/completions"
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {self.key}"} if self.key else {})}
        for attempt in range(_TRIES):
            request = urllib.request.Request(address, json.dumps(content).encode(), headers)
            try:
                with urllib.request.urlopen(request, timeout=self.timeout) as answer:
                    return json.loads(answer.read())
            except urllib.error.HTTPError as error:
                with error:
                    said = " ".join(error.read(300).decode("utf-8", "replace").split())
                if error.code not in LATER or attempt == _TRIES - 1:
                    hint = (
                        "set OPENAI_API_KEY" if error.code in (401, 403) else "check the address and the model's name"
                    )
                    raise InputError(f"{address}: refused with {error.code} ({said}); {hint}") from None
            except OSError as error:  # no such server, no answer in time
                if attempt == _TRIES - 1:
                    reason = getattr(error, "reason", error)
                    raise InputError(f"{address}: no answer ({reason}); check the address, then run again") from None
            except ValueError:
                raise InputError(
                    f"{address}: the answer is no JSON; give the address of an OpenAI-compatible API"
                ) from None
            time.sleep(self.patience * 2**attempt)
        raise AssertionError("the last try returns or raises")

    def _caption(self, answer: Any) -> str:
        try:
            text = answer["choices"][0]["message"]["content"]
        except (KeyError, IndexError, TypeError):
            text = None
        caption = " ".join(without_thoughts(text).split()).strip('"') if isinstance(text, str) else ""
        if not caption:
            raise InputError(f"{self.url}: {self.name} answered without a caption; try again, or take another model")
        return caption
