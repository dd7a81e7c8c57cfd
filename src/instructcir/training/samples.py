"""What a model learns from: a picture with what belongs to it; and samples laid out for one forward pass.

Everything that is asked about a picture stands in one row behind it: the gallery prompt, its modifications, questions
with answers. Texts stand in rows too, several in each, behind the words that all text prompts begin with. So a picture
is computed once for all its pairs and triplets, equal texts once for a whole chunk, and little is padded.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from PIL import Image

from instructcir.images import open_rgb
from instructcir.items import ImageLike
from instructcir.model.packing import Row
from instructcir.model.preparation import PreparedImage
from instructcir.model.prompts import PromptSet
from instructcir.model.rendering import ChatRenderer
from instructcir.training.keeping import Keeper, KeptImage
from instructcir.training.passes import Laid, laid
from instructcir.training.rough import SMOOTH, Roughness

# shapes: S pictures, W wishes in all, U distinct texts, A answer tokens

_TEXT_ROW = 128
"""Tokens of a row of texts; longer rows pad less and spend more on attention that the mask throws away."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A picture and what belongs to it.

    Attributes:
        id: names it in messages.
        image: the picture.
        caption: what it shows; the other half of a pair, and the original caption of its triplets.
        wishes: (modification, modified caption) of its triplets.
        answers: (what a user writes, what the model should say) about the picture.
        hard: captions that are wrong for its wishes, and easily mistaken; as many in every sample.
        labels: (1 + wishes, attributes) facts of the picture and of what each wish makes of it (`facts.FactTable`).
    """

    id: str
    image: ImageLike
    caption: str = ""
    wishes: tuple[tuple[str, str], ...] = ()
    answers: tuple[tuple[str, str], ...] = ()
    hard: tuple[str, ...] = ()
    labels: torch.Tensor | None = None


@dataclass(slots=True)
class Chunk:
    """Samples laid out.

    Attributes:
        size: S, how many samples.
        pictures: rows of the pictures; read are S gallery vectors (if asked for), W composed ones, A answer positions.
        galleries: how many of what is read are gallery vectors: S or 0.
        wishes: W.
        texts: rows of the distinct texts, or None.
        captions: (S,) which text each picture's caption is.
        modified: (W,) which text each wish's modified caption is, or (0,).
        owners: (W,) which picture each wish belongs to.
        says: (A,) the token that each answer position should say.
        hard: (H,) which text each hard negative is.
        text_ids: the distinct texts.
        picture_labels: (S, attributes) facts of the pictures, or None.
        wish_labels: (W, attributes) facts of what the wishes make of them, or None.
    """

    size: int
    pictures: Laid
    galleries: int
    wishes: int
    texts: Laid | None
    captions: torch.Tensor
    modified: torch.Tensor
    owners: torch.Tensor
    says: torch.Tensor
    hard: torch.Tensor
    text_ids: list[str]
    picture_labels: torch.Tensor | None = None
    wish_labels: torch.Tensor | None = None


class Layout:
    """Lays samples out for one model.

    Args:
        renderer: the model's prompts as ids.
        prepare: the model's image preparation, from an RGB picture.
        pad_id: id to pad with.
        pairs: whether gallery prompts and captions are wanted.
        triplets: whether modifications and their captions are wanted.
        answers: whether answers are wanted.
        modified: whether captions of what modifications make are wanted; those that nothing contrasts with need not be.
        rough: makes modifications and captions rougher, the same text of the same picture always in the same way.
    """

    def __init__(
        self,
        renderer: ChatRenderer,
        prepare: Callable[[Image.Image], PreparedImage],
        pad_id: int,
        *,
        pairs: bool,
        triplets: bool,
        answers: bool,
        modified: bool = True,
        rough: Roughness = SMOOTH,
    ) -> None:
        self.renderer = renderer
        self.prepare, self._keep = prepare, Keeper(prepare)
        self.pad_id = pad_id
        self.pairs, self.triplets, self.answers, self.rough = pairs, triplets, answers, rough
        self.modified = modified and triplets
        bare = PromptSet("bare", "<image>", "<image>{modification}", "{text}")
        self._asking = ChatRenderer(renderer.tokenizer, renderer.chat_template, renderer.image_token, bare)
        self._end = (renderer.tokenizer.eos_token_id,)

    def __call__(self, samples: Sequence[Sample]) -> Chunk:
        """Samples in one chunk.

        Raises:
            ImageError: a picture cannot be used.
            InputError: a text cannot be put into tokens.
        """
        rows: list[Row] = []
        images: list[KeptImage] = []
        gallery: list[tuple[int, int]] = []
        composed: list[tuple[int, int]] = []
        spoken: list[tuple[int, int]] = []
        says: list[int] = []
        for number, sample in enumerate(samples):
            image = self.prepare(open_rgb(sample.image))
            row, answers = self._row(sample, image, number)
            start = len(row.prefix)
            ends = []
            for suffix in row.suffixes:
                start += len(suffix)
                ends.append(start - 1)
            if self.pairs:
                gallery.append((number, ends[0]))
            if self.triplets:
                composed += [(number, end) for end in ends[self.pairs : self.pairs + len(sample.wishes)]]
            for end, answer in zip(ends[len(ends) - len(answers) :], answers, strict=True):
                # the token before an answer's token says it; the last one, the end mark, is never read
                spoken += [(number, end - len(answer) + offset) for offset in range(len(answer))]
                says += answer
            rows.append(row)
            images.append(self._keep(image))
        texts = self._texts(samples)
        numbers = {text: number for number, text in enumerate(texts)}
        wishes = [wish for sample in samples for wish in sample.wishes] if self.triplets else []
        owners = [number for number, sample in enumerate(samples) for _ in sample.wishes] if self.triplets else []
        hard = [text for sample in samples for text in sample.hard] if self.triplets else []
        return Chunk(
            size=len(samples),
            pictures=laid(rows, images, gallery + composed + spoken, self.pad_id),
            galleries=len(gallery),
            wishes=len(composed),
            texts=self._laid_texts(texts) if texts else None,
            captions=torch.tensor([numbers[s.caption] for s in samples] if texts else [], dtype=torch.long),
            modified=torch.tensor([numbers[text] for _, text in wishes] if self.modified else [], dtype=torch.long),
            owners=torch.tensor(owners, dtype=torch.long),
            says=torch.tensor(says, dtype=torch.long),
            hard=torch.tensor([numbers[text] for text in hard], dtype=torch.long),
            text_ids=texts,
            picture_labels=_joined([sample.labels[:1] for sample in samples if sample.labels is not None]),
            wish_labels=_joined([sample.labels[1:] for sample in samples if sample.labels is not None]),
        )

    def _row(self, sample: Sample, image: PreparedImage, number: int) -> tuple[Row, list[tuple[int, ...]]]:
        """The picture's row, and the ids of its answers."""
        prefix = self.renderer.prefix("gallery", image.expansion)
        suffixes: list[tuple[int, ...]] = []
        if self.pairs:
            suffixes.append(tuple(self.renderer.suffix("gallery", prefix)))
        if self.triplets:
            for text, _ in sample.wishes:
                rng = random.Random(f"{sample.id}/{text}")
                suffix = self.renderer.suffix("query", prefix, self.rough.text(text, rng))
                suffixes.append(tuple(self.rough.ids(suffix, rng)))
        answers = []
        for asked, said in sample.answers if self.answers else ():
            answer = (*self.renderer.tokenizer.encode(" " + said, add_special_tokens=False), *self._end)
            suffixes.append((*self._asking.suffix("query", prefix, asked), *answer))
            answers.append(answer)
        return Row(prefix.ids, tuple(suffixes), tuple(range(len(suffixes))), number), answers

    def _texts(self, samples: Sequence[Sample]) -> list[str]:
        """The distinct texts, in order of first use."""
        if not (self.pairs or self.triplets):
            return []
        texts = [sample.caption for sample in samples]
        if self.modified:
            texts += [caption for sample in samples for _, caption in sample.wishes]
        if self.triplets:
            texts += [text for sample in samples for text in sample.hard]
        return list(dict.fromkeys(texts))

    def _laid_texts(self, texts: list[str]) -> Laid:
        ids = []
        for text in texts:
            rng = random.Random(text)
            ids.append(tuple(self.rough.ids(self.renderer.text(self.rough.text(text, rng)), rng)))
        shared = _common_start(ids)
        rows: list[Row] = []
        at: dict[int, tuple[int, int]] = {}
        for members in _bins([len(one) - shared for one in ids], _TEXT_ROW - shared):
            position = shared
            for number in members:
                position += len(ids[number]) - shared
                at[number] = len(rows), position - 1
            rows.append(Row(ids[members[0]][:shared], tuple(ids[number][shared:] for number in members), ()))
        return laid(rows, [], [at[number] for number in range(len(texts))], self.pad_id)


def _joined(labels: list[torch.Tensor]) -> torch.Tensor | None:
    return torch.cat(labels) if labels else None


def _common_start(sequences: Sequence[tuple[int, ...]]) -> int:
    """How many ids all sequences begin with; at least one of each is left over."""
    most = min(map(len, sequences)) - 1
    first = sequences[0]
    return next((i for i in range(most) if any(seq[i] != first[i] for seq in sequences)), most)


def _bins(sizes: Sequence[int], room: int) -> list[list[int]]:
    """Numbers of items put into bins of `room`, large ones first, each into the first bin that has room for it."""
    bins: list[list[int]] = []
    left: list[int] = []
    for number in sorted(range(len(sizes)), key=lambda number: (-sizes[number], number)):
        place = next((index for index, free in enumerate(left) if free >= sizes[number]), None)
        if place is None:
            bins.append([number])
            left.append(room - sizes[number])
        else:
            bins[place].append(number)
            left[place] -= sizes[number]
    return bins
