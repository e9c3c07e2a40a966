"""Commands around a prompt: look at it, change what it is made of, send it, and ask a step again
with a choice changed."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genopt_tui.cli.common import (
    ask_runner,
    find_session,
    format_number,
    open_journal,
    print_line,
    print_text,
    split_session,
)
from genopt_tui.cli.decisions import read_text_file, send_and_print
from genopt_tui.errors import Exit, SessionError, UsageError

if TYPE_CHECKING:
    from genopt_tui.session.journal import Journal

set_option = click.option(
    "--set", "pairs", multiple=True, required=True, metavar="KEY=VALUE", help="What to change."
)


def read_waiting_prompt(journal: "Journal") -> list[dict[str, str]]:
    """The messages of the prompt that waits. Raises SessionError."""
    from genopt_tui.session.progress import load_progress

    progress, _ = load_progress(journal)
    shown = journal.find_last("prompt_preview", step=progress.step)
    if not progress.pending or progress.pending["pending"] != "propose" or shown is None:
        raise SessionError(
            "no prompt waits to be sent",
            advice="genopt mode step; `genopt show` has those that were sent",
        )
    return list(shown.data["messages"])


@click.command()
@click.argument("session", required=False)
def prompt(session: str | None) -> int:
    """In mode step: the prompt that waits, as it would be sent (its last message); to the byte
    where it goes into a file."""
    with open_journal(find_session(session)) as journal:
        text = read_waiting_prompt(journal)[-1]["content"]
    if sys.stdout.isatty():
        print_text(text)
    else:
        sys.stdout.buffer.write(text.encode())
    return Exit.DONE


@click.command()
@click.argument("session", required=False)
@click.option(
    "--drop", multiple=True, metavar="EXAMPLE", help="Leave this example out of the evidence."
)
@click.option("--pin", multiple=True, metavar="EXAMPLE", help="Show this example first.")
@click.option(
    "--prompt",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Send this text.",
)
def send(
    session: str | None, drop: tuple[str, ...], pin: tuple[str, ...], file: Path | None
) -> int:
    """In mode step: send the prompt that waits, to the byte, or without some examples, or as you
    edited it."""
    path = find_session(session)
    more: dict[str, Any] = {"dropped": list(drop)} if drop else {}
    more |= {"pinned": list(pin)} if pin else {}
    with open_journal(path) as journal:
        *before, last = read_waiting_prompt(journal)
        check_batch_examples(journal, [*drop, *pin])
    if file:
        more["messages"] = [*before, {**last, "content": read_text_file(file)}]
    return send_and_print(str(path), "propose", **more)


def check_batch_examples(journal: "Journal", examples: list[str]) -> None:
    """Raises UsageError where an example is none of the batch."""
    sampled = journal.find_last("batch_sampled")
    batch = [str(example) for example, _ in sampled.data["examples"]] if sampled else []
    if wrong := [name for name in examples if name not in batch]:
        raise UsageError(f"{wrong[0]} is not in this batch", f"it has {', '.join(batch)}")


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="KEY=VALUE... [SESSION]")
def stage(words: tuple[str, ...]) -> int:
    """In mode step: other choices for this step alone (horizon, batch); the prompt is made anew and
    waits again."""
    session, rest = split_session([w for w in words if "=" not in w])
    if rest:
        raise SessionError(f"no session '{rest[0]}'", advice="`genopt ls` lists them")
    return send_and_print(session, "stage", pairs=[w for w in words if "=" in w])


@click.command()
@click.argument("session")
@click.argument("step", type=int)
@set_option
def whatif(session: str, step: int, pairs: tuple[str, ...]) -> int:
    """The same step again with choices changed; both edits are gated on the same examples."""
    path = find_session(session)
    number = int(ask_runner(path, "whatif", step=step, pairs=list(pairs)))
    with open_journal(path) as journal:
        return follow_step(path, journal, number)


def follow_step(path: Path, journal: "Journal", number: int) -> int:
    """Show a step until it ended or waits for a person, and what its candidates' gates said."""
    from genopt_tui.cli.run import POLL_SECONDS, RunnerWatch, make_event_printer
    from genopt_tui.session.client import EventFollower

    begun = journal.find_last("batch_sampled", step=number)
    follower, show, watch = (
        EventFollower(journal, begun.id if begun else 0),
        make_event_printer(False),
        RunnerWatch(path, journal),
    )
    while True:
        for event in follower.poll():
            if event.step == number:
                show(event)
            if event.kind in {"step_ended", "decision_wanted"} and event.step == number:
                return print_gate_results(journal, number)
            if event.kind == "paused" and event.data.get("code"):
                raise SessionError(str(event.data["why"]))
        watch.check()
        time.sleep(POLL_SECONDS)


def print_gate_results(journal: "Journal", number: int) -> int:
    for event in journal.read_events(step=number, kinds=["gate_finished"]):
        d = event.data
        name = "as it was" if d["candidate"] == 0 else "changed"
        print_line(
            f"{name}: {format_number(d['base_mean'])} -> {format_number(d['mean'])} {d['verdict'].upper()} n={d['n']}"
        )
    return Exit.DONE


COMMANDS = [prompt, send, stage, whatif]
