"""A run as plain lines: what the terminal application shows, for pipes, logs and screen readers."""

from collections.abc import Callable, Mapping
from typing import Any

from genopt_tui.cli.output import format_number
from genopt_tui.session.journal import Event

Data = Mapping[str, Any]


def format_event(event: Event) -> str:
    """One event as a line; empty for events that are not shown."""
    formatter = FORMATTERS.get(event.kind)
    return formatter(event.step, event.data) if formatter else ""


def _format_run_started(step: int, d: Data) -> str:
    steps = f", {d['steps']} steps" if d.get("steps") is not None else ""
    model = d.get("name") or d["model"]
    return (
        f"run: mode {d['mode']}, model {model}{steps}, "
        f"{d['workers']} workers, sandbox {d['sandbox']}"
    )


def _format_scored(step: int, d: Data) -> str:
    spread = f" se={d['stderr']:.3g}" if d.get("stderr") is not None else ""
    score = f"{format_number(d['mean'])} n={d['n']}{spread}"
    return f"{str(d['version'])[:7]} scores {score} {d.get('rule', '')}".rstrip()


def _format_batch(step: int, d: Data) -> str:
    if d.get("hand"):
        return f"step {step}: {d['hand']}"
    return f"step {step}: batch {' '.join(str(e) for e, _ in d['examples'])}"


def _format_rollout(step: int, d: Data) -> str:
    score = format_number(d["score"]) if d["status"] == "ok" else d["status"]
    cached = " (known)" if d.get("cached") else ""
    where = f"candidate {d['candidate']} " if d.get("candidate") is not None else ""
    return f"  {where}{d['split']} {d['example']}: {score}{cached}"


def _format_evidence(step: int, d: Data) -> str:
    learning = f", learning template: {d['learning']}" if d.get("learning") else ""
    return f"  evidence: {len(d.get('parts', []))} rollouts, {d.get('tokens', 0)} tokens{learning}"


def _format_prompt(step: int, d: Data) -> str:
    action = "sent back" if d["repair"] else "asked"
    return f"  {action}: candidate {d['candidate']}, {d['tokens']} tokens"


def _format_reply(step: int, d: Data) -> str:
    usage = d.get("usage") or {}
    cost = "$?" if d.get("cost") is None else f"${d['cost']:.4f}"
    if not d["complete"]:
        return f"  reply broke off: {d['error']}"
    return f"  reply: {usage.get('output', '?')} tokens, {d['seconds']:.1f} s, {cost}"


def _format_edit(step: int, d: Data) -> str:
    return f"  edit: +{d['added']} -{d['removed']} in {', '.join(d['files'])}"


def _format_refused(step: int, d: Data) -> str:
    return f"  edit refused: {d['why']}" + (f" ({d['place']})" if d.get("place") else "")


def _format_gate(step: int, d: Data) -> str:
    from genopt_tui.session.progress import describe_gate_size

    span = "[{:+.3g}, {:+.3g}]".format(*d["interval"]) if d.get("interval") else ""
    change = f"d {d['difference']:+.4g} {span}" if d.get("difference") is not None else ""
    counts = f"{d['better']} up {d['worse']} down {d['same']} same"
    means = f"{format_number(d['base_mean'])} -> {format_number(d['mean'])}"
    return f"  gate {means}  {change} {d['verdict'].upper()}  {counts}  {describe_gate_size(d)}"


def _format_decision_wanted(step: int, d: Data) -> str:
    if d["pending"] == "propose":
        return (
            f"  the prompt of step {step} is waiting to be sent: `genopt send`, or open the session"
        )
    return f"  DECIDE {step}: `genopt approve` or `genopt reject REASON`"


def _format_committed(step: int, d: Data) -> str:
    return f"  {d['decision']}: {str(d['version'])[:7]} {d['subject']}"


def _format_rejected(step: int, d: Data) -> str:
    return f"  {d['decision']}: {d['reason'] or d['subject']}"


def _format_run_finished(step: int, d: Data) -> str:
    best = d.get("best") or {}
    found = f"{str(best.get('version', ''))[:7]} (step {best.get('step')})"
    score = f"{format_number(best.get('score'))} n={best.get('n')} {d.get('rule', '')}".rstrip()
    return f"done: {d['reason']}; {d['steps']} steps; best {found} {score}"


def _format_command_done(step: int, d: Data) -> str:
    """The result of a command, unless another line shows it."""
    why = f": {d['why']}" if d.get("why") else ""
    if not d["ok"]:
        return f"{d.get('command')} was refused{why}"
    return (
        f"{d.get('command')} done{why}"
        if d.get("command") in {"mode", "branch", "tag", "again"}
        else ""
    )


def _format_hint(step: int, d: Data) -> str:
    when = (
        "removed"
        if d.get("remove")
        else "for every update"
        if d.get("always")
        else "for the next update"
    )
    return f"hint {when}: {d['text']}"


FORMATTERS: dict[str, Callable[[int, Data], str]] = {
    "run_started": _format_run_started,
    "scored": _format_scored,
    "batch_sampled": _format_batch,
    "rollout_finished": _format_rollout,
    "evidence_built": _format_evidence,
    "prompt_built": _format_prompt,
    "reply_finished": _format_reply,
    "edit_parsed": _format_edit,
    "edit_refused": _format_refused,
    "gate_finished": _format_gate,
    "decision_wanted": _format_decision_wanted,
    "committed": _format_committed,
    "rejected": _format_rejected,
    "notice": lambda step, d: f"  {d['text']}" + (f" ({d['path']})" if d.get("path") else ""),
    "budget": lambda step, d: f"  budget: {d['warning']}" if d.get("warning") else "",
    "moved": lambda step, d: f"{d['act']}: {d['branch']} is at {str(d['new'])[:7]}",
    "paused": lambda step, d: "paused" if d.get("code") else f"paused: {d['why']}",
    "resumed": lambda step, d: "resumed",
    "hint": _format_hint,
    "design_set": lambda step, d: f"design from the next step on: {' '.join(map(str, d['pairs']))}",
    "design_undone": lambda step, d: f"design change undone: {' '.join(map(str, d['pairs']))}",
    "command_done": _format_command_done,
    "error": lambda step, d: f"error: {d['message']}. {d.get('advice', '')}",
    "run_finished": _format_run_finished,
}
