"""How often the gate keeps an edit of known worth, and what it costs: `python tests/bench/gate.py
[TRIALS [NULLS]]`. Seeded; no clock.

Paired differences are normal with a standard deviation of 5.1 points, as in Pong with sticky
actions. `fixed` is a gate of ten pairs, `growing` one of ten that may grow to forty.

accepted   edits called `better`: of null effect (goal: at most 5 %), and of two thirds of a standard
           deviation (goal: at least 90 % by the growing gate)
worse      edits called `worse`
rollouts   of the candidate, mean (goal under null: at most half of forty); the base takes as many
"""

import asyncio
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from types import SimpleNamespace
from typing import Any, cast

from genopt_tui.config import Gate
from genopt_tui.runner.gate import run_sequential_gate
from genopt_tui.runner.scoring import ArtifactFiles, RolloutRequest, Scorer
from genopt_tui.session.journal import RolloutRow
from genopt_tui.task.model import Task
from genopt_tui.task.rollout import RolloutResult

DEVIATION = 5.1  # points, of paired differences
FIRST, MOST = 10, 40
TASK = Task(name="t", description="d", objective="o", failure_score=-100.0, starts={"s": {}})
EFFECTS = {"null": 0.0, "2/3 sd": 2 / 3, "1 sd": 1.0}


@dataclass
class PlantedScorer:
    """Gives the base 0 on each pair, and the candidate the planted effect with noise."""

    draw: Callable[[], float]
    is_timed: bool = False
    task: Any = field(default_factory=lambda: SimpleNamespace(task=TASK))

    async def run_rollouts(self, request: RolloutRequest) -> list[RolloutRow]:
        rows = []
        for example, repeat in request.pairs:
            score = self.draw() if request.artifact.tree == "new" else 0.0
            result = RolloutResult(example, repeat, "gate", "ok", score, 0.0)
            rows.append(RolloutRow(0, "", 1, request.artifact.tree, False, result))
        return rows


def run_trial(seed: int, effect: float, most: int) -> tuple[str, int]:
    """Verdict and rollouts of one candidate."""
    noise = Random(seed)
    scorer = PlantedScorer(lambda: DEVIATION * (effect + noise.gauss(0, 1)))
    pairs: Sequence[tuple[str, int]] = [(f"e{number}", 0) for number in range(most)]
    base, new = (RolloutRequest(ArtifactFiles({}, tree), "gate", pairs) for tree in ("base", "new"))
    gate = Gate(examples=FIRST, most=most)
    data = asyncio.run(run_sequential_gate(cast(Scorer, scorer), base, new, gate, FIRST))
    return str(data["verdict"]), len(data["scores"])


def main() -> None:
    trials, nulls = (int(text) for text in (sys.argv[1:] + ["400", "2000"][len(sys.argv) - 1 :]))
    print(f"{'effect':<8}{'gate':<9}{'trials':>7}{'accepted':>10}{'worse':>8}{'rollouts':>10}")
    for name, effect in EFFECTS.items():
        count = trials if effect else nulls
        for gate, most in (("fixed", FIRST), ("growing", MOST)):
            found = [run_trial(seed, effect, most) for seed in range(count)]
            verdicts = [verdict for verdict, _ in found]
            accepted, worse = (verdicts.count(v) / count for v in ("better", "worse"))
            rollouts = sum(size for _, size in found) / count
            line = f"{name:<8}{gate:<9}{count:>7}{accepted:>10.3f}{worse:>8.3f}{rollouts:>10.1f}"
            print(line, flush=True)


if __name__ == "__main__":
    main()
