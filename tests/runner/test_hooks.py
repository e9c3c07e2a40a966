"""The user's own commands: run by the runner, with nobody looking on, and told what they need in
safe words."""

from pathlib import Path

from conftest import Make

from genopt_tui.runner.hooks import EventHooks
from genopt_tui.session.journal import Event

SAY = 'printf "%s|" "$GENOPT_SESSION" "$GENOPT_STEP" "$GENOPT_REASON" >> '


def settings(home: Path, text: str) -> None:
    (home / "settings.toml").write_text(f"[interface]\n{text}\n")


def test_commands_run_though_no_application_is_open(make: Make, home: Path, tmp_path: Path) -> None:
    said = tmp_path / "said"
    command = f"{SAY}{said}".replace('"', '\\"')
    settings(home, f'on_decision = "{command}"\non_finish = "{command}"')
    bench = make()
    after = bench.start(steps=1, mode="ask")
    bench.wait("decision_wanted", after)
    bench.until(
        lambda: said.exists() and said.read_text().count("|") == 3, "the command for a decision"
    )
    bench.tell("reject", step=1, candidate=0, reason="")
    bench.wait("run_finished", after)
    bench.until(lambda: said.read_text().count("|") == 6, "the command for the end")
    assert said.read_text() == "one|1||one||1 step done|"


def test_nothing_runs_where_nothing_is_set_or_the_file_is_wrong(home: Path, tmp_path: Path) -> None:
    telling = EventHooks(tmp_path)
    wanted = Event(1, "", 3, "decision_wanted", {"pending": "decide"})
    telling.run_hook(wanted)
    settings(home, "on_decision = 7")
    telling.run_hook(wanted)
    settings(home, f'on_finish = "touch {tmp_path / "never"}"')
    telling.run_hook(wanted)
    assert not telling._running and not (tmp_path / "never").exists()


def test_what_a_model_wrote_reaches_a_command_as_plain_words(home: Path, tmp_path: Path) -> None:
    said = tmp_path / "said"
    settings(home, f"on_finish = 'printf %s \"$GENOPT_REASON\" > {said}'")
    telling = EventHooks(tmp_path)
    reason = "$(touch pwned)`id`\x1b]0;title\x07\x9b31m\nnext\u202e [red]"
    telling.run_hook(Event(1, "", 0, "run_finished", {"reason": reason}))
    for process in telling._running:
        process.wait()
    assert said.read_text() == "$(touch pwned)`id` ]0;title  31m next  [red]"
