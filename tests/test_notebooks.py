"""Every notebook and the script that it is paired with say the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

jupytext = pytest.importorskip("jupytext", reason="pip install 'specsim[notebooks]'")

FOLDER = Path(__file__).parents[1] / "notebooks"
NAMES = sorted(path.stem for path in FOLDER.glob("*.ipynb"))


def cells(path: Path) -> list[tuple[str, str]]:
    """Kind and text of each cell."""
    notebook: Any = jupytext.read(path)
    return [(cell.cell_type, cell.source.strip()) for cell in notebook.cells]


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_and_its_script_are_in_step(name: str) -> None:
    script = FOLDER / f"{name}.py"
    assert script.is_file(), f"there is no {script.name}: jupytext --sync notebooks/{name}.ipynb"
    assert cells(FOLDER / f"{name}.ipynb") == cells(script), f"run: jupytext --sync notebooks/{name}.ipynb"


def test_there_are_no_scripts_without_a_notebook() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.py")) == NAMES
