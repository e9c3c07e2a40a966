"""Views of lines: movement, search, copying, and code with its gutter."""

from scene import HOSTILE, NEW, OLD, Host, is_harmless, settle, visible_lines

from genopt_tui.ui.messages import CopyRequested
from genopt_tui.ui.widgets.code_view import (
    CodeLines,
    CodeView,
    find_changed_lines,
    highlight_file,
    split_lines,
)
from genopt_tui.ui.widgets.line_source import TextLines, to_plain_text
from genopt_tui.ui.widgets.line_view import LineView


def numbered(count: int) -> TextLines:
    return TextLines([((f"line {i}", ""),) for i in range(count)])


async def test_moving_keeps_the_cursor_in_sight_and_inside() -> None:
    view = LineView(numbered(1000))
    async with Host(view).run_test(size=(40, 20)) as pilot:
        view.act_up()
        assert view.cursor == 0
        view.act_bottom()
        await pilot.pause()
        assert view.cursor == 999
        assert visible_lines(view)[-1] == "line 999"
        view.act_down()
        assert view.cursor == 999
        view.act_top()
        view.act_page_down()
        await pilot.pause()
        assert f"line {view.cursor}" in visible_lines(view)


async def test_every_act_works_in_an_empty_view() -> None:
    view = LineView()
    async with Host(view).run_test():
        for name in [n for n in dir(view) if n.startswith("act_")]:
            getattr(view, name)()
        assert view.cursor == 0


async def test_search_wraps_around_and_highlights_matches() -> None:
    view = LineView(numbered(1000))
    async with Host(view).run_test(size=(40, 20)) as pilot:
        view.search("LINE 99")
        await settle(pilot)
        assert view.cursor == 0, "capitals are looked for as they are"
        view.search("line 99")
        await settle(pilot)
        assert view.cursor == 99
        view.act_find_prev()
        await settle(pilot)
        assert view.cursor == 999
        view.act_find_next()
        await settle(pilot)
        assert view.cursor == 99
        marked = view.render_line(view.cursor - int(view.scroll_offset.y))
        assert any(s.text == "line 99" for s in marked)


async def test_scrolling_sideways_shows_the_rest_of_a_line() -> None:
    view = LineView(TextLines([(("0123456789" * 10, ""),)]))
    async with Host(view).run_test(size=(20, 5)):
        view.act_right()
        assert visible_lines(view)[0].startswith("89012")
        view.act_left()
        view.act_left()
        assert visible_lines(view)[0].startswith("01234")


async def test_copying_gives_the_line_of_code_without_its_gutter() -> None:
    view = CodeView(CodeLines("a.py", "x = 1\ny = 2\n"))
    host = Host(view)
    async with host.run_test() as pilot:
        view.act_down()
        view.act_copy()
        await pilot.pause()
        assert [m.text for m in host.heard if isinstance(m, CopyRequested)] == ["y = 2"]


async def test_hostile_lines_are_shown_as_text() -> None:
    view = LineView(TextLines([((text, "strong"), (text, "added")) for text in HOSTILE]))
    async with Host(view).run_test(size=(60, 20)) as pilot:
        view.search("[/")
        await settle(pilot)
        assert is_harmless(visible_lines(view))
        assert visible_lines(view)[0] == "[/][/]"


def test_colours_never_change_the_text() -> None:
    for name, text in [
        ("a.py", NEW),
        ("b.unknown", NEW),
        ("c.md", "# x\n\ny"),
        ("d.json", '{"a": "\\u0000'),
        ("e.py", ""),
    ]:
        assert [to_plain_text(line) for line in highlight_file(name, text)] == split_lines(text)


def test_hostile_code_keeps_its_number_of_lines() -> None:
    text = "\n".join(HOSTILE) + "\r\nx = 1\x0c\x0b\u2028y\r"
    assert [to_plain_text(line) for line in highlight_file("a.py", text)] == split_lines(text)
    assert len(split_lines(text)) == text.count("\n") + 1


def test_changed_lines_are_those_of_the_new_text() -> None:
    numbers = find_changed_lines(OLD, NEW)
    assert {split_lines(NEW)[n - 1].strip() for n in numbers} >= {
        "def reflect(y):",
        'return ball["y"] + steps',
    }
    assert find_changed_lines("a\nb\n", "a\n") == {1}
    assert find_changed_lines(NEW, NEW) == set()


async def test_gutter_shows_scope_and_changes() -> None:
    view = CodeView(
        CodeLines("a.py", "a = 1\nb = 2\nc = 3\n", scope=[(2, 2)], changed=frozenset({3}))
    )
    async with Host(view).run_test() as pilot:
        await settle(pilot)
        assert visible_lines(view)[:3] == ["  1   a = 1", "  2 ┃ b = 2", "  3  ~c = 3"]
        view.act_next()
        assert view.cursor == 2


async def test_scroll_bar_that_reappears_has_the_right_position() -> None:
    """Textual tells a bar of no move while it is not shown."""
    lines = numbered(100)
    view, every = LineView(lines), lines.lines
    async with Host(view).run_test(size=(40, 20)) as pilot:
        view.act_bottom()
        await pilot.pause()
        for shown in (every[:5], every):
            lines.lines = shown
            view.update_lines()
            await pilot.pause()
            assert view.show_vertical_scrollbar == (shown is every)
        assert view.vertical_scrollbar.position == view.scroll_y
