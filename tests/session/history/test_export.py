"""What leaves a session works elsewhere: folder, patches, a branch, a bundle, a clone."""

import os
import subprocess
from pathlib import Path

import pytest

from genopt_tui.errors import SessionError
from genopt_tui.session import places
from genopt_tui.session.history import acts, export
from genopt_tui.session.history.repository import Repository
from tests.session.conftest import START, Accept, plain_git, record


def user_git(path: Path, *args: str, data: str = "") -> str:
    env = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    env |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    who = ["-c", "user.name=P", "-c", "user.email=p@example.org", "-c", "init.defaultBranch=main"]
    return subprocess.run(
        ["git", *who, *args],
        cwd=path,
        env=env,
        input=data,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@pytest.fixture
def users(tmp_path: Path) -> Path:
    """The user's own repository, which the session's files came from."""
    path = tmp_path / "users"
    (path / "src").mkdir(parents=True)
    (path / "src" / "policy.py").write_text(START["policy.py"])
    (path / "README").write_text("mine\n")
    user_git(path, "init", "-q")
    user_git(path, "add", ".")
    user_git(path, "commit", "-q", "-m", "mine")
    return path


@pytest.fixture
def grown(session: Repository, accept: Accept) -> Repository:
    """Three steps of which one was rejected and one changed only the design."""
    text = START["policy.py"]
    accept(1, text.replace("a = 1", "a = 10"))
    session.commit_rejected(
        base=session.head(),
        tree=session.write_artifact({"policy.py": "no\n"}),
        record=record(2, "rejected"),
        subject="s",
        step=2,
    )
    session.commit(
        base=session.head(),
        tree=session.artifact_tree(session.head()),
        record=record(3, "design"),
        subject="d",
        choices_text="start = 'x'\n",
    )
    tree = session.write_artifact(
        {
            "policy.py": text.replace("a = 1", "a = 10").replace("c = 3", "c = 30"),
            "new.py": "n = 1\n",
        }
    )
    session.commit(
        base=session.head(),
        tree=tree,
        record=record(4),
        subject="From: evil\nSubject: x",
        body="From nobody\n---\ndiff",
        model="m",
    )
    return session


def test_folder(grown: Repository, tmp_path: Path) -> None:
    assert export.export_folder(grown, grown.head(), tmp_path / "out") == ["new.py", "policy.py"]
    assert (tmp_path / "out" / "new.py").read_text() == "n = 1\n"
    with pytest.raises(SessionError):
        export.export_folder(grown, grown.head(), tmp_path / "out")


def test_patch_series_applies_one_commit_per_step(grown: Repository, users: Path) -> None:
    series = export.make_patch(grown, grown.head(), "src").decode()
    user_git(users, "am", "-q", data=series)
    assert user_git(users, "log", "--format=%s").splitlines() == [
        "step 4: From: evil Subject: x",
        "step 1: try 1",
        "mine",
    ]
    assert (users / "src" / "policy.py").read_text() == grown.read_artifact(grown.head())[
        "policy.py"
    ]
    assert (users / "src" / "new.py").read_text() == "n = 1\n"
    assert sorted(os.listdir(users)) == [".git", "README", "src"]
    with pytest.raises(SessionError):
        export.make_patch(grown, grown.resolve("start"))


def test_branch_in_the_users_repository_leaves_the_rest_alone(
    grown: Repository, users: Path
) -> None:
    (users / "src" / "policy.py").write_text("dirty\n")
    before = user_git(users, "status", "--porcelain"), user_git(users, "rev-parse", "HEAD")
    export.export_branch(grown, grown.head(), users, "genopt-result", prefix="src")
    assert (
        user_git(users, "status", "--porcelain"),
        user_git(users, "rev-parse", "HEAD"),
    ) == before
    assert (users / "src" / "policy.py").read_text() == "dirty\n"
    assert (
        user_git(users, "show", "genopt-result:src/policy.py")
        == grown.read_artifact(grown.head())["policy.py"]
    )
    assert user_git(users, "log", "--format=%s", "genopt-result").splitlines()[-2:] == [
        "step 1: try 1",
        "mine",
    ]
    assert user_git(users, "diff", "--name-only", "main", "genopt-result").split() == [
        "src/new.py",
        "src/policy.py",
    ]
    assert user_git(users, "fsck", "--strict") == ""
    with pytest.raises(SessionError, match="already"):
        export.export_branch(grown, grown.head(), users, "genopt-result")
    export.export_branch(grown, grown.head(), users, "one", prefix="src", squash=True)
    assert user_git(users, "rev-list", "--count", "main..one") == "1\n"


def test_bundle_and_clone_bring_everything_and_trust_nothing(
    grown: Repository, tmp_path: Path
) -> None:
    acts.branch(grown, "idea", "2a")
    acts.rewind(grown, "1")
    task = tmp_path / "task"
    task.mkdir()
    (task / "task.toml").write_text("objective = 'x'\n")
    places.register(grown.path)
    export.store_task(grown, task)
    export.export_bundle(grown, tmp_path / "toy.bundle")
    path = export.clone_session(str(tmp_path / "toy.bundle"), tmp_path / "copy")
    with Repository.open(path) as copy:
        assert copy.refs.list_refs() == grown.refs.list_refs()
        assert copy.read_log(all_branches=True) == grown.read_log(all_branches=True)
        assert copy.recover() is None
        assert copy.read_hand_edit() is None
        assert plain_git(copy, "status", "--porcelain") == ""
        acts.undo(copy)
        assert copy.read_log()[0].step == 4
    assert places.is_trusted(grown.path)
    assert not places.is_trusted(path)


def test_a_clone_goes_into_a_folder_of_the_present_one(
    grown: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    export.export_bundle(grown, Path("toy.bundle"))
    assert export.clone_session("toy.bundle", Path("copy")) == tmp_path / "copy"


def test_plain_clone_and_the_one_line_refspec(grown: Repository, tmp_path: Path) -> None:
    user_git(tmp_path, "clone", "-q", str(grown.path), "plain")
    user_git(tmp_path / "plain", "fetch", "-q", "origin", "+refs/genopt/*:refs/genopt/*")
    path = export.clone_session(str(tmp_path / "plain"), tmp_path / "again")
    with Repository.open(path) as copy:
        assert copy.read_log(all_branches=True) == grown.read_log(all_branches=True)
    with Repository.open(tmp_path / "plain") as plain:
        plain.recover()
        assert plain.read_hand_edit() is None
        assert plain.read_log()[0].step == 4


@pytest.mark.parametrize(
    "source", ["--upload-pack=touch x", "ext::sh -c touch% x", "nothing/here", ""]
)
def test_bad_sources_are_refused(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SessionError):
        export.clone_session(source, tmp_path / "copy")
    assert os.listdir(tmp_path) == []


def test_a_repository_that_is_no_session_is_refused(users: Path, tmp_path: Path) -> None:
    with pytest.raises(SessionError, match="no session"):
        export.clone_session(str(users), tmp_path / "copy")
    assert sorted(os.listdir(tmp_path)) == ["users"]


def test_private_data_is_named(grown: Repository) -> None:
    told = export.count_private_data(grown)
    assert told["versions with prompts, replies and evidence"] == 5
    assert any(key.startswith("commits by ") for key in told)
