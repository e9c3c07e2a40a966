"""A session's result as others can use it: a folder, patches, a branch in the user's repository, a
bundle; and a clone back."""

import os
import re
import tempfile
from pathlib import Path

from genopt_tui.errors import SessionError
from genopt_tui.session.git import cli
from genopt_tui.session.git.objects import ObjectStore
from genopt_tui.session.git.porcelain import run_porcelain
from genopt_tui.session.git.refs import HEADS, TASKS, check_name
from genopt_tui.session.git.worktree import ARTIFACT, WorkTree, safe_path
from genopt_tui.session.history.repository import Repository, init_repository
from genopt_tui.session.history.versions import ACCEPTED, Version

URL = re.compile(r"(https?|ssh|git|file)://[^\s]+|[A-Za-z0-9_.-]+@[A-Za-z0-9.-]+:[^\s]+")


def export_folder(repository: Repository, commit: str, to: Path) -> list[str]:
    """Write a version's artifact into `to` (new or empty). Returns the file names."""
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise SessionError(f"{to} is not an empty folder", advice="Name a new one")
    files = repository.objects.list_files(repository.artifact_tree(commit))
    for name, blob in files.items():
        target = to / safe_path(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(repository.objects.get(blob, "blob").data)
    return sorted(files)


def list_accepted_steps(repository: Repository, commit: str) -> list[Version]:
    """The accepted versions from the start to `commit` that changed the artifact, oldest first."""
    names = (
        repository.run_git("rev-list", "--first-parent", "--reverse", commit, "--", f"{ARTIFACT}/")
        .decode()
        .split()
    )
    found = [repository.read_version(name) for name in names]
    return [version for version in found if version.parents and version.decision in ACCEPTED]


def make_patch(repository: Repository, commit: str, prefix: str = "") -> bytes:
    """A patch series, one mail per accepted step, with the artifact's files at `prefix`; `git am`
    and `git apply` take it.

    Raises SessionError when nothing changed since the start.
    """
    start = repository.resolve("start")
    args = [
        "--stdout",
        "--no-signature",
        "--no-stat",
        "--full-index",
        "--binary",
        "--no-ext-diff",
        "--no-textconv",
        "--no-renames",
    ]
    where = [f"--relative={ARTIFACT}/"]
    if prefix:
        where += [f"--src-prefix=a/{safe_path(prefix)}/", f"--dst-prefix=b/{safe_path(prefix)}/"]
    out = repository.run_git(
        "format-patch", *args, *where, "--first-parent", f"{start}..{commit}", "--", f"{ARTIFACT}/"
    )
    if not out.strip():
        raise SessionError("nothing changed since the start", advice="There is no patch to write")
    return out


def plan_branch(repository: Repository, commit: str, target: Path, name: str) -> list[Version]:
    """The steps that a new branch `name` of `target` is made of. Raises SessionError where it is
    taken, or there are none."""
    check_name(name)
    if _run_user_git(target, "for-each-ref", HEADS + name).strip():
        raise SessionError(
            f"{target.name} has a branch '{name}' already", advice="Choose another name"
        )
    if not (chain := list_accepted_steps(repository, commit)):
        raise SessionError("nothing changed since the start", advice="There is nothing to export")
    return chain


def export_branch(
    repository: Repository,
    commit: str,
    target: Path,
    name: str,
    *,
    onto: str = "HEAD",
    prefix: str = "",
    squash: bool = False,
) -> str:
    """Make the branch `name` in the user's repository at `target`, on its commit `onto`, one commit
    per accepted step.

    Work tree, index and active branch there stay untouched. Returns the branch's commit.
    """
    chain = plan_branch(repository, commit, target, name)
    base = (
        _run_user_git(
            target, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{onto}^{{commit}}"
        )
        .decode()
        .strip()
    )
    before = set(
        repository.objects.list_files(repository.artifact_tree(repository.resolve("start")))
    )
    at = base
    with tempfile.TemporaryDirectory() as scratch:
        env = {"GIT_INDEX_FILE": str(Path(scratch, "index"))}
        for version in chain[-1:] if squash else chain:
            tree = _graft(repository, version.commit, target, at, prefix, before, env)
            at = _commit_to_target(repository, version, target, at, tree)
            before |= set(repository.objects.list_files(repository.artifact_tree(version.commit)))
    _run_user_git(target, "update-ref", "-m", "genopt export", HEADS + name, at, "0" * 40)
    return at


def export_bundle(repository: Repository, file: Path) -> None:
    """Everything that lasts, in one file: branches, what was rejected or abandoned, acts, tags,
    notes, and the task kept here."""
    file = file.absolute()
    part = file.with_name(f".{file.name}.{os.getpid()}")
    run_porcelain(repository.path, "bundle", "create", "-q", str(part), "--all", "HEAD")
    os.replace(part, file)


def store_task(repository: Repository, task: Path) -> str:
    """Keep the task's folder by content under `refs/genopt/task/<tree>`, so that it travels with
    bundles and clones."""
    skipped = {"__pycache__", ".git"}
    found = [
        p
        for p in sorted(task.rglob("*"))
        if p.is_file() and not p.is_symlink() and not skipped & set(p.parts)
    ]
    blobs = {
        safe_path(p.relative_to(task).as_posix()): repository.objects.write_blob(p.read_bytes())
        for p in found
    }
    tree = repository.objects.write_files(blobs)
    by = cli.format_identity()
    commit = repository.objects.write_commit(tree, [], by, f"task {task.name}\n", 0)
    repository.objects.flush()
    ref = f"{TASKS}{tree}"
    if repository.objects.read(ref) is None:
        repository.refs.update({ref: (None, commit)})
    return ref


def clone_session(source: str, to: Path) -> Path:
    """A session from a bundle, a folder or an address, with everything under `refs/genopt`. Nothing
    of it runs.

    Raises SessionError when it holds no session; nothing is left then.
    """
    to = to.expanduser().resolve()  # git is called in the new folder
    if to.exists():
        raise SessionError(f"{to} exists", advice="Name a new folder")
    origin = _resolve_origin(source)
    building = to.with_name(f".{to.name}.{os.getpid()}")
    init_repository(building)
    try:
        run_porcelain(
            building,
            *("fetch", "-q", "--no-tags", "--end-of-options", origin, "+refs/*:refs/fetched/*"),
            env=cli.REMOTE_ACCESS,
        )
        _arrange_refs(building, origin)
        os.rename(building, to)
    except BaseException:
        import shutil

        shutil.rmtree(building, ignore_errors=True)
        raise
    return to


def count_private_data(repository: Repository) -> dict[str, int]:
    """What a shared session tells about its owner: counts of prompts, replies, evidence, hand
    edits, and the names in commits."""
    versions = repository.read_log(all_branches=True)
    names = (
        repository.run_git("log", "--all", "--format=%cn <%ce>")
        .decode("utf-8", "replace")
        .splitlines()
    )
    return {
        "versions with prompts, replies and evidence": sum(
            version.step is not None for version in versions
        ),
        "versions by hand": sum(version.decision == "manual" for version in versions),
        **{f"commits by {name}": names.count(name) for name in sorted(set(names))},
    }


def _resolve_origin(source: str) -> str:
    path = Path(source).expanduser()
    if path.exists():
        return str(path.resolve())
    if URL.fullmatch(source):
        return source
    raise SessionError(
        f"'{source[:80]}' is neither a file nor an address",
        advice="Give a bundle, a folder, or https://...",
    )


def _arrange_refs(path: Path, origin: str) -> None:
    """Give fetched refs their places (remote branches become local ones), choose the branch, write
    the files."""
    refs = (
        cli.run_git(["for-each-ref", "--format=%(objectname) %(refname)", "refs/fetched/"], path)
        .decode()
        .splitlines()
    )
    places: dict[str, str] = {}
    for line in refs:
        sha, _, name = line.partition(" ")
        name = "refs/" + name.removeprefix("refs/fetched/")
        if match := re.fullmatch(r"refs/remotes/[^/]+/(.+)", name):
            if match[1] != "HEAD":
                places.setdefault(HEADS + match[1], sha)
        elif name.startswith((HEADS, "refs/tags/", "refs/genopt/")):
            places[name] = sha
    moves = [f"create {name} {sha}" for name, sha in places.items()]
    moves += [
        f"delete refs/fetched/{line.partition(' ')[2].removeprefix('refs/fetched/')}"
        for line in refs
    ]
    cli.run_git(["update-ref", "--stdin"], path, data="\n".join(moves).encode() + b"\n")
    branches = [name for name in places if name.startswith(HEADS)]
    if not branches:
        raise SessionError("it holds no session", "there is no branch in it")
    there = cli.run_git(
        ["ls-remote", "--symref", "--end-of-options", origin, "HEAD"],
        path,
        ok=(0, 128),
        env=cli.REMOTE_ACCESS,
    )
    named = re.search(rb"ref: (\S+)\s+HEAD", there)
    tips = {
        name: sha for sha, _, name in (line.partition("\t") for line in there.decode().splitlines())
    }
    wanted = named[1].decode() if named else HEADS + "main"
    ref = wanted if wanted in branches else branches[0]
    if not named and "HEAD" in tips:  # a bundle tells the commit alone
        ref = next((name for name in (ref, *branches) if places[name] == tips["HEAD"]), ref)
    cli.run_git(["symbolic-ref", "HEAD", ref], path)
    with ObjectStore(path) as store:
        commit = store.read_commit(ref)
        missing = {ARTIFACT, "genopt.toml", "record.json"} - set(store.read_tree(commit.tree))
        if missing:
            raise SessionError(
                "it is a git repository but no session", f"{min(missing)} is missing"
            )
        WorkTree(path, store).checkout(commit.sha, ref)


def _graft(
    repository: Repository,
    commit: str,
    target: Path,
    onto: str,
    prefix: str,
    owned: set[str],
    env: dict[str, str],
) -> str:
    """The tree of `onto` with the version's files at `prefix`; files that the session once had and
    has no more are removed."""
    files = repository.objects.list_files(repository.artifact_tree(commit))
    place = f"{safe_path(prefix)}/" if prefix else ""
    _run_user_git(target, "read-tree", onto, env=env)
    lines = [f"0 {'0' * 40}\t{place}{name}" for name in sorted(owned - files.keys())]
    for name, blob in files.items():
        data = repository.objects.get(blob, "blob").data
        sha = (
            _run_user_git(target, "hash-object", "-w", "--no-filters", "--stdin", data=data)
            .decode()
            .strip()
        )
        mode = _run_user_git(
            target, "ls-tree", "--full-tree", onto, "--", f"{place}{name}"
        ).decode()[:6]
        lines.append(
            f"{mode if mode in ('100644', '100755') else '100644'} {sha}\t{place}{safe_path(name)}"
        )
    _run_user_git(
        target,
        "update-index",
        "-z",
        "--index-info",
        data="\0".join(lines).encode() + b"\0",
        env=env,
    )
    return _run_user_git(target, "write-tree", env=env).decode().strip()


def _commit_to_target(
    repository: Repository, version: Version, target: Path, parent: str, tree: str
) -> str:
    made = repository.objects.read_commit(version.commit)
    name, _, address = made.author.partition(" <")
    env = {
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": address.rstrip(">"),
        "GIT_AUTHOR_DATE": f"{made.at} +0000",
    }
    who, email = cli.read_identity()
    env |= {"GIT_COMMITTER_NAME": who, "GIT_COMMITTER_EMAIL": email}
    return (
        _run_user_git(
            target, "commit-tree", tree, "-p", parent, data=made.message.encode(), env=env
        )
        .decode()
        .strip()
    )


def _run_user_git(
    target: Path, *args: str, data: bytes = b"", env: dict[str, str] | None = None
) -> bytes:
    return cli.run_git(args, cwd=target, data=data, env=env)
