"""`genopt prompt`, `send`, `stage`, `whatif`, `hint` on a live session, as they are typed: good
input and bad."""

from pathlib import Path

import pytest
from conftest import Bench, Make

from genopt_tui.__main__ import run_command

Output = pytest.CaptureFixture[bytes]


class Typed:
    """Types commands about one session, and reads what they print."""

    def __init__(self, bench: Bench, output: Output) -> None:
        self.bench, self.output = bench, output

    def ok(self, *words: str) -> str:
        self.output.readouterr()
        code = run_command([str(self.bench.path) if word == "HERE" else word for word in words])
        out, err = self.output.readouterr()
        assert code == 0, err
        return out.decode()

    def wrong(self, *words: str) -> str:
        """Nothing on standard output, one line on standard error, code 2."""
        self.output.readouterr()
        code = run_command([str(self.bench.path) if word == "HERE" else word for word in words])
        out, err = self.output.readouterr()
        assert (code, out, err.count(b"\n")) == (2, b"", 1), err
        return err.decode()


def test_the_prompt_is_looked_at_staged_edited_and_sent(
    make: Make, tmp_path: Path, capsysbinary: Output
) -> None:
    bench = make()
    typed = Typed(bench, capsysbinary)
    assert "no prompt waits" in typed.wrong("prompt", "HERE")
    assert "no prompt waits" in typed.wrong("send", "HERE")
    bench.start(steps=3, mode="step")
    wanted = bench.wait("decision_wanted", pending="propose")
    first = typed.ok("prompt", "HERE")
    assert first == bench.events("prompt_preview")[-1].data["messages"][-1]["content"]
    assert "no setting" in typed.wrong("stage", "HERE", "batch.sise=3")
    typed.ok("stage", "HERE", "batch.size=3")
    wanted = bench.wait("decision_wanted", wanted.id, pending="propose")
    examples = [e for e, _ in bench.events("batch_sampled")[-1].data["examples"]]
    assert len(examples) == 3 and all(
        f"example {e}\n" in typed.ok("prompt", "HERE") for e in examples
    )
    assert "not in this batch" in typed.wrong("send", "HERE", "--drop", "train-99")
    typed.ok("send", "HERE", "--drop", examples[0], "--pin", examples[2])
    wanted = bench.wait("decision_wanted", wanted.id, pending="decide")
    asked = bench.calls()[0]
    assert f"example {examples[0]}\n" not in asked and asked.index(examples[2]) < asked.index(
        examples[1]
    )
    typed.ok("approve", "HERE")
    wanted = bench.wait("decision_wanted", wanted.id, pending="propose")
    file = tmp_path / "prompt.md"
    file.write_bytes(typed.ok("prompt", "HERE").encode() + b"\r\nBe bold.")
    bad = tmp_path / "bad.md"
    bad.write_bytes(b"\xff\xfe")
    assert "cannot read" in typed.wrong("send", "HERE", "--prompt", str(bad))
    typed.ok("send", "HERE", "--prompt", str(file))
    bench.wait("decision_wanted", wanted.id, pending="decide")
    assert bench.calls()[1].endswith("Be bold.")
    assert (
        bench.events("prompt_built")[-1].data["messages"][-1]["content"]
        == file.read_bytes().decode()
    )
    assert "no prompt waits" in typed.wrong("prompt", "HERE")
    assert "no prompt is waiting" in typed.wrong("stage", "HERE", "batch.size=1")


def test_hints_are_given_listed_and_taken_back(make: Make, capsysbinary: Output) -> None:
    bench = make("memory.size=0")
    typed = Typed(bench, capsysbinary)
    typed.ok("hint", "HERE", "--always", "mind the walls")
    typed.ok("hint", "HERE", "only once")
    assert typed.ok("hint", "HERE", "--list") == "always: mind the walls\nnext: only once\n"
    assert "what is the model to be told" in typed.wrong("hint")
    assert "these do: mind the walls" in typed.wrong("hint", "HERE", "--remove", "mind the")
    bench.run(steps=1, mode="auto")
    typed.ok("hint", "HERE", "--remove", "mind the walls")
    assert typed.ok("hint", "HERE", "--list") == ""
    bench.run(steps=1)
    first, second = bench.calls()
    assert "mind the walls" in first and "only once" in first
    assert "mind the walls" not in second and "only once" not in second


def test_what_if_is_asked_and_answered(make: Make, capsysbinary: Output) -> None:
    bench = make()
    typed = Typed(bench, capsysbinary)
    assert "cannot be asked again" in typed.wrong("whatif", "HERE", "1", "--set", "horizon.steps=1")
    bench.run(steps=1, mode="auto")
    assert "no setting" in typed.wrong("whatif", "HERE", "1", "--set", "horizont=1")
    said = typed.ok("whatif", "HERE", "1", "--set", "horizon.kind=last", "--set", "horizon.steps=1")
    assert "unchanged:" in said and "changed:" in said and "BETTER" in said
    assert "the last 1 steps" in bench.calls()[1]
