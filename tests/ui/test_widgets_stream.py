"""Growing text: however it arrives it reads the same, readers who scrolled up stay, nothing in it
acts."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from scene import NASTY, REASON, Host, is_harmless, settle, visible_lines

from genopt_tui.ui.widgets.line_source import to_plain_text
from genopt_tui.ui.widgets.line_view import LineView
from genopt_tui.ui.widgets.markdown import MarkdownLayout, parse_inline
from genopt_tui.ui.widgets.stream_view import StreamLines, StreamView, build_stream_lines

REPLY = f"# Plan\n\n{REASON}\n\n```python\nx = [1]  # **not** strong\n```\n> quoted\n<<<<<<< SEARCH\n- a\n=======\n- b\n>>>>>>> REPLACE\nend"


class Reader(Host):
    """Counts what the view says is below."""

    behind = 0

    def on_line_view_unseen_lines(self, event: LineView.UnseenLines) -> None:
        self.behind = event.count


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, len(REPLY)), max_size=12), st.integers(8, 60))
def test_pieces_read_as_the_whole(cuts: list[int], width: int) -> None:
    edges = [0, *sorted(cuts), len(REPLY)]
    lines = StreamLines(width)
    for first, last in pairwise(edges):
        lines.append(REPLY[first:last])
    assert lines.rows == build_stream_lines(REPLY, width).rows


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200), st.integers(8, 40))
def test_no_row_is_wider_than_the_view(text: str, width: int) -> None:
    from rich.cells import cell_len

    for row in build_stream_lines(text, width).rows:
        assert cell_len(to_plain_text(row).rstrip()) <= width + 1, (
            "only a double-width character may stick out by one"
        )


def test_code_is_not_read_as_prose() -> None:
    rows = build_stream_lines(REPLY, 80).rows
    assert any(to_plain_text(row) == "x = [1]  # **not** strong" for row in rows)
    assert [to_plain_text(row) for row in rows if to_plain_text(row).endswith((" a", " b"))] == [
        "- a",
        "- b",
    ]
    assert to_plain_text(rows[-1]) == "end"
    assert rows[-1][0][1] == ""


def test_links_and_markup_stay_text() -> None:
    text = "[here](http://x) [@click=app.quit]x[/] <b>y</b>"
    assert parse_inline(text) == [(text, "")]


def test_emphasis_becomes_style() -> None:
    assert parse_inline("a **b** `c*d*` *e*") == [
        ("a ", ""),
        ("b", "strong"),
        (" ", ""),
        ("c*d*", "code"),
        (" ", ""),
        ("e", "quote"),
    ]
    assert MarkdownLayout(40).build_rows("# Title #") == [(("Title", "title"),)]


async def test_the_view_follows_until_the_reader_scrolls_up() -> None:
    view = StreamView()
    host = Reader(view)
    async with host.run_test(size=(40, 10)) as pilot:
        view.append("".join(f"line {i}\n" for i in range(50)))
        await settle(pilot)
        assert visible_lines(view)[-1] == "line 49"
        view.act_up()
        view.act_page_up()
        await pilot.pause()
        top = visible_lines(view)[0]
        view.append("".join(f"more {i}\n" for i in range(7)))
        await settle(pilot)
        assert visible_lines(view)[0] == top, "the reader stays"
        assert host.behind == 7
        view.act_bottom()
        await pilot.pause()
        assert host.behind == 0
        view.append("last\n")
        await settle(pilot)
        assert visible_lines(view)[-1] == "last"


async def test_longer_text_is_appended_and_other_text_starts_again() -> None:
    view = StreamView()
    async with Host(view).run_test(size=(40, 10)) as pilot:
        view.show("one\n")
        view.show("one\ntwo\n")
        await settle(pilot)
        assert visible_lines(view)[:2] == ["one", "two"]
        view.show("three\n")
        await settle(pilot)
        assert visible_lines(view)[:2] == ["three", ""]


async def test_long_reply_is_laid_out_in_a_thread_and_again_for_another_width() -> None:
    view = StreamView()
    text = "".join(f"{i} " + "word " * 30 + "\n" for i in range(500))
    async with Host(view).run_test(size=(60, 10)) as pilot:
        view.show(text)
        await settle(pilot)
        view.append("end")
        await settle(pilot)
        assert visible_lines(view)[-1] == "end"
        await pilot.resize_terminal(100, 10)
        await settle(pilot)
        assert view.stream.rows == build_stream_lines(text + "end", 99).rows


async def test_hostile_reply_is_shown_as_text() -> None:
    view = StreamView()
    async with Host(view).run_test(size=(60, 40)) as pilot:
        for piece in (NASTY[i : i + 7] for i in range(0, 700, 7)):
            view.append(piece)
        await settle(pilot)
        assert is_harmless(visible_lines(view))
