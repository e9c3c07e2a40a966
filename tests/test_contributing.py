"""The contributor's page names only what exists."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_every_path_on_the_page_exists() -> None:
    places = re.findall(r"`((?:genopt_tui|tests|tasks|themes|\.ci)/[\w./-]*)`", PAGE)
    assert len(places) > 20
    assert [place for place in places if not (ROOT / place).exists()] == []


def test_every_name_beside_a_path_is_defined_there() -> None:
    named = re.findall(r"`(genopt_tui/[\w/]+\.py)`: `(\w+)`", PAGE)
    assert len(named) >= 3
    for place, name in named:
        tree = ast.parse((ROOT / place).read_text(encoding="utf-8"))
        defined = {getattr(node, "name", "") for node in ast.walk(tree)} | {
            target.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign | ast.AnnAssign)
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name)
        }
        assert name in defined, f"{place} defines no {name}"


def test_the_set_up_command_is_the_one_of_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    command = re.search(r"<!-- tests -->\n```sh\n(.+)\n```", readme)
    assert command is not None and command[1] in PAGE
