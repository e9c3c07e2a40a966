"""What may be edited."""

import pytest

from genopt_tui.errors import UsageError
from genopt_tui.learn.scope import explain_unsafe_name, parse_scope

CODE = """import math


def f(x):
    return x


class A:
    @staticmethod
    def g(x):
        return 1
        # a last word

    def h(self):
        return 2


# genopt: edit numbers
K = 1
# genopt: end
"""
FILES = {"a.py": CODE, "b.md": "text\n"}


def test_lines_of_each_kind_of_entry():
    scope = parse_scope(["a.py:f", "a.py:A.g", "a.py:#numbers", "b.md"], FILES)
    assert scope.find_editable_lines("a.py", CODE) == [(4, 5), (9, 12), (19, 19)]
    assert scope.find_editable_lines("b.md", FILES["b.md"]) == [(1, 1)]
    assert parse_scope(["a.py:A"], FILES).find_editable_lines("a.py", CODE) == [(8, 15)]


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("c.py", "no file c.py"),
        ("a.py:ff", "Did you mean f?"),
        ("a.py:#numbres", "Did you mean #numbers?"),
        ("b.md:f", "does not parse"),
    ],
)
def test_an_entry_that_fits_nothing_is_named(entry, says):
    with pytest.raises(UsageError, match="scope") as caught:
        parse_scope([entry], {**FILES, "b.md": "not python (\n"})
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "allowed"),
    [
        ("return x", "y = 1\n    return x + y", True),
        ("def f(x)", "def f(x: int) -> int", True),
        ("def f(x)", "def f(x, y)", False),
        ("def f(x)", "def g(x)", False),
        ("def f(x)", "async def f(x)", False),
        ("import math", "import os", False),
        ("return x\n", 'return """\n', False),
        ("return x\n", "return x\n\n\ndef f(x):\n    return 0\n", False),
        ("K = 1", "K = 2\nL = 3", True),
        ("K = 1", "# genopt: end\nimport os", False),
        ("return 2", "return 3", False),
    ],
)
def test_everything_outside_must_stay(old, new, allowed):
    scope = parse_scope(["a.py:f", "a.py:#numbers"], FILES)
    found = scope.find_violations(FILES, {**FILES, "a.py": CODE.replace(old, new)})
    assert (not found) is allowed, found


def test_files_may_come_and_go_only_where_a_glob_says_so():
    new = {"a.py": CODE, "c.md": "x\n"}
    assert {v.file for v in parse_scope(["a.py"], FILES).find_violations(FILES, new)} == {
        "b.md",
        "c.md",
    }
    assert parse_scope(["*.md"], FILES).find_violations(FILES, new) == []
    assert not parse_scope(["*.md"], FILES).covers("sub/c.md")
    assert parse_scope(["**/*.md"], FILES).covers("sub/c.md")


@pytest.mark.parametrize(
    "name", ["../x", "/x", "a//b", ".git/config", "a\nb", "", "x" * 300, "a\\b", "a/../b"]
)
def test_names_that_no_file_may_have(name):
    assert explain_unsafe_name(name)


def test_a_region_marker_in_a_string_is_none():
    text = 'S = """\n# genopt: edit fake\n"""\nimport os\n# genopt: end\n'
    with pytest.raises(UsageError):
        parse_scope(["a.py:#fake"], {"a.py": text})
