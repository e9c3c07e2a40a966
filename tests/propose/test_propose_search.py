"""Random search: always a readable edit inside the scope, never the same twice, the same for the
same request."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from genopt_tui.config import SessionSettings
from genopt_tui.errors import ProposerPause, UsageError
from genopt_tui.learn.edit.edit import Edit, read_reply
from genopt_tui.learn.scope import parse_scope
from genopt_tui.propose.agent_model_client import validate_call
from genopt_tui.propose.base import Delta, Finish, Notice, ReplyRequest
from genopt_tui.propose.factory import create_proposer
from genopt_tui.propose.literals import find_literals
from genopt_tui.propose.search import SearchProposer
from genopt_tui.session.git.ids import compute_tree_id

FILES = {
    "policy.py": 'FIXED = 7\n\n\nclass Policy:\n    gain = -0.5\n    mode = "a"  # choices: a|b\n\n'
    "    def __call__(self, obs, dead=0, flag=True):\n        é = 3\n        x = obs[0] + 3\n        x = obs[0] + 3\n        return 2\n",
    "set.toml": 'rate = 0.25\nkind = "fast"  # choices: fast|slow\n',
}
SCOPE = parse_scope(["policy.py:Policy", "set.toml"], FILES)


async def reply(ask: ReplyRequest) -> str:
    return "".join([e.text async for e in SearchProposer().stream(ask) if isinstance(e, Delta)])


def ask(**more: object) -> ReplyRequest:
    return replace(
        ReplyRequest([], FILES, SCOPE, base_tree=compute_tree_id(FILES), seed=1, step=1), **more
    )  # type: ignore[arg-type]


async def test_every_proposal_is_an_edit_in_scope_and_none_comes_twice() -> None:
    tried: set[str] = set()
    for step in range(150):
        edit = read_reply(
            await reply(ask(step=step, tried_trees=frozenset(tried))), FILES, SCOPE, "stop"
        )
        assert isinstance(edit, Edit), edit
        assert "FIXED = 7" in edit.files["policy.py"] and "obs[0]" in edit.files["policy.py"]
        assert compute_tree_id(edit.files) not in tried
        tried.add(compute_tree_id(edit.files))


async def test_same_request_same_reply_and_candidates_differ() -> None:
    candidates = [await reply(ask(candidate=n)) for n in range(6)]
    assert (
        candidates == [await reply(ask(candidate=n)) for n in range(6)]
        and len(set(candidates)) == 6
    )
    assert await reply(ask(seed=2)) != candidates[0] != await reply(ask(step=2))


def test_literals_are_those_that_tune() -> None:
    assert [(x.file, x.value) for x in find_literals(FILES, SCOPE)] == [
        *(("policy.py", v) for v in (-0.5, "a", 0, True, 3, 3, 3, 2)),
        *(("set.toml", v) for v in (0.25, "fast")),
    ]


async def test_nothing_to_change_and_nothing_left_pause() -> None:
    with pytest.raises(ProposerPause, match="nothing to change"):
        await reply(ReplyRequest([], {"a.py": "x = y\n"}))
    flag, other = {"a.py": "x = True\n"}, {"a.py": "x = False\n"}
    with pytest.raises(ProposerPause, match="nothing new"):
        await reply(ReplyRequest([], flag, tried_trees=frozenset({compute_tree_id(other)})))


async def test_manual_writes_the_prompt_and_waits_for_the_reply(tmp_path: Path) -> None:
    (tmp_path / ".genopt").mkdir()
    source, seen = (
        create_proposer(SessionSettings(model="manual"), tmp_path),
        asyncio.Queue[object](),
    )

    async def read() -> None:
        async for event in source.stream(
            ReplyRequest([{"role": "user", "content": "the prompt"}], step=3)
        ):
            seen.put_nowait(event)

    with pytest.raises(UsageError):
        source.supply("too early")
    task = asyncio.create_task(read())
    notice = await seen.get()
    assert isinstance(notice, Notice) and notice.path and "the prompt" in notice.path.read_text()
    await asyncio.sleep(0)
    source.supply("my reply")
    await task
    assert [seen.get_nowait(), seen.get_nowait()] == [Delta("my reply"), Finish()]


@pytest.mark.parametrize("key", ["api_base", "api_key", "model", "extra_headers"])
def test_artifacts_do_not_choose_who_answers(key: str) -> None:
    with pytest.raises(UsageError, match=key):
        validate_call([{"role": "user", "content": "x"}], {key: "elsewhere"})
