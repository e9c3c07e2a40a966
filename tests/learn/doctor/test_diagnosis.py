"""The doctor finds each planted fault, and warns of none of them on a clean loop."""

from dataclasses import replace
from typing import Any

import pytest

from genopt_tui.config import DesignChoices
from genopt_tui.learn.doctor.diagnosis import check_overfitting, examine
from genopt_tui.learn.doctor.inputs import classify_learning_template, collect_observation_keys
from genopt_tui.learn.doctor.loop_facts import ExampleCard, LoopFacts, ScoredRollout
from genopt_tui.task.model import Stage, Start, Task

CODE = "class Policy:\n    def select_action(self, obs):\n        return obs['Ball']['y']\n"


def cards(split: str, labels: str = "abcabcabcabc") -> list[ExampleCard]:
    return [ExampleCard(f"{split}-{n}", f"{split}{n}", label) for n, label in enumerate(labels)]


def clean() -> LoopFacts:
    task = Task(
        objective="Win.",
        documentation='obs["Ball"] is the ball.',
        failure_score=0.0,
        starts={"s": Start()},
        feedback=[
            Stage(at_least=0.9, text="Nearly: mend select_action."),
            Stage(text="Improve select_action."),
        ],
        best_possible=1.0,
    )
    gate = [
        ScoredRollout(f"gate-{n}", 0, 0.5 + 0.1 * (n % 3 - 1), "ok", 0.2, f"sig{n}")
        for n in range(12)
    ]
    return LoopFacts(
        task=task,
        choices=DesignChoices(),
        files={"policy.py": CODE},
        scope=["policy.py:Policy.select_action"],
        examples={split: cards(split) for split in ("train", "gate", "test")},
        gate=gate,
        fields=frozenset({"Ball", "y"}),
        steps=100,
        tokens=(9000, 9000),
        null=(4, 100),
        null_p=0.3,
        budget={"steps": 20, "minutes": 60},
        deterministic_by_seed=True,
    )


def codes(facts: LoopFacts, level: str = "warning") -> set[str]:
    return {finding.code for finding in examine(facts) if finding.level == level}


def test_a_clean_loop_gets_no_warning() -> None:
    assert codes(clean()) == codes(clean(), "error") == set()
    stated = {
        "label-balance",
        "noise",
        "null-control",
        "crash-policy",
        "budget",
        "template",
        "step-time",
    }
    assert stated <= codes(clean(), "info")


def with_task(**fields: Any) -> LoopFacts:
    return replace(clean(), task=clean().task.model_copy(update=fields))


def with_choices(**fields: Any) -> LoopFacts:
    return replace(clean(), choices=DesignChoices.model_validate(fields))


PLANTED = {
    "constant-answer": replace(
        clean(),
        examples={
            **clean().examples,
            "gate": cards("gate", "aaaaaaaaaabb"),
            "train": cards("train", "aaaaaaaaabbb"),
        },
    ),
    "one-label": replace(
        clean(), examples={**clean().examples, "train": cards("train", "aaaaaaaaaaaa")}
    ),
    "overlap": replace(clean(), examples={**clean().examples, "gate": cards("train")}),
    "repeated-examples": replace(
        clean(),
        examples={
            **clean().examples,
            "train": [*cards("train"), ExampleCard("again", "train0", "a")],
        },
    ),
    "gate-too-small": replace(
        with_choices(gate={"examples": 4, "most": 4}),
        gate=[ScoredRollout(f"g{n}", 0, n % 2, "ok", 0.2, f"s{n}") for n in range(4)],
    ),
    "gate-of-one": replace(clean(), gate=clean().gate[:1]),
    "deterministic-repeats": replace(
        with_choices(gate={"repeats": 2}),
        gate=[replace(s, repeat=r) for s in clean().gate for r in (0, 1)],
    ),
    "seed-ignored": replace(clean(), gate=[replace(s, signature="same") for s in clean().gate]),
    "null-accepted": replace(clean(), null=(30, 100)),
    "null-differs": replace(clean(), null_p=0.0005),
    "at-ceiling": replace(clean(), gate=[replace(s, score=1.0) for s in clean().gate]),
    "at-constant": replace(
        clean(),
        gate=[replace(s, score=float(n < 6)) for n, s in enumerate(clean().gate)],
        examples={**clean().examples, "gate": cards("gate", "aaaaaabbbccc")},
    ),
    "start-fails": replace(clean(), gate=[replace(s, status="error") for s in clean().gate]),
    "trace-too-long": replace(clean(), tokens=(200_000, 100_000)),
    "values-cut": replace(clean(), cut=3),
    "unknown-fields": with_task(documentation='obs["Ball"] is the ball, obs["lane"] its lane.'),
    "undocumented-fields": replace(clean(), fields=clean().fields | {"Lane3", "Lane4"}),
    "stages-passed": with_task(feedback=[Stage(at_least=0.1, text="Done."), Stage(text="Begin.")]),
    "stage-constant": replace(clean(), best=0.7),
    "time-budget": replace(clean(), budget={"steps": 20, "minutes": 0.1}),
    "scope-excludes-feedback": replace(clean(), scope=["policy.py:Policy.other"]),
}


@pytest.mark.parametrize("code", PLANTED)
def test_each_planted_fault_is_found(code: str) -> None:
    finding = next((f for f in examine(PLANTED[code]) if f.code == code), None)
    assert finding and finding.level == "warning" and finding.advice


def test_what_makes_a_loop_impossible_is_an_error() -> None:
    assert codes(replace(clean(), scope=[]), "error") == {"empty-scope"}
    assert codes(replace(clean(), examples={**clean().examples, "gate": []}), "error") == {
        "empty-split"
    }


def test_one_problem_in_all_splits_is_no_overlap() -> None:
    same = [ExampleCard("square", "d")]
    found = replace(clean(), examples={split: same for split in ("train", "gate", "test")})
    assert "one-problem" in codes(found, "info") and "overlap" not in codes(found)


def test_starts_that_differ_in_more_than_one_part_are_told() -> None:
    starts = {
        "one": Start(structure="one function", documentation="long", code="random"),
        "many": Start(structure="three functions", documentation="As in one", code="As in one"),
        "blank": Start(structure="one function", documentation="none", code="nothing"),
        "other": Start(
            structure="one function", documentation="As in blank", code="As in blank, but tidier"
        ),
        "joined": Start(
            structure="As in one",
            documentation="That of one, joined",
            code="As in one; and a comment",
        ),
    }
    facts = replace(
        with_task(starts=starts), choices=DesignChoices.model_validate({"start": "one"})
    )
    told = next(f.message for f in examine(facts) if f.code == "starts-differ")
    assert "blank (documentation, code)" in told and "many" not in told and "joined" not in told
    assert "other (documentation, code)" in told, (
        "another start's part is that start's, not the same as ours"
    )


def test_calls_that_were_shortened_are_only_stated() -> None:
    assert "calls-cut" in codes(replace(clean(), cut_calls=2), "info")


def test_stages_by_a_metric_are_held_against_the_bests_metrics() -> None:
    task = with_task(feedback=[Stage(metric="r2", at_least=0.9, text="Good."), Stage(text="Poor.")])
    gate = [replace(scored, metrics={"r2": 0.3}) for scored in clean().gate]
    facts = replace(task, gate=gate, best=0.7)
    assert "stage-constant" not in codes(facts), "nothing is known of the best's metric"
    assert "stage-constant" in codes(replace(facts, best_metrics={"r2": 0.5}))
    assert "stage-constant" not in codes(replace(facts, best_metrics={"r2": 0.95}))


def test_errors_come_first() -> None:
    levels = [finding.level for finding in examine(replace(PLANTED["overlap"], scope=[]))]
    assert levels == sorted(levels, key=("error", "warning", "info").index)


def test_boardgame_in_file_order_is_recognized() -> None:
    """15 train and 8 of 10 gate examples say 'disproved'; a quarter of the test does."""
    examples = {
        "train": cards("train", "d" * 15),
        "gate": cards("gate", "d" * 8 + "pp"),
        "test": cards("test", "d" * 45 + "p" * 67 + "u" * 63),
    }
    found = [f for f in examine(replace(clean(), examples=examples)) if f.code == "constant-answer"]
    assert any("80% of gate" in f.message and "test 26%" in f.message for f in found)


def test_templates_have_their_names() -> None:
    assert (
        classify_learning_template(DesignChoices.model_validate({"batch": {"size": 1}}), 400)
        == "episodic"
    )
    assert (
        classify_learning_template(DesignChoices.model_validate({"batch": {"size": 1}}), 1)
        == "interactive"
    )
    assert (
        classify_learning_template(DesignChoices.model_validate({"batch": {"size": 5}}), 1)
        == "batch"
    )


def test_overfitting_is_train_up_and_gate_down() -> None:
    assert check_overfitting([1, 2, 3, 4, 5], [5, 4.5, 4, 3, 2])
    assert not check_overfitting([1, 2, 3, 4, 5], [1, 2, 3, 4, 5])
    assert not check_overfitting([1, 2], [2, 1])
    assert check_overfitting([5, 4, 3, 2, 1], [1, 2, 3, 4, 5], "lower")


def found(facts: LoopFacts, code: str) -> str:
    return next((finding.message for finding in examine(facts) if finding.code == code), "")


def test_fields_are_looked_for_in_prose_too() -> None:
    """As the published Asterix instruction, which speaks of fields that no observation has."""
    prose = with_task(
        objective="Use dist and safe_collectible_lanes, and call select_action(a_situation)."
    )
    assert "safe_collectible_lanes;" in found(prose, "unknown-fields")
    assert "hold Lane;" in found(PLANTED["undocumented-fields"], "undocumented-fields")


def test_keys_that_the_artifact_makes_itself_are_known() -> None:
    code = (
        CODE
        + "\ndef look(obs):\n    seen = {'near': 1}\n    seen['far'] = 2\n    return seen['near'] + seen['far']\n"
    )
    assert not found(replace(clean(), files={"policy.py": code}), "unknown-fields")
    assert "lane" in found(
        replace(clean(), files={"policy.py": CODE + "x = obs['lane']\n"}), "unknown-fields"
    )


def test_a_start_that_does_one_thing_says_nothing_of_the_seed() -> None:
    idle = replace(PLANTED["seed-ignored"], one_action=True)
    assert "seed-ignored" not in codes(idle) and "start-does-one-thing" in codes(idle, "info")


def test_a_gate_that_can_never_say_better_is_told() -> None:
    few = [ScoredRollout(f"g{n}", 0, 0.5 + n / 100, "ok", 0.2, f"s{n}") for n in range(5)]
    fixed = with_choices(gate={"examples": 5, "most": 5})
    assert "can never say better" in found(replace(fixed, gate=few), "gate-too-small")
    short = with_choices(gate={"examples": 2, "most": 6})
    assert "grown to 6, the gate can never" in found(replace(short, gate=few[:2]), "gate-too-small")
    growing = with_choices(gate={"examples": 5, "most": 40})
    assert "never" not in found(replace(growing, gate=few), "gate-too-small")
    always = replace(with_choices(gate={"rule": "always"}), gate=few)
    assert "never" not in found(always, "gate-too-small")
    six = [*few, replace(few[0], example="g6", signature="s6")]
    assert "never" not in found(replace(fixed, gate=six), "gate-too-small")


def test_what_the_horizon_drops_is_told_in_steps() -> None:
    long = replace(clean(), tokens=(200_000, 9_000), steps=812, kept=50)
    assert "keeps 50 of 812 steps" in found(long, "trace-window")


def test_many_labels_are_told_by_the_most_common() -> None:
    many = {split: cards(split, "abcdefghijklmnopqra") for split in ("train", "gate", "test")}
    assert "(the most common of 18 answers)" in found(
        replace(clean(), examples=many), "label-balance"
    )


def test_observed_keys_are_found_at_any_depth() -> None:
    assert collect_observation_keys({"Ball": {"y": 1}, "Cars": [{"x": 2}]}) == {
        "Ball",
        "y",
        "Cars",
        "x",
    }
