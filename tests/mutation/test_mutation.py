"""The campaign's own tests: it kills what is wrong, and only that; its data files are about this code."""

from __future__ import annotations

import ast
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.mutation.mutants import ROOT, modules, mutants, mutated, syntax
from tests.mutation.operators import OPERATORS
from tests.mutation.records import equivalents, key, results
from tests.mutation.report import report

EVERYTHING = {mutant.name: mutant for module in modules() for mutant in mutants(module)}


def test_names_are_unique():
    assert len(EVERYTHING) == sum(len(mutants(module)) for module in modules())


def test_every_operator_has_work_and_a_description():
    used = Counter(mutant.operator for mutant in EVERYTHING.values())
    assert set(used) == {operator.name for operator in OPERATORS}
    assert all(operator.what.endswith(".") for operator in OPERATORS)


def test_a_mutant_differs_from_its_module_in_one_statement_and_the_module_stays():
    for mutant in random.Random(0).sample(sorted(EVERYTHING.values(), key=lambda one: one.name), 60):
        before = ast.dump(syntax(mutant.module))
        after = mutated(mutant)
        compile(after, mutant.module, "exec")
        assert ast.unparse(after) != ast.unparse(syntax(mutant.module)), mutant.name
        assert ast.dump(syntax(mutant.module)) == before


def test_what_is_left_out():
    for mutant in EVERYTHING.values():
        line = (ROOT / "theory" / mutant.module).read_text().splitlines()[mutant.line - 1].strip()
        if mutant.operator != "removed_check":
            assert not line.startswith(("raise ", "assert ", "import ", "from ", "@", '"""')), mutant.name


@pytest.mark.slow
def test_kept_results_are_about_mutants_that_still_exist():
    stale = set(results()) - {key(mutant) for mutant in EVERYTHING.values()}
    assert not stale, f"run the campaign for these again, then keep: {sorted(stale)[:5]}"


def test_equivalents_still_exist_and_give_a_reason():
    assert equivalents()
    for name, row in equivalents().items():
        assert name in EVERYTHING, f"{name} exists no more"
        assert row["change"] == EVERYTHING[name].change, f"{name} is another mutant now; judge it again"
        assert len(row["reason"]) > 20
    found = results()
    assert not {name for name in equivalents() if key(EVERYTHING[name]) in found}


@pytest.mark.slow
def test_no_mistake_of_the_field_survives():
    """Every one has a verdict: killed, or proved equivalent."""
    found, proved = results(), equivalents()
    for mutant in EVERYTHING.values():
        if mutant.of_the_field and mutant.name not in proved:
            row = found.get(key(mutant))
            assert row, f"{mutant.name} was not run; see docs/mutation.md"
            assert row["status"] != "survived", f"{mutant.name} survived: {mutant.change}"


@pytest.mark.slow
def test_the_report_says_what_the_documentation_says():
    text = (ROOT / "docs" / "mutation.md").read_text()
    assert report() in text, "python -m tests.mutation report: paste its tables into docs/mutation.md"


CONTROL = """
import sys
from tests.mutation.campaign import run_session
from tests.mutation.mutants import mutants, mutated, syntax

def loop(runner):
    reach = runner.measure()
    tests = sorted(reach.seconds, key=reach.seconds.get)
    assert tests
    print("noop", runner.decide("laws/iid.py", lambda: syntax("laws/iid.py"), tests, reach).status)
    for mutant in mutants("laws/iid.py"):
        if mutant.name in sys.argv[1:]:
            tests = reach.candidates(mutant)
            print(mutant.name, runner.decide(mutant.module, lambda: mutated(mutant), tests, reach).status)

sys.exit(run_session(["tests/theory/laws/test_details.py", "theory/laws/iid.py"], loop))
"""


def test_a_known_mutant_is_killed_and_an_unchanged_module_survives():
    swapped = "laws/iid.py::at_least_once::swapped_operands::0"
    endless = "laws/iid.py::at_least_once::dropped_statement::2"
    assert EVERYTHING[swapped].change == "1 - shown  ->  shown - 1"
    assert "k >>= 1" in EVERYTHING[endless].change
    said = _python("-c", CONTROL, swapped, endless)
    assert "noop survived" in said
    assert f"{swapped} killed" in said
    assert f"{endless} timeout" in said


@pytest.mark.slow
def test_a_sample_of_mutants_is_killed_by_the_tests_that_are_said_to_kill_them():
    assert "100 of 100 killed" in _python("-m", "tests.mutation", "check", "--sample", "100")


def _python(*arguments: str) -> str:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=Path(ROOT),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr
