"""Prompts with labelled cases: read cases, fill in prompts, find and compare answers.

Tasks made by `genopt new --prompt` use these functions; your own tasks may, too.
"""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from genopt_tui.errors import TaskError
from genopt_tui.task.rollout import Split
from genopt_tui.task.splits import group_by_split

Match = Literal["exact", "contains", "number", "choice"]
Case = dict[str, str]
MIN_CASES = 8  # different ones, to have some in each split
PLACEHOLDER = re.compile(r"\{([^{}\n]+)\}")
NUMBER = re.compile(r"[-+]?(?:\d[\d,]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
ANSWER_MARKER = re.compile(r"answer\s*(?:is)?\s*:", re.IGNORECASE)
MATCH_DESCRIPTIONS = {
    "exact": "the text after the last 'Answer:' (or the last line) must equal the expected answer",
    "contains": "the expected answer must occur in the reply, whatever the case",
    "number": "the last number of the reply must equal the expected one",
    "choice": "the last of the known answers that occurs in the reply must be the expected one",
}


def read_cases(file: Path) -> list[Case]:
    """Rows of a .csv or .jsonl file as text by column. Raises TaskError naming the line."""
    reader = READERS.get(file.suffix.lower())
    if reader is None:
        raise TaskError(f"{file} is neither .csv nor .jsonl", advice="Save it as one of them")
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise TaskError(f"cannot read {file}", error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise TaskError(f"{file} is not UTF-8 text", str(error), "Save it as UTF-8") from error
    rows = reader(file, text)
    if not rows:
        raise TaskError(f"{file} contains no cases")
    return rows


def _read_csv(file: Path, text: str) -> list[Case]:
    """Read a table whose separator is a comma, a semicolon or a tab.

    The most frequent of them in the first line is the separator.
    """
    first = text.partition("\n")[0]
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count))
    try:
        columns = [name.strip() for name in next(reader, [])]
        if twice := next((name for name in columns if name and columns.count(name) > 1), None):
            raise TaskError(f"{file} has two columns '{twice}'", advice="Rename one of them")
        rows = []
        for row in filter(None, reader):
            if len(row) != len(columns):
                where, why = (
                    f"{file}, line {reader.line_num}",
                    f"{len(row)} values for {len(columns)} columns",
                )
                raise TaskError(where, why, "Quote values that hold commas, and close every quote")
            rows.append(dict(zip(columns, row, strict=True)))
    except csv.Error as error:
        raise TaskError(
            f"{file}, line {reader.line_num}", str(error), "Is a quote not closed?"
        ) from error
    return rows


def _read_jsonl(file: Path, text: str) -> list[Case]:
    rows = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        where = f"{file}, line {number}"
        try:
            row = json.loads(line, parse_constant=_reject_constant)
        except (ValueError, RecursionError) as error:
            raise TaskError(where, f"it is not JSON ({getattr(error, 'msg', error)})") from error
        if not isinstance(row, dict):
            raise TaskError(
                where, "it is not a JSON object", 'Write {"question": "...", "answer": "..."}'
            )
        rows.append({key: _format_cell(value) for key, value in row.items()})
    return rows


def _reject_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")


def _format_cell(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


READERS = {".csv": _read_csv, ".jsonl": _read_jsonl}


def check_cases(rows: Sequence[Case], answer: str, prompt: str) -> None:
    """Raises TaskError if a column is missing, an answer is empty, or all answers are equal."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    for column, wanted in [
        (answer, f"the answer column '{answer}'"),
        *((p, f"the prompt's {{{p}}}") for p in placeholders(prompt)),
    ]:
        missing = next((number for number, row in enumerate(rows, 1) if column not in row), None)
        if missing is not None:
            close = get_close_matches(column, columns, 1, 0.4)
            advice = (
                f"Did you mean {close[0]}?"
                if close and column not in columns
                else f"Columns: {', '.join(columns)}"
            )
            raise TaskError(f"case {missing} has no value for {wanted}", advice=advice)
    if not placeholders(prompt):
        raise TaskError(
            "the prompt names no column",
            advice="Put {" + next(c for c in columns if c != answer) + "} where the case goes",
        )
    if answer in placeholders(prompt):
        raise TaskError(
            f"the prompt holds {{{answer}}}",
            "it would give the answer away",
            "Remove it from the prompt",
        )
    if empty := next(
        (number for number, row in enumerate(rows, 1) if not row[answer].strip()), None
    ):
        raise TaskError(f"case {empty} has an empty answer", advice="Fill it in or remove the case")
    different = len({tuple(sorted(inputs(row, answer).items())) for row in rows})
    if different < MIN_CASES:
        said = (
            f"{len(rows)} cases"
            if different == len(rows)
            else f"{different} different cases among {len(rows)}"
        )
        raise TaskError(
            f"{said} are too few to split",
            advice=f"Give at least {MIN_CASES}; 40 and more make differences visible",
        )
    if len({row[answer].strip() for row in rows}) == 1:
        raise TaskError(
            f"every case has the answer '{rows[0][answer].strip()}'",
            "a constant would be perfect",
            "Add cases with other answers",
        )


def check_match(rows: Sequence[Case], answer: str, match: Match) -> None:
    """Raises TaskError if the rule `match` could never find an expected answer."""
    if match != "number":
        return
    if odd := next(
        (n for n, row in enumerate(rows, 1) if not NUMBER.fullmatch(row[answer].strip())), None
    ):
        said = rows[odd - 1][answer].strip()
        raise TaskError(
            f"case {odd} has the answer {said[:40]!r}",
            "it is not a number",
            "Choose another --match",
        )


def inputs(row: Mapping[str, str], answer: str) -> Case:
    """The part of a case that the artifact may see: all columns but the answer."""
    return {column: value for column, value in row.items() if column != answer}


def split_cases(
    rows: Sequence[Case], answer: str, settings: Mapping[str, Any]
) -> dict[Split, list[int]]:
    """Indices of the cases in each split, in a seeded order.

    Splits are balanced by answer; identical cases share a split. `settings` holds `split_seed` and
    the shares `train` and `gate`; the test split gets the rest.
    """
    keys = [tuple(sorted(inputs(row, answer).items())) for row in rows]
    labels = [row[answer].strip() for row in rows]
    return group_by_split(labels, keys, settings["split_seed"], settings["train"], settings["gate"])


def placeholders(prompt: str) -> list[str]:
    """The columns that the prompt uses as `{column}`, in order."""
    return list(dict.fromkeys(name.strip() for name in PLACEHOLDER.findall(prompt)))


def fill(prompt: str, row: Mapping[str, str]) -> str:
    """The prompt with the case's values for `{column}`; other braces stay."""
    return PLACEHOLDER.sub(lambda found: row.get(found[1].strip(), found[0]), prompt)


def guess_match(answers: Sequence[str]) -> Match:
    """`number` if all answers are numbers, `choice` if a few answers recur, else `exact`."""
    if all(NUMBER.fullmatch(answer.strip()) for answer in answers):
        return "number"
    counts = Counter(answer.strip() for answer in answers)
    return "choice" if len(counts) <= 20 and min(counts.values()) >= 2 else "exact"


def answer_of(reply: str, match: Match, known: Collection[str] = ()) -> str:
    """The answer in a reply; empty if there is none. `known` are the possible answers of
    `choice`."""
    marked = list(ANSWER_MARKER.finditer(reply))
    tail = reply[marked[-1].end() :] if marked else reply
    if match == "contains":
        return reply.strip()
    if match == "number":
        found = NUMBER.findall(tail) or NUMBER.findall(reply)
        return found[-1] if found else ""
    if match == "choice":
        return _find_last_known(tail, known) or _find_last_known(reply, known)
    lines = [line.strip() for line in tail.splitlines() if line.strip()]
    return (lines[0] if marked else lines[-1]) if lines else ""


def is_right(answer: str, expected: str, match: Match) -> bool:
    """Whether `answer` equals `expected` under the rule `match`."""
    if match == "contains":
        return expected.strip().casefold() in answer.casefold()
    if match == "number":
        return _parse_number(answer) is not None and _parse_number(answer) == _parse_number(
            expected
        )
    if match == "choice":
        return answer.casefold() == expected.strip().casefold()
    return answer.strip() == expected.strip()


def _find_last_known(text: str, known: Collection[str]) -> str:
    """The known answer that occurs last as a whole word; of two that end together, the longer."""
    best, where = "", (-1, 0)
    for candidate in known:
        pattern = r"(?<!\w)" + re.escape(candidate.strip()) + r"(?!\w)"
        for found in re.finditer(pattern, text, re.IGNORECASE):
            if (found.end(), len(candidate)) > where:
                best, where = candidate.strip(), (found.end(), len(candidate))
    return best


def _parse_number(text: str) -> float | None:
    try:
        return float(text.strip().replace(",", ""))
    except ValueError:
        return None
