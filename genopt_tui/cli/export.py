"""`genopt export`: a version leaves its session, re-scored first."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genopt_tui.cli.consent import print_private_data
from genopt_tui.cli.jobs import build_session_job
from genopt_tui.cli.output import format_number, json_option, print_json, print_line
from genopt_tui.cli.requests import (
    keep_task,
    write_opening,
)
from genopt_tui.cli.streams import write_bytes
from genopt_tui.cli.target import (
    find_scoring_rule,
    find_session,
    open_repository,
)
from genopt_tui.errors import (
    Exit,
    GenoptError,
    SessionError,
    UsageError,
)

if TYPE_CHECKING:
    from genopt_tui.session.history.repository import Repository


@click.command("export")
@click.argument("session", required=False)
@click.argument("version", required=False, default="best")
@click.option(
    "--to", "folder", type=click.Path(path_type=Path), help="A new folder for the artifact."
)
@click.option(
    "--patch", type=click.Path(allow_dash=True), help="A patch series; - is standard output."
)
@click.option("--branch", help="A branch in the repository that the files came from.")
@click.option(
    "--repo",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Another repository for it.",
)
@click.option(
    "--squash", is_flag=True, help="With --branch: one commit instead of one for each step."
)
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
    """Export a version as a folder, patch, branch or bundle.

    It is scored again first: on fresh repeats, and once on the test split.
    """
    if sum(x is not None for x in (folder, patch, branch, bundle)) != 1:
        raise UsageError(
            "where to?", advice="Give one of --to DIR, --patch FILE, --branch NAME, --bundle FILE"
        )
    if as_json and patch == "-":
        raise UsageError("--json and --patch - at once", advice="Give --patch a file")
    path = find_session(session)
    with open_repository(path) as repository:
        commit = repository.resolve(version)
        check_export(
            repository,
            path,
            commit,
            folder,
            bundle or (Path(patch) if patch else None),
            branch,
            repo,
        )
        document: dict[str, Any] = {
            "version": commit,
            **({} if bundle else score_export(path, repository, commit)),
        }
        document |= write_export(
            repository, path, commit, folder, patch, (branch, repo, squash), bundle
        )
    if as_json:
        print_json(document)
    else:
        print_export(document)
    return Exit.DONE


def check_export(
    repository: "Repository",
    path: Path,
    commit: str,
    folder: Path | None,
    file: Path | None,
    branch: str | None,
    repo: Path | None,
) -> None:
    """Raises GenoptError before anything is spent where the export cannot succeed."""
    from genopt_tui.session.history import export

    if folder and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SessionError(f"{folder} is not an empty folder", advice="Name a new one")
    if file and (file.is_dir() or not file.parent.is_dir()):
        raise SessionError(
            f"{file} cannot be written", advice="Name a file in a folder that there is"
        )
    if branch:
        export.plan_branch(
            repository, commit, find_origin(repository, path, commit, repo)[0], branch
        )


def find_origin(
    repository: "Repository", path: Path, commit: str, repo: Path | None
) -> tuple[Path, str, str]:
    """(repository, commit, path inside) where the artifact's files came from. Raises UsageError
    when that is not known."""
    from genopt_tui.session.travel import load_session_task

    origin = load_session_task(path, str(repository.read_choices(commit).task["name"])).task.origin
    if repo is not None:
        same = bool(origin.folder) and repo.resolve() == Path(origin.folder).resolve()
        return (
            repo,
            origin.commit if same and origin.commit else "HEAD",
            origin.prefix if same else "",
        )
    if not origin.commit:
        raise UsageError(
            "it is not known where the files came from", advice="Name a repository: --repo DIR"
        )
    if not Path(origin.folder).is_dir():
        raise UsageError(
            f"{origin.folder} is not there any more", advice="Name the repository: --repo DIR"
        )
    return Path(origin.folder), origin.commit, origin.prefix


def score_export(path: Path, repository: "Repository", commit: str) -> dict[str, Any]:
    """The score as recorded, on fresh repeats and on the test split; an opening of the test split
    is written down."""
    import asyncio
    from functools import partial

    from genopt_tui.runner.evaluation import recheck
    from genopt_tui.session.history.notes import count_gate_uses, count_openings

    version = repository.read_version(commit)
    recorded = {"mean": version.score, "stderr": version.stderr, "n": version.n}
    opened = sum(count_openings(repository).values())
    found: dict[str, Any] = {"fresh": None, "test": None, "unchecked": ""}
    try:
        job, files = build_session_job(path, commit, "", [], "gate", True)
        start = build_session_job(path, "start", "", [], "gate", True)[1]
        found |= asyncio.run(recheck(job, files, start, opened, partial(print_line, err=True)))
        write_opening(path, commit, "export")
    except GenoptError as error:
        found["unchecked"] = str(error)
    total = sum(count_openings(repository).values())
    uses = {"test_openings": total, "gate_uses": count_gate_uses(repository)}
    return {"recorded": recorded, **found, **uses, "rule": find_scoring_rule(path)}


def write_export(
    repository: "Repository",
    path: Path,
    commit: str,
    folder: Path | None,
    patch: str | None,
    branch: tuple[str | None, Path | None, bool],
    bundle: Path | None,
) -> dict[str, Any]:
    """Write what was asked for, and say where."""
    from genopt_tui.session.history import export
    from genopt_tui.session.travel import load_session_task

    task = load_session_task(path, str(repository.read_choices(commit).task["name"]))
    if folder:
        return {"folder": str(folder), "files": export.export_folder(repository, commit, folder)}
    if patch:
        data = export.make_patch(repository, commit, task.task.origin.prefix)
        if patch == "-":
            write_bytes(data)
        else:
            Path(patch).write_bytes(data)
        return {"patch": patch}
    if branch[0]:
        root, onto, prefix = find_origin(repository, path, commit, branch[1])
        made = export.export_branch(
            repository, commit, root, branch[0], onto=onto, prefix=prefix, squash=branch[2]
        )
        return {"repository": str(root), "branch": branch[0], "commit": made, "onto": onto}
    assert bundle is not None
    keep_task(path, task.path)
    export.export_bundle(repository, bundle)
    return {"bundle": str(bundle), "private": export.count_private_data(repository)}


def print_export(document: dict[str, Any]) -> None:
    """What an export says to people: on standard error, for a patch may be on standard output."""
    if "recorded" in document:
        names = {
            "recorded": "as recorded",
            "fresh": "on fresh repeats",
            "test": "on the test split",
        }
        for key, name in names.items():
            if figures := document[key]:
                spread = (
                    f" se={document[key]['stderr']:.3g}" if figures["stderr"] is not None else ""
                )
                print_line(
                    f"{name:18} {format_number(figures['mean'])} n={figures['n']}{spread}", err=True
                )
        print_line(f"scores: {document['rule']}", err=True)
        if document["unchecked"]:
            print_line(f"not scored anew: {document['unchecked']}", err=True)
        uses = f"the gate scored {document['gate_uses']} versions before"
        print_line(f"test split opened {document['test_openings']} times; {uses}", err=True)
    for key in ("folder", "patch", "branch", "bundle"):
        if key in document and document[key] != "-":
            print_line(f"{document['version'][:7]} -> {document[key]}", err=True)
    if "private" in document:
        print_private_data(document["private"])


COMMANDS = [export_]
