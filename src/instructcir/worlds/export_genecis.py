"""GeneCIS's layout: four files of templates in `genecis/`, pictures in `VG_100K_all/` and `val2017/`."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from instructcir.worlds.exported import Exported, Size, distinct_numbers, nearest
from instructcir.worlds.galleries import ComposedTest, TestQuery, composed_test
from instructcir.worlds.world import Drawing, Facts, World

_OTHERS = {"focus_attribute": 9, "change_attribute": 14, "focus_object": 14, "change_object": 14}
_PARTS = ("belt", "print")  # what a garment has or has not, as a scene its things
_MOST_TRIES = 200  # for one template


@dataclass(frozen=True, slots=True)
class _Template:
    """A query with candidates of its own; numbers in the gallery."""

    condition: str
    reference: int
    target: int
    others: list[int]


def genecis(world: World, size: Size) -> Exported:
    """Templates of all four tasks, at most `size.queries` of each, over one gallery.

    "Change" templates are the composed queries that ask for one edit, their conditions whole sentences. A "focus"
    template names an attribute or an object: the target alone shares it with the reference, the others share the rest.

    Raises:
        InputError: the size cannot be.
    """
    test = composed_test(world, size.split, queries=size.gallery // 2, gallery=size.gallery, seed=size.seed)
    rng = random.Random(f"genecis/{world.name}/{size}")
    single = [query for query in test.queries if len(query.kinds) == 1]
    is_object = [_is_about_objects(test, query) for query in single]
    found = {
        "focus_attribute": _focus(test, _attributes, size.queries, _OTHERS["focus_attribute"], rng),
        "change_attribute": _change(test, [q for q, yes in zip(single, is_object, strict=True) if not yes], size),
        "focus_object": _focus(test, _objects, size.queries, _OTHERS["focus_object"], rng),
        "change_object": _change(test, [q for q, yes in zip(single, is_object, strict=True) if yes], size),
    }
    ids = distinct_numbers(size.gallery, 6, rng)
    annotations: dict[str, Any] = {}
    pictures: dict[str, Drawing] = {}
    for task, templates in found.items():
        entry, path = (_region, _region_path) if task.endswith("attribute") else (_photo, _photo_path)
        annotations[f"genecis/{task}.json"] = [
            {
                "condition": template.condition,
                "gallery": [entry(ids[index], size) for index in template.others],
                "reference": entry(ids[template.reference], size),
                "target": entry(ids[template.target], size),
            }
            for template in templates
        ]
        used = {index for one in templates for index in (one.reference, one.target, *one.others)}
        pictures |= {path(ids[index]): test.gallery[index] for index in sorted(used)}
    return Exported(annotations, pictures)


def _region(number: int, size: Size) -> dict[str, Any]:
    return {"image_id": str(number), "instance_bbox": [0, 0, size.side, size.side]}


def _region_path(number: int) -> str:
    return f"VG_100K_all/{number}.jpg"


def _photo(number: int, size: Size) -> dict[str, Any]:
    return {"val_image_id": number}


def _photo_path(number: int) -> str:
    return f"val2017/{number:012}.jpg"


def _change(test: ComposedTest, queries: Sequence[TestQuery], size: Size) -> list[_Template]:
    templates = []
    for query in queries[: size.queries]:
        wrong = set(range(len(test.gallery))) - set(query.relevant) - {query.reference}
        others = nearest(test.gallery, test.gallery[query.target].facts, sorted(wrong), _OTHERS["change_object"])
        templates.append(_Template(query.modification.text, query.reference, query.target, others))
    return templates


def _focus(
    test: ComposedTest, told: Callable[[Facts], dict[str, str]], count: int, others: int, rng: random.Random
) -> list[_Template]:
    """Templates about what `told` finds in a picture: condition -> value, of which one picture shares the value."""
    values = [told(drawing.facts) for drawing in test.gallery]
    templates: list[_Template] = []
    for _ in range(count * _MOST_TRIES):
        if len(templates) == count:
            break
        reference = rng.randrange(len(values))
        condition = rng.choice(sorted(values[reference]))
        value = values[reference][condition]
        same = [at for at, value_of in enumerate(values) if at != reference and value_of.get(condition) == value]
        different = [at for at, value_of in enumerate(values) if value_of.get(condition) != value]
        if same and len(different) >= others:
            near = nearest(test.gallery, test.gallery[reference].facts, different, others)
            templates.append(_Template(condition, reference, rng.choice(same), near))
    return templates


def _attributes(facts: Facts) -> dict[str, str]:
    """Condition -> value of everything that can be said: "dog colour" of the attribute "dog.colour"."""
    return {name.replace(".", " "): value for name, value in facts.items()}


def _objects(facts: Facts) -> dict[str, str]:
    """Condition -> "there" for each thing of a scene; the garment, and which of its parts it has."""
    things = [name.removesuffix(".count") for name in facts if name.endswith(".count")]
    parts = [facts[name] for name in ("garment", *_PARTS) if facts.get(name, "none") != "none"]
    return {name: "there" for name in (*things, *parts)}


def _is_about_objects(test: ComposedTest, query: TestQuery) -> bool:
    return _objects(test.gallery[query.reference].facts) != _objects(query.change.target)
