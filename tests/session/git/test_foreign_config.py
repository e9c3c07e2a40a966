"""Nothing that a stranger's repository configures runs, whatever is done with his session."""

import shlex
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from genopt_tui.errors import SessionError
from genopt_tui.session import places
from genopt_tui.session.git import cli
from genopt_tui.session.git.porcelain import run_porcelain
from genopt_tui.session.history import acts, export, notes, search
from genopt_tui.session.history.repository import Repository
from tests.session.conftest import Accept, plain_git

PROGRAM_KEYS = """\
alias.blame alias.diff alias.log alias.rev-list alias.show browser.x.cmd browser.x.path
commit.gpgSign:true core.alternateRefsCommand core.askPass core.editor core.fsmonitor core.gitProxy
core.hooksPath core.pager core.sshCommand credential.helper credential.https://x.helper
diff.external diff.guitool:x diff.tool:x diff.x.command diff.x.textconv difftool.x.cmd
difftool.x.path filter.x.clean filter.x.process filter.x.required:true filter.x.smudge
format.pretty:%GG gc.recentObjectsHook gpg.format:openpgp gpg.openpgp.program gpg.program
gpg.ssh.defaultKeyCommand gpg.ssh.program gpg.x509.program guitool.x.cmd hook.x.command
hook.x.event:post-checkout instaweb.browser interactive.diffFilter log.showSignature:true
man.viewer:x man.x.cmd man.x.path merge.tool:x merge.x.driver mergetool.x.cmd mergetool.x.path
pager.blame pager.diff pager.log pager.show receive.procReceiveRefs:refs remote.origin.receivepack
remote.origin.uploadpack remote.origin.vcs:ext rerere.enabled:true sendemail.sendmailCmd
sendemail.smtpServer sequence.editor submodule.x.update tar.x.command tag.gpgSign:true
trailer.genopt-step.cmd trailer.genopt-step.command trailer.genopt-decision.command
uploadpack.packObjectsHook uploadpackfilter.allow:true web.browser:x
"""
HOOKS = (
    "fsmonitor-watchman post-checkout post-commit post-index-change post-rewrite pre-auto-gc "
    "pre-commit pre-push reference-transaction sendemail-validate"
)


@pytest.fixture
def trap(session: Repository, accept: Accept, tmp_path: Path) -> Path:
    """The file that appears when a program planted in the session's configuration runs."""
    accept(1, "a = 2\n")
    sprung, program = tmp_path / "sprung", tmp_path / "program.sh"
    program.write_text(f'#!/bin/sh\necho "$0 $*" >> {shlex.quote(str(sprung))}\ncat\n')
    program.chmod(0o700)
    folder = session.path / ".git"
    for entry in PROGRAM_KEYS.split():
        key, _, value = entry.partition(":")
        if key.startswith("credential.https"):
            key, value = "credential.https://x.helper", ""
        plain_git(session, "config", key, value or str(program))
    (folder / "hooks").mkdir(exist_ok=True)
    for name in HOOKS.split():
        (folder / "hooks" / name).symlink_to(program)
    attributes = "* diff=x filter=x merge=x\n"
    (folder / "info" / "attributes").write_text(attributes)
    (session.path / "artifact" / ".gitattributes").write_text(attributes)
    return sprung


def use_everything(session: Repository, folder: Path) -> None:
    """Read, search, move, pack, export and clone."""
    head = session.head()
    session.read_log(all_branches=True)
    session.diff(session.resolve("start"), head)
    list(search.search_history(session, "a = 2"))
    search.blame(session, head, "policy.py")
    notes.write_note(session, head, "noted")
    acts.branch(session, "other", "start")
    acts.switch(session, "other")
    acts.undo(session)
    acts.rewind(session, "start")
    acts.undo(session)
    acts.tag(session, "named")
    session.read_hand_edit()
    export.make_patch(session, head)
    export.export_bundle(session, folder / "all.bundle")
    run_porcelain(session.path, "fsck", "--no-dangling")
    session.pack()
    places.load_entry(session.path)
    export.clone_session(str(session.path), folder / "clone")


def test_no_program_in_a_session_s_configuration_runs(
    session: Repository, trap: Path, tmp_path: Path
) -> None:
    use_everything(session, tmp_path)
    assert not trap.exists(), trap.read_text()
    with suppress(subprocess.CalledProcessError):  # the planted program is no filter
        plain_git(session, "status")
    assert trap.exists(), "plain git itself runs what was planted"


def test_a_session_s_configuration_is_not_read(session: Repository, trap: Path) -> None:
    out = cli.run_git(["config", "--list"], session.path).decode()
    assert str(trap.parent) not in out
    assert "filter.x" not in out


@pytest.mark.parametrize(
    "act",
    [
        lambda session: session.read_record(session.head()),
        lambda session: session.read_log(all_branches=True),
        lambda session: session.diff(session.resolve("start"), session.head()),
        lambda session: places.load_entry(session.path),
        lambda session: run_porcelain(session.path, "fsck"),
        lambda session: session.pack(),
    ],
)
def test_a_missing_object_is_never_fetched(
    session: Repository, accept: Accept, tmp_path: Path, act: Callable[[Repository], object]
) -> None:
    commit = accept(1, "a = 2\n")
    sprung = tmp_path / "sprung"
    for name in ("record.json", "genopt.toml", "artifact/policy.py"):
        blob = plain_git(session, "rev-parse", f"{commit}:{name}").strip()
        (session.path / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    for key, value in {
        "core.repositoryformatversion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.url": str(session.path),
        "remote.origin.promisor": "true",
        "remote.origin.uploadpack": f"touch {shlex.quote(str(sprung))}; git-upload-pack",
    }.items():
        plain_git(session, "config", key, value)
    with Repository.open(session.path) as again, suppress(SessionError):
        act(again)
    assert not sprung.exists()


def test_no_address_is_opened_but_where_one_was_named(session: Repository) -> None:
    with pytest.raises(SessionError, match="not allowed"):
        cli.run_git(["fetch", str(session.path)], session.path)


def test_a_git_folder_that_refers_to_another_one_is_refused(
    session: Repository, tmp_path: Path
) -> None:
    (session.path / ".git" / "commondir").write_text(str(tmp_path))
    with pytest.raises(SessionError, match="refers to another folder"):
        Repository.open(session.path).head()
