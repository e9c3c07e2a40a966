"""The diff: what is shown is what is there, hunks can be left out, both forms hold the same."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scene import BEFORE, FILES, HOSTILE, NASTY, Host, is_harmless, settle, visible_lines

from genopt_tui.learn.edit.diff import apply_hunks, find_hunks
from genopt_tui.ui.background import run_in_pool
from genopt_tui.ui.messages import CopyRequested
from genopt_tui.ui.widgets.diff_lines import (
    DiffLines,
    compute_diff,
    find_changed_words,
    overlay_style,
)
from genopt_tui.ui.widgets.diff_view import DiffView
from genopt_tui.ui.widgets.line_source import to_plain_text
from genopt_tui.ui.widgets.safe_text import clean_line
from genopt_tui.ui.widgets.text_layout import fit_line

LINES = st.lists(st.sampled_from(["a", "b", "  c = 1", "def f():", "", "[/x]"]), max_size=30).map(
    "\n".join
)


def shown_rows(source: DiffLines, sign: str) -> list[str]:
    """Code of the rows with this sign, from the finished lines."""
    lines = source.fill(0, len(source))
    assert lines is not None
    rows = []
    for y, line in enumerate(lines):
        entry = source.find_entry(y)
        if (
            entry
            and entry.hunk
            and not entry.head
            and (row := entry.left or entry.right)
            and row.sign == sign
        ):
            rows.append(to_plain_text(line).split(f" {sign} ", 1)[1])
    return rows


@settings(max_examples=60, deadline=None)
@given(LINES, LINES)
def test_every_added_and_removed_line_is_shown_unchanged(old: str, new: str) -> None:
    files = ({"a.py": old}, {"a.py": new})
    source = DiffLines(compute_diff(*files, False))
    for sign in "+-":
        real = [
            clean_line(row.text)
            for hunk in find_hunks(*files)
            for row in hunk.rows
            if row.sign == sign
        ]
        assert [row.removesuffix("  (no line end)") for row in shown_rows(source, sign)] == real


@pytest.mark.parametrize("split", [False, True])
def test_a_hunk_within_a_docstring_has_the_colours_of_the_file(split: bool) -> None:
    prose = "\n".join(f"    line {n} of the text" for n in range(100))
    old = f'def f():\n    """\n{prose}\n    """\n    return 0  # done\n'
    new = old.replace("line 90 of", "LINE 90 of").replace("return 0", "return 1")
    source = DiffLines(compute_diff({"a.py": old}, {"a.py": new}, split), split=150 * split)
    styles = {}
    for y, line in enumerate(source.fill(0, len(source)) or ()):
        entry = source.find_entry(y)
        if entry and entry.hunk and not entry.head:
            for text, style in line:
                styles[text.strip()] = style.split()
    assert "string" in styles["LINE"]
    assert "string" in styles["line 93 of the text"]
    assert "keyword" in styles["return"]
    assert "comment" in styles["# done"]


@settings(max_examples=40, deadline=None)
@given(LINES, LINES)
def test_side_by_side_holds_the_same_rows(old: str, new: str) -> None:
    diff = compute_diff({"a.py": old}, {"a.py": new}, True)
    for side, dropped in (("left", "+"), ("right", "-")):
        rows = [getattr(e, side) for e in diff.entries if getattr(e, side) is not None]
        assert rows == [row for hunk in diff.hunks for row in hunk.rows if row.sign != dropped]


def test_side_by_side_rows_are_exactly_as_wide_as_the_view() -> None:
    from rich.cells import cell_len

    source = DiffLines(
        compute_diff({"a": f"{NASTY}\n日本\n"}, {"a": f"{NASTY}!\n日本語\n"}, True),
        split=151,
        shift=3,
    )
    for y in range(len(source)):
        entry = source.find_entry(y)
        if entry and (entry.left or entry.right):
            assert cell_len(to_plain_text(source.draft(y))) in (150, 151)


def test_words_that_differ_are_marked() -> None:
    old, new = find_changed_words("if target > paddle + 4:", "if target > paddle + 2:")
    assert old == new == ((21, 22),)
    assert find_changed_words("return 0", "import everything from nowhere else") == ((), ())


@given(st.text(max_size=40), st.text(max_size=40))
def test_marking_words_never_changes_the_text(old: str, new: str) -> None:
    spans, _ = find_changed_words(old, new)
    assert to_plain_text(overlay_style([(old[:5], "a"), (old[5:], "b")], spans, "x")) == old


def test_cut_line_is_marked() -> None:
    assert to_plain_text(fit_line([("abcdef", "")], 4)) == "abc…"
    assert to_plain_text(fit_line([("日本語", "")], 4)) in {"日 …", "日…"}
    assert to_plain_text(fit_line([("ab", "")], 4)) == "ab  "


async def test_first_screenful_follows_a_change_of_the_rows_above(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    view, lead = DiffView(), [(("a longer", ""),), (("introduction", ""),)]

    async def change_meanwhile(work: Callable[..., Any], *arguments: object) -> Any:
        made = await run_in_pool(work, *arguments)
        if work is not compute_diff and lead != view._lead:
            view.set_lead(lead)
        return made

    monkeypatch.setattr("genopt_tui.ui.widgets.diff_view.run_in_pool", change_meanwhile)
    async with Host(view).run_test(size=(100, 40)) as pilot:
        view.show(BEFORE, FILES, [(("short", ""),)])
        await settle(pilot)
        rows = view.diff.fill(0, len(view.diff))
        assert rows is not None
        assert [to_plain_text(view.get_line(y)) for y in range(len(view.diff))] == [
            to_plain_text(row) for row in rows
        ]
        assert to_plain_text(view.get_line(1)) == "introduction"


async def test_hunks_are_left_out_and_restored() -> None:
    view = DiffView()
    async with Host(view).run_test(size=(100, 40)) as pilot:
        view.show(BEFORE, FILES)
        await settle(pilot)
        assert len(view.hunks) == 2
        view.act_toggle()
        assert view.left_out == set(), "no hunk is under the cursor"
        view.act_next()
        view.act_toggle()
        await settle(pilot)
        assert view.left_out == {1}
        assert any(
            text.startswith("[ ] hunk 1 of 2  lines 8-9 in class Policy  left out")
            for text in visible_lines(view)
        )
        left = apply_hunks(BEFORE, FILES, {h.number for h in view.hunks} - view.left_out)
        assert "steps =" not in left["policy.py"]
        view.act_toggle()
        assert view.left_out == set()


async def test_another_edit_starts_with_all_hunks() -> None:
    view = DiffView()
    async with Host(view).run_test(size=(100, 40)) as pilot:
        view.show(BEFORE, FILES)
        await settle(pilot)
        view.act_next()
        view.act_toggle()
        view.show(FILES, BEFORE)
        await settle(pilot)
        assert view.left_out == set()


async def test_wide_terminals_show_old_and_new_side_by_side() -> None:
    view = DiffView()
    async with Host(view).run_test(size=(100, 40)) as pilot:
        view.show(BEFORE, FILES)
        await settle(pilot)
        assert not any("│" in text for text in visible_lines(view))
        view.act_next()
        await pilot.resize_terminal(160, 40)
        await settle(pilot)
        assert any(
            text.count('return ball["y"]') == 2 or ("│" in text and "+ " in text)
            for text in visible_lines(view)
        )
        assert view.hunk_under_cursor == 1, "the hunk under the cursor stays"
        await pilot.resize_terminal(100, 40)
        await settle(pilot)
        assert not any("│" in text for text in visible_lines(view))


async def test_rows_are_paired_if_the_introduction_arrives_while_widening() -> None:
    view = DiffView()
    async with Host(view).run_test(size=(100, 40)) as pilot:
        view.show(BEFORE, FILES)
        await settle(pilot)
        width = view._get_split_width
        view._get_split_width = lambda: 158  # type: ignore[method-assign]  # laid out anew, and not told of it yet
        view.set_lead([(("because", ""),)])
        view._get_split_width = width  # type: ignore[method-assign]
        await pilot.resize_terminal(160, 40)
        await settle(pilot)
        assert view.diff.split and view.diff.diff.sides
        assert any(
            entry.left and entry.right and entry.left != entry.right
            for entry in view.diff.diff.entries
        )


async def test_a_long_introduction_folds_and_opens() -> None:
    view = DiffView()
    async with Host(view).run_test(size=(100, 40)) as pilot:
        view.show(BEFORE, FILES, [((f"because {i}", ""),) for i in range(30)], [(("note", ""),)])
        await settle(pilot)
        assert "▸ 26 more lines (Enter)" in visible_lines(view)
        assert visible_lines(view)[5] == "note"
        view.act_open()
        await settle(pilot)
        assert visible_lines(view)[29] == "because 29"


async def test_copying_a_hunk_gives_its_lines_with_signs() -> None:
    view = DiffView()
    host = Host(view)
    async with host.run_test(size=(100, 40)) as pilot:
        view.show({"a": "1\n"}, {"a": "2\n"})
        await settle(pilot)
        view.act_next()
        view.act_copy()
        await pilot.pause()
        assert [m.text for m in host.heard if isinstance(m, CopyRequested)] == [
            "@@ -1 +1 @@\n-1\n+2"
        ]


async def test_hostile_files_and_names_are_shown_as_text() -> None:
    view = DiffView()
    old = {f"{NASTY}.py": "\n".join(HOSTILE)}
    async with Host(view).run_test(size=(160, 40)) as pilot:
        view.show(old, {f"{NASTY}.py": "\n".join(reversed(HOSTILE))})
        await settle(pilot)
        assert is_harmless(visible_lines(view))


async def test_a_change_of_line_ends_alone_is_visible() -> None:
    view = DiffView()
    async with Host(view).run_test(size=(80, 20)) as pilot:
        view.show({"a": "x\r\n"}, {"a": "x\n"})
        await settle(pilot)
        assert any(text.endswith("- x␍") for text in visible_lines(view))
