"""Text from outside: nothing in it may act on the terminal or be read as markup."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scene import HOSTILE, Host, settle

from genopt_tui.ui.widgets.safe_text import PlainText, clean, clean_line


@given(st.text())
def test_cleaned_lines_contain_no_control_characters(text: str) -> None:
    assert clean_line(text).isprintable()


@given(st.text())
def test_cleaning_keeps_line_breaks_and_is_idempotent(text: str) -> None:
    once = clean(text)
    assert clean(once) == once
    assert once.count("\n") == text.count("\n")


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain [/b] text", "plain [/b] text"),
        ("a\tb", "a   b"),
        ("\x1b[2Jx", "␛x"),
        ("\x1b]0;title\x07x", "␛x"),
        ("bell\x07", "bell␇"),
        ("abc\u202edef", "abc�def"),
        ("zero\u200bwidth", "zero�width"),
        ("tag\U000e0041", "tag�"),
        ("non\u00a0breaking", "non breaking"),
        ("日本語", "日本語"),
    ],
)
def test_control_and_invisible_characters_are_made_visible(raw: str, shown: str) -> None:
    assert clean_line(raw) == shown


@pytest.mark.parametrize("text", HOSTILE)
async def test_a_plain_text_shows_markup_as_it_is(text: str) -> None:
    host = Host(PlainText(text))
    async with host.run_test() as pilot:
        await settle(pilot)
        assert isinstance(host.widget, PlainText)
        host.widget.show(text + text)
        await settle(pilot)
        assert str(host.widget.content) == clean(text + text)
