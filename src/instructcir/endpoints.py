"""What every caller of an OpenAI-compatible address shares: which refusals pass, pictures as text, answers read."""

from __future__ import annotations

import base64
import io
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

KEY = "OPENAI_API_KEY"
"""Where a key is looked for."""
LATER = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
"""HTTP statuses after which the same request may succeed."""
_THOUGHT = re.compile(r"<think>.*?</think>", re.DOTALL)


def picture_url(image: Image.Image, side: int) -> str:
    """A picture as a data URL, the way it is sent to a model.

    Args:
        image: the picture; made smaller in place.
        side: pixels that its longer side has at most.
    """
    image.thumbnail((side, side))
    content = io.BytesIO()
    image.save(content, "JPEG", quality=90)
    return f"data:image/jpeg;base64,{base64.b64encode(content.getvalue()).decode()}"


def without_thoughts(text: str) -> str:
    """An answer without what a reasoning model wrote before it."""
    return _THOUGHT.sub("", text).strip()
