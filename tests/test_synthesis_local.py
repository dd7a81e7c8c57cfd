"""Writers on this machine: a tiny random one, which writes nonsense, and one that answers rightly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

import asking_kills as asking
from instructcir.data.reading import read_pairs
from instructcir.errors import InputError, ModelError
from instructcir.synthesis.answers import Answers
from instructcir.synthesis.asking import Answer, Asker, Question, Turn
from instructcir.synthesis.captioning import captions_of, pictures_below, write_captioned
from instructcir.synthesis.local import LocalModel
from instructcir.synthesis.patient import Patient
from instructcir.synthesis.prompt import read_caption_prompt, read_prompt
from instructcir.synthesis.prompted import PromptedWriter
from instructcir.synthesis.run import Options, synthesise
from instructcir.synthesis.spending import Limits, Pace, Prices, Purse
from right_answers import Right
from tiny_models import build
from tiny_writers import build_writer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_writer(tmp_path_factory.mktemp("writer") / "model")


@pytest.fixture
def answers(tmp_path: Path) -> Iterator[Answers]:
    with Answers(tmp_path / "answers.sqlite") as opened:
        yield opened


def patient(asker: Asker, answers: Answers) -> Patient:
    return Patient(asker, answers, Purse(Limits(), Prices(), answers.spent()), Pace())


def question(text: str, longest: int = 12) -> Question:
    return Question((Turn("system", "Be brief."), Turn("user", text)), longest=longest)


def test_questions_that_go_together_are_answered_as_alone(folder: Path) -> None:
    model = LocalModel(str(folder), "cpu", "float32")
    texts = ["a red dress", "two dogs instead of a cat, at night, seen from above", "x"]
    together = model.ask([question(text) for text in texts], 0)
    assert together == [model.ask([question(text)], 0)[0] for text in texts]
    assert {answer.end for answer in together} == {"length"}
    assert [answer.tokens_out for answer in together] == [12, 12, 12]
    assert together[0].tokens_in < together[1].tokens_in


def test_another_turn_draws_another_answer_and_the_same_turn_the_same(folder: Path) -> None:
    model = LocalModel(str(folder), "cpu", "float32")
    asked = [question("a red dress", 30)]
    first, second, again = model.ask(asked, 1), model.ask(asked, 2), model.ask(asked, 1)
    assert first == again
    assert first[0].text != second[0].text


def test_a_model_that_writes_nonsense_leaves_rejections_that_add_up(
    folder: Path, answers: Answers, tmp_path: Path
) -> None:
    prompt = replace(read_prompt(), examples=(), system="")
    model = LocalModel(str(folder), "cpu", "float32")
    short = Short(model)
    writer = PromptedWriter(patient(short, answers), prompt)
    outcome = synthesise(asking.SOURCES[:10], writer, asking.no_filters, tmp_path / "run", Options(per_source=2))
    assert outcome.counts.requested == 20 == outcome.counts.rejected.total()
    assert set(outcome.counts.rejected) <= {"schema", "truncated"}
    assert short.asked == 3 * 10  # twice more each, in another way
    assert writer.name == f"local:{folder}"


class Short:
    """A model that may write a few tokens only."""

    def __init__(self, model: LocalModel) -> None:
        self._model = model
        self.model, self.name = model.model, model.name
        self.at_once, self.concurrency = model.at_once, model.concurrency
        self.asked = 0

    def ask(self, questions: list[Question], turn: int) -> list[Answer]:
        self.asked += len(questions)
        return self._model.ask([replace(one, longest=8) for one in questions], turn)


def test_a_model_that_answers_rightly_is_kept_and_not_asked_again(answers: Answers, tmp_path: Path) -> None:
    asker = Right()
    for place in ("first", "second"):  # the second run finds all answers
        writer = PromptedWriter(patient(asker, answers), read_prompt())
        counts = synthesise(asking.SOURCES[:10], writer, asking.no_filters, tmp_path / place).counts
        assert (counts.requested, counts.kept) == (40, 40)
        assert counts.asked == counts.got
    assert (asker.calls, len(asker.asked)) == (4, 10)
    assert (answers.spent().requests, answers.spent().tokens_in) == (10, 1000)


def test_a_template_without_a_system_turn_is_told_the_task_with_the_question(tmp_path: Path) -> None:
    template = (
        "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
        "{{ m.role }}: {{ m.content }}\n{% endfor %}"
    )
    model = LocalModel(str(build_writer(tmp_path / "m", template=template)), "cpu", "float32")
    assert model._rendered(question("a dress").turns) == "user: Be brief.\n\na dress\n"
    assert len(model.ask([question("a dress", 4)], 0)) == 1


def test_what_does_not_write_is_refused(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="cannot be loaded as a model that writes"):
        LocalModel(str(tmp_path / "empty"))
    Image.new("RGB", (20, 20)).save(tmp_path / "a.png")
    shown = Question((Turn("user", "what is it?", (str(tmp_path / "a.png"),)),))
    with pytest.raises(ModelError, match="sees no pictures"):
        LocalModel(str(folder), "cpu", "float32").ask([shown], 0)


@pytest.mark.parametrize("family", ["qwen2-vl", "llava-clip-phi3"])
def test_a_model_that_sees_says_other_things_of_other_pictures(tmp_path: Path, family: str) -> None:
    model = LocalModel(str(build(family, tmp_path / "m")), "cpu", "float32")
    prompt, _ = read_caption_prompt()
    for name, colour in (("a", "red"), ("b", "blue")):
        Image.new("RGB", (64, 64), colour).save(tmp_path / f"{name}.png")
    shown = [Question((Turn("user", prompt, (str(tmp_path / f"{one}.png"),)),), longest=6) for one in "ab"]
    first, second = model.ask(shown, 0)
    assert first.tokens_in > 30
    assert first.text != second.text
    assert model.ask([question("a red dress")], 0)  # and answers without pictures too


def pictures(folder: Path) -> Path:
    (folder / "deep").mkdir(parents=True)
    for name in ("b.png", "a.jpg", "deep/c.png"):
        Image.new("RGB", (20, 20), "red").save(folder / name)
    (folder / "broken.png").write_bytes(b"no picture")
    (folder / "notes.txt").touch()
    return folder


def test_pictures_are_captioned_into_pairs(answers: Answers, tmp_path: Path) -> None:
    folder, bad, asker = pictures(tmp_path / "p"), [], Right()
    found = pictures_below(folder)
    assert [Path(one).name for one in found] == ["a.jpg", "b.png", "broken.png", "c.png"]
    steps: list[int] = []
    count = write_captioned(
        tmp_path / "pairs.jsonl", found, patient(asker, answers), "Describe.", on_bad=lambda *one: bad.append(one),
        progress=steps.append,
    )  # fmt: skip
    pairs = list(read_pairs(tmp_path / "pairs.jsonl"))
    assert count == 3 == sum(steps)
    assert [Path(str(pair.image)).name for pair in pairs] == ["a.jpg", "b.png", "c.png"]
    assert {pair.caption for pair in pairs} == {"a red ball"}
    assert [Path(name).name for name, _ in bad] == ["broken.png"]
    assert all(one.pictures == 1 for one in asker.asked)


def test_a_picture_without_a_caption_is_left_out(answers: Answers, tmp_path: Path) -> None:
    class Refusing(Right):
        def _one(self, question: Question) -> Answer:
            return Answer("No.", "refused")

    bad: list[tuple[str, str]] = []
    found = pictures_below(pictures(tmp_path / "p"))
    assert not list(captions_of(found, patient(Refusing(), answers), "x", lambda *one: bad.append(one)))
    assert sum(reason.startswith("no caption (refused: No.") for _, reason in bad) == 3
    assert len(bad) == 4  # and the broken one
    with pytest.raises(InputError, match="no picture got a caption"):
        write_captioned(tmp_path / "x.jsonl", found, patient(Refusing(), answers), "x", on_bad=lambda *_: None)
    assert not (tmp_path / "x.jsonl").exists()


def test_a_folder_without_pictures_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no pictures"):
        pictures_below(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        pictures_below(tmp_path / "none")
