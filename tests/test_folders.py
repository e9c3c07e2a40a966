"""Files of the user are replaced wholly or not at all."""

from pathlib import Path

import pytest

from genopt_tui.folders import replace_text


def test_a_file_is_replaced_in_a_folder_that_is_created(tmp_path: Path) -> None:
    file = tmp_path / "new" / "state.json"
    replace_text(file, "one")
    replace_text(file, "two", mode=0o700)
    assert file.read_text(encoding="utf-8") == "two"
    assert [path.name for path in file.parent.iterdir()] == ["state.json"]


def test_a_failed_write_leaves_the_old_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "state.json"
    file.write_text("old", encoding="utf-8")

    def fail(*_: object, **__: object) -> int:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "write_text", fail)
    with pytest.raises(OSError, match="disk full"):
        replace_text(file, "new")
    assert file.read_text(encoding="utf-8") == "old"
