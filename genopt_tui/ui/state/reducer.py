"""Folds events into what the panes show of the step in flight. Pure: no threads, no files."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from genopt_tui.session.journal import Event
from genopt_tui.session.progress import (
    Candidate,
    PendingInput,
    Progress,
    advance,
    list_unchecked,
)
from genopt_tui.ui.state.snapshot import (
    BaselineProgress,
    BudgetView,
    EvidenceView,
    Files,
    HistoryRow,
    HunkWorth,
    ProposalView,
    TraceSource,
)

ReplyKey = tuple[int, int, int]
DECIDERS = {
    "approved": "you",
    "edited": "you",
    "manual": "you",
    "gate": "gate",
    "always": "gate",
    "undecided": "gate",
    "refused": "scope",
    "failed": "error",
    "superseded": "act",
    "design": "you",
}


class StepReducer:
    """The step in flight, built from events and chunks of replies."""

    def __init__(self) -> None:
        self.progress = Progress()
        self.texts: dict[ReplyKey, str] = {}
        self._finished: set[ReplyKey] = set()
        self._preview: tuple[int, Mapping[str, Any]] = (0, {})
        self._baseline_rollouts: list[Mapping[str, Any]] = []

    def apply(self, event: Event) -> None:
        """One more event."""
        step = self.progress.step
        self.progress = advance(self.progress, event)
        if self.progress.step != step:
            self.texts.clear()
            self._finished.clear()
        if event.kind == "reply_finished":
            self._finished.add(_build_reply_key(event.step, event.data))
        if event.kind == "prompt_preview" and event.step == self.progress.step:
            self._preview = (
                event.step,
                {**event.data, "messages": tuple(event.data.get("messages", ()))},
            )
        if event.kind in {
            "run_started",
            "scored",
            "batch_sampled",
            "run_finished",
            "aside_started",
            "aside_finished",
        }:
            self._baseline_rollouts.clear()
        elif (
            event.kind == "rollout_finished"
            and not event.step
            and event.data.get("split") == "gate"
        ):
            self._baseline_rollouts.append(event.data)

    def build_baseline_progress(self, size: int) -> BaselineProgress | None:
        """Progress of scoring the version that a run begins from; None when that is not under way."""
        if not self._baseline_rollouts:
            return None
        scores = [float(r["score"]) for r in self._baseline_rollouts if r.get("score") is not None]
        seconds = [
            float(r.get("seconds") or 0) for r in self._baseline_rollouts if not r.get("cached")
        ]
        return BaselineProgress(
            len(self._baseline_rollouts),
            max(size, len(self._baseline_rollouts)),
            sum(scores) / len(scores) if scores else None,
            sum(seconds) / len(seconds) if seconds else 0.0,
        )

    def append_reply_text(self, step: int, candidate: int, attempt: int, text: str) -> None:
        """Add a chunk of a reply that is still arriving. After an attempt that broke off, the next
        chunk begins a new reply."""
        key = (step, candidate, attempt)
        if step == self.progress.step:
            before = "" if key in self._finished else self.texts.get(key, "")
            self._finished.discard(key)
            self.texts[key] = before + text

    def set_reply_text(self, step: int, candidate: int, attempt: int, text: str) -> None:
        """Take a whole reply from the journal."""
        if step == self.progress.step:
            self.texts[(step, candidate, attempt)] = text
            self._finished.add((step, candidate, attempt))

    def build_proposals(
        self,
        trees: Mapping[str, Files],
        gate_size: int,
        worth: Callable[[str, str], HunkWorth] = lambda base, tree: {},
    ) -> tuple[ProposalView, ...]:
        """All candidates so far. `trees` maps ids of artifact trees to their files, `worth` gives
        what the hunks between two trees were worth."""
        streaming = {c for (step, c, _) in self.texts if step == self.progress.step}
        numbers = sorted(streaming | set(self.progress.candidates))
        return tuple(self._build_proposal(n, trees, gate_size, worth) for n in numbers)

    def _build_proposal(
        self,
        number: int,
        trees: Mapping[str, Files],
        gate_size: int,
        worth: Callable[[str, str], HunkWorth],
    ) -> ProposalView:
        p = self.progress
        candidate = p.candidates.get(number, Candidate(number))
        attempt = max([candidate.attempt, *(a for (_, c, a) in self.texts if c == number)])
        key = (p.step, number, attempt)
        edit = candidate.edit or {}
        return ProposalView(
            step=p.step,
            number=number,
            attempt=attempt,
            label=format_step_label(p.step, number),
            text=self.texts.get(key, ""),
            streaming=key not in self._finished
            and not candidate.edit
            and not candidate.ended
            and not p.ended,
            reasoning=str(edit.get("reasoning", "")),
            base=trees.get(str((p.batch or {}).get("tree", "")), {}),
            files=trees.get(str(edit["tree"])) if edit else None,
            changes=tuple(edit.get("files", ())),
            because=tuple((str(e), int(s)) for e, s in edit.get("because", ())),
            expects=tuple((str(e), str(w)) for e, w in edit.get("expects", ())),
            unchecked=list_unchecked(edit.get("expects", ()), candidate.gate.get("promised", ()))
            if candidate.gate
            else (),
            gate_scores=self.select_gate_scores(number, str(edit.get("tree", ""))),
            gate_size=gate_size,
            gate=candidate.gate,
            refusals=candidate.refusals,
            decision=str((candidate.decided or {}).get("decision", "")),
            reason=str((candidate.decided or {}).get("reason", "")),
            tree=str(edit.get("tree", "")),
            hunk_worth=worth(str((p.batch or {}).get("tree", "")), str(edit.get("tree", ""))),
            candidate=candidate,
        )

    def select_gate_scores(self, number: int, tree: str) -> tuple[Mapping[str, Any], ...]:
        """Gate rollouts of exactly this tree."""
        return tuple(
            r
            for r in self.progress.rollouts
            if r.get("split") == "gate" and tree and r.get("tree") == tree
        )

    def build_evidence(
        self, pending_input: PendingInput, design: Mapping[str, Any]
    ) -> EvidenceView:
        """What was sampled, run and shown so far, and a person's input for the next updates."""
        p = self.progress
        prompts = next((c.prompts for c in p.candidates.values() if c.prompts), ())
        is_waiting = bool(p.pending and p.pending.get("pending") == "propose")
        preview = self._preview[1] if self._preview[0] == p.step else {}
        prompt, sent = prompts[0] if prompts else preview, p.evidence
        if sent is not None and prompt.get("sections"):
            sent = {**sent, "sections": prompt["sections"], "whole": prompt["tokens"]}
        return EvidenceView(
            step=p.step,
            sent=sent,
            batch=tuple((str(e), int(r)) for e, r in (p.batch or {}).get("examples", ())),
            rollouts=tuple(r for r in p.rollouts if r.get("split") == "train"),
            editable=is_waiting,
            messages=tuple(prompts[0].get("messages", ()))
            if prompts
            else preview.get("messages", ()),
            hints=tuple(pending_input.hints),
            standing_hints=tuple(pending_input.standing),
            staged=(*pending_input.staged, *map(str, (p.batch or {}).get("set", ())))
            if is_waiting
            else tuple(pending_input.staged),
            excluded=pending_input.excluded(design.get("exclude", {})),
            pinned=tuple(pending_input.pinned),
            design=design,
            dropped=tuple(preview.get("dropped", ())) if is_waiting else (),
            edited=is_waiting and bool(preview.get("edited")),
        )

    def build_live_row(self) -> HistoryRow | None:
        """The row of the step in flight; None once it has ended: then git has a commit for it."""
        p = self.progress
        if p.ended or not p.batch:
            return None
        return HistoryRow(commit="", label=str(p.step), step=p.step, kind="live", decision=p.phase)


def _build_reply_key(step: int, data: Mapping[str, Any]) -> ReplyKey:
    return step, int(data.get("candidate", 0)), int(data.get("attempt", 0))


def format_step_label(step: int, candidate: int) -> str:
    """ "12", or "12b" for its second candidate."""
    return f"{step}{chr(ord('a') + candidate)}" if 0 < candidate < 26 else str(step)


def build_budget_view(data: Mapping[str, Any] | None) -> BudgetView:
    """The spend in a `budget` event."""
    if not data:
        return BudgetView()
    return BudgetView(
        spent={k: v for k, v in (data.get("spent") or {}).items() if v is not None},
        limits={k: v for k, v in (data.get("limits") or {}).items() if v is not None},
        estimated=bool(data.get("unknown_cost")),
        warning=str(data.get("warning") or ""),
    )


def build_trace_sources(
    rollouts: Iterable[Mapping[str, Any]],
    lengths: Mapping[int, int],
    evidence: Mapping[str, Any] | None,
) -> tuple[TraceSource, ...]:
    """The train traces of a step. What the horizon covers is known once evidence is built."""
    parts = {
        int(p["rollout"]): p
        for p in (evidence or {}).get("parts", ())
        if p.get("rollout") is not None
    }
    covers = str(((evidence or {}).get("covers") or {}).get("trace", ""))
    sources = []
    for row in rollouts:
        number = int(row["rollout"])
        part = parts.get(number)
        shown = tuple((int(a), int(b)) for a, b in part.get("shown") or ()) if part else None
        steps = lengths.get(number, int(part.get("steps", 0)) if part else 0)
        if steps:
            sources.append(
                TraceSource(
                    number,
                    str(row["example"]),
                    int(row.get("repeat", 0)),
                    steps,
                    row.get("score"),
                    str(row.get("status", "ok")),
                    shown,
                    covers,
                )
            )
    return tuple(sources)
