"""What holds for any artifact, edit and reply."""

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from genopt_tui.learn.edit.diff import apply_hunks, find_hunks, format_diff
from genopt_tui.learn.edit.edit import Edit, read_reply
from genopt_tui.learn.scope import parse_scope
from genopt_tui.learn.text import _PIECE, estimate_tokens
from tests.learn.edit.blocks import render

LINES = st.sampled_from(
    [
        "",
        " ",
        "a",
        "b",
        "    a",
        "=======",
        "<<<<<<< SEARCH",
        ">>>>>>> REPLACE",
        "```",
        "```python",
        "--- a/x",
        "+++ b/x",
        "@@ -1 +1 @@",
        "f.txt",
        "è",
    ]
) | st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r\n"), max_size=8)
TEXT = st.builds(
    lambda lines, end: "\n".join(lines) + (end if lines else ""),
    st.lists(LINES, max_size=14),
    st.sampled_from(["", "\n"]),
)
FAST = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

CODE = (
    "import math\n\nK = 1\n\n\ndef f(x):\n    return x\n\n\ndef g(x):\n    y = f(x)\n    return y\n"
)
FILES = {"code.py": CODE, "data.txt": "one\ntwo\n"}
SCOPE = parse_scope(["code.py:g"], FILES)
REPLY = (
    "Words.\nbecause: a step 1\n\ncode.py\n```python\n<<<<<<< SEARCH\n    y = f(x)\n    return y\n=======\n    return f(x) + 1\n"
    ">>>>>>> REPLACE\n```\n--- a/code.py\n+++ b/code.py\n@@ -10,2 +10,2 @@\n def g(x):\n-    y = f(x)\n+    y = 2\n"
)


@FAST
@example(" ", "a")
@given(TEXT, TEXT)
def test_a_rendered_edit_is_read_back(old, new):
    files, wanted = {"f.txt": old}, {"f.txt": new}
    found = read_reply(render(files, wanted), files, parse_scope([], files))
    if old == new:
        assert not isinstance(found, Edit)
    else:
        assert isinstance(found, Edit) and found.files == wanted, (found, render(files, wanted))


@FAST
@given(TEXT, TEXT, TEXT)
def test_a_rendered_edit_of_several_files_is_read_back(old, new, fresh):
    files, wanted = {"f.txt": old, "gone.txt": "x\n"}, {"f.txt": new, "fresh.txt": fresh}
    found = read_reply(
        "I did this.\n\n" + render(files, wanted), files, parse_scope(["*.txt"], files)
    )
    assert isinstance(found, Edit) and found.files == wanted, (found, render(files, wanted))


@FAST
@given(
    st.lists(st.sampled_from(["a", "b", "c", "d", "e", ""]), max_size=30),
    st.lists(st.sampled_from(["a", "b", "c", "d", "e", ""]), max_size=30),
)
def test_a_unified_diff_is_read_back(old, new):
    files = {"f.txt": "".join(f"{line}\n" for line in ["top", *old, "end"])}
    wanted = {"f.txt": "".join(f"{line}\n" for line in ["top", *new, "end"])}
    if files != wanted:
        found = read_reply(format_diff(files, wanted), files, parse_scope([], files))
        assert isinstance(found, Edit) and found.files == wanted, found


@FAST
@given(st.data())
def test_damaged_replies_never_raise_nor_leave_the_scope(data):
    reply = REPLY
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(reply)))
        to = data.draw(st.integers(at, min(len(reply), at + 30)))
        reply = (
            reply[:at]
            + data.draw(LINES | st.sampled_from(["\n", "\r", "\0", "import os\n", "    "]))
            + reply[to:]
        )
    found = read_reply(reply, FILES, SCOPE, data.draw(st.sampled_from([None, "stop", "length"])))
    if isinstance(found, Edit):
        assert not SCOPE.find_violations(FILES, found.files)
        assert (
            found.files["code.py"].startswith(CODE[: CODE.index("def g")])
            and found.files["data.txt"] == FILES["data.txt"]
        )
        assert (
            apply_hunks(FILES, found.files, {h.number for h in find_hunks(FILES, found.files)})
            == found.files
        )
        compile(found.files["code.py"], "code.py", "exec")
    else:
        assert found.why


@FAST
@given(st.text(max_size=300))
def test_any_text_gives_an_edit_or_a_reason(text):
    found = read_reply(text, FILES, parse_scope([], FILES))
    assert isinstance(found, Edit) or found.why


@FAST
@given(TEXT, TEXT, st.sets(st.integers(1, 9)))
def test_kept_hunks(old, new, numbers):
    before, after = {"f.txt": old, "b.txt": new}, {"f.txt": new, "n.txt": old}
    found = find_hunks(before, after)
    assert apply_hunks(before, after, {h.number for h in found}) == after
    assert apply_hunks(before, after, set()) == before
    some = apply_hunks(before, after, numbers)
    assert {h.file for h in find_hunks(before, some)} <= {
        h.file for h in found if h.number in numbers
    }


@FAST
@given(
    st.lists(
        LINES | st.sampled_from(["\n", "\r\n", "\t", "  ", "12", "1234", "\x0b", "\u2003"]),
        max_size=20,
    ).map("".join)
)
def test_tokens_counted_line_by_line_are_those_of_the_whole(text):
    assert estimate_tokens(text) == len(_PIECE.findall(text))
