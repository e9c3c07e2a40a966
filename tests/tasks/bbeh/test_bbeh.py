"""BBEH: both scoring rules, the splits, and what is said without data. The real data are used where GENOPT_BBEH_DIR or the shared copy is."""

import json
import os
import random
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genopt_tui.task import loader

FAMILY = loader.bundled_root() / "bbeh"
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
    assert modules["scoring"].official(reply, target) is right


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
    assert modules["scoring"].strict(answer, target) is right


@given(st.text(), st.text())
def test_no_reply_breaks_a_rule(reply: str, target: str) -> None:
    sys.path.insert(0, str(FAMILY))
    try:
        from scoring import official, strict
    finally:
        sys.path.remove(str(FAMILY))
    assert official(reply, target) in {True, False}
    assert strict(target, target) is True or "(" in target


def test_shuffled_split_is_stratified_and_keeps_repeats_together(modules: Any) -> None:
    rng = random.Random(3)
    labels = [rng.choice("AAAB") for _ in range(200)]
    texts = [f"text {i // 2}" if i < 20 else f"text {i}" for i in range(200)]
    split = modules["bbeh_split"].assign(labels, texts, "shuffled", 0)
    assert Counter(split) == {"train": 60, "gate": 60, "test": 80}
    share = labels.count("B") / 200
    for name in ("train", "gate", "test"):
        chosen = [label for label, s in zip(labels, split, strict=True) if s == name]
        assert abs(chosen.count("B") / len(chosen) - share) < 0.06
    assert all(split[i] == split[i + 1] for i in range(0, 20, 2))
    assert split == modules["bbeh_split"].assign(labels, texts, "shuffled", 0)
    assert split != modules["bbeh_split"].assign(labels, texts, "shuffled", 1)


def test_papers_split_is_file_order(modules: Any) -> None:
    split = modules["bbeh_split"].assign(["x"] * 40, [str(i) for i in range(40)], "paper", 0)
    assert split == ["train"] * 15 + ["gate"] * 10 + ["test"] * 15


def test_without_data_both_ways_are_named(modules: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GENOPT_BBEH_DIR", str(tmp_path))
    with pytest.raises(ValueError, match=r"GENOPT_BBEH_DIR.*datasets"):
        modules["bbeh_data"].load("nycc")


def test_a_folder_in_the_official_layout_is_read(modules: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "bbeh" / "benchmark_tasks" / "bbeh_nycc"
    folder.mkdir(parents=True)
    (folder / "task.json").write_text(json.dumps({"canary": "...", "examples": [{"input": "Which?", "target": "(A)"}]}))
    monkeypatch.setenv("GENOPT_BBEH_DIR", str(tmp_path))
    assert modules["bbeh_data"].load("nycc") == [("Which?", "(A)")]


@pytest.mark.skipif(not (REAL / "benchmark_tasks").exists(), reason="the BBEH data are not here (set GENOPT_BBEH_DIR)")
def test_real_data_have_the_published_counts(modules: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENOPT_BBEH_DIR", str(REAL))
    tasks = [name.removeprefix("bbeh/") for name in loader.names() if name.startswith("bbeh/")]
    counts = {task: len(modules["bbeh_data"].load(task)) for task in tasks}
    assert len(counts) == 23
    assert sum(counts.values()) == 4520
    assert counts.pop("disambiguation_qa") == 120 and set(counts.values()) == {200}
    boardgame = modules["bbeh_data"].load("boardgame_qa")
    split = modules["bbeh_split"].assign([t for _, t in boardgame], [q for q, _ in boardgame], "paper", 0)
    train = Counter(t for (_, t), s in zip(boardgame, split, strict=True) if s == "train")
    assert train == {"disproved": 15}
    assert Counter(t for (_, t), s in zip(boardgame, split, strict=True) if s == "gate") == {
        "disproved": 8,
        "proved": 2,
    }


def test_all_members_load_with_their_starts() -> None:
    names = [name for name in loader.names() if name.startswith("bbeh/")]
    assert len(names) == 23
    for name in names:
        folder = loader.find(name)
        assert folder.task.member == name.removeprefix("bbeh/")
        assert set(folder.task.starts) >= {"paper", "lenient", "step-by-step", "program"}
        assert set(folder.start("paper")) == {"prompt.txt", "extract.py"}
