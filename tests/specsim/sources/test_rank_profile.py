"""The profile that a trace estimates."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from specsim.cli import main
from specsim.sources.rank_profile import TraceProfile, profile_of_trace
from specsim.sources.traces import Dense, Header, Passage, Source, Trace, TraceError, TraceWriter
from theory.shapes import gap_report

GLASS = Path(__file__).parents[3] / "traces" / "glassllm-en"


@pytest.fixture
def trace(tmp_path):
    header = Header(
        vocabulary=4,
        target=Source("dense"),
        drafts={"near": Source("dense")},
        domains=("toy",),
        temperature=1.0,
        seed=0,
        licences={"toy": "none"},
        command="specsim record OUT",
    )
    p = np.log(np.array([[5, 3, 1, 1], [1, 1, 4, 4], [2, 2, 2, 4]], dtype=np.float32) / 10)
    q = np.array([[3, 2, 1, 0], [0, 3, 3, 1], [3, 3, 3, 3]], dtype=np.float32)
    with TraceWriter.create(tmp_path / "toy", header=header) as writer:
        for number in range(2):
            tokens, places = np.array([0, 1, 2, 2, 3]), np.array([1, 2, 3 + number])
            writer.append(Passage("toy", str(number), tokens, places, Dense(p), {"near": Dense(q)}))
    return Trace.open(tmp_path / "toy")


def test_masses_by_hand(trace):
    found = profile_of_trace(trace, draft="near", ranks=2, temperature=1.0)
    assert np.allclose(found.masses, [[0.5, 0.3], [0.1, 0.4], [0.2, 0.2]] * 2, atol=1e-6)
    assert found.passages.tolist() == [0, 0, 0, 1, 1, 1]
    assert np.allclose(found.profile.rows[0], [0.8 / 3, 0.3], atol=1e-6)
    cold = profile_of_trace(trace, draft="near", ranks=2, temperature=0.5)
    assert np.allclose(cold.masses[0], [25 / 36, 9 / 36], atol=1e-6)


def test_what_is_refused(trace):
    for options, match in (
        ({"ranks": 0, "temperature": 1.0}, "ranks must be in 1..4"),
        ({"ranks": 2, "temperature": 0.0}, "temperature must be positive"),
    ):
        with pytest.raises(ValueError, match=match):
            profile_of_trace(trace, draft="near", **options)
    with pytest.raises(TraceError, match="nope"):
        profile_of_trace(trace, draft="nope", ranks=1, temperature=1.0)


def test_the_jackknife_of_a_mean_is_its_standard_error():
    values = np.random.default_rng(0).random(30)
    found = TraceProfile(values[:, None], np.arange(30))
    error = found.standard_error(lambda profile: float(profile.rows[0, 0]))
    assert error == pytest.approx(values.std(ddof=1) / np.sqrt(30))
    with pytest.raises(ValueError, match="at least two"):
        TraceProfile(values[:, None], np.zeros(30, dtype=int)).standard_error(lambda profile: 0.0)


def test_the_command_reads_a_trace(trace, tmp_path, capsys):
    path = str(Path(tmp_path) / "toy")
    assert main(["tree", path, "--draft", "near", "--max-children", "2", "--budget", "5", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    profile = profile_of_trace(trace, draft="near", ranks=2, temperature=1.0).profile
    assert result["value"] == pytest.approx(gap_report(profile, nodes=5, max_children=2).value)
    assert result["kind"] == "estimate"
    assert result["standard_error"] == pytest.approx(0)
    weights = np.array(result["tree"]["weights"])
    assert weights.sum() == pytest.approx(result["value"])
    assert any("static" in note for note in result["notes"])


def test_the_command_says_which_draft_is_missing(trace, tmp_path, capsys):
    assert main(["tree", str(Path(tmp_path) / "toy"), "--draft", "nope", "--budget", "3"]) != 0
    assert "nope" in capsys.readouterr().err


def test_the_command_takes_the_first_draft_of_a_trace(capsys):
    arguments = ["tree", str(GLASS), "--budget", "8", "--json"]
    assert main(arguments) == 0
    first = json.loads(capsys.readouterr().out)
    draft = Trace.open(str(GLASS)).drafts[0]
    assert main([*arguments, "--draft", draft]) == 0
    assert json.loads(capsys.readouterr().out) == first
    assert first["notes"][0] == f"top tokens of the draft {draft}"
    assert first["kind"] == "estimate"
