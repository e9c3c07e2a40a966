"""One candidate of a step: ask, read, send back what was refused, score on the gate. Each part ends
in a durable event.

One request for one reply: streamed, durable piece by piece, kept also when it breaks off.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Any

from genopt_tui.learn.edit.edit import Edit, read_reply
from genopt_tui.learn.edit.refusal import Refusal
from genopt_tui.learn.scope import parse_scope
from genopt_tui.propose.base import Delta, FailedTry, Finish, Notice, Proposer, ReplyRequest
from genopt_tui.runner.event_log import EventLog
from genopt_tui.runner.gate import (
    START_SCORE,
    baseline_score,
    check_predictions,
    run_sequential_gate,
)
from genopt_tui.runner.scoring import ArtifactFiles, RolloutRequest, Scorer, build_score_rows
from genopt_tui.runner.state import PromptDraft, Step, is_processed
from genopt_tui.session.history.notes import load_prediction_counts
from genopt_tui.session.journal import Journal, Reply
from genopt_tui.session.progress import Candidate

MAX_REPAIRS = 2


class CandidatePipeline:
    """Walks candidates of the step in flight from the prompt to the gate."""

    def __init__(self, step: Step) -> None:
        self.step, self.context = step, step.context
        self.batch: dict[str, Any] = dict(self.context.event_log.p.batch or {})
        self.choices = step.effective_choices()
        self.base = self.context.load_artifact(self.batch["base"])

    async def run(self, number: int) -> None:
        """Go on with a candidate until it is refused for good or scored. Raises ProposerError,
        EvaluationError, BudgetStop."""
        while True:
            candidate = self.context.event_log.p.candidates.get(number)
            if candidate is None:
                await self.build_prompt(number)
            elif is_processed(candidate) or self.context.suspended:
                return
            elif candidate.edit:
                await self._run_gate(candidate)
            elif self._is_refused(candidate):
                await self._build_repair_prompt(candidate)
            elif reply := self._find_reply(number, candidate.attempt):
                self._read_edit(candidate, reply)
            else:
                await self._request_reply(candidate)

    async def build_prompt(self, number: int, shown: Mapping[str, Any] | None = None) -> None:
        """Build the prompt, or send the one that was `shown` (a `prompt_preview`) to the byte.

        The candidates of one step are asked the same, one that a person adds hears new hints too.
        """
        event_log = self.context.event_log
        first = next(
            (c.prompts[0] for _, c in sorted(event_log.p.candidates.items()) if c.prompts), None
        )
        if shown is not None:
            messages, tokens, sections = shown["messages"], shown["tokens"], shown["sections"]
            event_log.append(
                "prompted", **{key: shown[key] for key in ("hints", "standing", "until")}
            )
        elif first is not None and number < self.choices.candidates:
            messages, tokens, sections = first["messages"], first["tokens"], first["sections"]
        else:
            made = await self._draft_prompt()
            messages, tokens, sections = (
                made.prompt.messages,
                made.prompt.tokens,
                made.prompt.sections,
            )
            event_log.append(
                "prompted",
                hints=[*made.hints],
                standing=[*made.standing_hints],
                until=made.until_event,
            )
        event_log.append(
            "prompt_built",
            candidate=number,
            attempt=0,
            messages=messages,
            tokens=tokens,
            sections=sections,
            repair=False,
        )

    async def _draft_prompt(self) -> PromptDraft:
        """The prompt as it is now; where what was said since leaves the evidence another room, that
        evidence is told too."""
        known = self.context.event_log.p.evidence or {}
        dropped, pinned = known.get("dropped", ()), known.get("pinned", ())
        made = await self.step.compose_prompt(dropped, pinned)
        self.step.record_evidence(made, dropped, pinned)
        return made

    async def _request_reply(self, candidate: Candidate) -> None:
        context = self.context
        context.check_budget()
        prompt, settings = candidate.prompts[-1], self.step.effective_settings()
        request = ReplyRequest(
            messages=prompt["messages"],
            files=self.base.files,
            scope=parse_scope(self.choices.scope, self.base.files),
            base_tree=self.base.tree,
            step=context.event_log.step,
            candidate=candidate.number,
            attempt=candidate.attempt,
            seed=settings.seed,
            temperature=settings.temperature,
            params=settings.params,
            tried_trees=context.event_log.journal.read_trees(),
            replies_so_far=context.event_log.journal.count_replies(self.base.tree),
        )
        context.calls_in_flight += 1
        try:
            await request_reply(self.step.proposer(), request, context.event_log)
        finally:
            context.calls_in_flight -= 1

    def _read_edit(self, candidate: Candidate, reply: Reply) -> None:
        """Read the edit out of a complete reply."""
        scope = parse_scope(self.choices.scope, self.base.files)
        found = read_reply(
            reply.text,
            self.base.files,
            scope,
            reply.finish_reason,
            before=self._find_cut_off_text(candidate),
        )
        if isinstance(found, Edit):
            more = {"whatif": self.batch["set"]} if self.batch.get("whatif") else {}
            self.record_edit(candidate.number, candidate.attempt, found, **more)
        else:
            self._record_refusal(candidate, found)

    def _find_cut_off_text(self, candidate: Candidate) -> str:
        """The reply before this one, when it was cut off and this one continues it."""
        last = candidate.refusals[-1] if candidate.refusals else None
        if not last or last["refused"] != "cut-off":
            return ""
        reply = self._find_reply(candidate.number, int(last["attempt"]))
        return reply.text if reply else ""

    def record_edit(self, number: int, attempt: int, edit: Edit, **more: Any) -> None:
        """Keep an edit's artifact and say `edit_parsed`."""
        from genopt_tui.learn.edit.diff import find_hunks

        tree = self.context.repository.stage_artifact(edit.files)  # durable with the event
        parts = find_hunks(self.base.files, edit.files)
        self.context.event_log.append(
            "edit_parsed",
            candidate=number,
            attempt=attempt,
            tree=tree,
            files=list(edit.changed),
            hunks=len(parts),
            added=sum(h.added for h in parts),
            removed=sum(h.removed for h in parts),
            reasoning=edit.reasoning,
            because=[list(b) for b in edit.because],
            expects=[list(e) for e in edit.expects],
            **more,
        )

    def _record_refusal(self, candidate: Candidate, refusal: Refusal) -> None:
        self.context.event_log.append(
            "edit_refused",
            candidate=candidate.number,
            attempt=candidate.attempt,
            why=refusal.why,
            place=refusal.place,
            nearest=refusal.nearest,
            advice=refusal.advice,
            refused=refusal.kind,
            final=candidate.attempt >= MAX_REPAIRS,
        )

    def _is_refused(self, candidate: Candidate) -> bool:
        """Whether the newest attempt was refused and may be sent back."""
        return any(r["attempt"] == candidate.attempt for r in candidate.refusals)

    async def _build_repair_prompt(self, candidate: Candidate) -> None:
        """Send a refused edit back: what was asked, what came, and why it cannot be used; without
        the evidence."""
        last = candidate.refusals[-1]
        refusal = Refusal(
            why=last["why"],
            place=last["place"],
            nearest=last["nearest"],
            advice=last["advice"],
            kind=last["refused"],
        )
        reply = self._find_reply(candidate.number, candidate.attempt)
        evidence = self.context.event_log.p.evidence or {}
        made = await self.step.compose_prompt(
            evidence.get("dropped", ()), evidence.get("pinned", ())
        )
        counter = await self.step.proposer().get_counter()
        messages = made.prompt.build_repair_messages(reply.text if reply else "", refusal)
        self.context.event_log.append(
            "prompt_built",
            candidate=candidate.number,
            attempt=candidate.attempt + 1,
            messages=messages,
            tokens=sum(counter.count(m["content"]) for m in messages),
            sections=[],
            repair=True,
        )

    def _find_reply(self, number: int, attempt: int) -> Reply | None:
        replies = self.context.event_log.journal.read_replies(self.context.event_log.step)
        return next(
            (r for r in replies if (r.candidate, r.attempt) == (number, attempt) and r.complete),
            None,
        )

    async def _run_gate(self, candidate: Candidate) -> None:
        """Score the candidate and its base on the same gate examples."""
        context, edit = self.context, candidate.edit or {}
        scorer = await context.get_scorer(self.choices)
        gate = self.choices.gate
        first = len(await scorer.select_pairs("gate", gate))
        pairs = await scorer.select_growing_pairs(gate)
        version = ArtifactFiles(context.repository.read_artifact_tree(edit["tree"]), edit["tree"])
        ours = RolloutRequest(
            version, "gate", pairs, candidate=candidate.number, step=context.event_log.step
        )
        theirs = RolloutRequest(self.base, "gate", pairs, step=context.event_log.step, quiet=True)
        task = scorer.task.task
        baseline = (
            baseline_score(context.repository, self.batch["base"])
            if scorer.is_timed
            else START_SCORE
        )
        data = await run_sequential_gate(scorer, theirs, ours, gate, first, baseline)
        expects = edit.get("expects", [])
        seen = (
            []
            if scorer.is_timed
            else await self._score_predicted(scorer, version, {example for example, _ in expects})
        )
        told = check_predictions(expects, [*data["scores"], *seen], task.direction)
        kept = sum(came_true for *_, came_true in told)
        earlier = load_prediction_counts(context.event_log.journal, context.repository)
        context.event_log.append(
            "gate_finished",
            candidate=candidate.number,
            tree=version.tree,
            base_tree=self.base.tree,
            promises_kept=kept,
            promises=len(told),
            promised=[list(promise) for promise in told],
            session_promises=[earlier[0] + kept, earlier[1] + len(told)],
            rule=task.describe_scoring(scorer.task_settings),
            conditions=scorer.conditions,
            **data,
        )

    async def _score_predicted(
        self, scorer: Scorer, version: ArtifactFiles, named: set[str]
    ) -> list[dict[str, Any]]:
        """Scores of a candidate, and of its base, on the examples of the evidence for which it
        promised something."""
        batch = self.step.batch_rows()
        pairs = [(r.result.example, r.result.repeat) for r in batch if r.result.example in named]
        if not pairs:
            return []
        failure = scorer.task.task.failure_score
        bases = {(b["example"], b["repeat"]): b["score"] for b in build_score_rows(batch, failure)}
        rows = await scorer.run_rollouts(
            RolloutRequest(version, "train", pairs, traced=True, quiet=True)
        )
        return [
            {**row, "base": bases[row["example"], row["repeat"]]}
            for row in build_score_rows(rows, failure)
        ]


CHUNK_SECONDS = 0.05  # seconds: at most one row of pieces in this time


class ChunkBuffer:
    """Collects the pieces of a reply and writes them at most once in 50 ms, and no later than that
    after they came."""

    def __init__(self, journal: Journal, request: ReplyRequest) -> None:
        self._journal, self._request = journal, request
        self.text, self._buffer, self._written_at = "", "", time.monotonic()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, text: str) -> None:
        self.text += text
        self._buffer += text
        left = self._written_at + CHUNK_SECONDS - time.monotonic()
        if left <= 0:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(left, self.flush)

    def flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._buffer:
            self._journal.add_chunk(
                self._request.step, self._request.candidate, self._request.attempt, self._buffer
            )
            self._buffer, self._written_at = "", time.monotonic()

    def discard(self) -> None:
        """What is held is about to be stored as a whole."""
        self._buffer = ""
        self.flush()


async def request_reply(proposer: Proposer, request: ReplyRequest, event_log: EventLog) -> Reply:
    """The complete reply to `request`, stored before it is returned. What breaks off is stored as
    incomplete.

    Raises ProposerError when no reply comes; a cancelled request keeps what arrived.
    """
    pieces, began = ChunkBuffer(event_log.journal, request), time.monotonic()
    try:
        async with aclosing(proposer.stream(request)) as events:  # type: ignore[type-var]
            async for event in events:
                match event:
                    case Delta(text):
                        pieces.add(text)
                    case Notice(text, path):
                        event_log.append(
                            "notice",
                            candidate=request.candidate,
                            text=text,
                            path=str(path) if path else None,
                        )
                    case FailedTry():
                        pieces.discard()
                        _store_reply(event_log, proposer, _build_broken_reply(request, event))
                        pieces, began = ChunkBuffer(event_log.journal, request), time.monotonic()
                    case Finish():
                        pieces.discard()
                        return _store_reply(
                            event_log,
                            proposer,
                            _build_finished_reply(request, event, pieces.text, began),
                        )
    finally:
        pieces.flush()
        store_broken_replies(
            event_log,
            lambda step, c, a: (step, c, a) == (request.step, request.candidate, request.attempt),
        )
    raise AssertionError("a proposer ends with Finish or raises")


def store_broken_replies(
    event_log: EventLog, matches: Callable[[int, int, int], bool] = lambda *_: True
) -> None:
    """Store pieces whose reply never ended (its request was cancelled, or its runner died) as
    incomplete replies."""
    texts: dict[tuple[int, int, int], str] = {}
    for _, step, candidate, attempt, text in event_log.journal.read_chunks():
        if matches(step, candidate, attempt):
            texts[step, candidate, attempt] = texts.get((step, candidate, attempt), "") + text
    for (step, candidate, attempt), text in texts.items():
        reply = Reply(
            step, candidate, attempt, text, complete=False, error="it broke off", cost=None
        )
        event_log.journal.store_reply(reply, estimated=True)
    event_log.sync()


def _store_reply(event_log: EventLog, proposer: Proposer, reply: Reply) -> Reply:
    event_log.journal.store_reply(reply, model=proposer.name)
    event_log.flush()
    event_log.sync()
    return reply


def _build_finished_reply(request: ReplyRequest, event: Finish, text: str, began: float) -> Reply:
    return Reply(
        request.step,
        request.candidate,
        request.attempt,
        text,
        True,
        event.finish_reason,
        event.usage,
        event.cost,
        event.seconds or time.monotonic() - began,
    )


def _build_broken_reply(request: ReplyRequest, event: FailedTry) -> Reply:
    return Reply(
        request.step,
        request.candidate,
        request.attempt,
        event.text,
        False,
        None,
        event.usage,
        event.cost,
        event.seconds,
        event.error,
    )
