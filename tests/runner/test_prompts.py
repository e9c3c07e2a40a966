"""What is shown before sending, what the server receives and what is recorded: one text, whoever
changed it and whatever it holds."""

import json
import shutil
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import Bench, Make
from loopback import Provider
from serving import begin, player, session

from genopt_tui.cli.status import build_status, show
from genopt_tui.errors import UsageError
from genopt_tui.propose import litellm_client
from genopt_tui.propose.base import format_messages
from genopt_tui.session.journal import Journal
from genopt_tui.session.progress import list_unchecked
from tests.tiny import TASK

NASTY = r"two\r\nlines \x1b[31mred\x1b]0;title\x07 \ud800 [bold]x[/] \x00 {{ 1 }} \u202e ```"


@pytest.fixture(scope="module", autouse=True)
def litellm() -> None:
    """Loaded once, not used: runners are forked from here, and threads do not survive that."""
    litellm_client.load_litellm()


def waits(bench: Bench, after: int = 0) -> int:
    return int(bench.wait("decision_wanted", after, pending="propose").id)


def shown(bench: Bench) -> list[dict[str, str]]:
    return list(bench.events("prompt_preview")[-1].data["messages"])


def test_preview_record_and_server_agree_to_the_byte_also_on_unpleasant_text(
    make: Make, task: Path
) -> None:
    (task / "task.py").write_text(
        TASK.replace('feedback=f"off by {got - 10:.3f}"', f'feedback="{NASTY}"')
    )
    with Provider(player([])) as provider:
        bench = session(make, provider, "retry.timeout=60")
        begin(bench, steps=3, mode="step")
        asked, after = [], waits(bench)
        first, _ = (str(e) for e, _ in bench.events("batch_sampled")[-1].data["examples"])
        assert f"example {first}" in shown(bench)[-1]["content"]
        bench.tell("preview", step=1, dropped=[first], pinned=[])
        assert f"example {first}" not in shown(bench)[-1]["content"]
        bench.tell("hint", text="a hint \x1b[1m\r\nof two lines")
        assert (
            "of two lines" in shown(bench)[-1]["content"]
            and f"example {first}" not in shown(bench)[-1]["content"]
        )
        asked.append(shown(bench))
        bench.tell("propose", step=1)
        bench.tell(
            "approve", step=bench.wait("decision_wanted", after, pending="decide").step, candidate=0
        )
        after = waits(bench, after)
        edited = [
            *shown(bench)[:-1],
            {"role": "user", "content": shown(bench)[-1]["content"] + "\n\x1b[0m\r\nedited"},
        ]
        bench.tell("preview", step=2, messages=edited)
        assert "stays as it is" in bench.tell("hint", text="for the one after")
        asked.append(edited)
        bench.tell("propose", step=2)
        bench.tell(
            "approve", step=bench.wait("decision_wanted", after, pending="decide").step, candidate=0
        )
        waits(bench, after)
        assert (
            "for the one after" in shown(bench)[-1]["content"]
            and "of two lines" not in shown(bench)[-1]["content"]
        )
        asked.append(shown(bench))
        bench.tell("propose", step=3)
        bench.tell(
            "approve",
            step=bench.wait("decision_wanted", pending="decide", after=after + 20).step,
            candidate=0,
        )
        bench.wait("run_finished")
        received = [request.messages for request in provider.requests]
        assert received == asked == [bench.record(str(step)).prompt for step in (1, 2, 3)]
        assert [e.data["messages"] for e in bench.events("prompt_built")] == asked
        assert bench.record("1").evidence["dropped"] == [first]
        assert all("two\r\nlines \x1b[31mred" in messages[-1]["content"] for messages in asked)


@pytest.mark.parametrize("kind", ["command", "manual", "search", "replay"])
def test_preview_record_and_what_every_other_proposer_is_given_agree_to_the_byte(
    make: Make, task: Path, tmp_path: Path, kind: str
) -> None:
    (task / "task.py").write_text(
        TASK.replace('feedback=f"off by {got - 10:.3f}"', f'feedback="{NASTY}"')
    )
    got, reply, program = tmp_path / "got", tmp_path / "reply", tmp_path / "program.sh"
    reply.write_text(
        "answer.py\n<<<<<<< SEARCH\nLEVEL = 3.0\n=======\nLEVEL = 3.5\n>>>>>>> REPLACE\n"
    )
    program.write_text(f"cat > '{got}'\ncat '{reply}'\n")

    def one_step(model: str) -> list[dict[str, str]]:
        recording = tmp_path / f"{model}.jsonl"
        named = {
            "command": f"command:sh {program}",
            "replay": f"replay:{tmp_path / 'command.jsonl'}",
        }
        bench = make(f"model={named.get(model, model)}", f"record={recording}", name=model)
        bench.start(steps=1, mode="step")
        waits(bench)
        bench.tell("hint", text="a hint \x1b[1m\r\nof two lines")
        asked = shown(bench)
        bench.tell("propose", step=1)
        if model == "manual":
            prompt = Path(bench.wait("notice", candidate=0).data["path"]).read_bytes()
            assert prompt == format_messages(asked).encode("utf-8", "replace") + b"\n"
            bench.tell("reply", text=reply.read_text())
        bench.wait("decision_wanted", pending="decide")
        bench.tell("approve", step=1, candidate=0)
        bench.wait("run_finished")
        assert bench.record("1").prompt == bench.events("prompt_built")[0].data["messages"] == asked
        assert [
            json.loads(line)["messages"] for line in recording.read_text("utf-8").split("\n")[:-1]
        ] == [asked]
        said = [e for e in bench.events("notice") if e.data["candidate"] is not None]
        assert len(said) == (model == "manual"), (
            "a replay says where a prompt differs from the recorded one"
        )
        return asked

    asked = one_step("command") if kind == "replay" else one_step(kind)
    if kind == "replay":
        assert one_step(kind) == asked
    if kind in {"command", "replay"}:
        assert got.read_bytes() == format_messages(asked).encode("utf-8", "replace")
    assert (
        "two\r\nlines \x1b[31mred" in asked[-1]["content"]
        and "\r\nof two lines" in asked[-1]["content"]
    )


def test_templates_of_task_and_session_are_used_and_named_in_the_record(
    make: Make, task: Path
) -> None:
    (task / "prompt").mkdir()
    (task / "prompt" / "system.j2").write_text("You raise levels.")
    (task / "prompt" / "objective.j2").write_text("from the task")
    bench = make()
    own = "{% include 'objective.j2' %}\nOf {{ names | length }} examples, from the session: {{ choices.batch.size }}."
    (bench.path / "prompt").mkdir()
    (bench.path / "prompt" / "objective.j2").write_text(own)
    bench.run(steps=1, mode="auto")
    (asked,) = bench.calls()
    assert (
        asked.startswith("You raise levels.")
        and "Make value() return" in asked
        and "from the task" not in asked
    )
    assert "Of 2 examples, from the session: 2." in asked
    named = bench.record("head").evidence["templates"]
    assert (
        named["objective"] == f"session {sha256(own.encode()).hexdigest()[:16]}"
        and named["system"][:5] == "task "
    )


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("objective", "one\n{% if %}\n", "'objective', line 2"),
        ("hints", "one\ntwo {{ nobody }}", "'hints', line 2"),
        ("objective", "{{ task.parse_raw }}{{ choices.copy.__globals__ }}", "'objective', line 1"),
        ("objective", "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}", "'objective', line 1"),
        ("objectif", "x", "no section 'objectif'"),
    ],
)
def test_a_broken_template_is_one_line_and_loses_nothing(
    make: Make, name: str, text: str, said: str
) -> None:
    bench = make()
    (bench.path / "prompt").mkdir()
    file = bench.path / "prompt" / f"{name}.j2"
    file.write_text(text)
    bench.tell("hint", text="so that there is something to say")
    assert bench.run(steps=1, mode="auto").data["code"] == 2
    (error,) = bench.events("error")
    assert said in error.data["message"] and "\n" not in error.data["message"]
    rollouts = bench.journal.last_rollout_id()
    file.unlink()
    bench.run(steps=1)
    assert bench.outcomes()[-1][1] == "gate" and "something to say" in bench.calls()[0]
    trains = [
        e
        for e in bench.events("rollout_finished")
        if e.data["split"] == "train" and not e.data["cached"]
    ]
    assert all(e.data["rollout"] <= rollouts for e in trains)


def test_a_template_that_breaks_while_the_prompt_waits_is_told_and_the_prompt_still_waits(
    make: Make,
) -> None:
    bench = make()
    bench.start(steps=1, mode="step")
    waits(bench)
    (bench.path / "prompt").mkdir()
    (bench.path / "prompt" / "system.j2").write_text("{{ nobody }}")
    with pytest.raises(UsageError, match="'system', line 1"):
        bench.tell("preview", step=1, dropped=["train-0"], pinned=[])
    bench.tell("propose", step=1)
    bench.wait("decision_wanted", pending="decide")
    assert bench.calls()[0] == "\n\n".join(m["content"] for m in shown(bench))


def test_promises_about_the_evidence_are_held_against_it_and_the_session_counts_them(
    make: Make,
) -> None:
    bench = make()
    edit = "\n\nanswer.py\n<<<<<<< SEARCH\nLEVEL = {}\n=======\nLEVEL = {}\n>>>>>>> REPLACE\n"
    bench.start(steps=2, mode="step")
    after = waits(bench)
    first, second = (str(e) for e, _ in bench.events("batch_sampled")[-1].data["examples"])
    promise = (
        f"because: {first} step 0\nexpects: {first} up\nexpects: {second} down\nexpects: nobody up"
    )
    bench.will_reply(0, f"Raise it.\n{promise}{edit.format(3.0, 4.0)}")
    bench.tell("propose", step=1)
    wanted = bench.wait("decision_wanted", after, pending="decide")
    gate = bench.events("gate_finished")[-1].data
    assert gate["promised"] == [[first, "up", True], [second, "down", False]]
    assert (gate["promises_kept"], gate["promises"], gate["session_promises"]) == (1, 2, [1, 2])
    bench.tell("approve", step=1, candidate=0)
    after = waits(bench, wanted.id)
    third = str(bench.events("batch_sampled")[-1].data["examples"][0][0])
    bench.will_reply(1, f"Raise it.\nexpects: {third} up{edit.format(4.0, 5.0)}")
    bench.tell("propose", step=2)
    bench.wait("decision_wanted", after, pending="decide")
    assert bench.events("gate_finished")[-1].data["session_promises"] == [2, 3]
    record = bench.record("1").proposal
    assert (
        record.promised == [(first, "up", True), (second, "down", False)]
        and record.promises_kept == 1
    )
    assert list_unchecked(record.expects, record.promised) == ("nobody",)
    output = CliRunner().invoke(show, [str(bench.path), "1"]).output
    assert "promised nobody up: not checked, it was not scored" in output
    bench.tell("approve", step=2, candidate=0)
    bench.wait("run_finished")
    bench.kill()
    bench.journal.close()
    shutil.rmtree(bench.path / ".genopt")
    bench.journal = Journal(bench.path)
    assert build_status(bench.path)["promises"] == {"made": 3, "kept": 2}
    bench.will_reply(2, f"Raise it.\nexpects: {third} up{edit.format(5.0, 6.0)}")
    bench.tell("examples", excluded={}, pinned=[third])
    bench.run(steps=1, mode="auto")
    assert bench.events("gate_finished")[-1].data["session_promises"] == [3, 4]
