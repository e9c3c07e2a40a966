"""Commands to a live run, and acts on history: each is a command row that the runner takes up."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genopt_tui.cli.common import ask_runner, find_session, open_journal, print_line, split_session
from genopt_tui.errors import EvaluationError, Exit, UsageError, single_line

if TYPE_CHECKING:
    from genopt_tui.session.journal import Journal


def send_and_print(session: str | None, kind: str, /, **data: Any) -> int:
    """Leave a command and say what the runner answers."""
    if said := ask_runner(find_session(session), kind, **data):
        print_line(said)
    return Exit.DONE


def read_text_file(file: Path) -> str:
    """A file's text with its line ends. Raises UsageError."""
    try:
        return file.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {file}", str(error)) from error


def print_hints(session: str | None) -> int:
    """What the model is told in every update, and in the next one."""
    from genopt_tui.session.progress import load_progress, read_pending_input

    with open_journal(find_session(session)) as journal:
        progress, _ = load_progress(journal)
        told = read_pending_input(journal, progress.step + progress.proposed)
    for label, texts in (("always", told.standing), ("next", told.hints)):
        for text in texts:
            print(f"{label}: {single_line(text)}")
    return Exit.DONE


def parse_hunk_numbers(text: str | None) -> list[int] | None:
    if text is None:
        return None
    try:
        return [int(part) for part in text.split(",") if part.strip()]
    except ValueError as error:
        raise UsageError(
            f"--hunks {text}", "hunks are numbers", "For example --hunks 1,3"
        ) from error


def parse_decision(
    words: tuple[str, ...], step: int | None, candidate: int | None
) -> tuple[str | None, str, dict[str, Any]]:
    """(session, text, what the decision names). Without --step it is about what waits now."""
    session, rest = split_session(list(words))
    with open_journal(find_session(session)) as journal:
        from genopt_tui.session.progress import load_progress

        progress, _ = load_progress(journal)
    named = {"step": progress.step if step is None else step, "candidate": candidate}
    return session, " ".join(rest), named


step_option = click.option(
    "--step", type=int, help="The step it is about; exit code 2 if that is not what waits."
)
candidate_option = click.option("--candidate", type=int, help="The candidate, from 0.")


@click.command()
@click.argument("words", nargs=-1, metavar="[SESSION] [TEXT]")
@step_option
@candidate_option
@click.option("--hunks", help="Only these hunks: 1,3. They are a new candidate, gated first.")
@click.option(
    "--artifact",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Your version of it.",
)
@click.option("--unmeasured", is_flag=True, help="Commit a changed edit without a gate.")
def approve(
    words: tuple[str, ...],
    step: int | None,
    candidate: int | None,
    hunks: str | None,
    artifact: Path | None,
    unmeasured: bool,
) -> int:
    """Accept the proposal that waits: it becomes a commit."""
    if hunks is not None and artifact is not None:
        raise UsageError("--hunks and --artifact at once", advice="Give one of them")
    session, text, named = parse_decision(words, step, candidate)
    more: dict[str, Any] = {"hunks": parse_hunk_numbers(hunks)} if hunks is not None else {}
    if artifact is not None:
        more["files"] = read_text_files(artifact)
    return send_and_print(session, "approve", **named, reason=text, unmeasured=unmeasured, **more)


def read_text_files(folder: Path) -> dict[str, str]:
    """The text files of a folder. Raises UsageError."""
    try:
        found = {
            p.relative_to(folder).as_posix(): p.read_text(encoding="utf-8")
            for p in sorted(folder.rglob("*"))
            if p.is_file() and not {"__pycache__", ".git"} & set(p.parts)
        }
    except UnicodeDecodeError as error:
        raise UsageError(f"{folder} holds a file that is not UTF-8 text", str(error)) from error
    if not found:
        raise UsageError(f"{folder} is empty")
    return found


@click.command()
@click.argument("words", nargs=-1, metavar="[SESSION] [REASON]")
@step_option
@candidate_option
def reject(words: tuple[str, ...], step: int | None, candidate: int | None) -> int:
    """Turn the proposal down; the reason is told to the model."""
    session, text, named = parse_decision(words, step, candidate)
    return send_and_print(session, "reject", **named, reason=text)


@click.command()
@click.argument("words", nargs=-1, metavar="[SESSION] TEXT")
@click.option("--always", is_flag=True, help="For every update from now on.")
@click.option("--remove", is_flag=True, help="Take back a hint given with --always.")
@click.option(
    "--list",
    "listed",
    is_flag=True,
    help="Print the hints that stand, and those for the next update.",
)
def hint(words: tuple[str, ...], always: bool, remove: bool, listed: bool) -> int:
    """Tell the model something, for the next update or for all."""
    if listed:
        return print_hints(words[0] if words else None)
    if not words:
        raise UsageError(
            "what is the model to be told?",
            advice="genopt hint TEXT; --list prints what it is told",
        )
    session, rest = split_session(list(words)) if len(words) > 1 else (None, list(words))
    return send_and_print(session, "hint", text=" ".join(rest), always=always, remove=remove)


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="[SESSION] TEXT")
@click.option("--candidate", type=int)
def reply(words: tuple[str, ...], candidate: int | None) -> int:
    """With model `manual`: give the reply; a word that names a file stands for its text."""
    session, rest = split_session(list(words)) if len(words) > 1 else (None, list(words))
    text = (
        read_text_file(Path(rest[0]))
        if len(rest) == 1 and Path(rest[0]).is_file()
        else " ".join(rest)
    )
    return send_and_print(session, "reply", text=text, candidate=candidate)


@click.command()
@click.argument("session", required=False)
def pause(session: str | None) -> int:
    """Pause; a model call under way ends first, and its reply is kept."""
    return send_and_print(session, "pause")


@click.command()
@click.argument("session", required=False)
def resume(session: str | None) -> int:
    """Go on after a pause."""
    return send_and_print(session, "resume")


@click.command()
@click.argument("session", required=False)
def stop(session: str | None) -> int:
    """Stop after the present phase, and end the runner."""
    from genopt_tui.session.client import runner_pid

    path = find_session(session)
    if runner_pid(path) is None:
        print_line("nothing runs")
        return Exit.DONE
    code = send_and_print(str(path), "stop")
    while runner_pid(path) is not None:  # who stops a session may move or remove it next
        time.sleep(0.05)
    return code


@click.command()
@click.argument("mode", type=click.Choice(["step", "ask", "auto"]))
@click.argument("session", required=False)
def mode(mode: str, session: str | None) -> int:
    """Who decides: step and ask a person, auto the gate."""
    return send_and_print(session, "mode", mode=mode)


@click.command("set")
@click.argument("words", nargs=-1, required=True, metavar="KEY=VALUE... [SESSION]")
def set_(words: tuple[str, ...]) -> int:
    """Change settings at once, and design choices from the next step on."""
    pairs = [w for w in words if "=" in w]
    others = [w for w in words if "=" not in w]
    if not pairs or len(others) > 1:
        raise UsageError("what is to be set?", advice="For example genopt set horizon.steps=100")
    return send_and_print(others[0] if others else None, "set", pairs=pairs)


@click.command()
@click.argument("session")
@click.argument("name")
@click.option("--at", default="head", help="The version to branch from.")
def branch(session: str, name: str, at: str) -> int:
    """Make a branch at a version; the active one stays."""
    return send_and_print(session, "branch", name=name, at=at)


@click.command()
@click.argument("session")
@click.argument("name")
def switch(session: str, name: str) -> int:
    """Make another branch the active one."""
    return send_and_print(session, "switch", name=name)


@click.command()
@click.argument("session")
@click.argument("version")
def rewind(session: str, version: str) -> int:
    """Take the branch back to an earlier version; `undo` brings it back."""
    return send_and_print(session, "rewind", version=version)


@click.command()
@click.argument("session", required=False)
def undo(session: str | None) -> int:
    """Undo the last act on history."""
    return send_and_print(session, "undo")


@click.command()
@click.argument("session", required=False)
def redo(session: str | None) -> int:
    """Do again what was undone."""
    return send_and_print(session, "redo")


@click.command()
@click.argument("session")
@click.argument("version")
def revive(session: str, version: str) -> int:
    """Propose a rejected edit again, on the present head."""
    return send_and_print(session, "revive", version=version)


@click.command()
@click.argument("session")
@click.argument("version")
@click.option("--hunks", help="Only these hunks: 1,3.")
@click.option("--file", "files", multiple=True, help="Only this file.")
def pick(session: str, version: str, hunks: str | None, files: tuple[str, ...]) -> int:
    """Propose what a version changed, or parts of it, on the present head."""
    return send_and_print(
        session, "pick", version=version, hunks=parse_hunk_numbers(hunks) or [], files=list(files)
    )


@click.command()
@click.argument("session")
@click.argument("name")
@click.argument("version", default="head")
def tag(session: str, name: str, version: str) -> int:
    """Name a version."""
    return send_and_print(session, "tag", name=name, version=version)


@click.command("accept-edits")
@click.argument("session", required=False)
@click.option("--unmeasured", is_flag=True, help="Commit without a gate.")
def accept_edits(session: str | None, unmeasured: bool) -> int:
    """Make the files edited by hand a version: the gate scores it first, unless design choices were
    edited too."""
    path = find_session(session)
    with open_journal(path) as journal:
        after = journal.last_event_id()
        said = ask_runner(path, "accept-edits", unmeasured=unmeasured)
        print_line(
            wait_for_step_end(path, journal, after) if said == "committed after the gate" else said
        )
    return Exit.DONE


def wait_for_step_end(path: Path, journal: "Journal", after: int) -> str:
    """How the step ends that a command has begun. Raises EvaluationError when the runner ends
    before that."""
    from genopt_tui.cli.event_lines import format_event
    from genopt_tui.session.client import runner_pid

    while True:
        alive = runner_pid(path) is not None
        events = journal.read_events(after, kinds=["step_ended", "committed", "rejected"])
        if events and events[-1].kind == "step_ended":
            return "\n".join(text for event in events[:-1] if (text := format_event(event)))
        if not alive:
            raise EvaluationError(
                "the runner has ended",
                f"see {path / '.genopt' / 'runner.log'}",
                "`genopt run` goes on",
            )
        time.sleep(0.05)


COMMANDS = [
    approve,
    reject,
    hint,
    reply,
    pause,
    resume,
    stop,
    mode,
    set_,
    branch,
    switch,
    rewind,
    undo,
    redo,
    revive,
    pick,
    tag,
    accept_edits,
]
