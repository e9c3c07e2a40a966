"""One step of any bundled task to a decision, with a model server on loopback that proposes and
answers; and stand-in data."""

import json
import random
from pathlib import Path
from typing import Any

from loopback import Provider, Request, Say

from genopt_tui.cli.follow import run_session
from genopt_tui.learn.scope import parse_scope
from genopt_tui.session.commands import Run
from genopt_tui.session.creation import create_session
from genopt_tui.session.history.repository import Repository
from genopt_tui.session.journal import Journal
from genopt_tui.task import loader
from tests.learn.edit.blocks import render

SMALL = {"batch.size": 1, "gate.examples": 2, "gate.repeats": 1, "workers": 2}
DECIDED = {"gate", "rejected", "undecided", "not-chosen", "always"}
HOUSE = {  # column: a value, a range of whole numbers, or choices; in the published order
    "Id": None,
    **dict.fromkeys(["MSSubClass", "LotFrontage", "LotArea"], (20, 9000)),
    **dict.fromkeys(
        [
            "MSZoning",
            "Street",
            "Alley",
            "LotShape",
            "LandContour",
            "Utilities",
            "LotConfig",
            "LandSlope",
        ],
        "AB",
    ),
    **dict.fromkeys(["Neighborhood", "Condition1", "Condition2", "BldgType", "HouseStyle"], "ABC"),
    **dict.fromkeys(["OverallQual", "OverallCond"], (1, 10)),
    **dict.fromkeys(["YearBuilt", "YearRemodAdd"], (1900, 2010)),
    **dict.fromkeys(
        [
            "RoofStyle",
            "RoofMatl",
            "Exterior1st",
            "Exterior2nd",
            "MasVnrType",
            "ExterQual",
            "ExterCond",
        ],
        "AB",
    ),
    "MasVnrArea": (0, 500),
    **dict.fromkeys(
        ["Foundation", "BsmtQual", "BsmtCond", "BsmtExposure", "BsmtFinType1", "BsmtFinType2"], "AB"
    ),
    **dict.fromkeys(
        [
            "BsmtFinSF1",
            "BsmtFinSF2",
            "BsmtUnfSF",
            "TotalBsmtSF",
            "1stFlrSF",
            "2ndFlrSF",
            "GrLivArea",
        ],
        (0, 2000),
    ),
    **dict.fromkeys(
        [
            "Heating",
            "HeatingQC",
            "CentralAir",
            "Electrical",
            "KitchenQual",
            "Functional",
            "FireplaceQu",
        ],
        "AB",
    ),
    **dict.fromkeys(
        ["LowQualFinSF", "BsmtFullBath", "BsmtHalfBath", "FullBath", "HalfBath", "BedroomAbvGr"],
        (0, 3),
    ),
    **dict.fromkeys(
        [
            "KitchenAbvGr",
            "TotRmsAbvGrd",
            "Fireplaces",
            "GarageCars",
            "PoolArea",
            "MiscVal",
            "3SsnPorch",
        ],
        (0, 4),
    ),
    **dict.fromkeys(
        ["GarageType", "GarageFinish", "GarageQual", "GarageCond", "PavedDrive", "PoolQC", "Fence"],
        "AB",
    ),
    **dict.fromkeys(
        ["GarageYrBlt", "GarageArea", "WoodDeckSF", "OpenPorchSF", "EnclosedPorch", "ScreenPorch"],
        (0, 500),
    ),
    **dict.fromkeys(["MiscFeature", "SaleType", "SaleCondition"], "AB"),
    "MoSold": (1, 12),
    "YrSold": (2006, 2010),
}
AMOUNTS = ["RoomService", "FoodCourt", "ShoppingMall", "Spa", "VRDeck"]


def bbeh(folder: Path, *members: str) -> None:
    """Invented questions in the official layout: forty of each member."""
    for member in members:
        rows = [
            {"input": f"Case {n}: which one?", "target": f"({'ABCD'[n % 4]})"} for n in range(40)
        ]
        place = folder / "benchmark_tasks" / f"bbeh_{member}"
        place.mkdir(parents=True)
        (place / "task.json").write_text(json.dumps({"canary": "invented", "examples": rows}))


def kaggle(folder: Path, rows: int = 120) -> None:
    """Synthetic `train.csv` of both Kaggle tasks with the published columns, gaps included."""
    rng = random.Random(5)
    houses = [
        [n + 1, *(_cell(rng, kind) for kind in list(HOUSE.values())[1:])] for n in range(rows)
    ]
    prices = [
        40_000 + 15_000 * row[list(HOUSE).index("OverallQual")] + rng.randint(0, 9_000)
        for row in houses
    ]
    _csv(
        folder / "house-price",
        [*HOUSE, "SalePrice"],
        [[*row, price] for row, price in zip(houses, prices, strict=True)],
    )
    header = [
        "PassengerId",
        "HomePlanet",
        "CryoSleep",
        "Cabin",
        "Destination",
        "Age",
        "VIP",
        *AMOUNTS,
        "Name",
        "Transported",
    ]
    _csv(folder / "spaceship-titanic", header, [_passenger(rng, n) for n in range(rows)])


def _cell(rng: random.Random, kind: Any) -> Any:
    if isinstance(kind, tuple):
        return rng.randint(*kind)
    return "NA" if rng.random() < 0.05 else rng.choice(kind)


def _passenger(rng: random.Random, n: int) -> list[Any]:
    asleep = rng.random() < 0.4
    spent = [0 if asleep else rng.randint(0, 2000) for _ in AMOUNTS]
    planet, berth = (
        rng.choice(["Earth", "Europa", "Mars", ""]),
        rng.choice(["TRAPPIST-1e", "55 Cancri e", "PSO J318.5-22"]),
    )
    return [
        f"{n // 2:04d}_{n % 2 + 1:02d}",
        planet,
        asleep,
        f"F/{n}/S",
        berth,
        rng.randint(0, 79),
        False,
        *spent,
        "A B",
        asleep,
    ]


def _csv(folder: Path, header: list[str], rows: list[list[Any]]) -> None:
    folder.mkdir(parents=True)
    (folder / "train.csv").write_text(
        "\n".join(",".join(map(str, row)) for row in [header, *rows]) + "\n"
    )


def decide(task: str, name: str, *pairs: str, start: str = "") -> str:
    """The decision of one step of a fresh session; raises AssertionError where the step came to
    none."""
    folder = loader.find_task(task)
    with Provider(lambda request: answer(request, edited)) as provider:
        small = [f"{key}={value}" for key, value in SMALL.items()]
        own = [
            "model=openai/one",
            "agent_model=openai/two",
            f"api_base={provider.url}",
            "params.api_key=none",
        ]
        path = create_session(folder, task, name=name, start=start, pairs=[*small, *own, *pairs])
        with Repository.open(path) as repository:
            choices, files = repository.read_choices("HEAD"), repository.read_artifact("HEAD")
        edited = render(files, with_remark(files, choices.scope))
        run_session(path, Run(steps=1, mode="auto"))
        asked = {request.body["model"] for request in provider.requests}
    journal = Journal(path)
    ends = [
        event for event in journal.read_events(kinds=["committed", "rejected"]) if event.step == 1
    ]
    errors = [event.data for event in journal.read_events(kinds=["error"])]
    journal.close()
    assert ends and not errors, (task, errors)
    asks = folder.task.agent and "solver.py" not in files
    assert "one" in asked and ("two" in asked) == asks, asked
    return str(ends[-1].data["decision"])


def answer(request: Request, edited: str) -> Say:
    """The edit to the model that proposes; a letter and a number to the artifact's model."""
    return (
        Say(edited)
        if request.body["model"].endswith("one")
        else Say("The answer is: (A)\nAnswer: (A)")
    )


def with_remark(files: dict[str, str], scope: list[str]) -> dict[str, str]:
    """The files with a harmless line after the first editable one."""
    allowed = parse_scope(scope, files)
    file = min(
        (name for name in files if allowed.find_editable_lines(name, files[name])),
        key=lambda name: (not name.endswith(".py"), name),
    )
    last = allowed.find_editable_lines(file, files[file])[0][1]
    lines = files[file].splitlines()
    above = next(line for line in reversed(lines[:last]) if line.strip())
    indent = above[: len(above) - len(above.lstrip())]
    remark = f"{indent}# a remark" if file.endswith(".py") else "A remark."
    return {**files, file: "\n".join([*lines[:last], remark, *lines[last:]]) + "\n"}
