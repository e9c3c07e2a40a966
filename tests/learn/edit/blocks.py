"""Writing an edit as blocks, to check that reading them gives back exactly that edit."""

from collections.abc import Mapping

from genopt_tui.learn.edit.diff import find_hunks
from genopt_tui.learn.edit.match import find_places
from genopt_tui.learn.text import NO_NEWLINE, longest_run, normalize_newlines, split_lines


def render(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    """An edit as SEARCH/REPLACE blocks that `read_reply` reads back as exactly this edit.

    A change of line ends alone cannot be written in this form.
    """
    out: list[str] = []
    for file in sorted({*old, *new}):
        if file not in new:
            out.append(f"DELETE FILE: {file}\n")
        elif file not in old:
            out.append(
                _format_block(
                    file,
                    [],
                    split_lines(normalize_newlines(new[file])),
                    literal=not new[file].endswith("\n"),
                )
            )
        elif old[file] != new[file]:
            out += _changed_blocks(
                file, normalize_newlines(old[file]), normalize_newlines(new[file])
            )
    return "\n".join(out)


def _changed_blocks(file: str, old: str, new: str) -> list[str]:
    """Blocks for a changed file; each SEARCH is widened until it stands at one place only."""
    lines, after = split_lines(old), split_lines(new)
    if not lines:
        return [_format_block(file, [], after, literal=not new.endswith("\n"))]
    bare = [line.rstrip("\n") for line in lines]
    out: list[str] = []
    spans: list[tuple[int, int, int, int]] = []
    for h in find_hunks({file: old}, {file: new}):
        a, c = max(h.old_start - 1, 0), max(h.new_start - 1, 0)
        span = (a, a + len(h.old_lines), c, c + len(h.new_lines))
        spans.append(_widen_span(bare, span, len(lines), len(after)))
    for a, b, c, d in _join_spans(spans):
        literal = (b == len(lines) or d == len(after)) and old.endswith("\n") != new.endswith("\n")
        out.append(_format_block(file, lines[a:b], after[c:d], literal=literal))
    return out


def _widen_span(
    lines: list[str], span: tuple[int, int, int, int], end_old: int, end_new: int
) -> tuple[int, int, int, int]:
    a, b, c, d = span
    while (a > 0 or b < end_old) and (
        len(find_places(lines, lines[a:b])) != 1 or not any(line.strip() for line in lines[a:b])
    ):
        if a > 0:
            a, c = a - 1, c - 1
        if b < end_old:
            b, d = b + 1, d + 1
    return a, b, c, d


def _join_spans(spans: list[tuple[int, int, int, int]]) -> list[tuple[int, int, int, int]]:
    joined: list[tuple[int, int, int, int]] = []
    for span in sorted(spans):
        if joined and span[0] < joined[-1][1]:
            a, b, c, d = joined.pop()
            joined.append((a, max(b, span[1]), c, max(d, span[3])))
        else:
            joined.append(span)
    return joined


def _format_block(file: str, search: list[str], replace: list[str], *, literal: bool) -> str:
    text = "".join([*search, "\n", *replace])
    size = max([6, *(longest_run(text, sign) for sign in "<=>")]) + 1

    def side(lines: list[str]) -> str:
        ended = not lines or lines[-1].endswith("\n")
        return "".join(lines) + ("" if ended else f"\n{NO_NEWLINE}\n" if literal else "\n")

    return f"{file}\n{'<' * size} SEARCH\n{side(search)}{'=' * size}\n{side(replace)}{'>' * size} REPLACE\n"
