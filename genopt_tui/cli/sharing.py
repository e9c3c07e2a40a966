"""Commands that take something out of a session, or bring one in: export, clone, trust."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genopt_tui.cli.common import figure, find_session, json_option, print_json, repository_of, say
from genopt_tui.cli.rules import rule_of
from genopt_tui.errors import Exit, GenoptError, SessionError, UsageError

if TYPE_CHECKING:
    from genopt_tui.session.repository import Repository


@click.command("export")
@click.argument("session", required=False)
@click.argument("version", required=False, default="best")
@click.option("--to", "folder", type=click.Path(path_type=Path), help="A new folder for the artifact.")
@click.option("--patch", type=click.Path(allow_dash=True), help="A patch series; - is standard output.")
@click.option("--branch", help="A branch in the repository that the files came from.")
@click.option(
    "--repo", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Another repository for it."
)
@click.option("--squash", is_flag=True, help="With --branch: one commit instead of one for each step.")
@click.option("--bundle", type=click.Path(path_type=Path), help="The whole session in one file.")
@json_option
def export_(
    session: str | None,
    version: str,
    folder: Path | None,
    patch: str | None,
    branch: str | None,
    repo: Path | None,
    squash: bool,
    bundle: Path | None,
    as_json: bool,
) -> int:
    """Take a version out of a session. It is scored anew first: on fresh repeats, and once on the test split."""
    if sum(x is not None for x in (folder, patch, branch, bundle)) != 1:
        raise UsageError("where to?", advice="Give one of --to DIR, --patch FILE, --branch NAME, --bundle FILE")
    if as_json and patch == "-":
        raise UsageError("--json and --patch - at once", advice="Give --patch a file")
    path = find_session(session)
    with repository_of(path) as repository:
        commit = repository.resolve(version)
        ready(repository, path, commit, folder, bundle or (Path(patch) if patch else None), branch, repo)
        document: dict[str, Any] = {"version": commit, **({} if bundle else checked(path, repository, commit))}
        document |= written(repository, path, commit, folder, patch, (branch, repo, squash), bundle)
    if as_json:
        print_json(document)
    else:
        tell(document)
    return Exit.DONE


def ready(
    repository: "Repository",
    path: Path,
    commit: str,
    folder: Path | None,
    file: Path | None,
    branch: str | None,
    repo: Path | None,
) -> None:
    """Raises GenoptError before anything is spent where the export cannot succeed."""
    from genopt_tui.session import export

    if folder and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SessionError(f"{folder} is not an empty folder", advice="Name a new one")
    if file and (file.is_dir() or not file.parent.is_dir()):
        raise SessionError(f"{file} cannot be written", advice="Name a file in a folder that there is")
    if branch:
        export.commits_for(repository, commit, origin_of(repository, path, commit, repo)[0], branch)


def origin_of(repository: "Repository", path: Path, commit: str, repo: Path | None) -> tuple[Path, str, str]:
    """(repository, commit, path inside) where the artifact's files came from. Raises UsageError when that is not known."""
    from genopt_tui.session.travel import task_of

    origin = task_of(path, str(repository.choices(commit).task["name"])).task.origin
    if repo is not None:
        same = bool(origin.folder) and repo.resolve() == Path(origin.folder).resolve()
        return repo, origin.commit if same and origin.commit else "HEAD", origin.prefix if same else ""
    if not origin.commit:
        raise UsageError("it is not known where the files came from", advice="Name a repository: --repo DIR")
    if not Path(origin.folder).is_dir():
        raise UsageError(f"{origin.folder} is not there any more", advice="Name the repository: --repo DIR")
    return Path(origin.folder), origin.commit, origin.prefix


def checked(path: Path, repository: "Repository", commit: str) -> dict[str, Any]:
    """The score as recorded, on fresh repeats and on the test split; an opening of the test split is written down."""
    import asyncio
    from functools import partial

    from genopt_tui.cli.evaluating import session_job
    from genopt_tui.loop.recheck import recheck
    from genopt_tui.session.notes import gate_uses, openings

    version = repository.version(commit)
    recorded = {"mean": version.score, "stderr": version.stderr, "n": version.n}
    opened = sum(openings(repository).values())
    found: dict[str, Any] = {"fresh": None, "test": None, "unchecked": ""}
    try:
        job, files = session_job(path, commit, "", [], "gate", True)
        start = session_job(path, "start", "", [], "gate", True)[1]
        found |= asyncio.run(recheck(job, files, start, opened, partial(say, err=True)))
        open_seal(path, commit, "export")
    except GenoptError as error:
        found["unchecked"] = str(error)
    total = sum(openings(repository).values())
    uses = {"test_openings": total, "gate_uses": gate_uses(repository)}
    return {"recorded": recorded, **found, **uses, "rule": rule_of(path)}


def open_seal(path: Path, commit: str, why: str) -> None:
    """Write down that the test split was looked at: by the runner where one lives, else here."""
    from genopt_tui.cli.common import ask_runner
    from genopt_tui.session.client import SessionLock
    from genopt_tui.session.notes import opened

    try:
        lock = SessionLock(path)
    except SessionError:
        ask_runner(path, "opened", version=commit, why=why)
        return
    with lock, repository_of(path) as repository:
        opened(repository, commit, why)


def written(
    repository: "Repository",
    path: Path,
    commit: str,
    folder: Path | None,
    patch: str | None,
    branch: tuple[str | None, Path | None, bool],
    bundle: Path | None,
) -> dict[str, Any]:
    """Write what was asked for, and say where."""
    from genopt_tui.session import export
    from genopt_tui.session.travel import task_of

    task = task_of(path, str(repository.choices(commit).task["name"]))
    if folder:
        return {"folder": str(folder), "files": export.folder(repository, commit, folder)}
    if patch:
        data = export.patch(repository, commit, task.task.origin.prefix)
        if patch == "-":
            sys.stdout.buffer.write(data)
        else:
            Path(patch).write_bytes(data)
        return {"patch": patch}
    if branch[0]:
        root, onto, prefix = origin_of(repository, path, commit, branch[1])
        made = export.to_branch(repository, commit, root, branch[0], onto=onto, prefix=prefix, squash=branch[2])
        return {"repository": str(root), "branch": branch[0], "commit": made, "onto": onto}
    assert bundle is not None
    keep_task(path, task.path)
    export.bundle(repository, bundle)
    return {"bundle": str(bundle), "private": export.private_data(repository)}


def keep_task(path: Path, task: Path) -> None:
    """Keep the task's folder in the session by content: by the runner where one lives, else here."""
    from genopt_tui.cli.common import ask_runner
    from genopt_tui.session import export
    from genopt_tui.session.client import SessionLock

    try:
        lock = SessionLock(path)
    except SessionError:
        ask_runner(path, "keep-task")
        return
    with lock, repository_of(path) as repository:
        export.keep_task(repository, task)


def tell(document: dict[str, Any]) -> None:
    """What an export says to people: on standard error, for a patch may be on standard output."""
    if "recorded" in document:
        names = {"recorded": "as recorded", "fresh": "on fresh repeats", "test": "on the test split"}
        for key, name in names.items():
            if figures := document[key]:
                spread = f" se={document[key]['stderr']:.3g}" if figures["stderr"] is not None else ""
                say(f"{name:18} {figure(figures['mean'])} n={figures['n']}{spread}", err=True)
        say(f"scores: {document['rule']}", err=True)
        if document["unchecked"]:
            say(f"not scored anew: {document['unchecked']}", err=True)
        uses = f"the gate scored {document['gate_uses']} versions before"
        say(f"test split opened {document['test_openings']} times; {uses}", err=True)
    for key in ("folder", "patch", "branch", "bundle"):
        if key in document and document[key] != "-":
            say(f"{document['version'][:7]} -> {document[key]}", err=True)
    if "private" in document:
        private(document["private"])


def private(counts: dict[str, int]) -> None:
    say("it contains, readable for whoever has it:", err=True)
    for name, count in counts.items():
        say(f"  {count:6} {name}", err=True)


@click.command()
@click.argument("source")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
def clone(source: str, folder: Path | None) -> int:
    """A shared session, with its records. Nothing of it runs before you agree.

    After a plain `git clone`, what was rejected, abandoned, noted or undone is brought by
    git fetch origin '+refs/genopt/*:refs/genopt/*'
    """
    from genopt_tui.session import export, places

    name = Path(source.rstrip("/")).name.split(".")[0] or "session"
    path = export.clone(source, folder or places.new_path(name))
    say(path)
    agree(path)
    return Exit.DONE


@click.command()
@click.argument("session", required=False)
@click.option("--yes", is_flag=True, help="Do not ask.")
def trust(session: str | None, yes: bool) -> int:
    """Agree that a session from elsewhere runs here: its task's code, and artifacts in the sandbox."""
    from genopt_tui.session import places

    path = find_session(session)
    if places.trusted(path):
        say(f"{path.name} may run already", err=True)
        return Exit.DONE
    if yes or not sys.stdin.isatty():
        describe(path)
        places.register(path)
        say(f"{path.name} may run from now on", err=True)
        return Exit.DONE
    return Exit.DONE if agree(path) else Exit.FAILED


def agree(path: Path) -> bool:
    """Say what came along, and ask whether it may run; without a terminal nothing is agreed to."""
    from genopt_tui.session import places

    if places.trusted(path):
        return True
    describe(path)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        say(f"nothing of it runs before you agree: genopt trust {places.word_for(path)}", err=True)
        return False
    if click.confirm("May its task and artifacts run here?", default=False, err=True):
        places.register(path)
        return True
    return False


def describe(path: Path) -> None:
    """What a session from elsewhere contains, and what would run."""
    from genopt_tui.session import export
    from genopt_tui.session.travel import unpacked

    with repository_of(path) as repository:
        private(export.private_data(repository))
        name = str(repository.choices(repository.head()).task.get("name", ""))
    kept = unpacked(path)
    say(f"its task is {name}{f', which came along: {kept}' if kept else ''}", err=True)


COMMANDS = [export_, clone, trust]
