"""The examples of docs/auditing.md run, in order, as they are printed."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "auditing.md"


def test_the_examples_run():
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(blocks) >= 8
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(quicker(block), str(PAGE), "exec"), names)


def quicker(block):
    """The block without its output, and with fewer examples; what it asserts is the same."""
    block = block.replace("print(", "str(")
    return re.sub(r"assert_lossless\((?!.*examples)(.*)\)", r"assert_lossless(\1, examples=3)", block)


def test_the_counterexample_shown_is_the_one_that_is_printed():
    from specsim.testing import counterexample
    from tests.specsim.testing import rules_for_tests as rules

    assert counterexample(rules.residual_is_p, drafts=1).explain() in PAGE.read_text(encoding="utf-8")
