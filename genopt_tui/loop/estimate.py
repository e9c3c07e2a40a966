"""What a step and a run will take, said before the first request is paid for: from the rollouts just timed, and the prompt."""

from dataclasses import dataclass
from statistics import fmean

from genopt_tui.loop.step import Step

REPLY = 1_000  # tokens of a reply, where the session has none yet


@dataclass(frozen=True)
class Amounts:
    """Seconds, model calls, tokens and US dollars (None: unknown)."""

    seconds: float
    calls: float
    tokens: float
    cost: float | None

    def times(self, steps: int) -> "Amounts":
        cost = None if self.cost is None else self.cost * steps
        return Amounts(self.seconds * steps, self.calls * steps, self.tokens * steps, cost)

    @property
    def text(self) -> str:
        """On one line."""
        cost = "$?" if self.cost is None else f"${self.cost:.2f}"
        return f"{_duration(self.seconds)}, {self.calls:.0f} calls, {self.tokens:,.0f} tokens, {cost}"


async def foretell(step: Step, prompt: int) -> None:
    """Say as a notice what each step of this run will take, and all of them. `prompt`: tokens of the first one."""
    one, waits = await _one(step, prompt)
    steps = _left(step)
    text = f"estimate: a step takes about {one.text}"
    if not waits:
        text += " (and the time of its replies)"
    if steps and steps > 1:
        text += f"; {steps} steps: {one.times(steps).text}"
    step.desk.book.say("notice", candidate=None, text=text, path=None)


async def _one(step: Step, prompt: int) -> tuple[Amounts, bool]:
    """What one step will take, and whether the time of its replies is in it: known once the session has a reply."""
    desk, choices, rows = step.desk, step.choices(), step.batch_rows()
    last = desk.book.journal.last("reply_finished")
    said = last.data if last else {}
    reply = int((said.get("usage") or {}).get("output") or REPLY)
    price = await step.proposer().price(prompt, reply)
    gate = await (await desk.scorer(choices)).pairs("gate", choices.gate)
    rollouts = len(rows) + choices.candidates * len(gate)
    answered = rollouts / max(
        desk.book.journal.last_rollout(), 1
    )  # steps of rollouts that the agent model's part is of
    agent, unknown = desk.ledger.agent, price is None or desk.ledger.unknown
    return Amounts(
        fmean(row.result.seconds for row in rows) * rollouts / desk.settings.workers + (said.get("seconds") or 0.0),
        choices.candidates + agent.calls * answered,
        choices.candidates * (prompt + reply) + agent.tokens * answered,
        None if unknown else choices.candidates * (price or 0.0) + agent.cost * answered,
    ), bool(said)


def _left(step: Step) -> int | None:
    """How many steps this run may have; None where nothing bounds them."""
    desk, budget = step.desk, step.desk.settings.budget.steps
    bounds = [(desk.book.p.run or {}).get("steps"), None if budget is None else budget - desk.ledger.spent.steps]
    return min((bound for bound in bounds if bound is not None), default=None)


def _duration(seconds: float) -> str:
    for unit, size in (("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
