"""The landscapes' language: changes mean what they say, captions tell what they must, phrases stay in their part."""

from __future__ import annotations

import itertools
import os
import random
import re
import subprocess
import sys
from collections import Counter
from functools import cache

import pytest

from instructcir.errors import InputError
from instructcir.worlds import phrasing
from instructcir.worlds.landscapes import facts as scenes
from instructcir.worlds.landscapes.captions import caption, question
from instructcir.worlds.landscapes.changes import MAKERS, change
from instructcir.worlds.landscapes.modifications import family, modification, phrase
from instructcir.worlds.landscapes.words_book import FILES, MORE, speaker
from instructcir.worlds.landscapes.words_edits import makers
from instructcir.worlds.landscapes.words_things import plural, the
from instructcir.worlds.phrasing import fill, tidy
from instructcir.worlds.world import Change, Edit, Facts

DOG_AND_TREE = {
    "setting": "meadow", "time": "day", "weather": "clear", "season": "spring", "viewpoint": "near",
    "dog.count": "2", "dog.colour": "brown", "dog.size": "small", "dog.position": "right",
    "tree.count": "1", "tree.colour": "green", "tree.size": "big", "tree.position": "centre",
}  # fmt: skip
VOWEL = re.compile(r"\ba [aeiou]|\ban (?!hour)[^aeiou]")
GAP = re.compile(r"[{}]|  | [,.;?]|,,|^[ ,]|[ ,]$|\b(\w+) \1\b")


def scene(**other: str | None) -> dict[str, str]:
    facts: dict[str, str | None] = {**DOG_AND_TREE, **{name.replace("_", "."): value for name, value in other.items()}}
    return {name: value for name, value in facts.items() if value is not None}


def book() -> phrasing.Book:
    return phrasing.book("instructcir.worlds.landscapes", *FILES, more=MORE)


@cache
def samples() -> tuple[tuple[dict[str, str], Change], ...]:
    rng = random.Random(11)
    found = []
    for number in range(4500):
        facts = scenes.sample(rng)
        found.append((facts, change(facts, rng, number % 3 + 1)))
    return tuple(found)


def one_edit(facts: Facts, kind: str, form: str, **said: str) -> Edit:
    """The edit of this kind, form and words that these facts allow, found by drawing."""
    rng = random.Random(5)
    for _ in range(20_000):
        wish = MAKERS[kind][0](facts, rng)
        if wish and wish.edit.said["form"] == form and said.items() <= wish.edit.said.items():
            return wish.edit
    raise AssertionError(f"never drawn: {kind}.{form} {said}")


def allowed(facts: Facts, kind: str, form: str, **said: str) -> dict[str, set[str | None]]:
    return {name: set(values) for name, values in one_edit(facts, kind, form, **said).allowed.items()}


# ---- changes --------------------------------------------------------------------------------------------------------


def test_every_change_is_possible_fulfilled_by_its_target_and_not_by_its_reference() -> None:
    for facts, found in samples():
        assert scenes.is_possible(found.target)
        assert found.accepts(facts, found.target)
        assert not found.accepts(facts, facts)
        assert all(not Change((edit,), facts).accepts(facts, facts) for edit in found.edits)
        names = [name for edit in found.edits for name in edit.allowed]
        assert len(names) == len(set(names))
        assert set(names) <= set(scenes.ATTRIBUTES)


def test_changes_have_the_number_of_edits_asked_for_and_all_kinds_occur() -> None:
    assert [len(found.edits) for _, found in samples()[:6]] == [1, 2, 3, 1, 2, 3]
    kinds = Counter(edit.kind for _, found in samples() for edit in found.edits)
    assert set(kinds) == set(MAKERS)
    assert min(kinds.values()) > 150


def test_every_value_that_a_change_allows_is_reached_by_some_possible_scene() -> None:
    for facts, found in samples()[:600]:
        open_names = [name for name, values in found.allowed.items() if len(values) > 1]
        for name in open_names:
            coupled = [n for n in open_names if n.endswith(".count") or "." not in n]
            coupled = sorted({*coupled, name})
            choices = [sorted(found.allowed[n], key=str) for n in coupled]
            for value in found.allowed[name]:
                reached = any(
                    scenes.is_possible(_with(found.target, dict(zip(coupled, values, strict=True))))
                    for values in itertools.product(*choices)
                    if values[coupled.index(name)] == value
                )
                assert reached, (facts, found, name, value)


def _with(facts: Facts, values: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in {**facts, **values}.items() if value is not None}


def test_changes_refuse_what_they_cannot_do() -> None:
    with pytest.raises(InputError, match="1 to 3"):
        change(DOG_AND_TREE, random.Random(0), 4)
    with pytest.raises(InputError, match="not a possible scene"):
        change({"setting": "moon"}, random.Random(0))


def test_more_fewer_and_exact_counts() -> None:
    assert allowed(DOG_AND_TREE, "count", "more", thing="dog") == {"dog.count": {"3", "4"}}
    assert allowed(scene(tree_count="3"), "count", "more", thing="dog") == {"dog.count": {"3"}}
    assert allowed(scene(dog_count="4"), "count", "fewer", thing="dog") == {"dog.count": {"1", "2", "3"}}
    assert allowed(DOG_AND_TREE, "count", "one_more", thing="tree") == {"tree.count": {"2"}}
    assert allowed(DOG_AND_TREE, "count", "as_many", thing="tree") == {"tree.count": {"2"}}
    assert allowed(scene(dog_count="4"), "count", "half", thing="dog") == {"dog.count": {"2"}}
    assert allowed(DOG_AND_TREE, "count", "only_one", thing="dog") == {"dog.count": {"1"}}


def test_more_regards_the_room_that_the_other_edits_leave() -> None:
    for facts, found in samples():
        for edit in found.edits:
            if edit.said["form"] != "more":
                continue
            kind, old = edit.said["thing"], int(edit.said["from"])
            others = [k for k in scenes.kinds_in(found.target) if k != kind]
            least = sum(
                min((int(v) for v in found.allowed.get(f"{k}.count", ()) if v), default=int(found.target[f"{k}.count"]))
                for k in others
            )
            wanted = {str(n) for n in range(old + 1, 5) if n + least <= scenes.MOST_THINGS}
            assert edit.allowed[f"{kind}.count"] == wanted, (facts, found)


def test_adding_leaves_open_what_is_not_said() -> None:
    found = allowed(DOG_AND_TREE, "add", "thing", thing="cat", colour="black")
    assert found["cat.count"] == {"1"}
    assert found["cat.colour"] == {"black"}
    edit = one_edit(DOG_AND_TREE, "add", "some", thing="cat")
    assert edit.allowed["cat.count"] == {"2", "3"}  # six things at most, three are there
    edit = one_edit(DOG_AND_TREE, "add", "thing", thing="cat", side="left", beside="dog")
    assert edit.allowed["cat.position"] == {"left", "centre"}


def test_removing_takes_all_facts_of_a_thing_along() -> None:
    gone = {f"dog.{name}": {None} for name in scenes.THING_FACTS}
    assert allowed(DOG_AND_TREE, "remove", "thing", thing="dog") == gone
    assert allowed(DOG_AND_TREE, "remove", "category", category="animals") == gone
    assert allowed(DOG_AND_TREE, "remove", "only", thing="tree") == gone
    alone = {name: value for name, value in DOG_AND_TREE.items() if not name.startswith("dog")}
    assert all(MAKERS["remove"][0](alone, random.Random(seed)) is None for seed in range(50))


def test_a_replacement_stands_in_the_old_place_in_the_old_number() -> None:
    found = allowed(DOG_AND_TREE, "replace", "thing", old="dog", thing="sheep")
    assert found["sheep.count"] == {"2"}
    assert found["sheep.position"] == {"right"}
    assert found["dog.count"] == found["dog.colour"] == {None}
    free = one_edit(DOG_AND_TREE, "replace", "thing", old="dog", thing="sheep")
    assert "colour" in free.said or free.allowed["sheep.colour"] == set(scenes.KINDS["sheep"].colours)


def test_positions_beside_others_across_and_further_along() -> None:
    found = allowed(DOG_AND_TREE, "position", "side_of", thing="dog", side="left", beside="tree")
    assert found == {"dog.position": {"left"}}
    found = allowed(scene(tree_position="right", dog_position="right"), "position", "side_of", thing="dog")
    assert found == {"dog.position": {"left", "centre"}}
    assert allowed(DOG_AND_TREE, "position", "further", thing="dog") == {"dog.position": {"left", "centre"}}
    assert allowed(DOG_AND_TREE, "position", "across", thing="dog") == {"dog.position": {"left"}}
    assert allowed(DOG_AND_TREE, "position", "swap") == {"dog.position": {"centre"}, "tree.position": {"right"}}


def test_comparatives_of_the_place() -> None:
    assert allowed(DOG_AND_TREE, "time", "later") == {"time": {"sunset", "night"}}
    assert allowed(DOG_AND_TREE, "time", "darker") == {"time": {"dawn", "sunset", "night"}}
    assert allowed(scene(time="dawn"), "time", "lighter") == {"time": {"day"}}
    assert allowed(scene(time="night"), "time", "earlier") == {"time": {"dawn", "day", "sunset"}}
    assert allowed(scene(weather="fog"), "weather", "better") == {"weather": {"clear", "cloudy"}}
    assert allowed(scene(weather="cloudy"), "weather", "worse") == {"weather": {"rain", "snow", "fog"}}
    assert allowed(scene(weather="rain"), "weather", "not") == {"weather": {"clear", "cloudy", "snow", "fog"}}
    assert allowed(DOG_AND_TREE, "season", "colder") == {"season": {"winter"}}
    assert allowed(scene(season="winter"), "season", "warmer") == {"season": {"spring", "summer", "autumn"}}
    assert allowed(DOG_AND_TREE, "viewpoint", "further") == {"viewpoint": {"far"}}


def test_a_setting_brings_and_takes_weather_and_season() -> None:
    assert allowed(scene(), "setting", "to", to="city") == {"setting": {"city"}}
    rooms = {name: value for name, value in DOG_AND_TREE.items() if not name.startswith("tree")}
    assert allowed(rooms, "setting", "to", to="room") == {"setting": {"room"}, "weather": {None}, "season": {None}}
    assert allowed(rooms, "setting", "to", to="desert") == {"setting": {"desert"}, "season": {None}}
    inside = {n: v for n, v in {**rooms, "setting": "room"}.items() if n not in ("weather", "season")}
    edit = one_edit(inside, "setting", "to", to="hills")
    assert edit.allowed["weather"] == ({edit.said["weather"]} if "weather" in edit.said else set(scenes.WEATHERS))
    other = allowed(rooms, "setting", "other")
    assert other["setting"] == {"lake", "hills", "mountains", "city", "desert", "room"}
    assert other["season"] == {"spring", None}
    assert other["weather"] == {"clear", None}


def test_a_tree_cannot_go_to_the_sea() -> None:
    drawn = (MAKERS["setting"][0](DOG_AND_TREE, random.Random(seed)) for seed in range(200))
    assert all(not wish.edit.allowed["setting"] & {"sea", "desert", "room", "mountains"} for wish in drawn if wish)


# ---- phrase book ----------------------------------------------------------------------------------------------------


def template_lists() -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Lists of templates of edits."""
    return {path: parts for path, parts in book().items() if path.partition(".")[0] in MAKERS}


@pytest.mark.parametrize("kind", MAKERS)
def test_every_kind_of_edit_has_forty_templates_a_quarter_of_them_unseen(kind: str) -> None:
    lists = [parts for path, parts in template_lists().items() if path.startswith(f"{kind}.")]
    training = {template for parts in lists for template in parts[0]}
    unseen = {template for parts in lists for template in parts[1]}
    assert len(training | unseen) >= 40
    assert 0.22 <= len(unseen) / len(training | unseen) <= 0.40


def test_no_list_is_empty_and_training_and_unseen_share_nothing() -> None:
    everything: tuple[set[str], set[str]] = (set(), set())
    for path, (training, unseen) in book().items():
        assert training
        assert path.startswith("question.") or unseen, path
        everything[0].update(training)
        everything[1].update(unseen)
    assert not everything[0] & everything[1]


def test_every_template_of_every_form_can_be_filled() -> None:
    filled: set[str] = set()
    for facts, found in samples():
        for edit in found.edits:
            for kind in ("do", "with", "say"):
                path = f"{family(edit)}.{kind}"
                if path in filled:
                    continue
                filled.add(path)
                for number, template in enumerate(itertools.chain(*book()[path])):
                    slots = makers(speaker(random.Random(number), unseen=bool(number % 2)), facts, edit)
                    assert not GAP.search(tidy(fill(template, slots))), template
    assert filled == set(template_lists())


def test_articles_and_plurals() -> None:
    assert tidy("a orange cat,  , in a hut , and an") == "an orange cat, in a hut, and an"
    words = ("dog", "sheep", "bus", "child", "adult in red", "lorry", "bench", "park bench", "pine tree", "person")
    plurals = ["dogs", "sheep", "buses", "children", "lorries", "benches", "park benches", "pine trees", "people"]
    assert [plural(word) for word in words if word != "adult in red"] == plurals
    names = {the(speaker(random.Random(seed), False), DOG_AND_TREE, "dog") for seed in range(200)}
    assert names >= {"the dogs", "the two dogs", "the brown dogs"}
    brown, two, dogs = (_either("word.colour.brown"), _either("word.number.2"), _either("noun.dog", plurals=True))
    assert all(re.fullmatch(rf"the (({brown}|{two}) )?{dogs}", name) for name in names), names


def _either(path: str, *, plurals: bool = False) -> str:
    """A pattern that takes any word of a list."""
    words = {plural(word) if plurals else word for part in book()[path] for word in part}
    return f"({'|'.join(map(re.escape, sorted(words)))})"


# ---- captions -------------------------------------------------------------------------------------------------------


def _mentions(text: str, *paths: str) -> bool:
    words = [word for path in paths for part in book()[path] for word in part]
    # "by|a|sea" is spread over the text by adjectives: its noun must be there.
    return any(re.search(rf"\b{re.escape(word.split('|')[-1])}", text) for word in words)


@pytest.mark.parametrize("unseen", [False, True])
def test_a_full_caption_tells_every_fact(unseen: bool) -> None:
    rng = random.Random(2)
    for facts, _ in samples()[:1500]:
        text = caption(facts, rng, unseen=unseen)
        assert not VOWEL.search(text), text
        assert not GAP.search(text), text
        assert _mentions(text, f"word.where.{facts['setting']}", f"word.scene.{facts['setting']}"), text
        assert _mentions(text, f"word.at.{facts['time']}"), text
        assert _mentions(text, f"word.seen.{facts['viewpoint']}", f"word.view.{facts['viewpoint']}"), text
        for name, lists in (("weather", ("weather", "in_weather")), ("season", ("season", "season_adjective"))):
            assert name not in facts or _mentions(text, *(f"word.{each}.{facts[name]}" for each in lists)), text
        for kind, about in scenes.things(facts):
            names = [word for p in ("noun", "precise") for part in book().get(f"{p}.{kind}", ()) for word in part]
            assert any(name in text or plural(name) in text for name in names), (kind, text)
            assert _mentions(text, f"word.size.{about['size']}"), text
            assert _mentions(text, f"word.position.{about['position']}"), text
            assert _mentions(text, f"word.colour.{about['colour']}", "word.colour.ginger"), text
            assert about["count"] == "1" or _mentions(text, f"word.number.{about['count']}"), text


def test_a_caption_leaves_out_what_it_is_told_to() -> None:
    rng = random.Random(3)
    secret = frozenset({"setting", "time", "viewpoint", "dog.colour", "dog.count", "tree.position"})
    for number in range(400):
        text = caption(DOG_AND_TREE, rng, omit=secret, unseen=bool(number % 2))
        assert not re.search(
            r"brown|two|\b2\b|pair|couple|meadow|field|grass(?![- ]green)|\bday|midday|close|near|centre|middle", text
        ), text
        assert not GAP.search(text), text
        assert re.search(_either("noun.dog", plurals=True), text), text


def test_captions_get_shorter_with_less_detail() -> None:
    rng = random.Random(4)
    for unseen in (False, True):
        words = {
            detail: sum(len(caption(facts, rng, detail, unseen=unseen).split()) for facts, _ in samples()[:300]) / 300
            for detail in ("short", "medium", "full")
        }
        assert words["short"] < words["medium"] < words["full"] < 36


def test_any_detail_and_omission_gives_a_clean_caption() -> None:
    rng = random.Random(6)
    for number, (_, found) in enumerate(samples()):
        detail = ("short", "medium", "full")[number % 3]
        text = caption(found.target, rng, detail, omit=found.free, unseen=bool(number % 2))
        assert text
        assert not GAP.search(text), text
        assert not VOWEL.search(text), text


def test_questions_are_answered_truly() -> None:
    rng = random.Random(7)
    answers = Counter()
    dogs, tree = _either("noun.dog", plurals=True), f"({_either('noun.tree')}|{_either('precise.tree')})"
    dog = _either("noun.dog")
    for _ in range(600):
        text, answer = question(DOG_AND_TREE, rng)
        assert text.endswith("?")
        assert answer
        answers[answer] += 1
        if re.search(f"how many {dogs}", text):
            assert answer == "two"
        if text.startswith("are there more"):
            assert answer == ("yes" if re.search(f"{dogs} than", text) else "no")
        if "left of the" in text:
            assert answer == ("yes" if re.match(f"is the {tree}", text) else "no")
        if re.search(rf"is there an? {dog}\b", text):
            assert answer == "yes"
    assert {"yes", "no", "two", "one", "brown", "big", "a meadow", "on the right", "close up", "spring"} <= set(answers)


# ---- modifications --------------------------------------------------------------------------------------------------


def test_modifications_are_clean_english_in_many_voices() -> None:
    rng = random.Random(8)
    voices, aspects = Counter(), Counter()
    for number, (facts, found) in enumerate(samples()):
        said = modification(facts, found, rng, unseen=bool(number % 2))
        assert not re.search(r"[{}]|  | [,.;?]|,,|\?\.|^[ ,]|[ ,]$", said.text), said.text
        assert not VOWEL.search(said.text), said.text
        assert said.aspects, said
        voices[said.voice] += 1
        aspects.update(said.aspects)
    assert len(voices) >= 11
    assert min(voices.values()) >= 15
    assert len(aspects) == 9


def test_training_never_says_what_is_kept_unseen() -> None:
    texts: tuple[set[str], set[str]] = (set(), set())
    for unseen in (False, True):
        rng = random.Random(9)
        for facts, found in samples():
            texts[unseen].add(modification(facts, found, rng, unseen=unseen).text.lower().strip(" .?"))
            texts[unseen].add(caption(facts, rng, "full", unseen=unseen))
    assert not texts[0] & texts[1]


def test_an_unseen_phrase_always_comes_from_an_unseen_template() -> None:
    for facts, found in samples()[:600]:
        for edit, kind in itertools.product(found.edits, ("do", "with", "say")):
            templates = book()[f"{family(edit)}.{kind}"]
            said = phrase(speaker(random.Random(1), True), facts, edit, kind)
            assert any(_could_be(template, said) for template in templates[1]), said


def _could_be(template: str, text: str) -> bool:
    return re.fullmatch(re.sub(r"\\\{\w+\\\}", ".+", re.escape(template)), text) is not None


def test_what_is_called_the_same_is_not_changed() -> None:
    rng = random.Random(10)
    words = {
        "place": "setting",
        "time of day": "time",
        "weather": "weather",
        "season": "season",
        "viewpoint": "viewpoint",
    }
    met = 0
    for facts, found in samples():
        said = modification(facts, found, rng)
        for word, name in words.items():
            if said.voice == "keep" and re.search(rf"same {word}\b", said.text.lower()):
                met += 1
                assert name not in found.allowed, said
    assert met > 100


def test_nothing_depends_on_the_order_of_sets() -> None:
    """Two processes with different hash seeds say the same."""
    program = (
        "import random, hashlib\n"
        "from instructcir.worlds.landscapes import captions, changes, facts, modifications\n"
        "rng, said = random.Random(3), []\n"
        "for number in range(300):\n"
        "    scene = facts.sample(rng)\n"
        "    change = changes.change(scene, rng, number % 3 + 1)\n"
        "    said.append(modifications.modification(scene, change, rng, unseen=bool(number % 2)))\n"
        "    said += [captions.caption(change.target, rng, detail) for detail in ('short', 'medium', 'full')]\n"
        "    said += [list(change.target.items()), captions.question(scene, rng)]\n"
        "print(hashlib.sha256(repr(said).encode()).hexdigest())\n"
    )
    digests = [
        subprocess.run(
            [sys.executable, "-c", program], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2", "3")
    ]
    assert digests[0]
    assert len(set(digests)) == 1


def test_the_same_seed_says_the_same() -> None:
    rng = random.Random(20)
    facts = scenes.sample(rng)
    found = change(facts, rng, 2)
    said = modification(facts, found, rng)
    assert (caption(facts, rng), said.text, said.voice) == PINNED


PINNED = (
    "a massive purple flower in the centre and two little coffee-coloured dogs on the left in hills under a clear sky "
    "in the autumn at sunset, from high up above",
    "can you find me one with the dogs changed to pitch-black n with the flower swapped for a chocolate-coloured "
    "house?",
    "question",
)
