"""Horizons of the user's own: `python:FILE:FUNCTION`, a function (trace, score) -> [(step, why)],
run in a process of its own.

`python -m genopt_tui.runner.horizon_process SESSION` reads {"source", "function", "file",
"rollouts": [[id, score, steps]...]} and answers
{"id": [[step, why]...]} on the last line of its output, or {"error": text}.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from genopt_tui.errors import UsageError
from genopt_tui.session.journal import Journal, RolloutRow

TIMEOUT_SECONDS = 60.0


async def run_horizon_function(
    kind: str, session: Path, folder: Path, rows: Sequence[RolloutRow]
) -> tuple[dict[int, Any], str]:
    """What the function says of each rollout (by its id), and the digest of its file.

    FILE is absolute, or lies in the task's `folder`. Raises UsageError, also where the function
    fails or takes too long.
    """
    _, file, function = (
        kind.split(":", 2)
        if kind.count(":") == 2
        else ("", *kind.removeprefix("python:").rsplit(":", 1))
    )
    path = folder / file
    try:
        source = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"horizon.kind = {kind}", f"cannot read {file}", str(error)) from error
    asked = {"source": source, "file": path.name, "function": function}
    answer = await _run_process(
        session, {**asked, "rollouts": [[r.id, r.result.score, r.result.steps] for r in rows]}
    )
    if "error" in answer:
        raise UsageError(f"horizon.kind = {kind}", answer["error"])
    return {int(k): v for k, v in answer.items()}, sha256(source.encode()).hexdigest()


async def _run_process(session: Path, request: dict[str, Any]) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "genopt_tui.runner.horizon_process", str(session)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            out, _ = await process.communicate(json.dumps(request).encode())
    except TimeoutError:
        return {"error": f"it took longer than {TIMEOUT_SECONDS:g} s"}
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    lines = out.decode("utf-8", "replace").splitlines()
    answer: dict[str, Any] = (
        json.loads(lines[-1]) if lines else {"error": "it ended without an answer"}
    )
    return answer


def main(session: Path) -> None:
    asked = json.load(sys.stdin)
    journal = Journal(session, durable=False)
    try:
        answer = answer_request(asked, journal)
    finally:
        journal.close()
    sys.stdout.write("\n" + json.dumps(answer) + "\n")


def answer_request(request: dict[str, Any], journal: Journal) -> dict[str, Any]:
    from genopt_tui.task.trace import TraceReader

    names: dict[str, Any] = {"__name__": "horizon"}
    try:
        exec(compile(request["source"], request["file"], "exec"), names)
        found = {}
        for identity, score, steps in request["rollouts"]:
            trace = TraceReader(steps, partial(journal.read_trace_chunks, identity))
            found[str(identity)] = [
                [int(step), str(why)] for step, why in names[request["function"]](trace, score)
            ]
    except Exception as error:  # noqa: BLE001  the user's own function may raise anything
        return {"error": f"{type(error).__name__}: {error}"}
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]))
