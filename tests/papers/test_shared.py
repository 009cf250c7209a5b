"""Claims may name quantities that the real model gave: they are held against model.csv."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from papers.shared import Figure, finish, write_table, written

MODEL = [Figure("model", "gain", 0.15, 0.03), Figure("model, other", "gain", 0.01, 0.03)]
WORLD = [Figure("world", "gain", 0.5)]


def status(folder: Path, *, here: str, quick: bool, without_model: bool = False, model=MODEL) -> int:
    """The exit status where the first figure of the real model is claimed to be above zero."""
    lines = ["quantity,expected,tolerance,source,here", "world: gain,> 0,,exact,reached"]
    (folder / "expected.csv").write_text("\n".join([*lines, f"model: gain,> 0,,real model,{here}"]) + "\n")
    options = Namespace(quick=quick, without_model=without_model)
    return finish(folder, WORLD, options=options, draw=lambda _: None, model=lambda: model)


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert written(tmp_path / "model.csv") == {}
    write_table(tmp_path / "model.csv", MODEL)
    found = written(tmp_path / "model.csv")
    assert {name: (one.value, one.error) for name, one in found.items()} == {
        "model: gain": (0.15, 0.03),
        "model, other: gain": (0.01, 0.03),
    }


def test_a_full_run_is_held_to_what_the_model_gives_now(tmp_path: Path) -> None:
    write_table(tmp_path / "model.csv", MODEL)
    assert status(tmp_path, here="reached", quick=False) == 0
    worse = [Figure("model", "gain", 0.01, 0.03)]
    assert status(tmp_path, here="reached", quick=False, model=worse) == 1
    assert status(tmp_path, here="open", quick=False, model=worse) == 0


def test_without_the_model_the_file_is_held_to_its_verdict(tmp_path: Path) -> None:
    write_table(tmp_path / "model.csv", MODEL)
    for options in ({"quick": True}, {"quick": False, "without_model": True}):
        assert status(tmp_path, here="reached", model=None, **options) == 0
        assert status(tmp_path, here="not reached", model=None, **options) == 1
