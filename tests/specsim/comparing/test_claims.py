"""Claims held against measurements: what is reached, what is not, and what the data leaves open."""

from __future__ import annotations

from fractions import Fraction
from io import StringIO
from pathlib import Path

import pytest

from specsim.comparing import Claim, conclude, held, read_expected
from specsim.comparing.claims import ClaimError
from specsim.metrics import Estimate

HEADER = "quantity,expected,tolerance,source\n"


@pytest.mark.parametrize(
    ("expected", "tolerance", "value", "error", "verdict"),
    [
        ("2", 0.0, Fraction(2), None, "reached"),
        ("2", 0.0, Fraction(3), None, "not reached"),
        ("2", 0.1, 2.05, 1.0, "reached"),
        ("2", 0.1, 2.25, 0.1, "open"),
        ("2", 0.1, 2.35, 0.1, "not reached"),
        ("> 1", 0.0, 1.3, 0.1, "reached"),
        ("> 1", 0.0, 1.1, 0.1, "open"),
        ("> 1", 0.0, 0.7, 0.1, "not reached"),
        ("> 1", 0.0, 1.0, None, "not reached"),
        (">= 1", 0.0, 1.0, None, "reached"),
        (">= 1", 0.1, 0.95, None, "reached"),
        ("<= 1", 0.1, 1.05, None, "reached"),
        ("< 1", 0.0, 1.05, None, "not reached"),
        ("> other", 0.0, 3.0, 0.1, "reached"),
        ("< other", 0.0, 1.9, 0.1, "open"),
    ],
)
def test_verdicts(expected: str, tolerance: float, value: float, error: float | None, verdict: str) -> None:
    here = value if error is None else Estimate(float(value), error, 10)
    measured = {"it": here, "other": Estimate(2.0, 0.05, 10)}
    (outcome,) = held([Claim("it", expected, tolerance)], measured)
    assert outcome.verdict == verdict


def test_one_request_leaves_relations_open() -> None:
    (outcome,) = held([Claim("it", "> 1")], {"it": Estimate(5.0, float("inf"), 1)})
    assert outcome.verdict == "open"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("quantity,expected,source\n", "lacks the column 'tolerance'"),
        (HEADER + "it,1,wide,table 1\n", "line 2: 'wide' is no tolerance"),
        (HEADER + "it,1,-1,table 1\n", "tolerance must be at least 0"),
        ("quantity,expected,tolerance,source,here\nit,1,0,table 1,nearly\n", "'here' must be one of reached"),
    ],
)
def test_a_broken_table_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "expected.csv").write_text(text)
    with pytest.raises(ClaimError, match=message):
        read_expected(tmp_path / "expected.csv")


def test_what_was_not_measured_or_cannot_be_read_is_named() -> None:
    with pytest.raises(ClaimError, match="needs 'it', which was not measured; there are: other"):
        held([Claim("it", "1")], {"other": 1})
    with pytest.raises(ClaimError, match="needs 'third'"):
        held([Claim("it", "> third")], {"it": 1})
    with pytest.raises(ClaimError, match="'about 2' is neither a number nor a relation"):
        held([Claim("it", "about 2")], {"it": 1})


def test_a_script_fails_where_a_verdict_is_not_as_recorded(tmp_path: Path) -> None:
    rows = "speed,> 1,,abstract,not reached\ntokens,2,0.5,table 1,\n"
    (tmp_path / "expected.csv").write_text("quantity,expected,tolerance,source,here\n" + rows)
    measured = {"speed": 0.7, "tokens": Estimate(2.1, 0.1, 9)}
    out = StringIO()
    assert conclude(tmp_path, measured, file=out) == 0
    assert "1 of 2 claims reached; 2 verdicts are as recorded" in out.getvalue()
    results = (tmp_path / "results.csv").read_text().splitlines()
    assert results[1] == "speed,> 1,0,0.7,exact,not reached,abstract"
    out = StringIO()
    assert conclude(tmp_path, measured | {"speed": 1.5}, file=out) == 1
    assert "recorded as not reached" in out.getvalue()


def test_quick_runs_write_nothing_and_never_fail(tmp_path: Path) -> None:
    (tmp_path / "expected.csv").write_text(HEADER + "speed,> 1,,abstract\n")
    assert conclude(tmp_path, {"speed": 0.5}, quick=True, file=StringIO()) == 0
    assert not (tmp_path / "results.csv").exists()
