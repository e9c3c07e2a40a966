"""BBEH: both scoring rules, the splits, and what is said without data. The real data are used where
GENOPT_BBEH_DIR or the shared copy is."""

import importlib.util
import json
import os
import random
import statistics
import sys
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genopt_tui.__main__ import run_command
from genopt_tui.errors import TaskError
from genopt_tui.task import loader

FAMILY = loader.find_bundled_root() / "bbeh"
SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "bbeh"
REAL = Path(os.environ.get("GENOPT_BBEH_DIR", SHARED))


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The family's modules, imported as its judge imports them."""
    monkeypatch.syspath_prepend(str(FAMILY))
    for name in ("scoring", "bbeh_data", "bbeh_split"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    import importlib

    return {name: importlib.import_module(name) for name in ("scoring", "bbeh_data", "bbeh_split")}


@pytest.mark.parametrize(
    ("reply", "target", "right"),
    [
        ("The answer is: (A)", "(A)", True),
        ("The answer is: (A)", "A", True),
        ("so (A)", "(A)", False),
        ("The answer is: (A) foo", "(A)", False),
        ("Answer: 7", "7", False),
        ("the answer is: 7", "7", False),
        ("7", "7", True),
        ("The answer is: $\\boxed{12}$", "12", True),
        ("The answer is: 12.0", "12", True),
        ("The answer is: 1,234", "1234", False),
        ("The answer is: 25 cm", "25", False),
        ("The answer is: 0.5", "1/2", False),
        ("The answer is: [monday]", "monday", True),
        ("The answer is: monday", "[monday]", True),
        ("The answer is: proved. Because...", "proved", False),
        ("The answer is: proved\nBecause...", "proved", True),
        ("The final answer is: **4**.", "4", True),
        ("The answer is: inf", "infinity", True),
        ("", "anything", False),
        ("The answer is: what?", "what", True),
        ("The answer is: hanas", "hana's", True),
    ],
)
def test_official_rule(modules: Any, reply: str, target: str, right: bool) -> None:
    assert modules["scoring"].is_right_official(reply, target) is right


@pytest.mark.parametrize(
    ("answer", "target", "right"),
    [
        ("(A)", "(A)", True),
        ("first (B), then (A)", "(A)", True),
        ("(A) or (B)", "(A)", False),
        ("A", "(A)", False),
        ("11.0", "11", False),
        ("no", "No", False),
        ("a, b", "a,b", False),
        ("a,b", "a,b", True),
        (" 7", "7", False),
    ],
)
def test_strict_rule(modules: Any, answer: str, target: str, right: bool) -> None:
    assert modules["scoring"].is_right_strict(answer, target) is right


@given(st.text(), st.text())
def test_no_reply_breaks_a_rule(reply: str, target: str) -> None:
    sys.path.insert(0, str(FAMILY))
    try:
        from scoring import is_right_official, is_right_strict
    finally:
        sys.path.remove(str(FAMILY))
    assert is_right_official(reply, target) in {True, False}
    assert is_right_strict(target, target) is True or "(" in target


def test_shuffled_split_is_stratified_and_keeps_repeats_together(modules: Any) -> None:
    rng = random.Random(3)
    labels = [rng.choice("AAAB") for _ in range(200)]
    texts = [f"text {i // 2}" if i < 20 else f"text {i}" for i in range(200)]
    split = modules["bbeh_split"].assign_splits(labels, texts, "shuffled", 0)
    assert Counter(split) == {"train": 60, "gate": 60, "test": 80}
    share = labels.count("B") / 200
    for name in ("train", "gate", "test"):
        chosen = [label for label, s in zip(labels, split, strict=True) if s == name]
        assert abs(chosen.count("B") / len(chosen) - share) < 0.06
    assert all(split[i] == split[i + 1] for i in range(0, 20, 2))
    assert split == modules["bbeh_split"].assign_splits(labels, texts, "shuffled", 0)
    assert split != modules["bbeh_split"].assign_splits(labels, texts, "shuffled", 1)


def test_papers_split_is_file_order(modules: Any) -> None:
    split = modules["bbeh_split"].assign_splits(["x"] * 40, [str(i) for i in range(40)], "paper", 0)
    assert split == ["train"] * 15 + ["gate"] * 10 + ["test"] * 15


def test_without_data_both_ways_are_named(
    modules: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GENOPT_BBEH_DIR", str(tmp_path))
    with pytest.raises(TaskError, match=r"GENOPT_BBEH_DIR.*datasets"):
        modules["bbeh_data"].load_questions("nycc")


def test_without_data_a_person_gets_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any
) -> None:
    monkeypatch.setenv("GENOPT_BBEH_DIR", str(tmp_path))
    assert run_command(["check", "bbeh/nycc"]) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "BBEH is not here" in line and "datasets" in line and "Traceback" not in line


def test_a_folder_in_the_official_layout_is_read(
    modules: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "bbeh" / "benchmark_tasks" / "bbeh_nycc"
    folder.mkdir(parents=True)
    (folder / "task.json").write_text(
        json.dumps({"canary": "...", "examples": [{"input": "Which?", "target": "(A)"}]})
    )
    monkeypatch.setenv("GENOPT_BBEH_DIR", str(tmp_path))
    assert modules["bbeh_data"].load_questions("nycc") == [("Which?", "(A)")]


@pytest.mark.skipif(
    not (REAL / "benchmark_tasks").exists(),
    reason="the BBEH data are not here (set GENOPT_BBEH_DIR)",
)
def test_real_data_have_the_published_counts(modules: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENOPT_BBEH_DIR", str(REAL))
    tasks = [name.removeprefix("bbeh/") for name in loader.list_tasks() if name.startswith("bbeh/")]
    counts = {task: len(modules["bbeh_data"].load_questions(task)) for task in tasks}
    assert len(counts) == 23
    assert sum(counts.values()) == 4520
    assert counts.pop("disambiguation_qa") == 120 and set(counts.values()) == {200}
    boardgame = modules["bbeh_data"].load_questions("boardgame_qa")
    split = modules["bbeh_split"].assign_splits(
        [t for _, t in boardgame], [q for q, _ in boardgame], "paper", 0
    )
    train = Counter(t for (_, t), s in zip(boardgame, split, strict=True) if s == "train")
    assert train == {"disproved": 15}
    assert Counter(t for (_, t), s in zip(boardgame, split, strict=True) if s == "gate") == {
        "disproved": 8,
        "proved": 2,
    }


# task: questions; characters of input, least, median, most; distinct answers; the most common one
# and its share
FACTS = {
    "boardgame_qa": (200, (1827, 6416, 13859), 3, "disproved", 0.34),
    "boolean_expressions": (200, (1910, 2702, 3723), 5, "(E)", 0.21),
    "buggy_tables": (200, (3591, 5011, 6760), 185, "0", 0.01),
    "causal_understanding": (200, (221, 868, 2177), 3, "No", 0.40),
    "disambiguation_qa": (120, (357, 691, 1760), 8, "(B)", 0.21),
    "dyck_languages": (200, (1725, 2686, 10536), 29, "11", 0.09),
    "geometric_shapes": (200, (1394, 2201, 4455), 10, "(E)", 0.14),
    "hyperbaton": (200, (2309, 4548, 6925), 10, "F", 0.13),
    "linguini": (200, (284, 848, 1696), 197, "mysipery", 0.01),
    "movie_recommendation": (200, (702, 1021, 1730), 10, "(A)", 0.13),
    "multistep_arithmetic": (200, (745, 984, 1247), 185, "20", 0.01),
    "nycc": (200, (632, 859, 1072), 10, "(D)", 0.15),
    "object_counting": (200, (5457, 8762, 12442), 186, "1372", 0.01),
    "object_properties": (200, (3955, 5289, 6685), 46, "11", 0.07),
    "sarc_triples": (200, (1082, 1253, 2025), 8, "0,1,1", 0.15),
    "shuffled_objects": (200, (10132, 13372, 17042), 7, "(D)", 0.15),
    "spatial_reasoning": (200, (674, 6600, 32064), 151, "clementine", 0.03),
    "sportqa": (200, (752, 1697, 3051), 146, "B, B, B", 0.04),
    "temporal_sequence": (200, (2389, 3708, 5055), 47, "90, 2", 0.10),
    "time_arithmetic": (200, (588, 1095, 1960), 137, "unanswerable", 0.23),
    "web_of_lies": (200, (1049, 2569, 3878), 12, "no, unknown, no", 0.12),
    "word_sorting": (200, (291, 926, 6547), 111, "2", 0.13),
    "zebra_puzzles": (200, (4876, 12712, 15183), 8, "1", 0.18),
}


@pytest.mark.skipif(
    not (REAL / "benchmark_tasks").exists(),
    reason="the BBEH data are not here (set GENOPT_BBEH_DIR)",
)
@pytest.mark.parametrize("task", FACTS)
def test_real_data_are_as_published(
    modules: Any, monkeypatch: pytest.MonkeyPatch, task: str
) -> None:
    monkeypatch.setenv("GENOPT_BBEH_DIR", str(REAL))
    rows = modules["bbeh_data"].load_questions(task)
    count, lengths, distinct, common, share = FACTS[task]
    sizes = sorted(len(question) for question, _ in rows)
    labels = Counter(target for _, target in rows)
    assert len(rows) == count and len(labels) == distinct
    assert (sizes[0], sizes[-1]) == (lengths[0], lengths[2])
    assert abs(statistics.median(sizes) - lengths[1]) <= 1
    assert labels[common] == max(labels.values()) and abs(labels[common] / count - share) < 0.0051


def reference(reply: str, target: str) -> bool:
    """The official rule once more, written straight from its description, step by step and without
    our helpers."""
    text = reply.strip()
    for prefix in (
        "The answer is:",
        "The final answer is ",
        "The final answer is: ",
        "The answer is ",
    ):
        if prefix in text:
            text = text.split(prefix)[-1].strip()
    if text.endswith("."):
        text = text[:-1]
    if text.startswith("$") and text.endswith("$"):
        text = text[1:-1]
    for wrapper in ("boxed{", "text{", "texttt{"):
        if wrapper in text and text.endswith("}"):
            text = text[:-1].split(wrapper)[1]
    text = text.lower().replace(", ", ",").replace("**", "").split("\n")[0]
    text = text[:-1] if text.endswith(".") else text
    gold = target.strip().lower().replace(", ", ",")
    if text == gold:
        return True
    for one, other in ((text, gold), (gold, text)):
        if len(one) == 3 and one[0] + one[2] == "()":
            return one[1] == other
    try:
        if float(text) == float(gold):
            return True
    except ValueError:
        pass
    same = text.replace("'", "") == gold.replace("'", "")
    return same or f"[{text}]" == gold or f"[{gold}]" == text or text == gold + "?"


PIECES = ["The answer is: ", "The final answer is ", "The final answer is: ", "The answer is ", "Answer:", "(A)", "(B)", "A", "7",
          "7.0", "1e1", "10", "inf", "nan", "$", "\\boxed{", "\\text{", "\\texttt{", "}", ".", "**", "[", "]", "?", "'", ", ", ",",
          "\n", " ", "yes", "No", "unknown", "é", "İ"]  # fmt: skip
JOINED = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)


@settings(max_examples=3000, deadline=None)
@given(reply=JOINED, target=JOINED)
def test_official_rule_agrees_with_its_description(reply: str, target: str) -> None:
    official, _ = rules()
    assert official(reply, target) is reference(reply, target)


@settings(max_examples=1500, deadline=None)
@given(answer=JOINED, target=JOINED)
def test_strict_rule_agrees_with_its_description(answer: str, target: str) -> None:
    _, strict = rules()
    letters = [f"({c})" for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"]
    if any(letter in target for letter in letters):
        found = [answer[i : i + 3] for i in range(len(answer) - 2) if answer[i : i + 3] in letters]
        assert strict(answer, target) is (bool(found) and found[-1] == target)
    else:
        assert strict(answer, target) is (answer == target)


@cache
def rules() -> tuple[Any, Any]:
    """Both rules, from the family's own module."""
    module = importlib.util.spec_from_file_location("bbeh_scoring_rules", FAMILY / "scoring.py")
    assert module and module.loader
    loaded = importlib.util.module_from_spec(module)
    module.loader.exec_module(loaded)
    return loaded.is_right_official, loaded.is_right_strict


@given(st.text(alphabet="ab \n", max_size=9000))
def test_long_questions_are_recorded_whole_in_pieces_that_no_trace_cuts(text: str) -> None:
    pieces = loader.find_task("bbeh/nycc").load_module().split_text
    found = pieces(text)
    assert "".join(found) == text
    assert all(len(piece) <= 1_900 for piece in ([found] if isinstance(found, str) else found))


def test_the_model_is_told_the_rule_in_force() -> None:
    task = loader.find_task("bbeh/nycc").task
    for chosen, rule in (
        ({}, "accuracy, official rule"),
        ({"scoring": "strict"}, "accuracy, strict rule"),
    ):
        told = task.with_settings(chosen)
        assert told.rule == rule == told.format_rule(chosen)
    assert (
        loader.find_task("mlagentbench/diabetes").task.with_settings({}).rule
        == "rmse on rows that the pipeline never saw"
    )
    pong = loader.find_task("atari/pong").task
    assert pong.with_settings({"sticky": 0.0}) is pong


def test_all_members_load_with_their_starts() -> None:
    names = [name for name in loader.list_tasks() if name.startswith("bbeh/")]
    assert len(names) == 23
    for name in names:
        folder = loader.find_task(name)
        assert folder.task.member == name.removeprefix("bbeh/")
        assert set(folder.task.starts) >= {"paper", "lenient", "step-by-step", "program"}
        assert set(folder.read_start("paper")) == {"prompt.txt", "extract.py"}
