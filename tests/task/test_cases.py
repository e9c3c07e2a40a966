"""Prompts with cases: reading, filling, finding and comparing answers, and what bad input says."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genopt_tui.errors import TaskError
from genopt_tui.task import loader
from genopt_tui.task.cases import (
    answer_of,
    check_cases,
    check_match,
    fill,
    guess_match,
    is_right,
    read_cases,
    split_cases,
)
from genopt_tui.task.scaffold import DEFAULT_SPLIT as SHARES_SET
from genopt_tui.task.scaffold import write_prompt_task
from genopt_tui.task.splits import stratify

SHARES = {"train": 0.5, "gate": 0.25, "test": 0.25}


@pytest.mark.parametrize(
    ("reply", "match", "known", "answer"),
    [
        ("I think so.\nAnswer: Paris", "exact", (), "Paris"),
        ("thinking\nParis", "exact", (), "Paris"),
        ("Answer: 3 apples, 12 in all", "number", (), "12"),
        ("1,234.5 it is", "number", (), "1,234.5"),
        ("no number", "number", (), ""),
        ("either billing or refund; Answer: refund", "choice", ("billing", "refund"), "refund"),
        ("Refund it is", "choice", ("billing", "refund"), "refund"),
        ("prebilling", "choice", ("billing", "refund"), ""),
        ("not spam", "choice", ("spam", "not spam"), "not spam"),
    ],
)
def test_the_answer_is_found(reply: str, match: Any, known: Any, answer: str) -> None:
    assert answer_of(reply, match, known) == answer


@pytest.mark.parametrize(
    ("answer", "expected", "match", "right"),
    [
        ("1,234", "1234.0", "number", True),
        ("12", "13", "number", False),
        ("", "1", "number", False),
        ("It is PARIS.", "paris", "contains", True),
        ("Paris", "paris", "exact", False),
        ("refund", "Refund", "choice", True),
    ],
)
def test_answers_are_compared(answer: str, expected: str, match: Any, right: bool) -> None:
    assert is_right(answer, expected, match) is right


def test_other_braces_stay(tmp_path: Path) -> None:
    assert fill('{text} {"json": 1} {}', {"text": "{label}"}) == '{label} {"json": 1} {}'


def test_the_match_is_guessed() -> None:
    assert guess_match(["1", "2.5"]) == "number"
    assert guess_match(["a", "b", "a", "b"]) == "choice"
    assert guess_match(["some text", "other text"]) == "exact"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", "", "contains no cases"),
        ("a.csv", "text,label\nx\n", "line 2"),
        ("a.jsonl", '{"a": 1}\nnope\n', "line 2"),
        ("a.jsonl", "[1]\n", "not a JSON object"),
        ("a.jsonl", '{"a": NaN}\n', "line 1.*NaN is not a number"),
        ("a.json", "[]", "neither .csv nor .jsonl"),
        ("a.xlsx", "PK", "neither .csv nor .jsonl"),
        ("a.csv", "text,text,label\nx,y,z\n", "two columns 'text'"),
        ("a.csv", 'text,label\n"x,a\ny,b\n', "close every quote"),
        ("missing.csv", None, "cannot read"),
    ],
)
def test_bad_files_name_the_line(tmp_path: Path, name: str, text: str | None, said: str) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(TaskError, match=said):
        read_cases(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "a.csv",
            "\ufefftext,label\nmore, than one,a\n".replace("more, than one", '"more, than one"'),
        ),
        ("a.CSV", "text;label\r\nmore, than one;a\r\n"),
        ("a.csv", "text\tlabel\n\nmore, than one\ta\n"),
        ("a.jsonl", '\ufeff{"text": "more, than one", "label": "a"}\r\n\n'),
    ],
)
def test_tables_are_read_as_spreadsheets_write_them(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, newline="")
    assert read_cases(tmp_path / name) == [{"text": "more, than one", "label": "a"}]


def test_a_missing_answer_of_a_json_line_is_an_empty_one(tmp_path: Path) -> None:
    lines = [{"text": f"t{n}", "label": "a" if n else None} for n in range(9)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(TaskError, match="case 1 has an empty answer"):
        check_cases(read_cases(tmp_path / "a.jsonl"), "label", "{text}")


def test_answers_that_could_never_match_are_refused() -> None:
    check_match(rows(), "label", "choice")
    with pytest.raises(TaskError, match="case 1 has the answer 'a': it is not a number"):
        check_match(rows(), "label", "number")


def rows(count: int = 10, **more: str) -> list[dict[str, str]]:
    return [{"text": f"text {n}", "label": "ab"[n % 2], **more} for n in range(count)]


@pytest.mark.parametrize(
    ("cases", "answer", "prompt", "said"),
    [
        (rows(), "lable", "{text}", "Did you mean label"),
        (rows(), "label", "{txt}", "Did you mean text"),
        (rows(), "label", "no column", "names no column"),
        (rows(), "label", "{text} {label}", "give the answer away"),
        (rows(4), "label", "{text}", "too few"),
        (rows(4) * 9, "label", "{text}", "4 different cases among 36"),
        (
            [{**row, "label": "a"} for row in rows()],
            "label",
            "{text}",
            "a constant would be perfect",
        ),
        ([*rows(), {"text": "x", "label": " "}], "label", "{text}", "empty answer"),
    ],
)
def test_bad_cases_say_what_to_do(cases: Any, answer: str, prompt: str, said: str) -> None:
    with pytest.raises(TaskError, match=said):
        check_cases(cases, answer, prompt)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 30)), min_size=8), st.integers())
def test_splits_keep_repeats_together_and_lose_nothing(
    cases: list[tuple[str, int]], seed: int
) -> None:
    split = stratify([label for label, _ in cases], cases, seed, SHARES)
    assert len(split) == len(cases) and set(split) <= set(SHARES)
    sides: dict[Any, set[str]] = {}
    for case, side in zip(cases, split, strict=True):
        sides.setdefault(case, set()).add(side)
    assert all(len(side) == 1 for side in sides.values())


class _Model:
    """Stands in for the judge's context: answers every question with one reply."""

    def __init__(self, reply: str, settings: dict[str, Any]) -> None:
        self.reply, self.settings, self.asked = reply, settings, ""

    def llm(self, prompt: str) -> str:
        self.asked = prompt
        return self.reply

    def step(self, *_: Any, **__: Any) -> None:
        pass


def test_a_written_folder_is_a_task(tmp_path: Path) -> None:
    (tmp_path / "prompt.txt").write_text("Which queue? {text}")
    (tmp_path / "cases.csv").write_text(
        "text,label\n"
        + "".join(f'"help, {n}",{"billing" if n % 3 else "refund"}\n' for n in range(40))
    )
    card = write_prompt_task(
        tmp_path / "task", tmp_path / "prompt.txt", tmp_path / "cases.csv", "label"
    )
    assert [(split.split, split.cases) for split in card.splits] == [
        ("train", 20),
        ("gate", 10),
        ("test", 10),
    ]
    assert card.match == "choice" and card.guessed and card.first_prompt == "Which queue? help, 0"
    folder = loader.find_task(str(tmp_path / "task"))
    settings = folder.task.resolve_settings({})
    assert folder.read_start() == {"prompt.txt": "Which queue? {text}"}
    task = folder.load_module()
    held = {split: task.examples(split, settings) for split in ("train", "gate", "test")}
    assert [len(examples) for examples in held.values()] == [20, 10, 10]
    example = held["train"][0]
    model = _Model(f"Surely.\nAnswer: {example.label}", settings)
    assert task.run(folder.read_start(), example, model).score == 1.0
    assert model.asked == "Which queue? " + example.data["text"]
    wrong = task.run(folder.read_start(), example, _Model("neither", settings))
    assert wrong.score == 0.0 and json.dumps(example.label)[1:-1] in wrong.feedback


def test_changed_cases_are_another_task(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("{text}")
    (tmp_path / "c.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows()))
    write_prompt_task(tmp_path / "task", tmp_path / "p.txt", tmp_path / "c.jsonl", "label")
    folder = loader.find_task(str(tmp_path / "task"))
    before = folder.compute_fingerprint({}, None)
    (tmp_path / "task" / "starts" / "given" / "prompt.txt").write_text("Another {text}")
    assert folder.compute_fingerprint({}, None) == before
    with (tmp_path / "task" / "cases.jsonl").open("a") as file:
        file.write(json.dumps({"text": "one more", "label": "a"}) + "\n")
    assert folder.compute_fingerprint({}, None) != before


def test_the_first_of_a_split_stand_for_all_of_it() -> None:
    cases = [{"text": f"text {n}", "label": "a" if n < 100 else "b"} for n in range(200)]
    gate = split_cases(cases, "label", SHARES_SET)["gate"]
    assert len(gate) == 50 and 5 < sum(cases[n]["label"] == "a" for n in gate[:20]) < 15


def test_shares_without_sense_are_refused() -> None:
    with pytest.raises(TaskError, match="at most 1"):
        split_cases(rows(), "label", {**SHARES_SET, "train": 0.9, "gate": 0.5})


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("{text}")
    (tmp_path / "c.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows()))
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "mine").write_text("x")
    with pytest.raises(TaskError, match="not empty"):
        write_prompt_task(tmp_path / "task", tmp_path / "p.txt", tmp_path / "c.jsonl", "label")


def test_a_case_may_hold_a_long_document(tmp_path: Path) -> None:
    file = tmp_path / "long.csv"
    file.write_text("text,label\n" + "x" * 200_000 + ",a\n")
    assert read_cases(file) == [{"text": "x" * 200_000, "label": "a"}]
