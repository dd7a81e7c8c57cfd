"""Filters that ask whether a modified caption does what the instruction asks for.

Words alone cannot prove that it does; they can show that it does not. So both reject only on evidence that words give,
in English, and let everything else pass: telling a good paraphrase from a bad one is the judge's work.
"""

from __future__ import annotations

from functools import lru_cache

from instructcir.synthesis.families import replaced, spoken_of
from instructcir.synthesis.language import language_of, script_of
from instructcir.synthesis.lexicon import lexicon
from instructcir.synthesis.texts import Text, meanings, stem, taken_apart
from instructcir.synthesis.wishes import Wish, wish_of
from instructcir.synthesis.written import Source, Written

_ALIKE = 4
"""Letters in which two words must begin alike to be taken for forms of one: snow and snowfall."""
_NEGATION_BEFORE = 4
_NEGATION_AFTER = 2
"""How far from a thing a word may stand that says that it is not there."""
_FEWEST_FOREIGN = 5
_MOST_FOREIGN = 0.45
"""Words, and their share of all that say something, that a modified caption has from nowhere, and a caption lost: then
the one is no edit of the other. Of the drawn worlds' good triplets hardly one in a thousand has so many."""
_MOST_UNASKED = 2
"""Families in which a modified caption may have another than the caption had, and the instruction speaks of none."""
_EXCLUSIVE = ("=time_", "=season_")
_TURNED = frozenset({"less", "not", "no", "too", "than", "isn't", "aren't", "don't", "without", "fewer"})
"""Words that may turn a comparative round."""
_RELATIVE = _TURNED | frozenset(
    {"earlier", "later", "sooner", "before", "after", "other", "another", "different", "that", "of", "back", "end"}
    | {"start", "moved", "hour"}
)
"""Words by which a time that is named may not be the one that is asked for: "earlier that day"."""


def edit_not_reflected(source: Source, written: Written) -> str:
    """The modified caption shows the colours and numbers that are asked for, and something of all else that is."""
    if not _is_english(source, written):
        return ""
    before, after = taken_apart(source.caption), taken_apart(written.modified_caption)
    wish = wish_of(written.instruction)
    if missing := _missing(wish, before, after):
        return missing
    if foreign := _foreign_to(before, taken_apart(written.instruction), after):
        return f"neither asked for nor in the caption: {foreign}; it tells of another picture"
    if len(after.content - before.content - taken_apart(written.instruction).content) > _MOST_UNASKED:
        changed = replaced(source.caption, written.modified_caption).keys() - spoken_of(written.instruction)
        if len(changed) > _MOST_UNASKED:
            return f"not asked for: another {', another '.join(sorted(changed))}; it tells of another picture"
    return _nothing_new(wish, source, written)


def _missing(wish: Wish, before: Text, after: Text) -> str:
    """A colour or a number that is asked for and not there."""
    for colour in wish.colours:
        if colour.isdisjoint(after.content) and colour.isdisjoint(before.content):
            return f"{_word(colour)!r} is asked for, and the modified caption has none"
    for count in wish.counts:
        if count.isdisjoint(after.content) and count.isdisjoint(after.words) and count.isdisjoint(before.content):
            return f"{_word(count)!r} is asked for, and the modified caption has another number"
    return ""


def _nothing_new(wish: Wish, source: Source, written: Written) -> str:
    """All that is asked for beside what the caption had, where none of it is there."""
    before, after = taken_apart(source.caption), taken_apart(written.modified_caption)
    new = [word for word in wish.wanted if word.isdisjoint(before.content)]
    if any(not word.isdisjoint(after.content) for word in new):
        return ""
    if unasked := _unasked(wish, source, written):
        return unasked
    if wish.vague:
        return ""
    if swapped := _swapped_colour(wish, before, after):
        return f"nothing that is asked for is new in the modified caption, and {swapped}"
    if not new or wish.gone:
        return ""
    gained = after.content - before.content
    if any(_alike(item, other) for word in new for item in word for other in gained):
        return ""
    if gained and _degree(written.instruction):
        return ""
    return f"nothing of {', '.join(map(_word, new))} is in the modified caption"


def _unasked(wish: Wish, source: Source, written: Written) -> str:
    """What became another of its family, where the instruction speaks of others alone and none of those changed."""
    spoken = spoken_of(written.instruction)
    if not (spoken or wish.gone):
        return ""
    changed = replaced(source.caption, written.modified_caption)
    if not changed or not spoken.isdisjoint(changed):
        return ""
    before, after = taken_apart(source.caption).content, taken_apart(written.modified_caption).content
    if wish.gone and taken_apart(written.instruction).content & before - after:
        return ""
    family, (lost, gained) = next(iter(changed.items()))
    return (
        f"{family} {lost!r} became {gained!r}, and the instruction speaks of {', '.join(sorted(spoken)) or 'another'}"
    )


def _foreign_to(before: Text, instruction: Text, after: Text) -> str:
    """Words of a modified caption that come from nowhere, where they are most of it and most of the caption is lost."""
    if len(after.stems - before.content - instruction.content) < _FEWEST_FOREIGN:
        return ""
    gained = _only_in(after, before.content | instruction.content)
    lost = _only_in(before, after.content | instruction.content)
    for words, text in ((gained, after), (lost, before)):
        if len(words) < max(_FEWEST_FOREIGN, _MOST_FOREIGN * len(text.stems)):
            return ""
    return ", ".join(sorted(gained)[:_FEWEST_FOREIGN])


def _only_in(text: Text, content: frozenset[str]) -> set[str]:
    """Stems of words that say something, and neither they nor their groups are in a content."""
    return {stem(word) for word in text.said if (found := meanings(word)) and content.isdisjoint(found)}


def _swapped_colour(wish: Wish, before: Text, after: Text) -> str:
    """A plain colour of the caption that is gone, where one came that nobody asked for; empty where there is none."""
    plain = lexicon().colours
    gone = [word for word in before.said if word in plain and after.content.isdisjoint(meanings(word))]
    held = before.content | wish.said
    came = [word for word in after.said if word in plain and held.isdisjoint(meanings(word))] if gone else []
    return f"{gone[0]!r} became {came[0]!r}" if came else ""


def contradiction(source: Source, written: Written) -> str:
    """The modified caption does not show what is to go, nor the opposite of what is asked for."""
    if not _is_english(source, written):
        return ""
    before, after = taken_apart(source.caption), taken_apart(written.modified_caption)
    wish = wish_of(written.instruction)
    for thing in wish.gone:
        if thing.isdisjoint(wish.said) and _stays(thing, before, after):
            return f"{' '.join(sorted(thing))!r} is to go, and the modified caption still has it"
    return _other_time(wish, written.instruction, before, after) or _opposite(wish, written.instruction, before, after)


def _stays(thing: frozenset[str], before: Text, after: Text) -> bool:
    """Whether a thing that the caption named is named as often in the modified caption, and not as missing."""
    if not thing <= before.content or not thing <= after.content:
        return False
    seen, shown = before.counts, after.counts
    if any(shown[word] < seen[word] for word in thing):
        return False
    absent = lexicon().absent
    words = after.words
    for place, word in enumerate(words):
        if stem(word) in thing:
            near = words[max(0, place - _NEGATION_BEFORE) : place + 1 + _NEGATION_AFTER]
            if any(other in absent or other.endswith("less") for other in near):
                return False
    return True


def _other_time(wish: Wish, instruction: str, before: Text, after: Text) -> str:
    """A time of day or a season that is asked for, where the modified caption came to have another."""
    if not _RELATIVE.isdisjoint(taken_apart(instruction).words):
        return ""
    for kind in _EXCLUSIVE:
        asked = {item for item in wish.said if item.startswith(kind)}
        if not asked or not asked.isdisjoint(after.content):
            continue
        if gained := {item for item in after.content - before.content if item.startswith(kind)}:
            return f"{_word(asked)!r} is asked for, and the modified caption has {_word(gained)!r}"
    return ""


def _opposite(wish: Wish, instruction: str, before: Text, after: Text) -> str:
    """A direction that is asked for by a comparative, where the modified caption came to have the opposite alone."""
    words = taken_apart(instruction).words
    if not _TURNED.isdisjoint(words):
        return ""
    for word in [word for word in words if word.endswith("er")]:
        for item in lexicon().concepts.get(word, ()):
            opposite = item.replace("=up_", "=down_") if item.startswith("=up_") else item.replace("=down_", "=up_")
            if opposite == item or opposite in wish.said:
                continue
            seen, shown = before.counts, after.counts
            if shown[opposite] > seen[opposite] and shown[item] <= seen[item]:
                return f"{word!r} is asked for, and the modified caption has the opposite"
    return ""


@lru_cache(maxsize=8192)
def _degree(instruction: str) -> bool:
    """Whether a comparative stands in it, which names what will be seen only by comparison."""
    return any(len(word) > 4 and word.endswith(("er", "ier")) for word in taken_apart(instruction).words)


def _alike(word: str, other: str) -> bool:
    """Whether two words begin alike, or have the same letters, as "wihte" and "white" do."""
    if word[0] == "=" or min(len(word), len(other)) < _ALIKE:
        return False
    return word[:_ALIKE] == other[:_ALIKE] or sorted(word) == sorted(other)


def _is_english(source: Source, written: Written) -> bool:
    if script_of(written.modified_caption) != "latin":
        return False
    return all(language_of(text) in ("", "en") for text in (source.caption, written.modified_caption))


def _word(items: frozenset[str] | set[str]) -> str:
    """One of some items as a person would say it: a word rather than a group."""
    first = min(items, key=lambda item: (item[0] == "=", item))
    return first.removeprefix("=").rpartition("_")[2]
