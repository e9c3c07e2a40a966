"""`O` takes a version out of the session by the command itself: asked first, told while it runs,
ended by Escape."""

from pathlib import Path

from conftest import Visit, visit
from lived import person_at

from genopt_tui.cli.export import export_
from genopt_tui.session.creation import create_session
from genopt_tui.task import loader
from genopt_tui.ui.screens.export import EXPORT_FORMS, ExportScreen, is_progress_update
from genopt_tui.ui.widgets.line_source import to_plain_text
from genopt_tui.ui.widgets.safe_text import PlainText
from tests import tiny

SLOW = "    (Path(__file__).parent / 'player').write_text(str(os.getpid()))\n    time.sleep(600)\n"


def asked(person: Visit) -> str:
    return " ".join(str(p.content) for p in person.app.screen.query(PlainText))


async def exported(person: Visit, form: str, name: str) -> tuple[str, list[str]]:
    """Export the version under the cursor by keys; what came of it, and what the command said."""
    await begin(person, form, name)
    screen = person.app.screen
    assert isinstance(screen, ExportScreen)
    await person.until(lambda: screen.ready, "the end of it")
    return str(screen.about.content), read_output(screen)


def read_output(screen: ExportScreen) -> list[str]:
    """What the command said."""
    source = screen.pages[0].source
    return [to_plain_text(source.draft(y)) for y in range(len(source))]


async def begin(person: Visit, form: str, name: str) -> None:
    await person.press("O", form)
    person.app.screen.query_one("Input").value = name  # type: ignore[attr-defined]
    await person.press("enter")
    await person.until(lambda: isinstance(person.app.screen, ExportScreen), "it begins")


async def test_export_scores_the_version_again(lived: Path, tmp_path: Path) -> None:
    async with person_at(lived) as person:
        await person.stand_on("3")
        await person.press("O")
        assert "6 rollouts on fresh repeats" in asked(person)
        assert "the opening is counted (until now: sealed)" in asked(person)
        await person.press("escape")
        about, said = await exported(person, "f", str(tmp_path / "out"))
        assert about == "Exported"
        found = {line.partition(" -")[0] for line in said}
        assert {"as recorded", "on fresh repeats", "on the test split"} <= found
        assert {"fresh repeats: 6 of 6 rollouts", "test split: 8 of 8 rollouts"} <= set(said)
        assert said[-1].endswith(f"-> {tmp_path / 'out'}")
        assert "LEVEL = 7.0" in (tmp_path / "out" / "answer.py").read_text()
        await person.press("escape")
        await person.until(lambda: person.main.snapshot.test_openings == 1, "the opening is shown")
        about, said = await exported(person, "b", "better")
        assert (
            about.startswith("it is not known where the files came from")
            and said[-1] == f"genopt: {about}"
        )
        await person.press("escape")
        assert person.main.snapshot.test_openings == 1


async def test_escape_ends_the_command_and_its_rollouts(tmp_path: Path) -> None:
    task = tiny.write(tmp_path)
    code = (task / "task.py").read_text()
    slow = code.replace("    got = ctx.call", f"{SLOW}    got = ctx.call")
    (task / "task.py").write_text("import os\nimport time\nfrom pathlib import Path\n" + slow)
    session = create_session(
        loader.find_task(str(task)),
        str(task),
        name="slow",
        pairs=["sandbox=none", "model=search", "workers=1"],
    )
    async with visit(session) as person:
        await person.press("1")
        await begin(person, "f", str(tmp_path / "out"))
        screen = person.app.screen
        assert isinstance(screen, ExportScreen)
        player = task / "player"
        await person.until(lambda: player.exists() and player.read_text(), "a rollout runs")
        await person.until(lambda: "Esc ends it" in str(screen.about.content), "it is told")
        await person.press("escape")
        await person.until(lambda: screen.ready, "it has ended")
        assert str(screen.about.content) == "Ended before it was done"
        assert "fresh repeats: 0 of 6 rollouts" in read_output(screen)
        await person.until(
            lambda: not Path(f"/proc/{player.read_text()}").exists(), "no rollout is left"
        )
        assert not (tmp_path / "out").exists() and person.main.snapshot.test_openings == 0
        await person.press("escape")
        assert person.app.screen is person.main


def test_every_form_is_an_option_of_the_command() -> None:
    assert {f"--{form.value}" for form in EXPORT_FORMS} <= {
        option for given in export_.params for option in given.opts
    }


def test_progress_of_rollouts_takes_one_line() -> None:
    assert is_progress_update("fresh repeats: 1 of 6 rollouts", "fresh repeats: 2 of 6 rollouts")
    assert not is_progress_update("fresh repeats: 6 of 6 rollouts", "test split: 0 of 8 rollouts")
