"""A model behind an OpenAI-compatible address, through the official client."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from instructcir.endpoints import KEY, LATER, picture_url, without_thoughts
from instructcir.errors import DependencyError, ImageError, InputError
from instructcir.synthesis.asking import SIDE, Answer, Later, Question, Turn, opened

if TYPE_CHECKING:
    import openai

Structure: TypeAlias = Literal["schema", "object", "text"]
"""How the server is told the shape of answers: by a JSON schema, as "some JSON", or in the prompt alone."""
STRUCTURES: tuple[Structure, ...] = get_args(Structure)
_NO_SUCH_CALLER = (401, 403, 404)
_NO_MONEY = "insufficient_quota"
_FILTERED = "content_filter"


@dataclass(frozen=True, slots=True)
class Access:
    """Where a model is and how it is asked.

    Attributes:
        model: its name there.
        url: of the API, with its version: "http://localhost:8000/v1"; None for OpenAI's own.
        key: empty where none is needed.
        timeout: seconds that an answer may take.
        temperature: of its answers; None leaves it to the server.
        structure: how it is told the shape of answers.
    """

    model: str
    url: str | None = None
    key: str = ""
    timeout: float = 120.0
    temperature: float | None = 0.8
    structure: Structure = "schema"


class Endpoint:
    """Asks a model behind an address; one question a request. For several threads."""

    at_once = 1

    def __init__(self, access: Access, concurrency: int = 8) -> None:
        """Prepare to ask; nothing is sent.

        Args:
            access: to the model.
            concurrency: requests at the same time.

        Raises:
            DependencyError: the client is not installed.
            InputError: the key is missing, or the address is none.
        """
        self._access = access
        self.concurrency = concurrency
        self.model = f"openai:{access.model}"
        self.name = f"{self.model} {access.url or ''} {access.temperature} {access.structure}"
        self._client = _client(access)

    def ask(self, questions: Sequence[Question], turn: int) -> list[Answer]:
        """Answer questions.

        Args:
            questions: one or more; each is a request.
            turn: sent as the seed.

        Raises:
            Later: the server has too much to do, fails or does not answer in time.
            InputError: it refuses the caller, or there is no such model.
        """
        return [self._ask(question, turn) for question in questions]

    def _ask(self, question: Question, turn: int) -> Answer:
        import openai

        try:
            request = self._request(question, turn)
        except ImageError as error:
            return Answer(str(error), "bad request")
        try:
            completion = self._client.chat.completions.create(**request)
        except openai.APIStatusError as error:
            return self._refused(error)
        except openai.APITimeoutError as error:
            raise Later(f"no answer in {self._access.timeout:g} s", unpaid=False) from error
        except openai.APIConnectionError as error:
            raise Later(f"no connection ({error.__cause__ or error})") from error
        except (openai.OpenAIError, ValueError) as error:  # an answer that is no JSON, or another shape of it
            raise Later(f"an answer that cannot be read ({error})", unpaid=False) from error
        return _answer(completion)

    def _request(self, question: Question, turn: int) -> dict[str, Any]:
        access = self._access
        # OpenAI's own newer models refuse the old name, many other servers do not know the new one
        longest = "max_completion_tokens" if access.url is None else "max_tokens"
        request: dict[str, Any] = {
            "model": access.model,
            "messages": [_message(turn) for turn in question.turns],
            longest: question.longest,
            "seed": turn,
        }
        if access.temperature is not None:
            request["temperature"] = access.temperature
        if question.schema and access.structure == "schema":
            schema = {"name": "answer", "schema": dict(question.schema), "strict": True}
            request["response_format"] = {"type": "json_schema", "json_schema": schema}
        elif question.schema and access.structure == "object":
            request["response_format"] = {"type": "json_object"}
        return request

    def _refused(self, error: openai.APIStatusError) -> Answer:
        where = self._access.url or "api.openai.com"
        said = " ".join(str(error.message).removeprefix(f"Error code: {error.status_code} - ").split())[:300]
        code = error.code or ""
        if error.status_code in _NO_SUCH_CALLER or code == _NO_MONEY:
            hint = f"set {KEY}" if error.status_code in (401, 403) else "check address, model and account"
            raise InputError(f"{where}: refused with {error.status_code} ({said}); {hint}") from error
        if error.status_code in LATER:
            after = _seconds(error.response.headers.get("retry-after"))
            raise Later(f"{error.status_code} ({said})", after, all_wait=error.status_code == 429) from error
        if "response_format" in said or "json_schema" in said:
            hint = "give --structure object, or text"
            raise InputError(f"{where}: does not know JSON schemas ({said}); {hint}") from error
        if code == _FILTERED or _FILTERED in said:
            return Answer(said, "refused")
        return Answer(f"{error.status_code}: {said}", "bad request")


def _client(access: Access) -> openai.OpenAI:
    try:
        import openai
    except ImportError as error:
        raise DependencyError(
            f"openai cannot be imported ({error}); install it with: pip install 'instructcir[synthesis]'"
        ) from error
    if not access.key and access.url is None:
        raise InputError(f"OpenAI asks for a key; set {KEY}, or name another server with --base-url")
    try:
        return openai.OpenAI(api_key=access.key or "none", base_url=access.url, timeout=access.timeout, max_retries=0)
    except (openai.OpenAIError, ValueError) as error:
        raise InputError(f"{access.url}: no address of an API ({error})") from error


def _message(turn: Turn) -> dict[str, Any]:
    if not turn.pictures:
        return {"role": turn.role, "content": turn.text}
    shown = [
        {"type": "image_url", "image_url": {"url": picture_url(opened(picture), SIDE)}} for picture in turn.pictures
    ]
    return {"role": turn.role, "content": [*shown, {"type": "text", "text": turn.text}]}


def _answer(completion: Any) -> Answer:
    usage = getattr(completion, "usage", None)
    tokens = (getattr(usage, "prompt_tokens", 0) or 0, getattr(usage, "completion_tokens", 0) or 0)
    try:
        choice = completion.choices[0]
        message, end = choice.message, choice.finish_reason
    except (AttributeError, IndexError, TypeError):
        return Answer("an answer without content", "no answer", *tokens)
    if refusal := getattr(message, "refusal", None):
        return Answer(str(refusal), "refused", *tokens)
    if end == _FILTERED:
        return Answer("the server's filter", "refused", *tokens)
    text = message.content if isinstance(message.content, str) else ""
    return Answer(without_thoughts(text), "length" if end == "length" else "stop", *tokens)


def _seconds(text: str | None) -> float | None:
    """What Retry-After says; its other form, a date, counts as nothing said."""
    try:
        return None if text is None else max(float(text), 0.0)
    except ValueError:
        return None
