"""Tasks whose score a command prints: their folders and examples.

A folder holds `task.toml` (command, check, metric), the edited files in `starts/given/`, the other
files in `files/` (large ones as links to the originals), and `examples.txt` with one example per
line if the command takes examples.
"""

import json
import re
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from genopt_tui.errors import TaskError
from genopt_tui.task.command_output import Source, detect_source, is_time
from genopt_tui.task.rollout import Example, Split
from genopt_tui.task.scaffold import write_folder
from genopt_tui.task.splits import group_by_split

LINK_BYTES = 8 * 1024**2  # files of this size and larger are linked instead of copied
MAX_COPY_BYTES, MAX_COPY_FILES = 200 * 1024**2, 20_000
MAX_EXAMPLE_CHARS = 10_000
MIN_SPLIT_EXAMPLES = 4  # fewer examples all serve as train and as gate
MAX_GATE_EXAMPLES = 20
# A command without examples has one, which the gate repeats: fewer repeats could decide nothing.
SINGLE_EXAMPLE_REPEATS = 6
SOURCE_RULES: dict[Source, str] = {
    "any": "the last number printed, or exit code 0",
    "number": "the last number printed",
    "exit code": "1 for exit code 0, 0 for exit code 1",
    "seconds": "the seconds that the command takes",
}
QUOTING_PROBE = "a 'b\" c"  # an example that breaks if the command quotes it again
MAX_LISTED_FILES = 60  # in the documentation

TOML_TEMPLATE = """# Files, and a command that scores them. Written by genopt; edit it as you like,
# then run `genopt check`.
description = {description}
objective = {objective}
documentation = {documentation}
command = {command}
{optional}direction = "{direction}"
# Where the score comes from: number (the last one printed), exit code (0 scores 1, 1 scores 0),
# seconds, or any (the number if one is printed, else the exit code):
source = "{source}"
# score, or time: runs do not overlap, versions take turns, and their ratio counts:
measure = "{measure}"
failure_score = {failure}   # the score of a run that fails{checked}
deterministic = {deterministic}   # true: every run gives the same score, so one is enough
rule = {rule}
score_covers = "one run of the command"

[starts.given]
description = "The files as you gave them"
scope = {scope}     # what the model may edit

[origin]                   # where the files come from; `genopt export --patch` fits there
folder = {folder}
prefix = {prefix}
commit = {commit}

[choices]                  # initial design choices
"evidence.detail" = "trace"
"batch.size" = {batch}
"gate.examples" = {gate}
"gate.repeats" = {repeats}

[limits]
seconds = 300
processes = 64
"""


@dataclass(frozen=True)
class UserFiles:
    """The user's files below `root`: `edited` maps paths to texts, `others` are paths.

    `commit` and `prefix` locate `root` in its git repository; empty if it is in none.
    """

    root: Path
    edited: Mapping[str, str]
    others: Sequence[str]
    scope: Sequence[str]
    commit: str = ""
    prefix: str = ""


@dataclass(frozen=True)
class CommandScoring:
    """How a command scores a version.

    `command` may contain {example}. `metric` is a regular expression whose first group is the
    score. `source` is "any" until a run has shown where the score comes from. `timed`: the score
    is a time. `deterministic`: every run gives the same score.
    """

    command: str
    examples: Sequence[str] = ()
    check: str = ""
    metric: str = ""
    minimize: bool = False
    source: Source = "any"
    timed: bool = False
    deterministic: bool = False

    def check_valid(self) -> None:
        """Raises TaskError if no run could give a score."""
        if not self.command.strip():
            raise TaskError("--run is empty", advice="Give the command that prints the score")
        if "{example}" in self.command and not self.examples:
            raise TaskError(
                "the command contains {example}",
                "there are no examples",
                "Give --examples FILE, with one example per line",
            )
        if self.examples and "{example}" not in self.command:
            raise TaskError("the command does not use the examples", advice="Put {example} into it")
        if self.examples and not is_example_unquoted(self.command):
            raise TaskError(
                "the command has {example} between quotes",
                "genopt quotes each example itself",
                "Remove the quotes",
            )
        if self.examples and not (self.split_sizes["train"] and self.split_sizes["gate"]):
            raise TaskError(
                "no examples are left for train or gate",
                "equal lines share a split",
                "Give more different examples",
            )
        try:
            groups = re.compile(self.metric).groups
        except re.error as error:
            raise TaskError(
                f"--metric {self.metric}", f"it is not a regular expression: {error}"
            ) from error
        if self.metric and not groups:
            raise TaskError(
                f"--metric {self.metric}",
                "it has no group",
                r"Put the number in one: 'time: ([0-9.]+)'",
            )

    def with_observed_source(self, output: str, score: float) -> "CommandScoring":
        """This scoring, with the source of the score observed in a run that printed `output`.

        If lower is better and no number is printed, the run is timed: by the exit code, failing
        would win.
        """
        source = detect_source(output, self.metric, score)
        if self.minimize and source == "exit code":
            return replace(self, source="seconds", timed=True)
        return replace(self, source=source, timed=self.minimize and is_time(output, self.metric))

    @property
    def split_sizes(self) -> dict[Split, int]:
        """The number of examples in each split."""
        return {
            split: len(numbers) for split, numbers in split_examples(self.examples or [""]).items()
        }

    @property
    def rule(self) -> str:
        """Where the score comes from, in words."""
        source = f"the match of {self.metric}" if self.metric else SOURCE_RULES[self.source]
        return f"{source}{', if the check passes' if self.check else ''}"


def is_example_unquoted(command: str) -> bool:
    """Whether any example reaches the program as a single argument."""
    try:
        return any(
            QUOTING_PROBE in word
            for word in shlex.split(command.replace("{example}", shlex.quote(QUOTING_PROBE)))
        )
    except ValueError:
        return False


def read_examples(file: Path) -> list[str]:
    """The non-empty lines of a file. Raises TaskError naming the line."""
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise TaskError(f"cannot read {file}", error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise TaskError(f"{file} is not UTF-8 text", str(error), "Save it as UTF-8") from error
    kept = [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()]
    for number, line in kept:
        if len(line) > MAX_EXAMPLE_CHARS or not line.replace("\t", " ").isprintable():
            raise TaskError(
                f"{file}, line {number}",
                f"an example has at most {MAX_EXAMPLE_CHARS} characters, all printable",
            )
    if not kept:
        raise TaskError(f"{file} contains no examples", advice="Write one per line")
    return [line for _, line in kept]


def split_examples(lines: Sequence[str]) -> dict[Split, list[int]]:
    """Indices of the lines in each split: half train, a quarter gate, a quarter test.

    Fewer than MIN_SPLIT_EXAMPLES are all in both train and gate.
    """
    if len(lines) < MIN_SPLIT_EXAMPLES:
        return {"train": list(range(len(lines))), "gate": list(range(len(lines))), "test": []}
    return group_by_split([""] * len(lines), lines, 0)


def load_examples(folder: Path, split: Split) -> list[Example]:
    """The examples of a command task: lines of `examples.txt`, or a single example `run`."""
    file = folder / "examples.txt"
    if not file.exists():
        return [Example("run", "")] if split != "test" else []
    lines = read_examples(file)
    return [Example(f"ex-{number + 1}", lines[number]) for number in split_examples(lines)[split]]


def write_command_task(folder: Path, files: UserFiles, scoring: CommandScoring) -> None:
    """Write the folder of a command task. Raises TaskError and then leaves no folder."""
    scoring.check_valid()
    texts = {f"starts/given/{name}": text for name, text in files.edited.items()}
    if scoring.examples:
        texts["examples.txt"] = "".join(f"{line}\n" for line in scoring.examples)
    write_folder(folder, {"task.toml": format_toml(files, scoring), **texts})
    try:
        copy_other_files(files, folder / "files")
    except BaseException:
        shutil.rmtree(folder)
        raise


def format_toml(files: UserFiles, scoring: CommandScoring) -> str:
    counts = scoring.split_sizes
    word = "Lower" if scoring.minimize else "Raise"
    optional = {"check": scoring.check, "metric": scoring.metric}
    return TOML_TEMPLATE.format(
        description=quote_toml(
            f"{', '.join(list(files.edited)[:3])} of {files.root.name}, scored by a command"
        ),
        objective=quote_toml(
            f"{word} the score that the command prints, on examples not shown here as well."
        ),
        documentation=quote_toml(format_documentation(files, scoring)),
        command=quote_toml(scoring.command),
        optional="".join(f"{key} = {quote_toml(text)}\n" for key, text in optional.items() if text),
        direction="lower" if scoring.minimize else "higher",
        source=scoring.source,
        measure="time" if scoring.timed else "score",
        failure="1e9" if scoring.minimize else "0.0",
        checked=", or whose check fails" if scoring.check else "",
        deterministic=str(scoring.deterministic).lower(),
        rule=quote_toml(scoring.rule),
        scope=json.dumps(list(files.scope)),
        folder=quote_toml(str(files.root)),
        prefix=quote_toml(files.prefix),
        commit=quote_toml(files.commit),
        batch=min(3, counts["train"]),
        gate=min(MAX_GATE_EXAMPLES, counts["gate"]),
        repeats=1 if scoring.examples or scoring.deterministic else SINGLE_EXAMPLE_REPEATS,
    )


def format_documentation(files: UserFiles, scoring: CommandScoring) -> str:
    """What the model is told about how its files are run."""
    lines = [f"A version is scored by running: {scoring.command}", f"The score is {scoring.rule}."]
    if scoring.check:
        lines.append(f"First this must succeed, or the version has no score: {scoring.check}")
    if files.others:
        named = [name for name in files.others if name.isprintable()][:MAX_LISTED_FILES]
        more = (
            f" and {len(files.others) - len(named)} more" if len(files.others) > len(named) else ""
        )
        lines.append(f"Files beside these, which stay as they are: {', '.join(named)}{more}.")
    return "\n".join(lines)


def copy_other_files(files: UserFiles, to: Path) -> None:
    """Copy the files that are not edited; link large files and linked folders.

    Raises TaskError if there is too much to copy.
    """
    sizes = {name: (files.root / name).stat().st_size for name in files.others}
    copied = {
        name: size
        for name, size in sizes.items()
        if size < LINK_BYTES and not (files.root / name).is_dir()
    }
    if sum(copied.values()) > MAX_COPY_BYTES or len(copied) > MAX_COPY_FILES:
        raise TaskError(
            f"{files.root} is too large to copy",
            f"{len(copied)} files, {sum(copied.values()) >> 20} MB",
            "List what is not needed in its .gitignore",
        )
    for name in sizes:
        target = to / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if name in copied:
            copy_file(files.root / name, target)
        else:
            target.symlink_to((files.root / name).resolve())


def copy_file(source: Path, target: Path) -> None:
    """Copy a file so that its owner can read and write it. Raises TaskError."""
    try:
        shutil.copy2(source, target)
        target.chmod(target.stat().st_mode | 0o600)
    except OSError as error:
        raise TaskError(
            f"cannot copy {source}",
            error.strerror or str(error),
            "List it in .gitignore if it is not needed",
        ) from error


def quote_toml(text: str) -> str:
    """`text` as a TOML string.

    JSON escapes are valid in TOML, except surrogate pairs, which ensure_ascii=False avoids.
    """
    return json.dumps(text, ensure_ascii=False)
