"""What goes over the wire: requests, checked, and answers."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from instructcir.server.limits import MOST_HITS, MOST_MARKS, MOST_TEXT

Id = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
"""A picture of the index."""
Token = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""An upload that is kept."""
Words = Annotated[str, StringConstraints(max_length=MOST_TEXT)]
AN_ID = "9f86d081884c7d65"


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class ReferenceIn(_Request):
    """A reference: a picture of the index by its id, or an upload by its token."""

    id: Id | None = None
    upload: Token | None = None
    weight: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] = 1.0

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.id is None) == (self.upload is None):
            raise ValueError("give an id or an upload")
        return self


class Options(_Request):
    """What every ranking can be asked for."""

    k: Annotated[int, Field(ge=1, le=MOST_HITS, description="Hits at most.")] = 24
    where: Annotated[
        Words | None, Field(description="A condition on metadata in SQL words: price < 50 and brand = 'x'")
    ] = None
    not_: Annotated[Words, Field(alias="not", description="What the hits should not show, in plain words.")] = ""
    diversity: Annotated[
        float, Field(ge=0, le=1, allow_inf_nan=False, description="0: the plain ranking; 1: as varied as can be.")
    ] = 0.0
    exclude_reference: bool = True
    collapse_duplicates: bool = True


class SearchIn(Options):
    """A composed query: references, what to change about them, and marks on earlier hits."""

    references: Annotated[list[ReferenceIn], Field(max_length=8)] = []
    modification: Annotated[Words, Field(description="What to change about the reference, in plain words.")] = ""
    more_like: Annotated[list[Id], Field(max_length=MOST_MARKS)] = []
    less_like: Annotated[list[Id], Field(max_length=MOST_MARKS)] = []

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"references": [{"id": AN_ID}], "modification": "in dark red, with long sleeves", "k": 12},
                {"modification": "a snowy mountain at dusk", "not": "people"},
            ]
        }
    )


class SessionIn(_Request):
    """A session's reference; in a form it can be the picture itself."""

    reference: ReferenceIn | None = None

    model_config = ConfigDict(json_schema_extra={"examples": [{"reference": {"id": AN_ID}}]})


class RefineIn(Options):
    """One more change."""

    edit: Annotated[Words, Field(min_length=1)]

    model_config = ConfigDict(json_schema_extra={"examples": [{"edit": "no sleeves", "k": 12}]})


class GoOnIn(_Request):
    """The hit to go on from."""

    id: Id

    model_config = ConfigDict(json_schema_extra={"examples": [{"id": AN_ID}]})


class EmbeddingIn(_Request):
    """What to embed: a picture, a text, or both as a composed query."""

    reference: ReferenceIn | None = None
    text: Annotated[Words | None, Field(description="With a picture: the modification.")] = None

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reference": {"id": AN_ID}, "text": "in blue"}, {"text": "a blue coat"}]}
    )


class ExplainIn(_Request):
    """A reference and an instruction."""

    reference: ReferenceIn
    modification: Words = ""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reference": {"id": AN_ID}, "modification": "with long sleeves"}]}
    )


class SignIn(_Request):
    """The key of a server that asks for one."""

    key: Annotated[str, StringConstraints(max_length=1000)]


class Picture(BaseModel):
    """A picture of the index; its file is at /v1/images/ID, a small one at /v1/thumbnails/ID."""

    id: str
    name: str
    width: int
    height: int
    values: dict[str, Any] = {}


class HitOut(Picture):
    """A picture with its place in a ranking."""

    score: Annotated[float, Field(description="Cosine with the query.")]
    percentile: Annotated[float, Field(description="Percent of the gallery that scores lower.")]
    duplicates: Annotated[list[str], Field(description="Names of near-duplicates that this hit stands for.")] = []


class Answered(BaseModel):
    """A ranking's best."""

    hits: list[HitOut]
    matches_well: Annotated[bool, Field(description="Whether the best is above what is foreign to the gallery gets.")]
    remark: str
    milliseconds: float


class SessionOut(BaseModel):
    """Where a session stands."""

    session: str
    reference: Annotated[str | None, Field(description="The reference's id; null for an upload.")]
    edits: list[str]
    modification: Annotated[str, Field(description="All edits as the one instruction that the model reads.")]


class Refined(SessionOut, Answered):
    """Where a session stands, and what it found there."""


class UploadOut(BaseModel):
    """An upload; send its token instead of the picture."""

    upload: str
    width: int
    height: int


class EmbeddingOut(BaseModel):
    """A unit vector."""

    kind: Literal["image", "text", "composed"]
    dimension: int
    model: Annotated[str, Field(description="Fingerprint: vectors of one fingerprint can be compared.")]
    vector: list[float]


class Attention(BaseModel):
    """Where the model looks, as shares of attention on patches: rows of columns."""

    picture: Annotated[str, Field(description="The picture as the model sees it, a data URL.")]
    with_words: list[list[float]]
    without_words: list[list[float]]
    share_with_words: float
    share_without_words: float


class FacetValue(BaseModel):
    """A value of a column, and how many pictures have it."""

    value: str | bool
    count: int


class Facet(BaseModel):
    """A column that can be filtered by."""

    name: str
    kind: Literal["text", "truth", "number"]
    values: list[FacetValue] = []
    least: float | None = None
    most: float | None = None


class About(BaseModel):
    """What this server serves."""

    name: str
    pictures: int
    version: int
    model: str
    facets: list[Facet]
    upload_bytes: int


class PictureList(BaseModel):
    """Pictures of the index."""

    pictures: list[Picture]


class Health(BaseModel):
    """Whether the server answers."""

    status: Literal["ok"] = "ok"
    pictures: int


class ErrorDetail(BaseModel):
    """What was wrong, for programs and for people."""

    code: str
    message: str


class ErrorOut(BaseModel):
    """Every answer that is not the one asked for."""

    error: ErrorDetail
