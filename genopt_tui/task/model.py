"""`task.toml` as a model: everything about a task that is not code."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from genopt_tui.config import parse_size
from genopt_tui.errors import UsageError
from genopt_tui.task.command_output import Fallback, Source
from genopt_tui.task.rollout import Limits


class Table(BaseModel):
    model_config = ConfigDict(extra="forbid", defer_build=True)


class ArtifactFiles(Table):
    files: list[str] = Field(
        default_factory=list,
        description="Globs of the artifact's files; empty: whatever the start holds",
    )


class Start(Table):
    """A starting artifact, with its files in `starts/NAME/`.

    Its three parts say how starts differ.
    """

    description: str = ""
    structure: str = Field("", description="Pieces, how they connect, their signatures")
    documentation: str = Field("", description="What docstrings and comments tell the optimizer")
    code: str = Field("", description="What works already")
    scope: list[str] = Field(
        default_factory=list, description="What may be edited: FILE, FILE:FUNCTION, FILE:#REGION"
    )


class Setting(Table):
    """One of the task's own settings (`task.NAME`)."""

    type: Literal["int", "float", "bool", "str"]
    default: int | float | bool | str
    help: str = ""
    choices: list[int | float | str] = Field(default_factory=list)
    documentation: dict[str, str] = Field(
        default_factory=dict,
        description="What the task's documentation says in addition at a value",
    )
    minimum: float | None = None
    maximum: float | None = None

    def check(self, name: str, value: Any) -> Any:
        """`value` in the setting's type. Raises UsageError."""
        kinds: dict[str, Any] = {
            "int": (int,),
            "float": (int, float),
            "bool": (bool,),
            "str": (str,),
        }
        if self.type == "str" and not isinstance(value, str):
            value = str(value)
        if not isinstance(value, kinds[self.type]) or (
            isinstance(value, bool) and self.type != "bool"
        ):
            raise UsageError(f"task.{name} = {value!r}", f"it takes a {self.type}", self.help)
        if self.choices and value not in self.choices:
            raise UsageError(
                f"task.{name} = {value!r}", f"it is one of {', '.join(map(str, self.choices))}"
            )
        if (self.minimum is not None and value < self.minimum) or (
            self.maximum is not None and value > self.maximum
        ):
            raise UsageError(
                f"task.{name} = {value!r}", f"it lies between {self.minimum} and {self.maximum}"
            )
        return float(value) if self.type == "float" else value


class Stage(Table):
    """A hint to the model if the mean score of the batch is at least `at_least`.

    The first stage that fits counts; one without `at_least` always fits.
    """

    at_least: float | None = None
    text: str
    metric: str = Field("", description="The metric to compare; empty: the score")


class Constraint(Table):
    """Bounds of a metric. A rollout that breaks them is `invalid`."""

    metric: str
    at_least: float | None = None
    at_most: float | None = None

    def explain_violation(self, metrics: Mapping[str, float]) -> str:
        """How these metrics break the bounds; empty if they do not."""
        value = metrics.get(self.metric)
        if value is None:
            return f"it reported no {self.metric}, which is constrained"
        if self.at_least is not None and not value >= self.at_least:
            return f"{self.metric} is {value:g}, and must be at least {self.at_least:g}"
        if self.at_most is not None and not value <= self.at_most:
            return f"{self.metric} is {value:g}, and must be at most {self.at_most:g}"
        return ""


class TaskLimits(Table):
    seconds: float = 60.0
    cpu_seconds: float | None = None
    memory: str | int = "2G"
    processes: int = 0
    output: str | int = "1M"
    file_size: str | int = "64M"
    scratch: str | int = "256M"
    calls: int = 10_000_000

    def to_limits(self) -> Limits:
        return Limits(
            seconds=self.seconds,
            cpu_seconds=self.cpu_seconds,
            memory=_parse_bytes(self.memory),
            processes=self.processes,
            output=_parse_bytes(self.output),
            file_size=_parse_bytes(self.file_size),
            scratch=_parse_bytes(self.scratch),
            calls=self.calls,
        )


class Preset(Table):
    """Named settings (`--preset NAME`). `set` maps keys of any settings to values."""

    description: str = ""
    set: dict[str, Any] = Field(default_factory=dict)


class Origin(Table):
    """Where the files of a command task come from: folder, path in its repository, commit."""

    folder: str = ""
    prefix: str = ""
    commit: str = ""


class Member(Table):
    """One task of a family that shares a folder: its differences from the family.

    Its own starts are in `starts/MEMBER/NAME/`.
    """

    description: str | None = None
    objective: str | None = None
    documentation: str | None = None
    direction: Literal["higher", "lower"] | None = None
    failure_score: float | None = None
    score_covers: str | None = None
    feedback: list[Stage] | None = None
    starts: dict[str, Start] = Field(default_factory=dict)
    settings: dict[str, Setting] = Field(default_factory=dict)


class Task(Table):
    """A task folder's `task.toml`."""

    contract: Literal[1] = 1
    name: str = Field("", description="For bundled tasks, the name of the folder")
    description: str = ""
    objective: str = Field(description="What the model is told to achieve")
    documentation: str = Field(
        "", description="What the model is told about the interface, the observation, the actions"
    )
    direction: Literal["higher", "lower"] = "higher"
    failure_score: float = Field(description="Score of a rollout that the artifact made fail")
    best_possible: float | None = Field(
        None, description="Score that cannot be exceeded, if there is one"
    )
    effect: float | None = Field(
        None, description="Smallest gain that matters; the doctor checks that the gate can see it"
    )
    rule: str = Field("", description="Name of the scoring rule, shown with every score")
    measure: Literal["score", "time"] = Field(
        "score",
        description="time: the score is in seconds; rollouts do not overlap, versions take turns, "
        "and their ratio counts. A command that prints no number is timed itself",
    )
    deterministic: bool = Field(
        False, description="Repeats of an example give the same score and count once"
    )
    score_covers: str = Field(
        "", description="What the score covers, in words: the whole game, all questions"
    )
    preload: list[str] = Field(
        default_factory=list, description="Packages that are imported before a player starts"
    )
    hidden: list[str] = Field(
        default_factory=list,
        description="Folders of installed packages that players must not see, as PACKAGE/FOLDER, "
        "because they contain the answers",
    )
    command: str = Field(
        "",
        description="Instead of task.py: a shell command that prints a score, with {example}",
    )
    check: str = Field(
        "", description="With command: tests that must pass, or the score is invalid"
    )
    metric: str = Field(
        "", description="With command: regular expression whose first group is the score"
    )
    source: Source = Field(
        "any",
        description="With command: where the score comes from. any: a number it prints, "
        "else its exit code (0 scores 1, 1 scores 0)",
    )
    origin: Origin = Field(default_factory=Origin)
    agent: bool = Field(False, description="The artifact calls a model through llm(...)")
    demo: str = Field("", description="A recording beside task.toml for `genopt demo`")
    members: dict[str, Member] = Field(
        default_factory=dict, description="A family: tasks NAME/MEMBER; '*' takes any member"
    )
    member: str = Field("", description="Set by the loader; task.py finds it in settings['member']")
    artifact: ArtifactFiles = Field(default_factory=ArtifactFiles)
    starts: dict[str, Start]
    settings: dict[str, Setting] = Field(default_factory=dict)
    presets: dict[str, Preset] = Field(default_factory=dict)
    choices: dict[str, Any] = Field(
        default_factory=dict,
        description="Design choices this task starts with ('horizon.steps' = 400)",
    )
    limits: TaskLimits = Field(default_factory=TaskLimits)
    feedback: list[Stage] = Field(default_factory=list)
    constraints: list[Constraint] = Field(
        default_factory=list, description="Metrics beside the score that have bounds"
    )

    def resolve_settings(self, chosen: dict[str, Any]) -> dict[str, Any]:
        """All settings: those in `chosen` (the `task` table of the design choices), and defaults.

        Raises UsageError.
        """
        unknown = set(chosen) - set(self.settings) - {"name"}
        if unknown:
            raise UsageError(
                f"task.{min(unknown)}",
                "the task has no such setting",
                f"It has: {', '.join(self.settings) or 'none'}",
            )
        settings = {
            name: setting.check(name, chosen.get(name, setting.default))
            for name, setting in self.settings.items()
        }
        return {**settings, "member": self.member} if self.member else settings

    @property
    def fallback(self) -> Fallback:
        """What scores a command that prints no number."""
        if self.measure == "time":
            return "seconds"
        # If lower is better, a failing exit code would win.
        return "exit code" if self.direction == "higher" else ""

    def with_settings(self, chosen: Mapping[str, Any]) -> "Task":
        """The task with documentation and rule for these settings."""
        values = {
            name: chosen.get(name, setting.default) for name, setting in self.settings.items()
        }
        more = [
            text.strip()
            for name, s in self.settings.items()
            if (text := s.documentation.get(str(values[name]), ""))
        ]
        rule = self.format_rule({**values, "member": self.member})
        if not more and rule == self.rule:
            return self
        return self.model_copy(
            update={"documentation": "\n".join([self.documentation, *more]), "rule": rule}
        )

    def for_member(self, name: str) -> "Task":
        """This family's task for the member `name`."""
        own = self.members.get(name) or self.members["*"]
        fields = (
            "description",
            "objective",
            "documentation",
            "direction",
            "failure_score",
            "score_covers",
            "feedback",
        )
        overrides = {key: value for key in fields if (value := getattr(own, key)) is not None}
        merged = {
            "starts": {**self.starts, **own.starts},
            "settings": {**self.settings, **own.settings},
        }
        return self.model_copy(update={**overrides, **merged, "member": name})

    def format_rule(self, settings: Mapping[str, Any]) -> str:
        """The name of the scoring rule; `{NAME}` in `rule` stands for a setting."""
        return self.rule.format_map(settings)

    def describe_scoring(self, settings: Mapping[str, Any]) -> str:
        """The rule's name and the settings that differ from the task's; `self-reported` for
        commands."""
        own = {name: setting.default for name, setting in self.settings.items()}
        changed = ", ".join(
            f"{key}={value}" for key, value in settings.items() if own.get(key, value) != value
        )
        rule = (self.format_rule(settings) or "score") + (f" ({changed})" if changed else "")
        return f"{rule}; score: self-reported" if self.command else rule

    def choose_hint(self, mean: float, metrics: Mapping[str, float] = {}) -> str:
        """The hint for a batch with this mean score and these mean metrics.

        Stages are listed from best to worst.
        """
        for stage in self.feedback:
            value = metrics.get(stage.metric) if stage.metric else mean
            lower = not stage.metric and self.direction == "lower"
            if stage.at_least is None or (
                value is not None
                and (value <= stage.at_least if lower else value >= stage.at_least)
            ):
                return stage.text
        return ""


def _parse_bytes(size: str | int) -> int:
    value = parse_size(size)
    if not isinstance(value, int):
        raise UsageError(f"limits: '{size}' is not a size", advice="Write bytes, or 64k, 512M, 2G")
    return value
