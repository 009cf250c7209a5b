"""The shipped traces: whole, small enough, and what their READMEs say about them."""

from __future__ import annotations

from pathlib import Path

import pytest

from specsim.recording import RecordingPlan
from specsim.sources.traces import Trace
from theory.simplex import Warp, overlap

TRACES = Path(__file__).parents[3] / "traces"
#: Name, prompts a domain, vocabulary, positions, most bytes.
SHIPPED = [("smollm2-135m", 5, 49152, 320, 32_000_000), ("glassllm-en", 4, 1024, 256, 1_500_000)]


@pytest.mark.parametrize(("name", "prompts", "vocabulary", "rows", "most"), SHIPPED)
def test_whole_and_small_enough(name, prompts, vocabulary, rows, most):
    trace = Trace.open(TRACES / name, verify=True)
    assert trace.complete
    assert trace.notes == ()
    assert (trace.vocabulary, len(trace)) == (vocabulary, rows)
    assert trace.domains == ("code", "math", "chat", "summarisation")
    assert trace.drafts == ("skip", "exit", "ngram")
    assert {len(trace.select(domain=domain)) for domain in trace.domains} == {rows // 4}
    assert sum(file.stat().st_size for file in (TRACES / name).iterdir()) < most


@pytest.mark.parametrize(("name", "prompts", "vocabulary", "rows", "most"), SHIPPED)
def test_the_command_that_made_it(name, prompts, vocabulary, rows, most):
    trace, readme = Trace.open(TRACES / name), (TRACES / name / "README.md").read_text()
    plan = RecordingPlan(model=name, prompts_per_domain=prompts, tokens=16)
    assert trace.header.command == plan.command()
    assert plan.command().replace(" OUT ", f" traces/{name} ") in readme
    assert trace.header.temperature == plan.temperature
    assert (TRACES / name / "NOTICE").is_file()


@pytest.mark.parametrize("name", [entry[0] for entry in SHIPPED])
def test_the_figures_of_the_readme(name):
    """Mean acceptance probability of every draft at both temperatures, to the printed digits."""
    trace, sums = Trace.open(TRACES / name), {}
    for block in trace.blocks(size=32):
        for temperature in (1.0, 0.6):
            warp = Warp(temperature=temperature)
            p = warp.probabilities(block.target_logits)
            for draft, logits in block.draft_logits.items():
                both = overlap(p, warp.probabilities(logits))
                assert (both > 0).all()
                assert (both <= 1).all()
                sums[draft, temperature] = sums.get((draft, temperature), 0.0) + both.sum()
    readme = (TRACES / name / "README.md").read_text()
    for draft in trace.drafts:
        cells = [f"{sums[draft, temperature] / len(trace):.3f}" for temperature in (1.0, 0.6)]
        line = next(line for line in readme.splitlines() if line.startswith(f"| {draft} |"))
        assert line.endswith(f"| {cells[0]} | {cells[1]} |")
