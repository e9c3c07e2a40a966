"""Design choices, which are part of a session's history; session settings and user settings,
which are not."""

import json
import os
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from genopt_tui.errors import UsageError
from genopt_tui.folders import replace_text, settings_file, user_file


def _split_list(value: object) -> object:
    return (
        [part.strip() for part in value.split(",") if part.strip()]
        if isinstance(value, str)
        else value
    )


Model = TypeVar("Model", bound=BaseModel)
StringList = Annotated[list[str], BeforeValidator(_split_list)]


class Section(BaseModel):
    """A table of settings. Unknown keys are refused; values are checked on assignment."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True, defer_build=True)


class Horizon(Section):
    kind: Annotated[
        str, Field(pattern=r"^(all|first|last|around-reward|around-error|python:.+:.+)$")
    ] = Field(
        "all",
        description="Which steps of a trace become evidence: all, first, last, around-reward, "
        "around-error, python:FILE:FUNCTION",
    )
    steps: int = Field(
        400, ge=1, description="How many steps (around-*: on each side) the horizon keeps"
    )


class Batch(Section):
    size: int = Field(3, ge=1, description="How many rollouts are shown together in one update")
    sampling: Literal["shuffled", "worst", "mixed", "pinned"] = Field(
        "shuffled", description="How train examples are chosen"
    )


class EvidenceChoice(Section):
    detail: Literal["score", "feedback", "trace", "calls"] = Field(
        "calls", description="What the model sees of a rollout; each includes the ones before it"
    )
    context: int = Field(
        64_000,
        ge=1000,
        description="Tokens a prompt may take; what does not fit is cut by a stated rule",
    )


class Memory(Section):
    size: int = Field(5, ge=0, description="How many earlier attempts the model is shown")
    order: Literal["recent", "best"] = Field("recent", description="Which attempts come first")
    scope: Literal["line", "session"] = Field(
        "line", description="Attempts on the way to head, or all of the session"
    )


class Gate(Section):
    rule: Literal["better", "always"] = Field(
        "better", description="When a proposal counts as an improvement"
    )
    examples: int = Field(10, ge=1, description="How many gate examples a proposal is scored on")
    repeats: int = Field(1, ge=1, description="Rollouts of each gate example")
    confidence: float = Field(
        0.95, gt=0.5, lt=1, description="Confidence at which `better` and `worse` are said"
    )
    most: int = Field(
        40,
        ge=1,
        description="Most pairs of rollouts an undecided, promising gate grows to; fixed where "
        "no more than it begins with",
    )

    @model_validator(mode="before")
    @classmethod
    def _ignore_looks(cls, data: Any) -> Any:
        """Files of earlier versions hold `gate.looks`, which `gate.most` replaced."""
        if isinstance(data, Mapping):
            return {key: value for key, value in data.items() if key != "looks"}
        return data

    def selects_as(self, recorded: Mapping[str, Any]) -> bool:
        """Whether a recorded gate began with the same examples and repeats."""
        return (self.examples, self.repeats) == (recorded.get("examples"), recorded.get("repeats"))


class FeedbackChoice(Section):
    detail: Literal["score", "full", "staged"] = Field(
        "staged", description="Bare score; + the task's feedback; + the staged hint"
    )


class DesignChoices(Section):
    """What shapes learning. Stored as `genopt.toml` in each version's tree.

    `task` holds the task's `name` and its own settings (`task.sticky`, ...).
    """

    task: dict[str, Any] = Field(
        default_factory=dict, description="The task's name and its own settings"
    )
    start: str = Field("", description="Name of the starting artifact")
    scope: StringList = Field(
        default_factory=list, description="What may be edited: FILE, FILE:FUNCTION, FILE:#REGION"
    )
    horizon: Horizon = Field(default_factory=Horizon)
    batch: Batch = Field(default_factory=Batch)
    evidence: EvidenceChoice = Field(default_factory=EvidenceChoice)
    memory: Memory = Field(default_factory=Memory)
    candidates: int = Field(1, ge=1, le=16, description="Proposals asked for in one step")
    gate: Gate = Field(default_factory=Gate)
    crash: Literal["counts", "free", "zero"] = Field(
        "counts",
        description="A step whose rollouts all crash: counts, or is free; "
        "zero: a crash counts as score 0",
    )
    rollback: bool = Field(
        False, description="Go back to the best version after five steps below 80 % of it"
    )
    feedback: FeedbackChoice = Field(default_factory=FeedbackChoice)
    select: Literal["best", "last"] = Field(
        "best", description="Which version is reported at the end"
    )
    exclude: dict[str, str] = Field(
        default_factory=dict,
        description="Examples left out from now on, with the reason (exclude.EXAMPLE=REASON)",
    )


class ModelBudget(Section):
    cost: float | None = Field(None, ge=0, description="US dollars")
    tokens: int | None = Field(None, ge=0, description="Tokens, sent and received")
    calls: int | None = Field(None, ge=0, description="Calls of this model")


class Budget(Section):
    """What a session may spend: both models together, and each of them."""

    steps: int | None = Field(None, ge=0, description="Updates, whatever became of them")
    cost: float | None = Field(None, ge=0, description="US dollars")
    tokens: int | None = Field(None, ge=0, description="Tokens, sent and received")
    calls: int | None = Field(
        None, ge=0, description="Model calls, optimizer and agent model together"
    )
    minutes: float | None = Field(None, ge=0, description="Minutes in which the loop ran")
    patience: int | None = Field(None, ge=1, description="Steps without a better best")
    optimizer: ModelBudget = Field(
        default_factory=ModelBudget, description="The part of the model that proposes"
    )
    agent: ModelBudget = Field(
        default_factory=ModelBudget, description="The part of the model that artifacts call"
    )

    def limits(self) -> dict[str, float]:
        """The limits that are set, by key: `steps`, `cost`, `agent.calls`."""
        own = {key: value for key, value in self if not isinstance(value, ModelBudget)}
        shares = {
            f"{key}.{part}": amount
            for key, share in self
            if isinstance(share, ModelBudget)
            for part, amount in share
        }
        return {key: value for key, value in (own | shares).items() if value is not None}


class Sandbox(Section):
    kind: Literal["auto", "none"] = Field(
        "auto", description="auto: the strongest there is; none: no isolation"
    )
    read: StringList = Field(default_factory=list, description="Further paths a player may read")
    network: bool = Field(False, description="Whether a player may use the network")
    env: StringList = Field(
        default_factory=list, description="Environment variables that a player sees"
    )


class LimitSettings(Section):
    """Overrides of the task's limits; None keeps the task's. Memory and output take 512M, 2G."""

    seconds: float | None = Field(
        None, gt=0, description="Seconds that a rollout may take; not set: the task's limit"
    )
    memory: Annotated[int | None, BeforeValidator(lambda v: parse_size(v))] = Field(
        None, description="Memory of a player, as in 512M or 2G; not set: the task's limit"
    )
    processes: int | None = Field(
        None, ge=0, description="Programs that it may start; not set: the task's limit"
    )
    output: Annotated[int | None, BeforeValidator(lambda v: parse_size(v))] = Field(
        None, description="What it may print, as in 1M; not set: the task's limit"
    )


class Retry(Section):
    tries: int = Field(12, ge=1, description="Requests for one reply before the run pauses")
    base: float = Field(
        1.0, ge=0, description="Seconds before the first retry; doubles, with jitter"
    )
    cap: float = Field(60.0, ge=0, description="Longest wait in seconds")
    timeout: float = Field(600.0, gt=0, description="Seconds for one request")


class Llm(Section):
    concurrency: int = Field(8, ge=1, description="Agent-model calls at once")


class SessionSettings(Section):
    """Settings of one session outside its history.

    Rewind does not change them. They are in the user's folder, never in the session.
    """

    mode: Literal["step", "ask", "auto"] = Field(
        "ask", description="Who decides: a person (step, ask) or the gate (auto)"
    )
    model: str = Field(
        "", description="Who proposes: a litellm model, command:..., manual, search, replay:FILE"
    )
    agent_model: str = Field("", description="Who answers llm(...) of artifacts")
    temperature: float | None = Field(
        None,
        ge=0,
        description="Of the model that proposes; not set: the model's own",
    )
    seed: int = Field(0, description="From which batches, rollouts and search are drawn")
    workers: int = Field(
        default_factory=lambda: os.cpu_count() or 1, ge=1, description="Rollouts at once"
    )
    executor: Literal["local"] = Field("local", description="Where rollouts run: on this machine")
    api_base: str = Field("", description="Address of a compatible model server")
    params: dict[str, Any] = Field(
        default_factory=dict, description="Further litellm parameters (params.max_tokens=4096)"
    )
    record: str = Field("", description="File to which replies are recorded")
    sandbox: Sandbox = Field(default_factory=Sandbox)
    limits: LimitSettings = Field(default_factory=LimitSettings)
    budget: Budget = Field(default_factory=Budget)
    retry: Retry = Field(default_factory=Retry)
    llm: Llm = Field(default_factory=Llm)

    @classmethod
    def load(cls, session: Path) -> Self:
        """The user's defaults, overridden by the settings of `session`. Raises UsageError."""
        own = settings_file(session)
        data = _read_user_defaults()
        if own.exists():
            data = _merge(data, read_toml(own))
        return validate_settings(cls, data, str(own))

    @classmethod
    def from_user_defaults(cls) -> Self:
        """The user's defaults for new sessions. Raises UsageError naming file and key."""
        return validate_settings(
            cls, _read_user_defaults(), f"{user_file('settings.toml')}: [session]"
        )

    def save(self, session: Path) -> None:
        write_toml(settings_file(session), self.model_dump(exclude_none=True))


class Interface(Section):
    """How the application behaves for this user, whatever session is open."""

    theme: str = Field("", description="Theme at the start; empty: the one worn last")
    bell: bool = Field(True, description="Ring when a decision is wanted or a run is over")
    notify: bool = Field(True, description="Tell the desktop through the terminal (OSC 9 and 777)")
    title: bool = Field(True, description="Say in the terminal's title what is wanted")
    on_decision: str = Field(
        "", description="Shell command when a decision is wanted; sees GENOPT_SESSION, GENOPT_STEP"
    )
    on_finish: str = Field(
        "", description="Shell command when a run is over; sees GENOPT_SESSION, GENOPT_REASON"
    )


class UserSettings(Section):
    """The user's `settings.toml`: interface, keys by action id, defaults of new sessions."""

    interface: Interface = Field(default_factory=Interface)
    keys: dict[str, str] = Field(
        default_factory=dict, description="Action id to keys, as in approve = 'y'"
    )
    session: dict[str, Any] = Field(default_factory=dict)

    @classmethod
    def load(cls) -> Self:
        """The user's settings, or the defaults. Raises UsageError naming file and key."""
        file = user_file("settings.toml")
        return validate_settings(cls, read_toml(file), str(file)) if file.exists() else cls()


def _read_user_defaults() -> dict[str, Any]:
    """The table `session` of the user's settings, with short forms expanded."""
    file = user_file("settings.toml")
    return _expand_aliases(read_toml(file).get("session", {})) if file.exists() else {}


ALIASES = {
    "memory": "memory.size",
    "sandbox": "sandbox.kind",
    "feedback": "feedback.detail",
    "horizon": "horizon.kind",
}


def assign(
    choices: DesignChoices,
    settings: SessionSettings,
    pairs: Iterable[str],
    task_settings: Mapping[str, Any] = {},
) -> None:
    """Apply `KEY=VALUE` pairs to the model that has the key; the task's setting `NAME` may be
    written without `task.`.

    Raises UsageError, suggesting the nearest key, and then changes nothing.
    """
    new_choices, new_settings = choices.model_dump(), settings.model_dump()
    for pair in pairs:
        key, equals, value = split_pair(pair)
        if not equals:
            raise UsageError(
                f"'{pair}' is not KEY=VALUE", advice="For example --set horizon.steps=100"
            )
        key = key.strip()
        if key in task_settings:
            key = f"task.{key}"
        key = ALIASES.get(key, key)
        if key.startswith("task."):
            _assign_task_setting(new_choices, key, value, task_settings)
        elif key.startswith("exclude."):
            new_choices["exclude"].pop(key.removeprefix("exclude."), None)
            new_choices["exclude"] |= {key.removeprefix("exclude."): value} if value else {}
        elif key.startswith("params."):
            new_settings["params"][key.removeprefix("params.")] = _parse_scalar(value)
        elif key in list_setting_keys(DesignChoices):
            _set_key(new_choices, key, value)
        elif key in list_setting_keys(SessionSettings):
            if key == "agent_model":
                check_agent_model(value.strip())
            _set_key(new_settings, key, value)
        else:
            raise UsageError(f"no setting '{key}'", advice=_suggest_key(key, task_settings))
    _copy_fields(choices, validate_settings(DesignChoices, new_choices, "--set"))
    _copy_fields(settings, validate_settings(SessionSettings, new_settings, "--set"))


def check_agent_model(name: str) -> None:
    """Raises UsageError for a proposer that cannot answer the artifact's `llm(...)`."""
    if name in {"manual", "search"}:
        raise UsageError(
            f"agent_model={name}",
            "it cannot answer the artifact's llm(...)",
            "Name a model or command:PROGRAM",
        )


def split_pair(pair: str) -> tuple[str, str, str]:
    """(key, "=", value) of KEY=VALUE, or (pair, "", ""); the last part of a key may be quoted as in
    TOML (exclude."n=100"=REASON)."""
    before, quote, rest = pair.partition('."')
    if quote and "=" not in before:
        try:
            name, end = json.JSONDecoder().raw_decode(f'"{rest}')
        except ValueError:
            return pair.partition("=")
        if rest[end - 1 : end] == "=":
            return f"{before}.{name}", "=", rest[end:]
    return pair.partition("=")


def format_exclusion(example: str, reason: str) -> str:
    """The KEY=VALUE that excludes an example ("" as the reason takes it in again)."""
    plain = "=" not in example and not example.startswith('"')
    return f"exclude.{example if plain else json.dumps(example)}={reason}"


def list_setting_keys(model: type[BaseModel], prefix: str = "") -> list[str]:
    """All dotted keys of a settings model."""
    keys: list[str] = []
    for name, info in model.model_fields.items():
        kind = info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            keys += list_setting_keys(kind, f"{prefix}{name}.")
        else:
            keys.append(prefix + name)
    return keys


def validate_settings(model: type[Model], data: Mapping[str, Any], source: str) -> Model:
    """`data` as a `model`. Raises UsageError naming the key."""
    try:
        return model.model_validate(_expand_aliases(data))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise UsageError(
            f"{source}: {key or 'settings'}",
            first["msg"],
            _suggest_key(key, {}) if first["type"] == "extra_forbidden" else "",
        ) from error


def _expand_aliases(data: Mapping[str, Any]) -> dict[str, Any]:
    """`data` with short forms expanded: `sandbox = "none"` sets `sandbox.kind`."""
    short = {table: key.rpartition(".")[2] for table, key in ALIASES.items()}
    return {
        k: {short[k]: v} if k in short and not isinstance(v, Mapping) else v
        for k, v in data.items()
    }


def read_toml(path: Path) -> dict[str, Any]:
    """The TOML file at `path`. Raises UsageError with line and column."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read {path}", error.strerror or str(error)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not valid TOML", str(error)) from error


def write_toml(path: Path, data: Mapping[str, Any]) -> None:
    """Write `data` to `path` in whole or not at all."""
    import tomli_w

    replace_text(path, tomli_w.dumps(dict(data)))


def to_toml(choices: DesignChoices) -> str:
    """The text of `genopt.toml` for these choices."""
    import tomli_w

    return tomli_w.dumps(
        choices.model_dump(exclude_none=True, exclude=set() if choices.exclude else {"exclude"})
    )


def from_toml(text: str) -> DesignChoices:
    """The design choices in a `genopt.toml`. Raises UsageError."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError("genopt.toml is not valid TOML", str(error)) from error
    return validate_settings(DesignChoices, data, "genopt.toml")


def parse_size(value: object) -> object:
    """'512M', '2G', '64k' as bytes; anything else unchanged."""
    if isinstance(value, str) and value.strip():
        units = {"k": 1024, "m": 1024**2, "g": 1024**3}
        number, unit = value.strip().rstrip("bB"), value.strip().rstrip("bB")[-1:].lower()
        if unit in units:
            return int(float(number[:-1]) * units[unit])
    return value


def _parse_scalar(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _assign_task_setting(
    choices: dict[str, Any], key: str, value: str, task_settings: Mapping[str, Any]
) -> None:
    name = key.removeprefix("task.")
    if task_settings and name not in task_settings:
        close = get_close_matches(name, task_settings, 1) or sorted(task_settings)
        raise UsageError(
            f"the task has no setting '{name}'", advice=f"Did you mean task.{close[0]}?"
        )
    choices["task"][name] = _parse_scalar(value)


def _set_key(data: dict[str, Any], key: str, value: str) -> None:
    *path, last = key.split(".")
    for part in path:
        data = data[part]
    data[last] = None if value == "" and last != "record" else value


def _copy_fields(target: BaseModel, source: BaseModel) -> None:
    for name in type(target).model_fields:
        setattr(target, name, getattr(source, name))


def _suggest_key(key: str, task_settings: Mapping[str, Any]) -> str:
    known = (
        list_setting_keys(DesignChoices)
        + list_setting_keys(SessionSettings)
        + [f"task.{name}" for name in task_settings]
    )
    close = get_close_matches(key, known, 1, 0.4)
    return f"Did you mean {close[0]}?" if close else "'genopt check' and the d screen list them all"


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        merged[key] = (
            _merge(merged[key], value)
            if isinstance(value, dict) and isinstance(merged.get(key), dict)
            else value
        )
    return merged
