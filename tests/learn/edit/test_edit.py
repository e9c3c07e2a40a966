"""Replies as models write them, the good and the broken ones."""

import json

import pytest

from genopt_tui.learn.edit.edit import Edit, build_repair_prompt, join_continuation, read_reply
from genopt_tui.learn.edit.refusal import Refusal
from genopt_tui.learn.scope import parse_scope
from tests.learn.edit.blocks import render

POLICY = """import math


class Policy:
    def __call__(self, obs):
        return self.act(self.predict(obs), obs)

    def predict(self, obs):
        \"\"\"Where the ball will be.\"\"\"
        return None

    def act(self, target, obs):
        # stay
        return 0
"""
FILES = {"policy.py": POLICY, "notes.md": "# Notes\n\nNothing yet.\n"}
SCOPE = parse_scope(["policy.py:Policy.predict", "policy.py:Policy.act"], FILES)
ALL = parse_scope([], FILES)
BLOCK = """policy.py
<<<<<<< SEARCH
        return None
=======
        return obs["Ball"]["y"]
>>>>>>> REPLACE
"""
WANTED = POLICY.replace("return None", 'return obs["Ball"]["y"]')


def edit(reply: str, scope=SCOPE, files=FILES, finish: str | None = "stop") -> Edit:
    found = read_reply(reply, files, scope, finish)
    assert isinstance(found, Edit), found
    return found


def refusal(reply: str, scope=SCOPE, files=FILES, finish: str | None = "stop") -> Refusal:
    found = read_reply(reply, files, scope, finish)
    assert isinstance(found, Refusal), found
    return found


@pytest.mark.parametrize(
    "reply",
    [
        BLOCK,
        f"Some words first.\n\n{BLOCK}\nand after.",
        BLOCK.replace("\n", "\r\n"),
        f"<think>\n<<<<<<< SEARCH\nnot this\n</think>\n{BLOCK}",
        BLOCK.replace("policy.py\n", "**policy.py**\n```python\n") + "```\n",
        BLOCK.replace("policy.py\n", "```python policy.py\n") + "```",
        BLOCK.replace("policy.py\n", "### File: `./policy.py`:\n\n"),
        BLOCK.replace("policy.py\n", "In `policy.py` I change one line.\n"),
        BLOCK.replace("policy.py\n", ""),
        BLOCK.replace("        return", "    return"),
        BLOCK.replace("        return", "return"),
        BLOCK.replace("        return None", "        return None   "),
        BLOCK.replace("<<<<<<<", "<<<<<").replace("=======", "=====").replace(">>>>>>>", ">>>>>"),
        BLOCK.rstrip("\n"),
        f"policy.py\n```python\n{WANTED}```",
        f'```python title="policy.py"\n{WANTED}```',
        f"```python\n# policy.py\n{WANTED}```",
        f"Here it is:\n```python\n{WANTED}```\nDone.",
        "```diff\n--- a/policy.py\n+++ b/policy.py\n@@ -8,5 +8,5 @@ class Policy:\n     def predict(self, obs):\n"
        '         """Where the ball will be."""\n-        return None\n+        return obs["Ball"]["y"]\n \n```',
        '--- policy.py\n+++ policy.py\n@@ @@\n-        return None\n+        return obs["Ball"]["y"]\n',
        "*** Begin Patch\n*** Update File: policy.py\n@@ def predict(self, obs):\n"
        '-        return None\n+        return obs["Ball"]["y"]\n*** End Patch',
        json.dumps({"json": {"reasoning": "x", "files": {"policy.py": WANTED}}}),
        '```json\n{"edits": [{"file": "policy.py", "search": "        return None", '
        '"replace": "        return obs[\\"Ball\\"][\\"y\\"]"}]}\n```',
        json.dumps({"payload": BLOCK}),
    ],
)
def test_the_same_edit_in_the_forms_models_write(reply):
    assert edit(reply).files == {**FILES, "policy.py": WANTED}
    assert edit(reply).changed == ["policy.py"]


def test_only_the_function_is_enough():
    reply = "policy.py\n```python\nclass Policy:\n    def act(self, target, obs):\n        return 2\n```"
    found = edit(reply)
    assert found.files["policy.py"] == POLICY.replace(
        "        # stay\n        return 0", "        return 2"
    )
    assert "outside the scope were kept" in found.notes[0]


def test_what_is_said_beside_the_edit():
    found = edit(
        f"Because it lags.\nbecause: seed-3 step 118, seed-4 @20\n- **expects:** `seed-3` up; seed-4 down\n{BLOCK}"
    )
    assert found.because == [("seed-3", 118), ("seed-4", 20)]
    assert found.expects == [("seed-3", "up"), ("seed-4", "down")]
    assert found.reasoning == "Because it lags."


@pytest.mark.parametrize(
    "told",
    [
        {"edit": BLOCK},
        {
            "path": "policy.py",
            "old_str": "        return None",
            "new_str": '        return obs["Ball"]["y"]',
        },
        {
            "file_path": "./policy.py",
            "old_string": "        return None\n",
            "new_string": '        return obs["Ball"]["y"]\n',
        },
        {"command": "create", "path": "policy.py", "file_text": WANTED},
    ],
)
def test_a_call_of_a_tool_among_prose_is_an_edit(told):
    assert (
        edit(f"I do it.\n\nCall of edit:\n```json\n{json.dumps(told)}\n```\nDone.").files[
            "policy.py"
        ]
        == WANTED
    )


@pytest.mark.parametrize(
    "text", ['{"seen": "policy.py"}', "policy.py", "hello", '{"x": 1}', '"""Only a word."""']
)
def test_what_is_no_program_is_not_taken_for_the_whole_file(text):
    files = {"policy.py": POLICY}
    for info in ("", "json", "text"):
        refused = refusal(
            f"Look at this:\n\n```{info}\n{text}\n```\n", parse_scope([], files), files
        )
        assert "does not say for which file" in refused.why


def test_several_files_and_blocks():
    reply = (
        BLOCK + "\nnotes.md\n<<<<<<< SEARCH\nNothing yet.\n=======\nOne thing.\n>>>>>>> REPLACE\n"
    )
    reply += "<<<<<<< SEARCH\n# Notes\n=======\n# Diary\n>>>>>>> REPLACE\n"
    found = edit(reply, ALL)
    assert found.files == {"policy.py": WANTED, "notes.md": "# Diary\n\nOne thing.\n"}


def test_line_ends_of_the_file_stay():
    files = {"policy.py": POLICY.replace("\n", "\r\n")}
    assert edit(BLOCK, parse_scope([], files), files).files["policy.py"] == WANTED.replace(
        "\n", "\r\n"
    )
    files = {"policy.py": POLICY.rstrip("\n")}
    reply = "<<<<<<< SEARCH\n        return 0\n=======\n        return 1\n>>>>>>> REPLACE"
    assert edit(reply, parse_scope([], files), files).files["policy.py"].endswith("return 1")


def test_new_and_deleted_files_where_a_glob_allows_them():
    scope = parse_scope(["policy.py", "*.md"], FILES)
    reply = f"{BLOCK}\nideas.md\n<<<<<<< SEARCH\n=======\n# Ideas\n>>>>>>> REPLACE\nDELETE FILE: notes.md\n"
    assert edit(reply, scope).files == {"policy.py": WANTED, "ideas.md": "# Ideas\n"}
    assert "no file may be created" in refusal(reply).why


def test_blocks_that_build_on_each_other():
    second = '<<<<<<< SEARCH\n        return obs["Ball"]["y"]\n=======\n        return 5\n>>>>>>> REPLACE\n'
    assert "return 5" in edit(BLOCK + second).files["policy.py"]


@pytest.mark.parametrize(
    ("reply", "kind", "says"),
    [
        ("", "none", "is empty"),
        ("\n \n", "none", "is empty"),
        ("I cannot help with that.", "none", "only text"),
        ("<think>hm, maybe", "none", "only thinking"),
        ("<<<<<<< SEARCH\n        return None\n", "none", "no closing"),
        ("<<<<<<< SEARCH\n        return None\n>>>>>>> REPLACE", "none", "no ======= line"),
        (f"```python\n{WANTED}", "none", "not closed"),
        (BLOCK.replace("return None", "return Nothing"), "no-match", "not in the file"),
        (BLOCK.replace("policy.py", "other.py"), "scope", "no file other.py"),
        (BLOCK.replace("policy.py", "../../etc/passwd.py"), "scope", "cannot be a file"),
        (BLOCK.replace('obs["Ball"]["y"]', "(1"), "compile", "never closed"),
        (BLOCK.replace('obs["Ball"]["y"]', "None"), "unchanged", "exactly as it is"),
        (
            BLOCK.replace("        return None", "import math").replace(
                '        return obs["Ball"]["y"]', "import os"
            ),
            "scope",
            "outside the scope",
        ),
        ("```python\ndef predict(self, obs):\n    return 1\n```", "scope", ""),
        (
            f"policy.py\n```python\n{WANTED.replace('def act(self, target, obs)', 'def act(self, obs)')}```",
            "scope",
            "keep its signature",
        ),
        (
            f"policy.py\n```python\n{WANTED}\n\ndef helper():\n    pass\n```",
            "scope",
            "outside the scope",
        ),
        (
            "policy.py\n```python\nclass Policy:\n    # ... existing code ...\n    def act(self, target, obs):\n        return 1\n```",
            "no-match",
            "abbreviated",
        ),
        ("<<<<<<< SEARCH\n=======\nx = 1\n>>>>>>> REPLACE", "no-match", "SEARCH is empty"),
        (
            "notes.md\n<<<<<<< SEARCH\n# Notes\n=======\n# N\n>>>>>>> REPLACE",
            "scope",
            "not in the scope",
        ),
    ],
)
def test_refusals_say_what_is_wrong(reply, kind, says):
    found = refusal(reply)
    assert (found.kind, says in found.why) == (kind, True), found
    assert found.why in build_repair_prompt(found)


def test_refusals_name_the_place_and_the_nearest_lines():
    found = refusal(
        BLOCK.replace(
            "        return None", "    def predict(self, observation):\n        return None"
        )
    )
    assert found.place == "policy.py:9" or found.place == "policy.py:10"
    assert "return None" in found.nearest
    assert refusal(BLOCK.replace("policy.py", "polcy.py")).nearest == "policy.py"


def test_ambiguous_lines_are_refused_and_context_decides():
    files = {"a.txt": "x\ny\nx\nz\n"}
    scope = parse_scope([], files)
    found = refusal("<<<<<<< SEARCH\nx\n=======\nq\n>>>>>>> REPLACE", scope, files)
    assert found.kind == "ambiguous" and "lines 1, 3" in found.why
    assert (
        edit("<<<<<<< SEARCH\nx\nz\n=======\nq\n>>>>>>> REPLACE", scope, files).files["a.txt"]
        == "x\ny\nq\n"
    )


def test_lines_like_the_divider_need_longer_markers():
    files = {"a.md": "Title\n=======\ntext\n"}
    new = {"a.md": "Title\n=======\nother\n=======\n"}
    scope = parse_scope([], files)
    assert edit(render(files, new), scope, files).files == new
    found = refusal(
        "<<<<<<< SEARCH\nTitle\n=======\ntext\n=======\nTitle\n=======\nmore\n>>>>>>> REPLACE",
        scope,
        files,
    )
    assert found.kind == "ambiguous"


def test_a_cut_off_reply_is_continued():
    half, rest = BLOCK[:60], BLOCK[60:]
    found = refusal(half, finish="length")
    assert found.kind == "cut-off" and "Continue exactly" in build_repair_prompt(found)
    for more in (rest, BLOCK[40:], BLOCK):
        joined = read_reply(more, FILES, SCOPE, "stop", before=half)
        assert isinstance(joined, Edit) and joined.files["policy.py"] == WANTED
    assert join_continuation("abc", "def") == "abcdef"


def test_a_long_reply_and_a_large_file_stay_cheap():
    files = {"big.txt": "".join(f"line {i}\n" for i in range(60_000))}
    scope = parse_scope([], files)
    lines = "".join(f"line {i}!\n" for i in range(20_000))
    assert (
        refusal(f"<<<<<<< SEARCH\n{lines}=======\nx\n>>>>>>> REPLACE", scope, files).kind
        == "no-match"
    )
    blank = {"big.txt": "\n" * 60_000}
    search = "\n" * 20_000 + "x\n"
    assert (
        refusal(
            f"<<<<<<< SEARCH\n{search}=======\nx\n>>>>>>> REPLACE", parse_scope([], blank), blank
        ).kind
        == "no-match"
    )


PROGRAM = '''"""Adds things."""

import random

FACTOR = 1


def solve(items):
    return sum(items) * FACTOR


class Plan:
    def begin(self):
        return 0

    def finish(self):
        return 1


def other(items):
    return sorted(items)
'''
PROGRAM_FILES = {"solver.py": PROGRAM}
WHOLE = parse_scope([], PROGRAM_FILES)
SOLVE = "def solve(items):\n    return sum(items) * 5\n"


@pytest.mark.parametrize(
    "reply",
    [
        f"I change only `solve`:\n\n```python\n{SOLVE}```\n",
        f"solver.py\n```python\n{SOLVE}```\n",
        f"```python\nimport random\n\n\n{SOLVE}```\n",
        f"````markdown\nsolver.py\n```python\n{SOLVE}```\n````\n",
    ],
)
def test_a_fence_with_one_function_replaces_that_function(reply):
    found = edit(reply, WHOLE, PROGRAM_FILES)
    assert found.files["solver.py"] == PROGRAM.replace(
        "return sum(items) * FACTOR", "return sum(items) * 5"
    )
    assert "other" in found.notes[0]


def test_a_fence_with_one_method_keeps_the_others():
    reply = "```python\nclass Plan:\n    def finish(self):\n        return 2\n```"
    assert edit(reply, WHOLE, PROGRAM_FILES).files["solver.py"] == PROGRAM.replace(
        "return 1", "return 2"
    )


def test_a_fence_may_add_a_definition_and_an_import():
    reply = (
        f"```python\nimport math\n\n\ndef twice(x):\n    return math.fabs(2 * x)\n\n\n{SOLVE}```"
    )
    text = edit(reply, WHOLE, PROGRAM_FILES).files["solver.py"]
    assert "import random\nimport math\n" in text and "class Plan" in text
    assert text.index("def twice") < text.index("def solve") < text.index("def other")


@pytest.mark.parametrize(
    "reply",
    [
        '```python\n"""Adds things."""\n\n\ndef solve(items):\n    return sum(items) * 5\n```',
        f"I remove FACTOR, Plan, begin and finish.\nAlso I delete other. I drop import random.\n"
        f"```python\n{SOLVE}```",
    ],
)
def test_definitions_vanish_when_the_reply_says_so(reply):
    assert "other" not in edit(reply, WHOLE, PROGRAM_FILES).files["solver.py"]


def test_the_same_edit_twice_counts_once():
    assert edit(f"A draft:\n\n{BLOCK}\nThe answer:\n\n{BLOCK}").files["policy.py"] == WANTED
    unnamed = BLOCK.removeprefix("policy.py\n")
    files = {"policy.py": POLICY}
    found = edit(BLOCK + unnamed, parse_scope([], files), files)
    assert found.files["policy.py"] == WANTED


DRAFT = BLOCK.replace('obs["Ball"]["y"]', "99")


@pytest.mark.parametrize(
    "reply",
    [
        f"<think>\n{DRAFT}</think>\n{BLOCK}",
        f"A first draft:\n\n{DRAFT}\nHmm, 99 is too much.\n</think>\n\n{BLOCK}",
        f"<seed:think>\n{DRAFT}</seed:think>\n{BLOCK}",
        f"I think first.\n<think>\n{DRAFT}</think>\n{BLOCK}",
        f"<|channel|>analysis<|message|>\n{DRAFT}<|end|><|channel|>final<|message|>\n{BLOCK}",
    ],
)
def test_a_draft_in_thinking_is_no_edit(reply):
    assert edit(reply).files["policy.py"] == WANTED


def test_only_a_draft_in_thinking_is_refused():
    assert "only text" in refusal(f"{DRAFT}\nNot that.\n</think>\nI give up.").why


def test_a_closing_tag_inside_a_block_is_part_of_the_file():
    files = {"prompt.txt": "Think.\n</think>\nAnswer.\n"}
    reply = "<<<<<<< SEARCH\n</think>\nAnswer.\n=======\n</think>\nGo.\n>>>>>>> REPLACE\n"
    found = edit(reply, parse_scope([], files), files)
    assert found.files["prompt.txt"] == "Think.\n</think>\nGo.\n"


def test_a_refusal_names_every_block_that_failed():
    good = '<<<<<<< SEARCH\n        """Where the ball will be."""\n=======\n        # ball\n'
    good += ">>>>>>> REPLACE\n"
    other = BLOCK.replace("        return None", "        # stay here\n        return 3")
    found = refusal(BLOCK.replace("return None", "return Nothing") + good + other)
    assert "2 of 3 edits" in found.why
    assert "return Nothing" in found.why and "# stay here" in found.why
    assert "return None" in found.nearest and "# stay\n" in found.nearest
    assert found.nearest in build_repair_prompt(found)


def test_the_nearest_place_is_found_by_the_whole_block():
    files = {
        "a.py": "def a():\n    x = 1\n    return x\n\n\ndef b():\n    y = 2\n    return y + 1\n"
    }
    reply = "<<<<<<< SEARCH\n    return x\n    z = 2\n    return y + 2\n=======\n    pass\n"
    found = refusal(f"{reply}>>>>>>> REPLACE\n", parse_scope([], files), files)
    assert found.place == "a.py:6" and "return y + 1" in found.nearest


def test_a_match_apart_from_comments_is_offered_and_not_applied():
    files = {"a.py": "def a():\n    x = [1,2]  # the sizes\n\n    return x\n"}
    reply = (
        "<<<<<<< SEARCH\n    x = [1, 2]\n    return x\n=======\n    return []\n>>>>>>> REPLACE\n"
    )
    found = refusal(reply, parse_scope([], files), files)
    assert found.kind == "no-match" and found.place == "a.py:2"
    assert found.nearest == "    x = [1,2]  # the sizes\n\n    return x"
    assert "only lines 2 to 4 match" in found.advice


def test_nested_fences_close_by_their_length():
    block = BLOCK.removeprefix("policy.py\n")
    reply = f"````markdown\npolicy.py\n```python\n{block}```\n````\nDone.\n"
    assert edit(reply).files["policy.py"] == WANTED
