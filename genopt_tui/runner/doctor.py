"""What the loop doctor needs to know of a loop: collected by running the start on the gate and one
traced example."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from genopt_tui.config import DesignChoices
from genopt_tui.errors import EvaluationError
from genopt_tui.learn.doctor.diagnosis import examine, sort_findings
from genopt_tui.learn.doctor.inputs import collect_observation_keys
from genopt_tui.learn.doctor.loop_facts import ExampleCard, Finding, LoopFacts, ScoredRollout
from genopt_tui.learn.evidence import PersonChoices, RolloutView, build_evidence
from genopt_tui.learn.prompt import Prompt, build_prompt
from genopt_tui.learn.scope import parse_scope
from genopt_tui.learn.step_ranges import count_steps
from genopt_tui.runner.evaluation import EvaluationJob, open_scorer, run_null_control
from genopt_tui.runner.prompts import load_templates
from genopt_tui.runner.scoring import (
    LONG_TRACE,
    ArtifactFiles,
    RolloutRequest,
    Scorer,
    resolve_score,
)
from genopt_tui.session.journal import RolloutRow
from genopt_tui.task.model import Task
from genopt_tui.task.rollout import Example, Json, RolloutResult, Split, TraceStep
from genopt_tui.task.trace import MAX_ITEMS, MAX_TEXT_CHARS, TraceReader

SPLITS: tuple[Split, ...] = ("train", "gate", "test")
MAX_EXAMINED_STEPS = 2_000  # steps of a trace whose fields and cuts are looked at


@dataclass
class CheckReport:
    """The findings, and what they rest on."""

    findings: list[Finding] = field(default_factory=list)
    rollouts: int = 0

    def to_document(self, task: str) -> dict[str, Any]:
        """The document of `genopt check --json`."""
        found = [
            {"code": f.code, "level": f.level, "message": f.message, "advice": f.advice}
            for f in self.findings
        ]
        return {"task": task, "rollouts": self.rollouts, "findings": found}


async def check(
    job: EvaluationJob,
    start: ArtifactFiles,
    *,
    best: float | None = None,
    best_metrics: Mapping[str, float] | None = None,
) -> CheckReport:
    """Examine a loop before its first step. `best` is the mean of the session's best version,
    `best_metrics` are its mean
    named metrics. Raises EvaluationError."""
    async with open_scorer(job) as scorer:
        return await _FactCollector(job, start, scorer, best, best_metrics or {}).run()


async def run_one_rollout(
    job: EvaluationJob, files: Mapping[str, str], split: Split = "train"
) -> RolloutResult:
    """The first example of a split, rolled out and traced. Raises EvaluationError when the task is
    at fault."""
    from genopt_tui.session.git.ids import compute_tree_id

    async with open_scorer(job) as scorer:
        pairs = [(next(iter(await scorer.load_examples(split))), 0)]
        request = RolloutRequest(
            ArtifactFiles(files, compute_tree_id(files)), split, pairs, traced=True, fresh=True
        )
        result = (await scorer.run_rollouts(request))[0].result
    if result.status == "infra":
        raise EvaluationError(f"example {result.example} could not be run", result.error)
    return result


def preview_prompt(
    job: EvaluationJob, files: Mapping[str, str], results: Sequence[RolloutResult]
) -> Prompt:
    """What the model would be asked after a batch of these rollouts."""
    task, choices = job.task.task, job.choices
    views = [build_result_view(result, task) for result in results]
    scope = parse_scope(choices.scope, files)
    own = load_templates(job.task.path, job.session)
    return build_prompt(task, files, scope, views, PersonChoices(), [], choices, own.texts)[1]


def build_result_view(result: RolloutResult, task: Task) -> RolloutView:
    """A finished rollout as evidence sees it, its trace read from the result itself."""
    chunks = list(result.trace)

    def load(first: int, count: int) -> list[Any]:
        return [c for c in chunks if c.first < first + count and first < c.first + c.count]

    return RolloutView(
        result.example,
        result.repeat,
        result.score,
        result.status,
        result.feedback,
        result.error,
        result.output,
        steps=TraceReader(result.steps, load),
        covers=task.score_covers,
        metrics=result.metrics,
    )


class _FactCollector:
    """Gathers the facts of one loop; what cannot be had becomes a finding of its own."""

    def __init__(
        self,
        job: EvaluationJob,
        start: ArtifactFiles,
        scorer: Scorer,
        best: float | None,
        best_metrics: Mapping[str, float],
    ) -> None:
        self.job, self.start, self.scorer, self.best, self.best_metrics = (
            job,
            start,
            scorer,
            best,
            best_metrics,
        )
        self.findings: list[Finding] = []
        self.rollouts = 0

    async def run(self) -> CheckReport:
        examples = await self._load_examples()
        facts = self._build_facts(examples)
        if self._can_run_rollouts() and examples["train"] and examples["gate"]:
            facts = await self._measure(facts)
        return CheckReport(sort_findings(self.findings + examine(facts)), self.rollouts)

    async def _load_examples(self) -> dict[Split, list[Example]]:
        pool = await self.scorer.get_pool()
        return {
            split: await pool.list_examples(split, self.scorer.task_settings) for split in SPLITS
        }

    def _can_run_rollouts(self) -> bool:
        """Whether rollouts can be had: someone must answer the artifact's questions."""
        if (
            not self.job.task.task.agent
            or self.job.settings.agent_model
            or "solver.py" in self.start.files
        ):
            return True
        message = "No agent model is set: nothing was run, so only the splits and the scope were looked at."
        self.findings.append(Finding("no-agent-model", "info", message, "--set agent_model=NAME"))
        return False

    def _build_facts(self, examples: Mapping[Split, Sequence[Example]]) -> LoopFacts:
        job = self.job
        return LoopFacts(
            task=job.task.task,
            choices=job.choices,
            files=self.start.files,
            scope=job.choices.scope or sorted(self.start.files),
            examples={
                split: [build_card(example) for example in found]
                for split, found in examples.items()
            },
            best=self.best,
            best_metrics=self.best_metrics,
            budget=job.settings.budget.limits(),
            workers=job.settings.workers,
        )

    async def _measure(self, facts: LoopFacts) -> LoopFacts:
        from dataclasses import replace

        rows = await self._run_rollouts(
            "gate", await self.scorer.select_pairs("gate", self.job.gate)
        )
        kept = self._drop_infra_failures(rows)
        traced = (
            await self._run_rollouts("train", [(facts.examples["train"][0].id, 0)], traced=True)
        )[0].result
        shown = build_result_view(traced, facts.task)
        null = None
        if not facts.task.deterministic and len(kept) > 1:
            null = await run_null_control(self.scorer, self.start, self.job)
            self.rollouts += 2 * len(rows)
        looked = shown.steps[:MAX_EXAMINED_STEPS] if traced.status != "infra" else []
        horizon, tokens = measure_horizon(shown, facts.choices, facts.task)
        return replace(
            facts,
            gate=[build_scored(result, facts.task) for result in kept],
            fields=frozenset().union(
                *(collect_observation_keys(step.observation) for step in looked)
            ),
            steps=traced.steps,
            kept=horizon,
            one_action=len({repr(step.action) for step in looked}) == 1,
            tokens=(
                measure_horizon(shown, with_full_horizon(facts.choices), facts.task)[1],
                tokens,
            ),
            cut=sum(is_cut_outside_calls(step) for step in looked),
            cut_calls=sum(bool(step.cut) and not is_cut_outside_calls(step) for step in looked),
            null=(round(null["accept_rate"] * null["trials"]), null["trials"]) if null else None,
            null_p=null["p"] if null else None,
            deterministic_by_seed=bool(kept) and min(result.steps for result in kept) >= LONG_TRACE,
        )

    async def _run_rollouts(
        self, split: Split, pairs: list[tuple[str, int]], traced: bool = False
    ) -> list[RolloutRow]:
        self.rollouts += len(pairs)
        return await self.scorer.run_rollouts(
            RolloutRequest(self.start, split, pairs, traced=traced, quiet=True)
        )

    def _drop_infra_failures(self, rows: Sequence[RolloutRow]) -> list[RolloutResult]:
        """The rollouts that say something about the artifact; the others become a finding."""
        failed = [row.result for row in rows if row.result.status == "infra"]
        if failed:
            why = failed[0].error.strip().splitlines()[-1:] or ["no reason given"]
            message = f"{len(failed)} of {len(rows)} gate rollouts failed by the task's or the machine's fault: {why[0]}"
            advice = "Mend it first: `genopt task try` runs one example."
            self.findings.append(Finding("not-run", "error", message[:400], advice))
        return [row.result for row in rows if row.result.status != "infra"]


def build_card(example: Example) -> ExampleCard:
    """An example as the doctor sees it; one without data is told by its id."""
    data = example.id if example.data is None else repr(example.data)
    return ExampleCard(
        example.id, sha256(data.encode("utf-8", "replace")).hexdigest(), example.label
    )


def build_scored(result: RolloutResult, task: Task) -> ScoredRollout:
    score = resolve_score(result, task.failure_score)
    assert score is not None  # infra was sorted out
    return ScoredRollout(
        result.example,
        result.repeat,
        score,
        result.status,
        result.seconds,
        result.signature,
        dict(result.metrics),
    )


def is_cut_outside_calls(step: TraceStep) -> bool:
    """Whether something observed was cut in this step, and not just arguments or results of
    calls."""
    return bool(step.cut) and is_shortened([step.observation, step.action, dict(step.info)])


def is_shortened(value: Json) -> bool:
    """Whether a value holds a text or a collection of the size to which larger ones are cut."""
    if isinstance(value, str | bytes):
        return len(value) >= MAX_TEXT_CHARS
    inner = list(value.values()) if isinstance(value, dict) else value
    return isinstance(inner, list) and (
        len(inner) >= MAX_ITEMS or any(is_shortened(item) for item in inner)
    )


def with_full_horizon(choices: DesignChoices) -> DesignChoices:
    """The same choices with all steps of a trace shown."""
    return choices.model_copy(
        update={"horizon": choices.horizon.model_copy(update={"kind": "all"})}
    )


def measure_horizon(shown: RolloutView, choices: DesignChoices, task: Task) -> tuple[int, int]:
    """Steps of a rollout that the horizon keeps, and tokens of a batch of such; estimated from a
    window's worth of it."""
    evidence = build_evidence(
        [shown], choices, PersonChoices(), task, token_budget=choices.evidence.context
    )
    part = evidence.parts[0]
    steps = count_steps(part.shown)
    scale = (steps + part.cut) / steps if steps else 1.0
    return steps + part.cut, int(part.tokens * scale) * choices.batch.size
