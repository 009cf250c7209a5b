"""Reproductions on exact and synthetic worlds: a quick run gives the verdicts that expected.csv records."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PAPERS = Path(__file__).parents[2] / "papers"
#: Seconds of CPU are few for the first ones; the others are slow tests.
LIGHT = ("chimera", "easyspec", "hydra", "triforce")
HEAVY = (
    "aded",
    "distillspec",
    "dovetail",
    "fastdraft",
    "fspad",
    "judge",
    "kangaroo",
    "medusa",
    "osd",
    "prompt-lookup",
    "rapid",
    "rasd",
    "s2d",
    "superposed",
    "swift",
    "token-recycling",
)
NAMES = [*LIGHT, *(pytest.param(name, marks=pytest.mark.slow) for name in HEAVY)]


@pytest.mark.parametrize("name", NAMES)
def test_a_quick_run_gives_the_recorded_verdicts(name: str) -> None:
    script = PAPERS / name / "reproduce.py"
    done = subprocess.run(
        [sys.executable, str(script), "--quick"],
        cwd=PAPERS.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", [*LIGHT, *HEAVY])
def test_a_reproduction_has_all_its_parts(name: str) -> None:
    folder = PAPERS / name
    for file in ("README.md", "expected.csv", "results.csv", "table.csv"):
        assert (folder / file).is_file(), file
    assert list(folder.glob("*.png"))
