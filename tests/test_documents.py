"""The Python blocks of README and CONTRIBUTING run as they stand."""

import re
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "CONTRIBUTING.md",
        "docs/clocks.md",
        "docs/serving.md",
        "docs/draft-length.md",
        "docs/measurements.md",
        "docs/bound.md",
        "docs/estimation-error.md",
        "docs/multistep.md",
        "docs/systems.md",
    ],
)
def test_python_blocks_run(name, capsys):
    text = (ROOT / name).read_text()
    blocks = re.findall(r"^( *)```python\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    assert blocks
    names = {"__name__": "document"}
    for _, block in blocks:
        exec(compile(textwrap.dedent(block), name, "exec"), names)


def test_readme_opens_with_the_two_commands():
    lines = (ROOT / "README.md").read_text().splitlines()
    assert lines[:5] == ["# specsim", "", "```", "make report", "make test"]
