"""The loop doctor on what the model is told: fields, scope, cuts, starts; and what is only stated
of a loop."""

import ast
import re
from collections.abc import Iterator, Mapping

from genopt_tui.config import DesignChoices
from genopt_tui.learn.doctor.loop_facts import Finding, LoopFacts
from genopt_tui.learn.horizon import describe_horizon
from genopt_tui.task.model import Start
from genopt_tui.task.rollout import Json

REFERENCE = re.compile(
    r"(?:As in|That of) ([\w-]+)(?:$|[,:.])"
)  # how a part says that another start has the same
START_PARTS = ("structure", "documentation", "code")  # of a starting artifact
FIELD_READ = re.compile(r"""\w+\[["'](\w+)["']\]|`(\w+)`""")  # a field read, or a name set off
CALL = re.compile(r"\w+\([^()]*\)")
SNAKE = re.compile(r"\b[a-z]\w*_\w*[a-z0-9]\b")  # prose has no such words
CRASH_POLICIES = {
    "counts": "counts as a step",
    "free": "costs no step",
    "zero": "scores zero and counts as a step",
}


def check_context_window(facts: LoopFacts) -> Iterator[Finding]:
    whole, shown = facts.tokens
    room, chosen = facts.choices.evidence.context, facts.choices.horizon
    kept = (
        f"the horizon ({describe_horizon(chosen)}) keeps {facts.kept} of {facts.steps} steps, "
        f"{shown} tokens"
    )
    if whole > room and shown <= room:
        message = f"Whole traces of a batch take about {whole} tokens, more than the {room} of the window; {kept}."
        advice = "What lies outside the horizon is never seen: look whether points are lost there."
        yield Finding("trace-window", "info", message, advice)
    elif shown > room:
        message = f"A batch takes more than the {room} tokens of the window: {kept}."
        advice = "Shorten the horizon (horizon.steps), the batch, or evidence.detail."
        yield Finding("trace-too-long", "warning", message, advice)
    if facts.cut:
        message = (
            f"Values were cut in {format_count(facts.cut, 'step')} of a trace: they were too large."
        )
        advice = "What is asked may stand in them: record less at a time, or in smaller steps."
        yield Finding("values-cut", "warning", message, advice)
    if facts.cut_calls:
        message = f"Arguments or results of calls were shortened in {format_count(facts.cut_calls, 'step')} of a trace."
        yield Finding("calls-cut", "info", message, "evidence.detail=trace leaves calls out.")


def check_fields(facts: LoopFacts) -> Iterator[Finding]:
    """Fields that the text names and observations lack, and the reverse."""
    if not facts.fields:
        return
    prose = "\n".join(
        [facts.task.objective, facts.task.documentation, *(s.text for s in facts.task.feedback)]
    )
    text = "\n".join([prose, *facts.files.values()])
    known = facts.fields | collect_names(facts.files) | set(facts.task.settings)
    said = {one or other for one, other in FIELD_READ.findall(text)} | set(
        SNAKE.findall(CALL.sub("", prose))
    )
    if missing := sorted(name for name in said if name not in known and not name.isdigit()):
        message = f"Instruction or documentation names {', '.join(missing)}; no observation of {format_count(facts.steps, 'step')} held it."
        advice = "Correct the text, or add the fields (another value of task.observation)."
        yield Finding("unknown-fields", "warning", message, advice)
    words = set(re.findall(r"[A-Za-z_]+", text))
    stems = {name.rstrip("0123456789") for name in facts.fields if name.isidentifier()}
    if unsaid := sorted(stem for stem in stems if stem.rstrip("_") and stem not in words):
        message = f"Observations hold {', '.join(unsaid)}; neither instruction, documentation nor the artifact speaks of it."
        advice = (
            "Say in the documentation what it means, or leave it out: the model can only guess."
        )
        yield Finding("undocumented-fields", "warning", message, advice)


def check_scope(facts: LoopFacts) -> Iterator[Finding]:
    functions = collect_names(facts.files)
    texts = [stage.text for stage in facts.task.feedback]
    named = {
        name
        for text in texts
        for name in re.findall(r"\b\w+\b", text)
        if "_" in name and name in functions
    }
    inside = [
        entry
        for entry in facts.scope
        if ":" not in entry or entry.rpartition(":")[2].rpartition(".")[2] in named
    ]
    if named and not inside:
        message = f"The feedback speaks of {', '.join(sorted(named))}, none of which may be edited."
        yield Finding(
            "scope-excludes-feedback",
            "warning",
            message,
            "Widen the scope, or change the feedback.",
        )
    if not facts.scope:
        advice = "Give the start a scope in task.toml, or --set scope=FILE."
        yield Finding("empty-scope", "error", "Nothing may be edited.", advice)


def check_starts(facts: LoopFacts) -> Iterator[Finding]:
    """Where another start differs from this one in more than one of its three parts, no comparison
    tells which mattered."""
    if facts.choices.start not in facts.task.starts:
        return
    known = facts.task.starts
    differing = {other: find_differing_parts(known, facts.choices.start, other) for other in known}
    confounded = [
        f"{other} ({', '.join(parts)})" for other, parts in differing.items() if len(parts) > 1
    ]
    if confounded:
        message = f"Start {facts.choices.start} differs in more than one part from {'; '.join(confounded)}."
        yield Finding(
            "starts-differ",
            "info",
            message,
            "A difference between their results has more than one cause.",
        )


def find_differing_parts(known: Mapping[str, Start], one: str, other: str) -> list[str]:
    """Which of the three parts two starts do not share; a part that begins with `As in NAME` is the
    one of that start."""
    return [
        part
        for part in START_PARTS
        if _resolve_part(known, one, part) != _resolve_part(known, other, part)
    ]


def _resolve_part(known: Mapping[str, Start], name: str, part: str) -> str:
    """What a start's part says, or what the start says that it refers to."""
    text = str(getattr(known[name], part))
    for _ in known:  # a chain of references ends, also where it is a circle
        referred = REFERENCE.match(text)
        if not referred or referred[1] not in known:
            break
        text = str(getattr(known[referred[1]], part))
    return text


def report_policies(facts: LoopFacts) -> Iterator[Finding]:
    choices, failure = facts.choices, f"a failed rollout scores {facts.task.failure_score:g}"
    yield Finding(
        "crash-policy",
        "info",
        f"A step whose rollouts crash {CRASH_POLICIES[choices.crash]}; {failure}.",
    )
    limits = ", ".join(f"{key} {value:g}" for key, value in facts.budget.items()) or "none is set"
    asked = f"{format_count(choices.batch.size, 'train rollout')}, {format_count(choices.candidates, 'candidate')}"
    message = (
        f"Budget: {limits}. A step is one update: {asked}, each asked for at most three times."
    )
    yield Finding("budget", "info", message)
    yield Finding(
        "template",
        "info",
        f"Learning template: {classify_learning_template(choices, facts.steps)}.",
    )


def format_count(number: int, thing: str) -> str:
    """`1 step`, `2 steps`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def classify_learning_template(choices: DesignChoices, steps: int) -> str:
    """`interactive`, `batch` or `episodic`: one example an update, several joined, or a trace of
    many steps (paper §1)."""
    if steps > 1 and choices.evidence.detail in {"trace", "calls"}:
        return "episodic" if choices.batch.size == 1 else "batch of episodes"
    return "interactive" if choices.batch.size == 1 else "batch"


def collect_names(files: Mapping[str, str]) -> set[str]:
    """Names that the artifact's Python files define or use as names, and the keys of dictionaries
    that they make."""
    found: set[str] = set()
    for name, text in files.items():
        if not name.endswith(".py"):
            continue
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            found |= _collect_node_names(node)
    return found


def _collect_node_names(node: ast.AST) -> set[str]:
    match node:
        case (
            ast.FunctionDef(name=found)
            | ast.ClassDef(name=found)
            | ast.arg(arg=found)
            | ast.Name(id=found)
            | ast.Attribute(attr=found)
        ):
            return {found}
        case ast.Dict(keys=keys):
            return {
                key.value
                for key in keys
                if isinstance(key, ast.Constant) and isinstance(key.value, str)
            }
        case ast.Subscript(slice=ast.Constant(value=str(key)), ctx=ast.Store()):
            return {key}
    return set()


def collect_observation_keys(observation: Json, depth: int = 4) -> set[str]:
    """All keys of an observation, nested ones too."""
    if depth and isinstance(observation, Mapping):
        return set(map(str, observation)) | set().union(
            *(collect_observation_keys(value, depth - 1) for value in observation.values())
        )
    if depth and isinstance(observation, list):
        return set().union(
            *(collect_observation_keys(value, depth - 1) for value in observation[:50])
        )
    return set()
