"""Tasks whose score a command prints: writing their folders, and their examples.

A folder holds `task.toml` (command, check, metric), the edited files in `starts/given/`, the rest of the tree in `files/`
(large inputs as links to where they lie), and `examples.txt` with one example a line where there are examples.
"""

import json
import re
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from genopt_tui.errors import TaskError
from genopt_tui.task.printed import Source, is_time, source_of
from genopt_tui.task.rollout import Example, Split
from genopt_tui.task.scaffold import write_folder
from genopt_tui.task.splits import by_split

LINKED = 8 * 1024**2  # bytes from which an input is linked instead of copied
MOST_BYTES, MOST_FILES = 200 * 1024**2, 20_000  # of what is copied
LONGEST = 10_000  # characters of an example
FEWEST = 4  # examples that can be split
GATE = 20
REPEATS = 6  # of the one example of a command without examples: fewer cannot decide anything
RULES: dict[Source, str] = {
    "any": "the last number printed, or exit code 0",
    "number": "the last number printed",
    "exit code": "1 for exit code 0, 0 for exit code 1",
    "seconds": "the seconds that the command takes",
}
ODD = "a 'b\" c"  # an example that quotes would take apart
NAMED = 60  # files named in the documentation

TOML = """# Files and a command that prints a score. Written by genopt; yours to change. `genopt check` reads it.
description = {description}
objective = {objective}
documentation = {documentation}
command = {command}
{optional}direction = "{direction}"
source = "{source}"   # of the score: number, exit code (0 scores 1, 1 scores 0), seconds, or any
measure = "{measure}"   # time: versions are timed alternately, alone, and count by their ratio; score: as it is
failure_score = {failure}   # of a run that failed{checked}
rule = {rule}
score_covers = "one run of the command"

[starts.given]
description = "The files as they were given"
scope = {scope}     # what the model may edit

[origin]                   # where the files came from: a patch lands there
folder = {folder}
prefix = {prefix}
commit = {commit}

[choices]                  # design choices to begin with
"evidence.detail" = "trace"
"batch.size" = {batch}
"gate.examples" = {gate}
"gate.repeats" = {repeats}

[limits]
seconds = 300
processes = 64
"""


@dataclass(frozen=True)
class Files:
    """A user's tree: `edited` files with their text, the `rest` by path relative to `root`; the git `commit` and `prefix` of root."""

    root: Path
    edited: Mapping[str, str]
    rest: Sequence[str]
    scope: Sequence[str]
    commit: str = ""
    prefix: str = ""


@dataclass(frozen=True)
class Scoring:
    """How a version is scored. `command` may hold {example}; `metric` is a regular expression whose first group is the score.

    `source` says where the score comes from, once that is known; `timed` that it is a time.
    """

    command: str
    examples: Sequence[str] = ()
    check: str = ""
    metric: str = ""
    minimize: bool = False
    source: Source = "any"
    timed: bool = False

    def ensure(self) -> None:
        """Raises TaskError for what could never score."""
        if not self.command.strip():
            raise TaskError("--run is empty", advice="Give the command that prints the score")
        if "{example}" in self.command and not self.examples:
            raise TaskError("the command holds {example}", "no examples were given", "Give --examples FILE, one a line")
        if self.examples and "{example}" not in self.command:
            raise TaskError("the command does not say where the example goes", advice="Put {example} into it")
        if self.examples and not kept_whole(self.command):
            raise TaskError("the command has {example} between quotes", "it is quoted already", "Leave the quotes away")
        try:
            groups = re.compile(self.metric).groups
        except re.error as error:
            raise TaskError(f"--metric {self.metric}", f"it is no regular expression: {error}") from error
        if self.metric and not groups:
            raise TaskError(f"--metric {self.metric}", "it has no group", r"Put the number in one: 'time: ([0-9.]+)'")

    def as_tried(self, output: str, score: float) -> "Scoring":
        """The same, with the score from now on from where it came in a run that printed `output`.

        Where lower is better, what prints no number is timed, since failing would win by the exit code.
        """
        source = source_of(output, self.metric, score)
        if self.minimize and source == "exit code":
            return replace(self, source="seconds", timed=True)
        return replace(self, source=source, timed=self.minimize and is_time(output, self.metric))

    @property
    def counts(self) -> dict[Split, int]:
        """How many examples each split holds."""
        return {split: len(numbers) for split, numbers in dealt(self.examples or [""]).items()}

    @property
    def rule(self) -> str:
        """Where the score is taken from, in words."""
        found = f"what {self.metric} finds" if self.metric else RULES[self.source]
        return f"{found}{', where the check passes' if self.check else ''}"


def kept_whole(command: str) -> bool:
    """Whether an example reaches the program as one word, whatever is in it."""
    try:
        return any(ODD in word for word in shlex.split(command.replace("{example}", shlex.quote(ODD))))
    except ValueError:
        return False


def read_examples(file: Path) -> list[str]:
    """The lines of a file, without empty ones. Raises TaskError naming the line."""
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise TaskError(f"cannot read {file}", error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise TaskError(f"{file} is not UTF-8 text", str(error), "Save it as UTF-8") from error
    kept = [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()]
    for number, line in kept:
        if len(line) > LONGEST or not line.replace("\t", " ").isprintable():
            raise TaskError(f"{file}, line {number}", f"it is no line of up to {LONGEST} printable characters")
    if not kept:
        raise TaskError(f"{file} holds no examples", advice="Write one a line")
    return [line for _, line in kept]


def dealt(lines: Sequence[str]) -> dict[Split, list[int]]:
    """Numbers of the lines in each split: half train, a quarter gate, a quarter test; all in train and gate where they are few."""
    if len(lines) < FEWEST:
        return {"train": list(range(len(lines))), "gate": list(range(len(lines))), "test": []}
    return by_split([""] * len(lines), lines, 0)


def examples(folder: Path, split: Split) -> list[Example]:
    """The examples of a command task: lines of `examples.txt`, or the one example `run`."""
    file = folder / "examples.txt"
    if not file.exists():
        return [Example("run", "")] if split != "test" else []
    lines = read_examples(file)
    return [Example(f"ex-{number + 1}", lines[number]) for number in dealt(lines)[split]]


def command_task(folder: Path, files: Files, scoring: Scoring) -> None:
    """Write the folder of a command task. Raises TaskError and leaves nothing then."""
    scoring.ensure()
    texts = {f"starts/given/{name}": text for name, text in files.edited.items()}
    if scoring.examples:
        texts["examples.txt"] = "".join(f"{line}\n" for line in scoring.examples)
    write_folder(folder, {"task.toml": toml(files, scoring), **texts})
    try:
        copy_rest(files, folder / "files")
    except BaseException:
        shutil.rmtree(folder)
        raise


def toml(files: Files, scoring: Scoring) -> str:
    counts = scoring.counts
    word = "Lower" if scoring.minimize else "Raise"
    optional = {"check": scoring.check, "metric": scoring.metric}
    return TOML.format(
        description=quoted(f"{', '.join(list(files.edited)[:3])} of {files.root.name}, scored by a command"),
        objective=quoted(f"{word} the score that the command prints, on examples not shown here as well."),
        documentation=quoted(documentation(files, scoring)),
        command=quoted(scoring.command),
        optional="".join(f"{key} = {quoted(text)}\n" for key, text in optional.items() if text),
        direction="lower" if scoring.minimize else "higher",
        source=scoring.source,
        measure="time" if scoring.timed else "score",
        failure="1e9" if scoring.minimize else "0.0",
        checked=", or whose check did not pass" if scoring.check else "",
        rule=quoted(scoring.rule),
        scope=json.dumps(list(files.scope)),
        folder=quoted(str(files.root)),
        prefix=quoted(files.prefix),
        commit=quoted(files.commit),
        batch=min(3, counts["train"]),
        gate=min(GATE, counts["gate"]),
        repeats=1 if scoring.examples else REPEATS,
    )


def documentation(files: Files, scoring: Scoring) -> str:
    """What the model is told about how its files are run."""
    said = [f"A version is scored by running: {scoring.command}", f"The score is {scoring.rule}."]
    if scoring.check:
        said.append(f"First this must succeed, or the version has no score: {scoring.check}")
    if files.rest:
        named = [name for name in files.rest if name.isprintable()][:NAMED]
        more = f" and {len(files.rest) - len(named)} more" if len(files.rest) > len(named) else ""
        said.append(f"Files beside these, which stay as they are: {', '.join(named)}{more}.")
    return "\n".join(said)


def copy_rest(files: Files, to: Path) -> None:
    """Copy what is not edited; large files and linked folders become links to where they lie. Raises TaskError beyond the bounds."""
    sizes = {name: (files.root / name).stat().st_size for name in files.rest}
    copied = {name: size for name, size in sizes.items() if size < LINKED and not (files.root / name).is_dir()}
    if sum(copied.values()) > MOST_BYTES or len(copied) > MOST_FILES:
        raise TaskError(
            f"{files.root} is too large to copy",
            f"{len(copied)} files, {sum(copied.values()) >> 20} MB",
            "Name what is not needed in its .gitignore",
        )
    for name in sizes:
        target = to / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if name in copied:
            copy(files.root / name, target)
        else:
            target.symlink_to((files.root / name).resolve())


def copy(source: Path, target: Path) -> None:
    """A copy that its owner can read. Raises TaskError."""
    try:
        shutil.copy2(source, target)
        target.chmod(target.stat().st_mode | 0o600)
    except OSError as error:
        said = error.strerror or str(error)
        raise TaskError(f"cannot copy {source}", said, "Name what is not needed in .gitignore") from error


def quoted(text: str) -> str:
    """`text` as a TOML string: JSON's escapes are TOML's but for those of characters beyond its plane."""
    return json.dumps(text, ensure_ascii=False)
