"""The prompt, section by section, from Jinja2 templates that a task or a session may override."""

import re
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from genopt_tui.config import DesignChoices
from genopt_tui.errors import UsageError
from genopt_tui.learn import memory as memories
from genopt_tui.learn.edit.edit import build_repair_prompt
from genopt_tui.learn.edit.refusal import Refusal
from genopt_tui.learn.evidence import Evidence, PersonChoices, RolloutView, build_evidence
from genopt_tui.learn.horizon import Chooser
from genopt_tui.learn.scope import Scope
from genopt_tui.learn.text import TokenCounter, cut_middle, estimate_tokens, make_fence
from genopt_tui.task.model import Task

if TYPE_CHECKING:
    from jinja2 import Environment

TITLES = {
    "objective": "Objective",
    "artifact": "The artifact",
    "documentation": "Documentation",
    "constraints": "What you may change",
    "evidence": "Evidence: what happened when the artifact was run",
    "memory": "Earlier attempts",
    "hints": "From the person",
    "answer": "How to answer",
}
"""Sections in order, with their headings; `system` is the system message."""
SECTIONS = ("system", *TITLES)
OMITTED_IN_REPAIR = {"evidence", "memory"}  # sections that a repair does without
MAX_REPLY = 12_000  # characters of its own reply that a model is shown with a refusal
LANGUAGES = {
    "py": "python",
    "md": "markdown",
    "js": "javascript",
    "ts": "typescript",
    "sh": "bash",
    "yml": "yaml",
    "rs": "rust",
}


@dataclass(frozen=True)
class Prompt:
    """The messages of one request. `sections` are {name, tokens, cuts}; `texts` holds each
    section's text."""

    messages: list[dict[str, str]]
    sections: list[dict[str, Any]]
    tokens: int
    estimated: bool
    texts: dict[str, str] = field(default_factory=dict)

    def build_repair_messages(self, reply: str, refusal: Refusal) -> list[dict[str, str]]:
        """The messages that send a refusal back, without evidence and memory to save tokens."""
        kept = {name: text for name, text in self.texts.items() if name not in OMITTED_IN_REPAIR}
        shown = reply if refusal.kind == "cut-off" else cut_middle(reply, MAX_REPLY)[0]
        return [
            *_build_messages(kept),
            {"role": "assistant", "content": shown or "(empty)"},
            {"role": "user", "content": build_repair_prompt(refusal)},
        ]


def build_prompt(
    task: Task,
    files: Mapping[str, str],
    scope: Scope,
    views: Sequence[RolloutView],
    person: PersonChoices,
    memory: Sequence[memories.Attempt],
    choices: DesignChoices,
    template: Mapping[str, str] | None = None,
    count: TokenCounter = estimate_tokens,
    chooser: Chooser | None = None,
) -> tuple[Evidence, Prompt]:
    """Evidence and prompt together: the evidence gets the tokens that the other sections leave of
    `evidence.context`.

    `memory` is shown in the order given; `template` overrides sections by name (and `system`).
    Where the prompt exceeds `evidence.context`, the last attempts without a reason are left out,
    and the text says so. Raises UsageError naming the section and the line of a template that
    does not render.
    """
    nothing = build_evidence([], choices, person, task, count, token_budget=0)
    sections = _PromptBuilder(
        task, files, scope, [*person.standing_hints, *person.hints], choices, template or {}
    )
    room = max(500, choices.evidence.context - sections.build(nothing, memory, count).tokens - 50)
    evidence = build_evidence(
        views, choices, person, task, count, token_budget=room, chooser=chooser
    )
    return evidence, sections.build(evidence, memory, count)


class _PromptBuilder:
    """The sections of one prompt. A section is rendered again only when a value that its template
    names has changed."""

    def __init__(
        self,
        task: Task,
        files: Mapping[str, str],
        scope: Scope,
        hints: Sequence[str],
        choices: DesignChoices,
        template: Mapping[str, str],
    ) -> None:
        self._token_budget, self._overrides = choices.evidence.context, template
        self._rendered_sections: dict[str, tuple[dict[str, Any], str]] = {}
        self._described_attempts: dict[int, tuple[str, int]] = {}
        self._static_values: dict[str, Any] = {
            "task": task.model_dump(),  # plain data: a template reaches no method of ours
            "choices": choices.model_dump(),
            "listing": list_files(files, scope),
            "order": "the best first" if choices.memory.order == "best" else "the latest first",
            "hints": [h for h in hints if h.strip()],
            "editable": [f for f in files if scope.covers(f)],
            "globs": scope.globs,
            "definitions": [e.text for e in scope.entries if e.kind == "definition"],
            "regions": [e.text for e in scope.entries if e.kind == "region"],
            "python": any(f.endswith(".py") for f in files),
            "long_markers": any(
                re.search(r"^(?:<{7}|={7}|>{7})", text, re.MULTILINE) for text in files.values()
            ),
        }

    def build(
        self, evidence: Evidence, memory: Sequence[memories.Attempt], count: TokenCounter
    ) -> Prompt:
        """The prompt with this evidence."""
        texts, cuts = self._render_sections(evidence, memory)
        spare = [a for a in memory if not (a.reason or a.declined)]
        kept = list(memory)
        while spare and sum(map(count, texts.values())) > self._token_budget:
            kept.remove(spare.pop())
            texts, cuts = self._render_sections(evidence, kept, len(memory) - len(kept))
        sections = [
            {"name": name, "tokens": count(text), "cuts": cuts.get(name, 0)}
            for name, text in texts.items()
        ]
        messages = _build_messages(texts)
        return Prompt(
            messages,
            sections,
            sum(count(m["content"]) for m in messages),
            count is estimate_tokens,
            texts,
        )

    def _render_sections(
        self, evidence: Evidence, memory: Sequence[memories.Attempt], left_out: int = 0
    ) -> tuple[dict[str, str], dict[str, int]]:
        """Each section's text and its cuts; empty sections are left out."""
        attempts = [self._describe(a) for a in memory]
        descriptions = [text for text, _ in attempts]
        if left_out:
            descriptions.append(
                f"[... {left_out} more attempts cut because the context is full ...]"
            )
        values = self._static_values | {
            "evidence": {
                "text": evidence.text,
                "tokens": evidence.tokens,
                "mean": evidence.mean,
                "covers": evidence.covers,
            },
            "attempts": descriptions,
            "names": list(dict.fromkeys(p.example for p in evidence.parts)),
        }
        optional = {
            "documentation": values["task"]["documentation"].strip(),
            "memory": descriptions,
            "hints": values["hints"],
        }
        texts = {
            name: self._render_section(name, values)
            for name in SECTIONS
            if optional.get(name, True)
        }
        lost = sum(cut for _, cut in attempts)
        return texts, {"evidence": evidence.cuts, "memory": lost + left_out}

    def _describe(self, attempt: memories.Attempt) -> tuple[str, int]:
        if id(attempt) not in self._described_attempts:
            self._described_attempts[id(attempt)] = memories.describe_attempt(attempt)
        return self._described_attempts[id(attempt)]

    def _render_section(self, name: str, values: Mapping[str, Any]) -> str:
        override = self._overrides.get(name)
        uses = _find_template_variables(name, override)
        used = dict(values)
        if uses is not None:
            used = {key: values[key] for key in uses if key in values}
        if name not in self._rendered_sections or self._rendered_sections[name][0] != used:
            self._rendered_sections[name] = (used, _render_template(name, override, values))
        return self._rendered_sections[name][1]


def list_files(files: Mapping[str, str], scope: Scope) -> list[dict[str, Any]]:
    """The files with their editable and fixed parts, for the artifact section."""
    listed = []
    for name, text in sorted(files.items(), key=lambda item: (not scope.covers(item[0]), item[0])):
        suffix = PurePosixPath(name).suffix[1:]
        state = "open" if scope.covers_whole(name) else "partly" if scope.covers(name) else "fixed"
        listed.append(
            {
                "name": name,
                "language": LANGUAGES.get(suffix, suffix),
                "state": state,
                "parts": _split_parts(name, text, scope, state),
            }
        )
    return listed


def _split_parts(name: str, text: str, scope: Scope, state: str) -> list[dict[str, Any]]:
    if state != "partly":
        return [_make_part(name, text, 1, state == "open")]
    taken = scope.split_file(name, text)
    parts: list[dict[str, Any]] = []
    line = 1
    for i, fixed in enumerate(taken.fixed):
        if parts and not "".join(fixed).strip():
            parts[-1] = _make_part(
                parts[-1]["name"], parts[-1]["raw"] + "".join(fixed), parts[-1]["first"], True
            )
        elif fixed:
            parts.append(_make_part("", "".join(fixed), line, False))
        line += len(fixed)
        if i < len(taken.spans):
            editable = "".join(taken.editable[i])
            parts.append(_make_part(taken.spans[i].name, editable, line, True))
            line += len(taken.editable[i])
    return parts


def _make_part(name: str, text: str, first: int, editable: bool) -> dict[str, Any]:
    return {
        "name": name,
        "raw": text,
        "text": text.removesuffix("\n").removesuffix("\r"),
        "first": first,
        "last": first + max(0, text.count("\n") - 1 if text.endswith("\n") else text.count("\n")),
        "editable": editable,
        "fence": make_fence(text),
    }


def _build_messages(texts: Mapping[str, str]) -> list[dict[str, str]]:
    user = "\n\n".join(
        f"# {TITLES[name]}\n\n{text}" for name, text in texts.items() if name != "system"
    )
    return [{"role": "system", "content": texts["system"]}, {"role": "user", "content": user}]


def _render_template(name: str, override: str | None, values: Mapping[str, Any]) -> str:
    from jinja2 import TemplateError, TemplateSyntaxError

    try:
        environment = _environment()
        template = (
            environment.from_string(override)
            if override is not None
            else environment.get_template(f"{name}.j2")
        )
        # lone surrogates cannot be sent
        return template.render(values).strip().encode("utf-8", "replace").decode()
    except TemplateSyntaxError as error:
        raise UsageError(
            f"prompt template '{name}', line {error.lineno}", error.message or ""
        ) from error
    except (
        TemplateError,
        TypeError,
        ValueError,
        ArithmeticError,
        AttributeError,
        LookupError,
    ) as error:
        raise UsageError(
            _locate_template_error(name, error), str(error), f"It may use: {', '.join(values)}"
        ) from error
    except (RuntimeError, MemoryError) as error:
        raise UsageError(
            _locate_template_error(name, error), str(error) or "it takes too much memory"
        ) from error


@lru_cache(maxsize=64)
def _find_template_variables(name: str, override: str | None) -> frozenset[str] | None:
    """The values that a section's template names; None where it includes other templates or does
    not parse."""
    from jinja2 import TemplateSyntaxError, meta

    environment = _environment()
    assert environment.loader is not None
    try:
        text = (
            environment.loader.get_source(environment, f"{name}.j2")[0]
            if override is None
            else override
        )
        parsed = environment.parse(text)
    except TemplateSyntaxError:
        return None
    return (
        None
        if any(meta.find_referenced_templates(parsed))
        else frozenset(meta.find_undeclared_variables(parsed))
    )


def _locate_template_error(name: str, error: BaseException) -> str:
    """The template, with the line of the error where it is known."""
    frames = traceback.extract_tb(error.__traceback__)
    line = next((f.lineno for f in reversed(frames) if f.filename == "<template>"), None)
    return f"prompt template '{name}'" + (f", line {line}" if line else "")


@lru_cache(maxsize=1)
def _environment() -> "Environment":
    from jinja2 import PackageLoader, StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(
        loader=PackageLoader("genopt_tui.learn"),
        auto_reload=False,  # the shipped templates are not looked for anew at each prompt
        undefined=StrictUndefined,
        autoescape=False,
        keep_trailing_newline=True,
    )
