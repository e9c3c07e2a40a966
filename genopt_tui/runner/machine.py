"""The walk of one step. What comes next is a function of git and the journal alone; each phase ends
in a durable event.

How a step begins: changed design choices are committed, the head is scored, a batch is sampled; or
an edit is there already.
"""

import asyncio
import importlib
import json
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from genopt_tui.errors import EvaluationError, UsageError
from genopt_tui.learn.edit.edit import Edit
from genopt_tui.learn.sample import sample_batch
from genopt_tui.runner.candidate import CandidatePipeline
from genopt_tui.runner.context import RunContext, apply_settings, assign_choices
from genopt_tui.runner.estimate import announce_estimate
from genopt_tui.runner.finish import StepFinisher, commit_design
from genopt_tui.runner.gate import baseline_score, summarize_rollouts
from genopt_tui.runner.ranking import Ranking
from genopt_tui.runner.scoring import RolloutRequest, build_score_rows, resolve_score
from genopt_tui.runner.state import Step
from genopt_tui.session.journal import Event, utc_timestamp
from genopt_tui.session.progress import read_pending_input

Phase = Callable[[], Awaitable[None]]


class Machine:
    """Knows the next phase of the session; what a phase does is the business of its parts."""

    def __init__(self, context: RunContext) -> None:
        self.context, self.step = context, Step(context)
        self.starter, self.finisher = StepStarter(self.step), StepFinisher(self.step)

    def next(self, *, active: bool, paused: bool) -> Phase | None:
        """The phase to do now; None when there is nothing to do (a person is waited for, or no run
        is wanted).

        What a person has decided is carried out also when the run is over or paused.
        """
        p = self.context.event_log.p
        if not p.batch or p.ended:
            self.record_outside_move()
            return self.starter.begin if active and not paused else None
        if self.step.accepted_candidate() is None and self.step.has_head_moved():
            return self.finisher.supersede
        if self.step.candidates_to_gate():
            return self.process_candidates
        if self.step.is_decided():
            return self.finisher.finish
        wished = p.batch.get("hand") or p.batch.get("whatif")
        if not (active or wished or p.asked) or paused or p.pending:
            return None
        if self.step.missing_rollouts():
            return self.run_batch
        if not p.evidence and not p.batch.get("hand"):
            return self.build_evidence
        if not p.proposed and not wished and self.context.settings.mode == "step":
            return self.request_send
        if self.step.open_candidates():
            return self.process_candidates
        return self.finisher.decide

    def record_outside_move(self) -> None:
        """Between steps: take note of what plain git did to the head, and say so."""
        repository = self.context.repository
        if act := repository.recover():
            ref = repository.refs.read_head()
            old = act.refs.get(ref, (repository.head(), ""))[0]
            self.context.event_log.append(
                "moved",
                step=0,
                act="outside",
                branch=repository.current_branch(),
                old=old,
                new=repository.head(),
            )

    async def run_batch(self) -> None:
        """Roll out what the batch lacks, while the proposer loads what is slow to load."""
        context, batch = self.context, self.context.event_log.p.batch or {}
        choices = context.load_choices(batch["base"])
        scorer = await context.get_scorer(choices)
        request = RolloutRequest(
            context.load_artifact(batch["base"]),
            "train",
            self.step.missing_rollouts(),
            traced=True,
            step=context.event_log.step,
        )
        warm = asyncio.ensure_future(self.step.proposer().warm_up())
        try:
            rows = await scorer.run_rollouts(request)
        finally:
            await asyncio.wait([warm])
        warm.result()
        if all(row.result.status == "infra" for row in rows):
            raise EvaluationError(
                "no rollout could be run", rows[0].result.error, "See `genopt doctor`"
            )

    async def build_evidence(self) -> None:
        """Build the evidence of the batch. The first time in a run, say what the run will take."""
        batch, journal = self.context.event_log.p.batch or {}, self.context.event_log.journal
        run, last = journal.find_last("run_started"), journal.find_last("evidence_built")
        prompt = await self.step.build_evidence(
            tuple(batch.get("dropped", ())), tuple(batch.get("pinned", ()))
        )
        if run and not (last and last.id > run.id):
            await announce_estimate(self.step, prompt.tokens)

    async def request_send(self) -> None:
        """Show the prompt as it would be sent, and wait for a person."""
        known = self.context.event_log.p.evidence or {}
        await self.step.preview_prompt(known.get("dropped", ()), known.get("pinned", ()))
        self.context.event_log.append(
            "decision_wanted", pending="propose", candidates=[], since=utc_timestamp()
        )

    async def process_candidates(self) -> None:
        """Ask for, read and score the candidates, side by side. One that fails lets the others come
        to rest first."""
        walk = CandidatePipeline(self.step)
        numbers = self.step.candidates_to_gate() or self.step.open_candidates()
        walks, needed_at_the_gate = [walk.run(k) for k in numbers], preload_library("numpy")
        results = await asyncio.gather(*walks, needed_at_the_gate, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result


async def preload_library(library: str) -> None:
    """Load a library that takes long to load beside what goes on, unless it is there."""
    if library not in sys.modules:
        await asyncio.to_thread(importlib.import_module, library)


class StepStarter:
    """Begins steps."""

    def __init__(self, step: Step) -> None:
        self.step, self.context = step, step.context
        self._scored_identities: set[str] = set()
        self._last_scored_event = 0  # the last event that `_scored` knows

    async def begin(self) -> None:
        """Commit changed design choices, know the head's own score, sample a batch."""
        context = self.context
        commit_design(context, self.next_step_number())
        base = self._roll_back(context.repository.head())
        await self.score_version(base)
        await self.sample_batch(self.next_step_number(), base, [])

    async def sample_batch(self, step: int, base: str, pairs: Sequence[str]) -> None:
        """Choose the batch of a step and say `batch_sampled`; `pairs` are choices (KEY=VALUE) of
        this step alone.

        Said again of a step, it begins the step anew: what was rolled out is known.
        """
        context, choices = (
            self.context,
            assign_choices(self.context.load_choices(base), pairs, self.context),
        )
        scorer = await context.get_scorer(choices)
        examples = await scorer.load_examples("train")
        person = read_pending_input(context.event_log.journal, step)
        batch = sample_batch(
            list(examples.values()),
            choices.batch.size,
            choices.batch.sampling,
            context.settings.seed,
            step,
            self._last_scores(base),
            person.pinned,
            excluded=list(person.excluded(choices.exclude)),
            direction=scorer.task.task.direction,
        )
        if not batch:
            raise UsageError("every train example is excluded", advice="Take one in again")
        context.event_log.append(
            "batch_sampled",
            step=step,
            base=base,
            tree=context.repository.artifact_tree(base),
            branch=context.repository.require_branch(),
            examples=[[example.id, repeat] for example, repeat in batch],
            **({"set": list(pairs)} if pairs else {}),
        )

    def check_changes(self, base: str, pairs: Sequence[str]) -> None:
        """Raises UsageError for choices or settings that a step on `base` cannot have."""
        assign_choices(self.context.load_choices(base), pairs, self.context)
        self.context.get_proposer(apply_settings(self.context.settings, pairs, self.context))

    def begin_whatif(self, asked: Event, pairs: list[str]) -> int:
        """A step that asks the one begun by `asked` again with `pairs` changed; its edit stands
        beside. The new step's number."""
        context, event_log, old = self.context, self.context.event_log, dict(asked.data)
        journal, head = event_log.journal, context.repository.head()
        evidence, edit = (
            journal.find_last("evidence_built", step=asked.step),
            journal.find_last("edit_parsed", step=asked.step),
        )
        prompted = journal.find_last("prompted", step=asked.step)
        kept = {k: evidence.data[k] for k in ("dropped", "pinned")} if evidence else {}
        said_then = {k: prompted.data.get(k, []) for k in ("hints", "standing")} if prompted else {}
        named = {"base": old["base"], "tree": old["tree"], "examples": old["examples"]}
        more = {
            "set": [*old.get("set", []), *pairs],
            "whatif": asked.step,
            "given": int(edit is not None),
        }
        step, branch = self.next_step_number(), context.repository.current_branch()
        event_log.append(
            "batch_sampled",
            step=step,
            **named,
            **kept,
            **said_then,
            **more,
            branch=branch,
            head=head,
        )
        if edit is not None:
            told, files = edit.data, context.repository.read_artifact_tree(edit.data["tree"])
            because, expects = (
                [(e, s) for e, s in told["because"]],
                [(e, w) for e, w in told["expects"]],
            )
            origin = {"step": asked.step, "candidate": told["candidate"]}
            first = Edit(dict(files), list(told["files"]), told["reasoning"], because, expects)
            CandidatePipeline(self.step).record_edit(0, 0, first, origin=origin)
        return step

    def begin_from_edit(self, files: Mapping[str, str], why: str) -> None:
        """A step whose proposal is already there: nothing is asked, the gate and the decision are
        as always."""
        context, repository = self.context, self.context.repository
        base = repository.head()
        names = sorted(
            n
            for n in {*files, *repository.read_artifact(base)}
            if files.get(n) != repository.read_artifact(base).get(n)
        )
        context.event_log.append(
            "batch_sampled",
            step=self.next_step_number(),
            base=base,
            tree=repository.artifact_tree(base),
            branch=repository.require_branch(),
            examples=[],
            hand=why,
        )
        CandidatePipeline(self.step).record_edit(0, 0, Edit(dict(files), names, reasoning=why))

    async def score_version(self, commit: str) -> None:
        """Score a version on the gate examples and say `scored`, unless that is known."""
        context, choices = self.context, self.context.load_choices(commit)
        scorer = await context.get_scorer(choices)
        version = context.load_artifact(commit)
        identity = {
            "tree": version.tree,
            "fingerprint": scorer.fingerprint,
            "gate": choices.gate.model_dump(),
        }
        if self._is_scored(identity):
            return
        rows = await scorer.run_rollouts(
            RolloutRequest(
                version, "gate", await scorer.select_pairs("gate", choices.gate), quiet=True
            )
        )
        stands = (
            {"mean": baseline_score(context.repository, commit), "stderr": None}
            if scorer.is_timed
            else {}
        )
        context.event_log.append(
            "scored",
            step=0,
            version=commit,
            **identity,
            **summarize_rollouts(rows, scorer.task.task) | stands,
            rule=scorer.task.task.describe_scoring(scorer.task_settings),
            scores=build_score_rows(rows, scorer.task.task.failure_score),
        )

    def _is_scored(self, identity: Mapping[str, Any]) -> bool:
        """Whether `scored` was said of this artifact under this state of the task and the gate."""
        for event in self.context.event_log.journal.read_events(
            self._last_scored_event, kinds=["scored"]
        ):
            self._scored_identities.add(_canonical_json({key: event.data[key] for key in identity}))
            self._last_scored_event = event.id
        return _canonical_json(identity) in self._scored_identities

    def next_step_number(self) -> int:
        return max(
            self.context.repository.next_step(), self.context.event_log.journal.last_step() + 1
        )

    def _roll_back(self, old: str) -> str:
        """The head, `old`; under `rollback` the best version after a row of relapses, to which the
        branch is taken back."""
        from genopt_tui.session.history import acts

        context, repository = self.context, self.context.repository
        if (
            not context.load_choices(old).rollback
            or (best := Ranking(context).find_rollback_target()) is None
        ):
            return old
        acts.rewind(repository, best.commit)
        context.event_log.append(
            "moved",
            step=0,
            act="rollback",
            branch=repository.current_branch(),
            old=old,
            new=best.commit,
        )
        return best.commit

    def _last_scores(self, base: str) -> dict[str, float]:
        """The last known score of a version on each train example."""
        choices = self.context.load_choices(base)
        failure = self.context.load_task(choices).task.failure_score
        scores = {}
        for row in self.context.event_log.journal.read_rollouts(
            self.context.repository.artifact_tree(base), "train"
        ):
            if (score := resolve_score(row.result, failure)) is not None:
                scores[row.result.example] = score
        return scores


def _canonical_json(data: Mapping[str, Any]) -> str:
    return json.dumps(data, sort_keys=True)
