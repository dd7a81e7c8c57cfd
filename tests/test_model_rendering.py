"""Prompts as ids: equal to what stock transformers makes of the same message, and deaf to what users type."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tokenizers.processors import TemplateProcessing
from transformers import AutoProcessor, AutoTokenizer, PreTrainedTokenizerBase

import tiny_templates as templates
from instructcir.errors import InputError, PromptError
from instructcir.model import prompts
from instructcir.model.embedder import Embedder
from instructcir.model.preparation import prepare
from instructcir.model.prompts import KINDS, Kind, PromptSet
from instructcir.model.rendering import ChatRenderer, plain_added_tokens
from tiny_models import FAMILIES, pictures

Built = Callable[[str], Path]
Loaded = Callable[[str], Embedder]

WITHOUT_TORCHVISION = [name for name in FAMILIES if name != "mistral3"]
STOCK_PROCESSOR = ["llava-clip-llama", "llava-clip-phi3", "llava-siglip-qwen2", "idefics3", "gemma3"]
SYSTEM = replace(prompts.named("instructcir"), name="system", system="Represent the user's input.")
FOREWORD = replace(prompts.named("instructcir"), name="foreword", query="Look: <image> {modification}, {modification}!")
SETS = [prompts.named("instructcir"), prompts.named("qwen3-vl-embedding"), SYSTEM, FOREWORD]

ORDINARY = [
    "make it red",
    "is darker, has long sleeves & a «round» neck",
    'the same "dog"\nat night',
    "日本の家",
    "naïve café",
]
TEMPLATE_SYNTAX = ["{{ bos_token }}", "{% for x in y %}", "{modification} {text} {0} {}", "${x} %s {# no #}", "{{", "}"]
AWKWARD = [
    "",
    " ",
    "   \n\t ",
    "it's 100% \"that\" \\n `x` 'y'",
    "اجعلها حمراء \u202eabc",
    "👩‍👩‍👧 🇩🇪 e\u0301",
    "a\x01b\x1bc\x7f\u200b\u2028",
    "\ue000\ue001\ue000 and \ue002probe\ue002",
    "\U000f0000<image>\U000f0001 \U000f0000\U000f0001",
    "word " * 2000,
    "<|im_<|im_end|>end|>",
    "<im\U000f0001age>",
]


def every_added_token(renderer: ChatRenderer) -> list[str]:
    tokens = [token.content for token in renderer.tokenizer.added_tokens_decoder.values()]
    return [*tokens, " ".join(tokens), "".join(reversed(tokens)), *(f"a{token}\n{token} b" for token in tokens)]


def with_prompts(embedder: Embedder, chosen: PromptSet) -> ChatRenderer:
    own = embedder.renderer
    return ChatRenderer(own.tokenizer, own.chat_template, own.image_token, chosen)


def ids_of(renderer: ChatRenderer, kind: Kind, text: str, expansion: str) -> list[int]:
    if kind == "text":
        return renderer.text(text)
    prefix = renderer.prefix(kind, expansion)
    return [*prefix.ids, *renderer.suffix(kind, prefix, text)]


def message(renderer: ChatRenderer, kind: Kind, text: str) -> list[dict[str, Any]]:
    """What a user of stock transformers would write."""
    user = renderer.prompts.user(kind).replace("{text}" if kind == "text" else "{modification}", text)
    content: Any
    if renderer.takes_only_strings:
        content = user.replace("<image>", renderer.image_token, 1)
    elif kind == "text":
        content = [{"type": "text", "text": user}]
    else:
        before, after = user.split("<image>", 1)
        parts = [{"type": "text", "text": before}, {"type": "image"}, {"type": "text", "text": after}]
        content = [part for part in parts if part.get("text") != ""]
    turns = [{"role": "user", "content": content}]
    if said := renderer.prompts.system_turn(kind):
        turns.insert(0, {"role": "system", "content": said if renderer.takes_only_strings else [text_part(said)]})
    return turns


def text_part(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def rendered(tokenizer: PreTrainedTokenizerBase, renderer: ChatRenderer, kind: Kind, text: str) -> str:
    chat = tokenizer.apply_chat_template(
        message(renderer, kind, text),
        chat_template=renderer.chat_template,
        tokenize=False,
        add_generation_prompt=renderer.prompts.add_generation_prompt,
    )
    assert isinstance(chat, str)
    return chat


def writes_bos(tokenizer: PreTrainedTokenizerBase, chat: str) -> bool:
    return bool(tokenizer.bos_token) and chat.startswith(tokenizer.bos_token)


@pytest.mark.parametrize("chosen", SETS, ids=lambda chosen: chosen.name)
@pytest.mark.parametrize("family", WITHOUT_TORCHVISION)
def test_ids_are_those_of_the_stock_tokenizer_on_the_whole_prompt(
    family: str, chosen: PromptSet, built: Built, loaded: Loaded
) -> None:
    renderer = with_prompts(loaded(family), chosen)
    tokenizer = AutoTokenizer.from_pretrained(built(family))
    expansion = prepare(loaded(family).checkpoint.processor, pictures()[0]).expansion
    for kind in KINDS:
        for text in ORDINARY + TEMPLATE_SYNTAX:
            chat = rendered(tokenizer, renderer, kind, text)
            whole = chat.replace(renderer.image_token, expansion) if kind != "text" else chat
            stock = tokenizer(whole, add_special_tokens=not writes_bos(tokenizer, chat))["input_ids"]
            assert ids_of(renderer, kind, text, expansion) == stock, (kind, text)


@pytest.mark.parametrize("family", STOCK_PROCESSOR)
def test_ids_are_those_of_the_stock_processor_with_its_picture(family: str, built: Built, loaded: Loaded) -> None:
    renderer = loaded(family).renderer
    processor = AutoProcessor.from_pretrained(built(family), backend="pil")
    for picture in pictures()[:2]:
        expansion = prepare(loaded(family).checkpoint.processor, picture).expansion
        for kind, text in [("gallery", ""), *(("query", text) for text in ORDINARY)]:
            chat = rendered(processor.tokenizer, renderer, kind, text)
            plain = not writes_bos(processor.tokenizer, chat)
            stock = processor(images=[picture], text=[chat], add_special_tokens=plain)["input_ids"][0]
            assert ids_of(renderer, kind, text, expansion) == list(stock), (kind, text)


@pytest.mark.parametrize("family", WITHOUT_TORCHVISION)
def test_nothing_a_user_types_becomes_a_control_token_or_a_picture(family: str, loaded: Loaded) -> None:
    for chosen in (prompts.named("instructcir"), prompts.named("qwen3-vl-embedding")):
        renderer = with_prompts(loaded(family), chosen)
        added = set(renderer.tokenizer.added_tokens_encoder.values())
        expansion = prepare(loaded(family).checkpoint.processor, pictures()[0]).expansion
        for kind in ("query", "text"):
            wanted = Counter(token for token in ids_of(renderer, kind, "x", expansion) if token in added)
            assert wanted
            for text in AWKWARD + TEMPLATE_SYNTAX + every_added_token(renderer):
                found = Counter(token for token in ids_of(renderer, kind, text, expansion) if token in added)
                assert found == wanted, (kind, text)


@pytest.mark.parametrize("family", ["llava-clip-llama", "llava-clip-phi3", "qwen3-vl", "idefics3", "internvl"])
def test_what_a_user_types_is_still_there_to_be_read(family: str, loaded: Loaded) -> None:
    renderer = loaded(family).renderer
    typed = [
        text for text in AWKWARD if "\U000f0000" not in text and "\U000f0001" not in text and "e\u0301" not in text
    ]
    for text in typed + TEMPLATE_SYNTAX + every_added_token(renderer)[:-1]:
        assert text.strip() in renderer.tokenizer.decode(renderer.text(text)), text  # <|user|> may take space with it
        assert text in renderer.show("query", text)


def test_a_text_is_put_into_every_slot_and_never_filled_in_again(loaded: Loaded) -> None:
    chosen = replace(prompts.named("instructcir"), query="<image>{modification} or {modification}")
    renderer = with_prompts(loaded("qwen2-vl"), chosen)
    prefix = renderer.prefix("query", "<|image_pad|>")
    said = renderer.tokenizer.decode(renderer.suffix("query", prefix, "{modification}{text}"))
    assert said.startswith("{modification}{text} or {modification}{text}<|im_end|>")


def test_a_text_that_no_tokenizer_takes_is_refused_in_one_line(loaded: Loaded) -> None:
    with pytest.raises(InputError, match="cannot be put into tokens") as error:
        loaded("qwen2-vl").renderer.text("half a pair: \ud83d")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("family", "count"),
    [("llava-clip-llama", 1), ("llava-clip-phi3", 1), ("gemma3", 1), ("idefics3", 1), ("released", 1), ("qwen2-vl", 0)],
)
def test_each_prompt_begins_with_the_one_bos_that_its_model_wants(family: str, count: int, loaded: Loaded) -> None:
    renderer = loaded(family).renderer
    bos = renderer.tokenizer.bos_token_id
    expansion = prepare(loaded(family).checkpoint.processor, pictures()[0]).expansion
    for kind in KINDS:
        ids = ids_of(renderer, kind, f"a {renderer.tokenizer.bos_token or ''} b", expansion)
        assert ids.count(bos) == count
        assert (ids[0] == bos) == bool(count)


@pytest.fixture
def phi3(built: Built) -> PreTrainedTokenizerBase:
    """A tokenizer of one's own that writes a bos before every text."""
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(built("llava-clip-phi3"))
    return tokenizer


def renderer_of(tokenizer: PreTrainedTokenizerBase, template: str, chosen: PromptSet | None = None) -> ChatRenderer:
    return ChatRenderer(tokenizer, template, "<image>", chosen or prompts.named("instructcir"))


def check_against_stock(renderer: ChatRenderer, texts: list[str]) -> None:
    for kind in KINDS:
        for text in texts:
            chat = rendered(renderer.tokenizer, renderer, kind, text)
            stock = renderer.tokenizer(chat, add_special_tokens=not writes_bos(renderer.tokenizer, chat))["input_ids"]
            assert ids_of(renderer, kind, text, renderer.image_token) == stock, (kind, text)


SPACED = ["  two  ", "\nline\n", "UPPER lower", 'a "b" <c> & \\', "after </think> it"]


def turns(user: str) -> str:
    return "{% for m in messages %}{{ '<|' + m['role'] + '|>' }}" + user + "{{ '<|end|>' }}{% endfor %}<|assistant|>"


STRING = "{{ m['content'] }}"
PARTS = (
    "{% for p in m['content'] %}{% if p['type'] == 'image' %}<image>"
    "{% else %}{{ p['text'] FILTER }}{% endif %}{% endfor %}"
)


@pytest.mark.parametrize(
    ("template", "strings"),
    [
        (turns(STRING), True),
        ("{{ bos_token }}" + turns(STRING), True),
        (turns(PARTS.replace("FILTER", "")), False),
        (turns(PARTS.replace("FILTER", "| trim")), False),
        (turns(PARTS.replace("FILTER", "| upper")), False),
        (turns(PARTS.replace("FILTER", "| replace('\\n', ' ')")), False),
        (turns(PARTS.replace("FILTER", ".split('</think>')[-1]")), False),
        (turns("{{ m['content'] | trim }}"), True),
        (turns("{{ m['content'].strip() + '\\n' }}"), True),
    ],
)
def test_any_way_of_writing_a_turn_gives_the_stock_ids(
    template: str, strings: bool, phi3: PreTrainedTokenizerBase
) -> None:
    for chosen in (prompts.named("instructcir"), FOREWORD, SYSTEM):
        renderer = renderer_of(phi3, template, chosen)
        assert renderer.takes_only_strings is strings
        check_against_stock(renderer, ORDINARY + SPACED)


@pytest.mark.parametrize("lead", ["", "{{ bos_token }}"])
def test_a_bos_is_neither_lost_nor_doubled_whoever_writes_it(lead: str, phi3: PreTrainedTokenizerBase) -> None:
    ids = renderer_of(phi3, lead + turns(STRING)).text("red")
    assert ids[:2] == phi3.convert_tokens_to_ids(["<s>", "<|user|>"])
    assert ids.count(phi3.bos_token_id) == 1


def test_a_tokenizer_that_ends_every_text_with_a_token_ends_each_prompt_with_it(
    phi3: PreTrainedTokenizerBase,
) -> None:
    end = phi3.convert_tokens_to_ids("<|endoftext|>")
    numbers = [("<s>", phi3.bos_token_id), ("<|endoftext|>", end)]
    phi3.backend_tokenizer.post_processor = TemplateProcessing("<s> $A <|endoftext|>", special_tokens=numbers)  # type: ignore[attr-defined]
    renderer = renderer_of(phi3, turns(STRING))
    assert renderer.text("red")[-1] == end
    check_against_stock(renderer, ORDINARY)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ raise_exception('user and assistant must take turns') }}", "fails on the gallery prompt: user and"),
        (turns(STRING) + "{{ messages[5]['content'] }}", "fails on the gallery prompt"),
        ("{% for m in messages %}<image>{% endfor %}", "drops or changes the text of the query prompt"),
        (turns(STRING + STRING), "writes '<image>' 2 times in the gallery prompt"),
        (turns("{{ m['content'][:9] }}"), "drops or changes the text"),
        (
            turns(STRING + "{% if 'Modify' in m['content'] %}<image>{% endif %}"),
            "writes '<image>' 2 times in the query",
        ),
        (turns("{{ m['content'] | replace('<image>', '') }}"), "writes '<image>' 0 times in the gallery prompt"),
        (turns("{{ m['content'] | reverse }}"), "writes '<image>' 0 times in the gallery prompt"),
        ("{% for m in messages %", "fails on the gallery prompt"),
    ],
)
def test_a_template_that_cannot_say_a_prompt_is_refused_in_one_line(
    template: str, message: str, phi3: PreTrainedTokenizerBase
) -> None:
    with pytest.raises(PromptError, match=message) as error:
        renderer_of(phi3, template)
    assert "\n" not in str(error.value)


def test_a_template_without_system_turns_refuses_a_set_that_has_one(phi3: PreTrainedTokenizerBase) -> None:
    template = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    renderer_of(phi3, template + turns(STRING))
    with pytest.raises(PromptError, match="no system role"):
        renderer_of(phi3, template + turns(STRING), SYSTEM)


def test_a_set_with_the_text_before_the_picture_is_refused(phi3: PreTrainedTokenizerBase) -> None:
    chosen = replace(prompts.named("instructcir"), name="mine", query="{modification}: <image>")
    with pytest.raises(PromptError, match="'mine': the picture must stand before the query prompt's text"):
        renderer_of(phi3, turns(STRING), chosen)


def test_an_image_placeholder_that_is_no_token_is_refused(phi3: PreTrainedTokenizerBase) -> None:
    renderer = ChatRenderer(phi3, "{% for m in messages %}{{ m['content'] }}{% endfor %}", "<pic>", SETS[0])
    with pytest.raises(PromptError, match="'<pic>' is not a token of this tokenizer"):
        renderer.prefix("gallery", "<pic>")


def test_one_prefix_serves_the_gallery_prompt_and_every_modification(loaded: Loaded) -> None:
    renderer = loaded("qwen3-vl").renderer
    gallery, query = (renderer.prefix(kind, "<|image_pad|>" * 6) for kind in ("gallery", "query"))
    assert gallery.ids == query.ids
    assert renderer.tokenizer.decode(gallery.ids[-1:]) == "<|vision_end|>"
    assert renderer.prefix("query", "<|image_pad|>" * 6) is query


def test_added_tokens_of_white_space_alone_stay_ordinary_text(phi3: PreTrainedTokenizerBase) -> None:
    phi3.add_tokens(["\n\n", "long<image>er"])
    tokens = plain_added_tokens(phi3)
    assert "\n\n" not in tokens
    assert tokens.index("long<image>er") < tokens.index("<image>")
    check_against_stock(renderer_of(phi3, templates.PHI3), ["a\n\nb"])
