import json
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from instructcir.errors import PromptError
from instructcir.model import prompts
from instructcir.model.prompts import KINDS, PromptSet

VALID = {"name": "mine", "gallery": "<image>?", "query": "<image>{modification}!", "text": "{text}."}


@pytest.mark.parametrize("name", prompts.names())
def test_a_named_set_is_valid_and_says_where_it_comes_from(name: str) -> None:
    chosen = prompts.named(name)
    assert chosen.name == name == prompts.check_name(name)
    assert chosen.about
    assert chosen.add_generation_prompt
    assert [chosen.user(kind).count("<image>") for kind in KINDS] == [1, 1, 0]
    assert chosen.user("query").startswith("<image>")
    assert "{modification}" in chosen.query
    assert "{text}" in chosen.text
    assert "{" not in chosen.gallery.replace("<image>", "")


def test_the_instructcir_set_is_the_released_codes_to_the_letter() -> None:
    chosen = prompts.named("instructcir")
    assert chosen.gallery == "<image>\n Describe this image in one word:"
    assert chosen.query == '<image>Modify this image with "{modification}", desribe modified image in one word:'
    assert chosen.text == "{text}\nSummary above sentence in one word:"
    assert [chosen.system_turn(kind) for kind in KINDS] == [None, None, None]


@pytest.mark.parametrize("category", ["dress", "shirt", "toptee"])
def test_a_fashioniq_set_names_its_category_and_nothing_else_differs(category: str) -> None:
    chosen = prompts.named(f"fashioniq-{category}")
    assert chosen.gallery == f"<image>\n Describe this {category} in one word based on its style:"
    assert chosen.query == (
        f"<image>Change the style of this {category} to {{modification}}\n"
        f" Describe this modified {category} in one word based on its style:"
    )
    assert chosen.text == prompts.named("instructcir").text


def test_an_unknown_name_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(PromptError, match=r"no prompt set 'fashioniq'; there are: ") as error:
        prompts.named("fashioniq")
    assert all(name in str(error.value) for name in prompts.names())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"query": "<image>{text}"}, r"'mine': the query prompt lacks \{modification\}"),
        ({"text": "a sentence"}, r"'mine': the text prompt lacks \{text\}"),
        ({"gallery": "Describe it"}, "the gallery prompt holds <image> 0 times; it must hold it once"),
        ({"gallery": "<image><image>"}, "the gallery prompt holds <image> 2 times"),
        ({"query": "<image>{modification}<image>"}, "the query prompt holds <image> 2 times"),
        ({"text": "<image>{text}"}, "the text prompt holds <image> 1 times; it must hold it never"),
        ({"gallery": 5}, "gallery is 5"),
        ({"system": ["be brief"]}, r"system is \['be brief'\]"),
        ({"text": None}, "text is None"),
        ({"add_generation_prompt": "no"}, "add_generation_prompt is 'no'"),
    ],
)
def test_a_set_that_cannot_be_asked_is_refused(change: dict[str, Any], message: str) -> None:
    PromptSet.from_dict(VALID)
    with pytest.raises(PromptError, match=message):
        PromptSet.from_dict(VALID | change)


@pytest.mark.parametrize("values", [VALID | {"sytem": "be brief"}, {"name": "mine", "text": "{text}"}, {}])
def test_an_unknown_or_a_missing_key_is_refused(values: dict[str, str]) -> None:
    with pytest.raises(PromptError, match=r"(unexpected keyword argument 'sytem'|missing .* required)"):
        PromptSet.from_dict(values)


@pytest.mark.parametrize("name", prompts.names())
def test_a_set_survives_json(name: str) -> None:
    chosen = replace(prompts.named(name), query_system='say "no" {x} 日本', add_generation_prompt=False)
    assert PromptSet.from_dict(json.loads(json.dumps(chosen.to_dict()))) == chosen


def test_a_set_cannot_be_changed_by_accident() -> None:
    with pytest.raises(FrozenInstanceError):
        prompts.named("instructcir").text = "{text}"  # type: ignore[misc]


def test_a_kinds_own_system_turn_goes_before_the_common_one_even_when_empty() -> None:
    chosen = PromptSet(**VALID, system="common", query_system="asked")
    assert [chosen.system_turn(kind) for kind in KINDS] == ["common", "asked", "common"]
    assert PromptSet(**VALID, system="common", text_system="").system_turn("text") == ""


def test_pieces_hold_what_goes_around_each_slot() -> None:
    chosen = PromptSet(**VALID | {"query": "<image>the {modification} of it, {modification}"})
    assert chosen.pieces("query") == ("<image>the ", " of it, ", "")
    assert chosen.pieces("gallery") == ("<image>?",)
    assert chosen.pieces("text") == ("", ".")


@pytest.mark.parametrize("name", ["", "a b", "../etc", "-x", "a/b", "ä"])
def test_a_name_that_is_no_plain_word_is_refused(name: str) -> None:
    with pytest.raises(PromptError, match="cannot name a prompt set"):
        prompts.check_name(name)


def test_system_turns_of_an_embedder_become_those_of_the_kinds() -> None:
    asked = {"query": "Find it.", "document": "Represent it."}
    chosen = prompts.from_sentence_transformers(asked, "document", {"add_generation_prompt": True})
    assert [chosen.system_turn(kind) for kind in KINDS] == ["Represent it.", "Find it.", "Find it."]
    assert [chosen.user(kind) for kind in KINDS] == ["<image>", "<image>{modification}", "{text}"]
    assert chosen.add_generation_prompt
    bare = prompts.from_sentence_transformers({}, None, {})
    assert [bare.system_turn(kind) for kind in KINDS] == [None, None, None]
    assert not bare.add_generation_prompt
