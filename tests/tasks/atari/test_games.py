"""What holds for all eight games, and what is particular to one."""

import ast
import importlib
import random
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from genopt_tui.config import DesignChoices, SessionSettings, assign
from genopt_tui.learn.doctor.diagnosis import examine
from genopt_tui.learn.doctor.inputs import collect_observation_keys
from genopt_tui.learn.doctor.loop_facts import LoopFacts
from genopt_tui.task import loader

GAMES = ["asterix", "breakout", "enduro", "freeway", "pong", "qbert", "seaquest", "space_invaders"]
MOVING = {"x", "y", "w", "h", "dx", "dy"}
Play = Callable[[str], Any]


def stay(obs: dict[str, Any]) -> int:
    return 0


def seen(player: Any, policy: Any, steps: int, **chosen: Any) -> list[dict[str, Any]]:
    _, context = player.run(policy, traced=True, steps=steps, **chosen)
    return [observation for observation, _, _ in context.steps]


def anywhere(observations: list[dict[str, Any]], name: str) -> Any:
    return next(observation[name] for observation in observations if name in observation)


@pytest.mark.parametrize("game", ["pong", "seaquest", "space_invaders"])
def test_the_screen_is_what_the_emulator_shows(atari: Play, game: str) -> None:
    atari(game).folder.load_module()  # its folder is on the path from here on
    emulator = importlib.import_module("atari_emulator").Emulator(game, seed=1, sticky=0.0)
    emulator.reset()
    colours: Any = np.empty((210, 160, 3), np.uint8)
    for step in range(150):
        emulator.act(step % emulator.actions)
        numbers, palette = emulator.screen()
        emulator._ale.getScreenRGB(colours)
        assert (palette[numbers] == colours).all()


@pytest.mark.parametrize("game", GAMES)
def test_every_start_plays_in_its_scope(atari: Play, game: str) -> None:
    player = atari(game)
    for name, start in player.folder.task.starts.items():
        result, _ = player.run(name, steps=40)
        assert result.metrics["steps"] > 0
        tree = ast.parse(player.folder.read_start(name)["policy.py"])
        methods = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        for entry in start.scope:
            assert entry == "policy.py" or entry.removeprefix("policy.py:Policy.") in methods


@pytest.mark.parametrize("game", GAMES)
def test_no_seed_is_in_two_splits(game: str) -> None:
    module = loader.find_task(f"atari/{game}").load_module()
    ids = [
        [example.id for example in module.examples(split)] for split in ("train", "gate", "test")
    ]
    assert [len(split) for split in ids] == [32, 30, 30]
    assert len({name for split in ids for name in split}) == 92


@pytest.mark.parametrize("game", GAMES)
def test_design_choices_and_the_papers_preset_are_valid(game: str) -> None:
    task = loader.find_task(f"atari/{game}").task
    choices, settings = DesignChoices(), SessionSettings()
    for chosen in (task.choices, task.presets["paper"].set):
        assign(
            choices, settings, [f"{key}={value}" for key, value in chosen.items()], task.settings
        )
    assert task.resolve_settings(choices.task)["sticky"] == 0
    assert choices.gate.rule == "always"
    assert choices.start in {"", *task.starts}


@pytest.mark.parametrize("game", GAMES)
def test_both_observations_can_be_played(atari: Play, game: str) -> None:
    start = next(iter(atari(game).folder.task.starts))
    for style in ("paper", "full"):
        assert len(seen(atari(game), start, 60, observation=style)) > 10


def test_breakout_serves_and_ends_with_a_life_where_asked(atari: Play) -> None:
    life, _ = atari("breakout").run(stay, episode="life")
    game, context = atari("breakout").run(stay, traced=True)
    assert (life.metrics["lives_lost"], game.metrics["lives_lost"]) == (1, 5)
    first = context.steps[0][0]
    assert {"Player", "Ball", "lives"} <= set(first) and first["lives"] == 5
    assert first["RB"] == [{"x": 8, "y": 57, "w": 144, "h": 6}]
    assert first["BB"][0]["y"] == 87


def test_breakout_scores_by_following_the_ball(atari: Play) -> None:
    def follow(obs: dict[str, Any]) -> int:
        ball, middle = obs.get("Ball"), obs["Player"]["x"] + 8
        return 0 if ball is None or abs(ball["x"] - middle) < 3 else 3 if middle > ball["x"] else 2

    observations = seen(atari("breakout"), follow, 400, sticky=0.0)
    assert sum(observation["reward"] for observation in observations[1:]) > 0
    assert any(len(observation["BB"]) > 1 for observation in observations), (
        "a hole makes two bricks of one"
    )


def test_space_invaders_working_start_scores_what_was_published(atari: Play) -> None:
    assert atari("space_invaders").run("working", sticky=0.0)[0].score == 570


def test_space_invaders_bullets_have_directions(atari: Play) -> None:
    observations = seen(atari("space_invaders"), "working", 300, observation="full")
    bullets = [o[name] for o in observations for name in o if name.startswith("Bullet")]
    assert {bullet["dy"] > 0 for bullet in bullets if bullet["dy"]} == {True, False}
    assert sum(name.startswith("Alien") for name in observations[0]) == 36
    assert "lives" in observations[0]
    assert "lives" not in seen(atari("space_invaders"), stay, 1)[0]


def test_freeway_start_scores_what_was_published(atari: Play) -> None:
    result, _ = atari("freeway").run("two-functions", sticky=0.0, episodes=3)
    assert result.score == pytest.approx(65 / 3)
    assert "Episode 3:" in result.feedback
    assert len(seen(atari("freeway"), stay, 1)[0]["Cars"]) == 10


def test_enduro_start_scores_what_was_published(atari: Play) -> None:
    assert atari("enduro").run("two-functions", sticky=0.0)[0].score == 49


def test_enduro_cars_are_told_relative_to_ours(atari: Play) -> None:
    observation = next(
        o for o in seen(atari("enduro"), lambda obs: 1, 300) if len(o.get("EnemyCars", [])) > 1
    )
    nearest, farther = observation["EnemyCars"][:2]
    assert nearest["y"] > farther["y"]
    assert (
        nearest["rel_x"]
        == nearest["x"] - observation["Player"]["x"]
        == observation["nearest_enemy_rel_x"]
    )


def test_asterix_lists_the_nearest_first_and_plays_lives_in_a_row(atari: Play) -> None:
    result, context = atari("asterix").run(
        "two-functions", traced=True, episode="life", episodes=3, steps=2000
    )
    assert result.metrics["lives_lost"] == 3
    assert context.steps[0][0]["lives"] == 3
    for observation, _, _ in context.steps:
        player = observation["Player"]
        far = [
            abs(e["x"] - player["x"]) + abs(e["y"] - player["y"])
            for e in observation.get("Enemies", [])
        ]
        assert far == sorted(far)
    full = anywhere(seen(atari("asterix"), stay, 100, observation="full"), "Enemies")[0]
    assert set(full) == {"x", "y", "type", "lane", "dx", "dist"}


def test_qbert_hops_change_the_cubes_that_full_shows(atari: Play) -> None:
    def down_right(obs: dict[str, Any]) -> int:
        return 3

    observations = seen(atari("qbert"), down_right, 120, observation="full", sticky=0.0)
    players = [o["Player"] for o in observations if "Player" in o]
    lowest = max(players, key=lambda player: int(player["y"]))
    assert lowest["x"] > players[0]["x"] and lowest["y"] > players[0]["y"] + 20, (
        "down along the right edge"
    )
    colours = {tuple(cube["color"] for cube in o["Cubes"]) for o in observations}
    assert len(colours) > 1 and len(observations[0]["Cubes"]) == 21
    (target,) = {o["TargetColor"] for o in observations}
    drawn = {color for row in colours for color in row if color}
    assert len(drawn) == 2 and target in drawn, "one landing makes a cube right at first"
    paper = seen(atari("qbert"), stay, 1)[0]
    assert not {"Cubes", "TargetColor"} & set(paper)


def test_qberts_target_is_the_colour_of_the_score_in_every_round(atari: Play) -> None:
    module = atari("qbert").folder.load_module()
    emulator = importlib.import_module("atari_emulator").Emulator("qbert", seed=0, sticky=0.0)
    emulator.reset()
    rng = random.Random(3)
    for _ in range(160):  # until points were made and the score is shown
        emulator.act(rng.choice([2, 3, 4, 5]))
    for played, target in enumerate(module.TARGETS):
        digits: Counter[int] = Counter()
        while digits.total() < 60:  # between two lives the line is empty or in other colours
            emulator._ale.setRAM(module.ROUND, played)
            emulator._ale.setRAM(module.LIVES, 2)
            emulator.act(0)
            digits = Counter(int(pixel) for pixel in emulator.screen()[0][:14].ravel() if pixel)
        observation = module.Qbert("full").observe(emulator.memory, 3)
        assert observation["TargetColor"] == target == digits.most_common(1)[0][0], played


def test_seaquest_shows_oxygen_only_where_asked(atari: Play) -> None:
    def dive(obs: dict[str, Any]) -> int:
        return 5

    full = seen(atari("seaquest"), dive, 200, observation="full")
    oxygen = [observation["Oxygen"] for observation in full]
    assert max(oxygen) <= 64 and oxygen[-1] < max(oxygen)
    assert set(anywhere(full, "Enemies")[0]) == MOVING | {"type"}
    paper = seen(atari("seaquest"), dive, 5)[0]
    assert not {"Oxygen", "CollectedDivers"} & set(paper)


@pytest.mark.parametrize("style", ["paper", "full"])
@pytest.mark.parametrize("game", GAMES)
def test_documentation_and_observations_hold_the_same_fields(
    atari: Play, game: str, style: str
) -> None:
    task = loader.find_task(f"atari/{game}").task.with_settings({"observation": style})
    start = next(iter(task.starts))
    fields = {
        name
        for o in seen(atari(game), start, 400, observation=style)
        for name in collect_observation_keys(o)
    }
    facts = LoopFacts(
        task,
        DesignChoices(start=start),
        atari(game).folder.read_start(start),
        ["x"],
        {},
        fields=frozenset(fields),
    )
    rare = {
        "Satellite",
        "Enemies",
        "Friendlies",
        "Missile",
        "Divers",
        "Rewards",
        "Consumables",
        "EnemyCars",
    }
    for finding in examine(facts):
        if finding.code in {"unknown-fields", "undocumented-fields"}:
            assert not set(re.findall(r"\w+", finding.message.partition(";")[0])) & fields, finding
            names = finding.message.partition(" names ")[2].partition(";")[0]
            assert set(names.split(", ")) <= rare, finding
