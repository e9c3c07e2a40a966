"""What a step and a run will take, said before the first request is paid for: from the rollouts
just timed, and the prompt."""

from dataclasses import dataclass
from statistics import fmean

from genopt_tui.durations import format_duration
from genopt_tui.runner.state import Step

DEFAULT_REPLY_TOKENS = 1_000  # tokens of a reply, where the session has none yet


@dataclass(frozen=True)
class CostEstimate:
    """Seconds, model calls, tokens and US dollars (None: unknown)."""

    seconds: float
    calls: float
    tokens: float
    cost: float | None

    def scale(self, steps: int) -> "CostEstimate":
        cost = None if self.cost is None else self.cost * steps
        return CostEstimate(self.seconds * steps, self.calls * steps, self.tokens * steps, cost)

    @property
    def text(self) -> str:
        """On one line."""
        cost = "$?" if self.cost is None else f"${self.cost:.2f}"
        return f"{format_duration(self.seconds)}, {self.calls:.0f} calls, {self.tokens:,.0f} tokens, {cost}"


async def announce_estimate(step: Step, prompt_tokens: int) -> None:
    """Say as a notice what each step of this run will take, and all of them. `prompt`: tokens of
    the first one."""
    one, waits = await _estimate_step(step, prompt_tokens)
    steps = _count_remaining_steps(step)
    text = f"estimate: a step takes about {one.text}"
    if not waits:
        text += " (and the time of its replies)"
    if steps and steps > 1:
        text += f"; {steps} steps: {one.scale(steps).text}"
    step.context.event_log.append("notice", candidate=None, text=text, path=None)


async def _estimate_step(step: Step, prompt_tokens: int) -> tuple[CostEstimate, bool]:
    """What one step will take, and whether the time of its replies is in it: known once the session
    has a reply."""
    context, choices, rows = step.context, step.effective_choices(), step.batch_rows()
    last = context.event_log.journal.find_last("reply_finished")
    said = last.data if last else {}
    reply = int((said.get("usage") or {}).get("output") or DEFAULT_REPLY_TOKENS)
    price = await step.proposer().estimate_price(prompt_tokens, reply)
    gate = await (await context.get_scorer(choices)).select_pairs("gate", choices.gate)
    rollouts = len(rows) + choices.candidates * len(gate)
    answered = rollouts / max(
        context.event_log.journal.last_rollout_id(), 1
    )  # steps of rollouts that the agent model's part is of
    agent, unknown = context.ledger.agent, price is None or context.ledger.unknown_cost
    return CostEstimate(
        fmean(row.result.seconds for row in rows) * rollouts / context.settings.workers
        + (said.get("seconds") or 0.0),
        choices.candidates + agent.calls * answered,
        choices.candidates * (prompt_tokens + reply) + agent.tokens * answered,
        None if unknown else choices.candidates * (price or 0.0) + agent.cost * answered,
    ), bool(said)


def _count_remaining_steps(step: Step) -> int | None:
    """How many steps this run may have; None where nothing bounds them."""
    context, budget = step.context, step.context.settings.budget.steps
    bounds = [
        (context.event_log.p.run or {}).get("steps"),
        None if budget is None else budget - context.ledger.spent.steps,
    ]
    return min((bound for bound in bounds if bound is not None), default=None)
