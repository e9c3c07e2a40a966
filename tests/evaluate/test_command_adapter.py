"""Command tasks: the whole rollout in the sandbox, in a fresh copy, with the score that the command
prints."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from genopt_tui.config import Sandbox
from genopt_tui.evaluate.pool import Pool
from genopt_tui.task import loader
from genopt_tui.task.rollout import Example, Limits, Rollout, RolloutResult
from genopt_tui.task.trace import decode
from tests.evaluate.conftest import KINDS, living_children, without_bwrap

LIMITS = Limits(seconds=10, processes=8, output=200_000)
Run = Callable[..., "RolloutResult"]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    if request.param == "landlock":
        monkeypatch.setenv("PATH", without_bwrap(tmp_path / "bin"))
    return str(request.param)


class Tree:
    """A command task in a folder, and rollouts of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "files").mkdir(parents=True)
        (folder / "starts" / "given").mkdir(parents=True)
        (folder / "starts" / "given" / "work.sh").write_text("echo 1")

    async def run(
        self,
        command: str,
        artifact: str = "",
        *,
        more: str = "",
        limits: Limits = LIMITS,
        times: int = 1,
        **fields: object,
    ) -> RolloutResult:
        toml = f'objective = "x"\nfailure_score = 0.0\ncommand = {json.dumps(command)}\n{more}\n[starts.given]\n'
        (self.folder / "task.toml").write_text(toml)
        loader.load_task.cache_clear()
        pool = Pool(
            loader.load_task(self.folder),
            workers=1,
            limits=limits,
            sandbox=fields.pop("sandbox", Sandbox()),
        )  # type: ignore[arg-type]
        try:
            for _ in range(times):
                rollout = Rollout({"work.sh": artifact}, "tree", Example("ex-1", "a 'b"), **fields)  # type: ignore[arg-type]
                result = await pool.submit(rollout)
            return result
        finally:
            await pool.close()


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path / "task")


async def test_the_last_number_is_the_score(tree: Tree, kind: str) -> None:
    result = await tree.run("sh work.sh {example}", 'echo 3; echo "got $1" >&2; echo 4.5')
    assert (result.status, result.score) == ("ok", 4.5), result
    assert "got a 'b" in result.output
    assert result.sandbox == f"{kind}+seccomp shared"


async def test_json_gives_feedback_metrics_and_trace(tree: Tree) -> None:
    said = {
        "score": 2,
        "feedback": "why",
        "metrics": {"m": 1},
        "trace": [{"observation": {"x": 1}, "reward": 1}, "text"],
    }
    result = await tree.run(
        "sh work.sh", f"cat <<'END'\n{json.dumps(said, indent=1)}\nEND", traced=True
    )
    assert (result.status, result.score, result.feedback, result.metrics) == (
        "ok",
        2.0,
        "why",
        {"m": 1.0},
    ), result
    steps = [step for chunk in result.trace for step in decode(chunk)]
    assert [(s.observation, s.reward) for s in steps] == [({"x": 1}, 1), ("text", None)]


@pytest.mark.parametrize(
    ("artifact", "more", "status", "score", "text"),
    [
        ("exit 0", "", "ok", 1.0, ""),
        ("echo broken; exit 1", "", "ok", 0.0, ""),
        ("echo oh no >&2; exit 3", "", "error", None, "oh no"),
        ("echo 5; exit 1", "", "error", None, "exit code 1"),
        ("no-such-program", "", "error", None, "not found"),
        ("kill -9 $$", "", "error", None, "signal 9"),
        ("echo nan", "", "invalid", None, "nan"),
        ("echo '{\"a\": 1}'", "", "invalid", None, "it has a"),
        ("echo took 2.5 s", "metric = 'took ([0-9.]+)'", "ok", 2.5, ""),
        ("echo took 2.5 s >&2", "metric = 'took ([0-9.]+)'", "ok", 2.5, ""),
        (
            "echo nothing",
            "metric = 'took ([0-9.]+)'",
            "invalid",
            None,
            "nothing in the output matches",
        ),
        (
            f"echo {'a' * 60}!",
            "metric = '^(a+)+$'",
            "invalid",
            None,
            "took more than 1 s to search",
        ),
        ("echo 7", "check = 'grep -q 7 work.sh'", "ok", 7.0, ""),
        ("echo 7", "check = 'echo wrong; false'", "invalid", None, "wrong"),
        ("sleep 60", "[limits]\nseconds = 1", "timeout", None, ""),
        ("yes", "", "output", None, ""),
    ],
)
async def test_statuses(
    tree: Tree, artifact: str, more: str, status: str, score: float | None, text: str
) -> None:
    limits = Limits(seconds=1, processes=8, output=200_000) if status == "timeout" else LIMITS
    result = await tree.run(
        "sh work.sh", artifact, more=more.partition("[limits]")[0], limits=limits
    )
    assert (result.status, result.score) == (status, score), result
    assert text in result.error


async def test_each_rollout_sees_a_fresh_copy(tree: Tree, kind: str) -> None:
    (tree.folder / "files" / "sub").mkdir()
    (tree.folder / "files" / "sub" / "data").write_text("20\n")
    (tree.folder.parent / "large").write_text("1")
    (tree.folder / "files" / "linked").symlink_to(tree.folder.parent / "large")
    artifact = """
        echo 300 >> sub/data; rm -f work.sh; cat linked >> sub/data; echo x 2>/dev/null > linked
        awk '{s += $1} END {print s}' sub/data
        """
    result = await tree.run("sh work.sh", artifact, times=2)
    assert (result.status, result.score) == ("ok", 321.0), result
    assert (tree.folder / "files" / "sub" / "data").read_text() == "20\n"
    assert (tree.folder.parent / "large").read_text() == "1"


async def test_it_cannot_reach_further(tree: Tree, kind: str) -> None:
    (tree.folder / "secret").write_text("no")
    reach = f"cat {tree.folder}/secret && echo 1; cat {tree.folder}/files/x; echo x > {tree.folder}/files/new; touch /usr/new; echo 9"
    result = await tree.run("sh work.sh", reach)
    assert (result.status, result.score) == ("ok", 9.0), result
    assert "no\n" not in result.output
    assert not list((tree.folder / "files").iterdir())


async def test_too_many_processes_are_ended(tree: Tree) -> None:
    result = await tree.run("sh work.sh", "for i in $(seq 40); do sleep 5 & done; wait; echo 1")
    assert result.status in ("killed", "error"), result
    assert not living_children()


async def test_what_is_denied_is_named(tree: Tree) -> None:
    hidden = tree.folder.parent / "hidden"
    hidden.write_text("3")
    line = f"python3 -c \"print(open('{hidden}').read())\""
    closed = await tree.run("sh work.sh", line, limits=Limits(seconds=20, processes=8))
    assert closed.status == "ok" and closed.score == 0.0
    assert f"sandbox.read={hidden}" in closed.hint
    assert "sandbox.read" not in closed.feedback + closed.error
    opened = await tree.run(
        "sh work.sh",
        line,
        limits=Limits(seconds=20, processes=8),
        sandbox=Sandbox(read=[str(hidden)]),
    )
    assert (opened.status, opened.score) == ("ok", 3.0), opened
    assert opened.sandbox.endswith(f"shared read:{hidden}")


@pytest.mark.parametrize("code", ["kill -9 $PPID; sleep 9", "kill -9 -1; sleep 9", "kill -9 0"])
async def test_nothing_that_a_command_kills_is_the_machines_fault(
    kind: str, tree: Tree, code: str
) -> None:
    result = await tree.run("sh work.sh", code)
    assert result.status in ("killed", "error") and result.score is None, result
    assert result.reruns == 0
