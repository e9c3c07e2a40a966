"""What evidence costs: `python tests/bench/evidence.py`. Real games of Pong, rolled out here.

tokens    a 400-step trace as the model sees it, by json.dumps of its observations and actions
          (calls excluded on both sides):
          several policies and seeds, counted by the estimate and by a tokenizer that litellm
          carries. Goal: 6 times fewer at least
time      evidence and prompt for 100 rollouts of 1,000 steps, read from a journal, for every
          horizon: medians of TIMES, wall and
          processor time. Goal: 200 ms
"""

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from genopt_tui.config import DesignChoices, Sandbox
from genopt_tui.evaluate.pool import Pool
from genopt_tui.learn.edit.edit import Edit, read_reply
from genopt_tui.learn.evidence import PersonChoices, build_evidence
from genopt_tui.learn.prompt import build_prompt
from genopt_tui.learn.scope import parse_scope
from genopt_tui.learn.text import estimate_tokens
from genopt_tui.propose import litellm_client
from genopt_tui.runner.prompts import build_rollout_view
from genopt_tui.session.journal import Journal, RolloutRow
from genopt_tui.task import loader
from genopt_tui.task.loader import TaskFolder
from genopt_tui.task.rollout import Rollout, RolloutResult, TraceStep

TIMES, ROLLOUTS, STEPS, SHOWN, SEEDS = 15, 100, 1_000, 400, 3
DIFFERENT = 10  # games that are rolled out; the hundred are these again and again
KINDS = ("all", "first", "last", "around-reward", "around-error", "python:of mine.py:choose")
TOKENIZER = "gpt-4o"
Files = dict[str, str]


def policies(task: TaskFolder) -> dict[str, Files]:
    """Every start, and what the demo's model made of its start."""
    made = {name: task.read_start(name) for name in task.task.starts}
    files, scope = made["two-functions"], task.task.starts["two-functions"].scope
    for line in (task.path / task.task.demo).read_text(encoding="utf-8").splitlines():
        edit = read_reply(json.loads(line)["reply"], files, parse_scope(scope, files))
        files = edit.files if isinstance(edit, Edit) else files
    return {**made, "the demo's last": files}


async def games(
    task: TaskFolder, files: Sequence[Files], seeds: int, steps: int
) -> list[RolloutResult]:
    """Traced rollouts of each artifact on the first `seeds` train examples."""
    settings = task.task.resolve_settings({"steps": steps})
    pool = Pool(task, workers=2, limits=task.task.limits.to_limits(), sandbox=Sandbox())
    try:
        examples = (await pool.list_examples("train", settings))[:seeds]
        wanted = [
            Rollout(f, "", e, settings=settings, traced=True) for f in files for e in examples
        ]
        return list(await asyncio.gather(*map(pool.submit, wanted)))
    finally:
        await pool.close()


def stored(journal: Journal, results: Sequence[RolloutResult], count: int) -> list[RolloutRow]:
    """`count` rollouts in a journal, each with a trace of its own."""
    rows = []
    for number in range(count):
        result = replace(results[number % len(results)], example=f"seed-{number}")
        row = journal.read_rollout(
            journal.store_rollout(f"k/{number}", 1, "t", result, traced=True)
        )
        assert row is not None
        rows.append(row)
    return rows


def tokens(task: TaskFolder, journal: Journal) -> None:
    made = policies(task)
    rows = stored(
        journal, asyncio.run(games(task, list(made.values()), SEEDS, SHOWN)), SEEDS * len(made)
    )
    count = partial(litellm_client.count_tokens, litellm_client.load_litellm(), TOKENIZER)
    choices = DesignChoices(evidence={"detail": "trace"})
    for number, name in enumerate(made):
        estimated, counted, lengths = [], [], []
        for row in rows[number * SEEDS : (number + 1) * SEEDS]:
            view = build_rollout_view(journal, row, "")
            plain = json.dumps([[step.observation, step.action] for step in view.steps])
            shown = build_evidence([view], choices, PersonChoices(), task.task)
            assert shown.cuts == 0 and shown.parts[0].shown == [(0, len(view.steps) - 1)]
            estimated.append(estimate_tokens(plain) / estimate_tokens(shown.text))
            counted.append(count(plain) / count(shown.text))
            lengths.append(len(view.steps))
        print(
            f"tokens {name}: {min(estimated):.1f}-{max(estimated):.1f} times fewer by the estimate, "
            f"{min(counted):.1f}-{max(counted):.1f} by {TOKENIZER}'s tokenizer, {min(lengths)}-{max(lengths)} steps (goal: 6 times)"
        )


def every_reward(trace: Sequence[TraceStep], score: float | None) -> list[tuple[int, str]]:
    """What a horizon function of the user's answers; run beforehand, as it is in a run."""
    return [(step, "here") for step in range(100, 900)]


def times(task: TaskFolder, journal: Journal) -> None:
    files = task.read_start("two-functions")
    rows = stored(journal, asyncio.run(games(task, [files], DIFFERENT, STEPS)), ROLLOUTS)
    scope, longest = (
        parse_scope(task.task.starts["two-functions"].scope, files),
        max(r.result.steps for r in rows),
    )
    print(f"time {len(rows)} rollouts, the longest of {longest} steps (goal: 200 ms each)")
    for kind in KINDS:
        for steps in (400, 20):
            choices = DesignChoices(horizon={"kind": kind, "steps": steps})
            chooser = every_reward if kind.startswith("python:") else None

            def build(
                choices: DesignChoices = choices, chooser: Callable[..., object] | None = chooser
            ) -> None:
                views = [build_rollout_view(journal, row, "") for row in rows]
                build_prompt(
                    task.task, files, scope, views, PersonChoices(), [], choices, chooser=chooser
                )  # type: ignore[arg-type]

            wall, work = measured(build)
            print(
                f"time {kind} {steps}: {wall * 1000:.0f} ms, {work * 1000:.0f} ms of processor time"
            )


def measured(work: Callable[[], None]) -> tuple[float, float]:
    """Median wall and processor seconds, after one run that loads what is loaded once."""
    work()
    walls, works = [], []
    for _ in range(TIMES):
        wall, processor = time.perf_counter(), time.process_time()
        work()
        walls.append(time.perf_counter() - wall)
        works.append(time.process_time() - processor)
    return statistics.median(walls), statistics.median(works)


def main() -> None:
    task = loader.find_task("atari/pong")
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder), durable=False)
        times(task, journal)
        tokens(task, journal)
        journal.close()


if __name__ == "__main__":
    main()
