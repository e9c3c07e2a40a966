"""What a session has spent, over all its runs, and when that is enough."""

import time
from dataclasses import dataclass
from typing import Any

from genopt_tui.config import Budget
from genopt_tui.errors import BudgetStop
from genopt_tui.learn.text import estimate_tokens
from genopt_tui.runner.event_log import EventLog
from genopt_tui.session.history.record import Record

WARNING_SHARE = 0.8
STEPS, PATIENCE = "steps", "patience"  # the limits that end a run between steps only


@dataclass
class Spending:
    """Model calls and tokens of optimizer and agent model, dollars, steps, minutes of work (not of
    waiting)."""

    steps: int = 0
    cost: float = 0.0
    tokens: int = 0
    calls: int = 0
    minutes: float = 0.0


class Ledger:
    """Counts what is spent. Built from the journal, and from records where the journal was lost."""

    def __init__(self, event_log: EventLog, records: list[Record]) -> None:
        """`records` are those of steps that the journal does not know."""
        self._event_log, self.spent, self.unknown_cost = event_log, Spending(), False
        self._last_reply, self._last_event = 0, 0
        self.agent, self._last_agent_event = Spending(), 0
        for record in records:
            self._add_record(record)
        self._working_since: float | None = None
        last = event_log.journal.find_last("budget")
        self._minutes = (
            float(last.data["spent"].get("minutes", 0.0)) if last else self.spent.minutes
        )
        self.refresh()

    def refresh(self) -> None:
        """Take in what the journal has."""
        journal, spent = self._event_log.journal, self.spent
        self._last_reply, calls, tokens, cost, unknown = journal.sum_usage(self._last_reply)
        ended = journal.read_events(self._last_event, kinds=["step_ended"])
        self._last_event = ended[-1].id if ended else self._last_event
        self.unknown_cost = self.unknown_cost or unknown
        before = self.agent
        self._add_agent_calls()
        calls, tokens = (
            calls + self.agent.calls - before.calls,
            tokens + self.agent.tokens - before.tokens,
        )
        cost += self.agent.cost - before.cost
        self.spent = Spending(
            spent.steps + sum(event.data.get("counts", True) for event in ended),
            round(spent.cost + cost, 6),
            spent.tokens + tokens,
            spent.calls + calls,
            round(self._minutes + self._elapsed_minutes(), 4),
        )

    def _add_agent_calls(self) -> None:
        """Take in what artifacts asked their model."""
        calls = self._event_log.journal.read_events(self._last_agent_event, kinds=["agent_call"])
        agent = self.agent
        for data in (event.data for event in calls):
            tokens = sum(data["usage"].values()) if data["usage"] else estimate_tokens(data["text"])
            cost = round(agent.cost + (data["cost"] or 0.0), 6)
            agent = Spending(0, cost, agent.tokens + tokens, agent.calls + data["calls"])
            self.unknown_cost = self.unknown_cost or data["cost"] is None
        self._last_agent_event = calls[-1].id if calls else self._last_agent_event
        self.agent = agent

    def set_working(self, working: bool) -> None:
        """Minutes count while the loop works, and stand still while it waits for a person."""
        if working and self._working_since is None:
            self._working_since = time.monotonic()
        elif not working:
            self._minutes += self._elapsed_minutes()
            self._working_since = None

    def report(self, budget: Budget) -> None:
        """Tell what is spent, with a warning from 80 % of a limit on."""
        self.refresh()
        limits, warning = budget.limits(), ""
        for key, limit in limits.items():
            if limit and key != PATIENCE and self.get_spent(key) >= WARNING_SHARE * limit:
                warning = f"{key}: {self.get_spent(key):g} of {limit:g}"
        own = (
            {key: getattr(self.agent, key) for key in ("cost", "tokens", "calls")}
            if self.agent.calls
            else {}
        )
        told: dict[str, Any] = {"spent": dict(vars(self.spent)), "agent": own, "limits": limits}
        self._event_log.append("budget", **told, unknown_cost=self.unknown_cost, warning=warning)

    def check(
        self, budget: Budget, *, new_step: bool = False, idle_steps: int = 0, agent: bool = False
    ) -> None:
        """Raises BudgetStop when nothing more may be spent. Steps and patience end a run between
        steps only.

        `agent`: it is the agent model that is to be asked; the optimizer's own budget says nothing
        of that.
        """
        self.refresh()
        if new_step and budget.patience is not None and idle_steps >= budget.patience:
            raise BudgetStop(
                "budget",
                f"no better version in {idle_steps} steps",
                "Raise budget.patience to go on",
            )
        for key, limit in budget.limits().items():
            if (
                key == PATIENCE
                or (key == STEPS and not new_step)
                or (agent and key.startswith("optimizer."))
            ):
                continue
            if (spent := self.get_spent(key)) >= limit:
                raise BudgetStop(
                    "budget", f"{key}: {spent:g} of {limit:g} spent", f"Raise budget.{key} to go on"
                )

    def get_spent(self, key: str) -> float:
        """What is spent of a limit: of both models together, or of one (`agent.cost`,
        `optimizer.calls`)."""
        share, _, part = key.rpartition(".")
        both, agent = float(getattr(self.spent, part)), float(getattr(self.agent, part))
        return agent if share == "agent" else both - agent if share == "optimizer" else both

    def _elapsed_minutes(self) -> float:
        return (
            (time.monotonic() - self._working_since) / 60
            if self._working_since is not None
            else 0.0
        )

    def _add_record(self, record: Record) -> None:
        usage, lost = record.usage, self.spent
        lost.steps += record.candidate == 0 and record.decision.decision not in {
            "start",
            "design",
            "manual",
        }
        lost.cost += usage.get("cost") or 0.0
        lost.tokens += usage.get("input", 0) + usage.get("output", 0)
        lost.calls += usage.get("calls", 0)
        lost.minutes += usage.get("seconds", 0.0) / 60
        self.unknown_cost = self.unknown_cost or (
            bool(usage.get("calls")) and usage.get("cost") is None
        )
