"""Hunks, and the diff that git takes."""

import subprocess

from genopt_tui.learn.edit.diff import apply_hunks, find_hunks, format_diff

OLD = "".join(f"line {i}\n" for i in range(40))
NEW = (
    OLD.replace("line 3\n", "three\n")
    .replace("line 30\n", "")
    .replace("line 39\n", "line 39\nlast")
)


def test_hunks_carry_their_lines():
    first, second, *_ = find_hunks({"a": OLD}, {"a": NEW})
    assert (first.number, first.old_start, first.header) == (1, 1, "@@ -1,7 +1,7 @@")
    assert [r.sign for r in first.rows] == [" ", " ", " ", "-", "+", " ", " ", " "]
    assert (second.removed, second.added) == (1, 0)
    assert apply_hunks({"a": OLD}, {"a": NEW}, {2})["a"] == OLD.replace("line 30\n", "")


def test_git_applies_what_is_printed(tmp_path):
    old = {"a.txt": OLD, "gone.txt": "x", "ü b.txt": "1\n", "empty.txt": ""}
    new = {"a.txt": NEW, "ü b.txt": "2\n", "new.txt": "n\n", "empty2.txt": ""}
    for name, text in old.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    subprocess.run(
        ["git", "apply", "-"], input=format_diff(old, new).encode(), cwd=tmp_path, check=True
    )
    assert {p.name: p.read_text(encoding="utf-8") for p in tmp_path.iterdir()} == new


def test_large_files_are_compared_in_bounded_time():
    old = {"a": "x\n" * 30_000 + "".join(f"{i}\n" for i in range(30_000))}
    new = {"a": "x\n" * 29_000 + "y\n" + "".join(f"{i}\n" for i in range(5, 30_000)) + "x\n" * 5000}
    assert apply_hunks(old, new, {h.number for h in find_hunks(old, new)}) == new
