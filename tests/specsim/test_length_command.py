"""``specsim length``: what it prints, and what it refuses."""

import json
from pathlib import Path

import pytest

from specsim.cli import main
from theory.stopping import Times, best_length

CONSTANT = ["length", "--acceptance", "0.8", "--draft-time", "0.1", "--target-time", "1"]
TIMES = ["--draft-time", "0.1", "--target-time", "1"]
SHIPPED = str(Path(__file__).parents[2] / "traces" / "smollm2-135m")


def run(capsys, *argv):
    status = main(list(argv))
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.fixture
def rounds(tmp_path):
    path = tmp_path / "rounds.jsonl"
    lines = [
        {"accepted": 3, "drafted": 5, "request": request, "confidence": [0.9, 0.9, 0.8, 0.4, 0.5]}
        for request in ("a", "b")
    ] * 10 + [{"accepted": 2, "drafted": 2, "request": "a", "confidence": [0.9, 0.8]}]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_constant_json(capsys):
    status, out, err = run(capsys, *CONSTANT, "--json")
    assert (status, err) == (0, "")
    found = json.loads(out)
    best = best_length(acceptance=0.8, times=Times(0.1, 1.0))
    assert (found["optimal_length"], found["value"]) == (6, best.speedup)
    assert found["kind"] == "exact"
    assert found["tokens_per_round"] / found["time_of_round"] == pytest.approx(found["tokens_per_time"])
    assert max(found["speedups"], key=lambda row: row["speedup"])["length"] == 6


def test_the_unit_of_time_does_not_matter(capsys):
    scaled = ["length", "--acceptance", "0.8", "--draft-time", "2.5", "--target-time", "25", "--json"]
    one, other = json.loads(run(capsys, *CONSTANT, "--json")[1]), json.loads(run(capsys, *scaled)[1])
    assert other["optimal_length"] == one["optimal_length"]
    assert other["value"] == pytest.approx(one["value"])


def test_constant_text(capsys):
    status, out, _ = run(capsys, *CONSTANT)
    assert status == 0
    assert "Best length: 6 drafts a round, 2.4696 times as fast as plain decoding (exact)." in out
    status, out, _ = run(capsys, "length", "--acceptance", "0.1", "--draft-time", "1", "--target-time", "1")
    assert "plain decoding is as fast or faster" in out
    assert "Best length: 0 drafts" in out


def test_limit_and_no_best_length(capsys):
    status, out, _ = run(capsys, *CONSTANT, "--limit", "4", "--json")
    assert json.loads(out)["optimal_length"] == 4
    free = ["length", "--acceptance", "0.8", "--draft-time", "0", "--target-time", "1"]
    status, _, err = run(capsys, *free)
    assert status == 1
    assert "give a limit" in err
    assert run(capsys, *free, "--limit", "3")[0] == 0


def test_trace(capsys, rounds):
    status, out, _ = run(capsys, "length", str(rounds), *TIMES, "--json")
    assert status == 0
    found = json.loads(out)
    assert (found["texts"], found["tokens"], found["never_drafted"]) == (2, 83, 1)
    speed = {row["name"]: row["speedup"] for row in found["policies"]}
    assert {"SpecDec++", "+2/-1 heuristic", "greedy oracle", "clairvoyant"} <= set(speed)
    assert "SVIP" not in speed
    assert max(speed.values()) == speed["clairvoyant"] == speed["greedy oracle"]
    assert found["value"] == speed[f"best fixed length ({found['optimal_length']})"]
    assert found["optimal_length"] == 3
    status, out, _ = run(capsys, "length", str(rounds), *TIMES)
    assert "Note: 1 token was never drafted" in out
    status, out, _ = run(capsys, "length", str(rounds), *TIMES, "--unknown", "rejected")
    assert "never drafted" not in out


def test_a_figure_is_written_once(capsys, rounds, tmp_path):
    path = tmp_path / "policies.pdf"
    argv = ["length", str(rounds), *TIMES, "--figure", str(path)]
    assert run(capsys, *argv)[0] == 0
    status, _, err = run(capsys, *argv)
    assert status == 2
    assert "name a new .png or .pdf file" in err


@pytest.mark.slow
def test_figures_are_the_same_bytes(capsys, rounds, tmp_path):
    for name, argv in (("a.png", CONSTANT), ("b.pdf", ["length", str(rounds), *TIMES])):
        path = tmp_path / name
        assert run(capsys, *argv, "--figure", str(path))[0] == 0
        first = path.read_bytes()
        path.unlink()
        run(capsys, *argv, "--figure", str(path))
        assert path.read_bytes() == first


@pytest.mark.parametrize(
    ("argv", "status", "message"),
    [
        (["length", *TIMES], 2, "either --acceptance A, or TRACE"),
        (["length", "x.jsonl", "--acceptance", "0.5", *TIMES], 2, "either --acceptance A, or TRACE"),
        (["length", "nowhere.jsonl", *TIMES], 2, "there is no file or directory"),
        ([*CONSTANT, "--draft", "skip"], 2, "--draft is about a trace"),
        (["length", SHIPPED, *TIMES], 2, "say whose drafts: --draft with one of skip, exit, ngram"),
        (["length", SHIPPED, "--draft", "skp", *TIMES], 2, "did you mean 'skip'"),
        (["length", "tests", "--draft", "skip", *TIMES], 2, "is not a trace"),
        ([*CONSTANT, "--unknown", "cut"], 2, "--unknown is about a trace"),
        (["length", "--acceptance", "1.2", *TIMES], 2, "'1.2' is not a number"),
        (["length", "--acceptance", "0.8", "--target-time", "1"], 2, "--draft-time"),
        (["length", "--acceptance", "0.8", "--draft-time", "1", "--target-time", "0"], 2, "above 0"),
    ],
)
def test_refusals(capsys, argv, status, message):
    got, out, err = run(capsys, *argv)
    assert (got, out) == (status, "")
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.slow
def test_distributions(capsys, rounds):
    argv = [
        "length",
        SHIPPED,
        "--draft",
        "skip",
        "--draft-time",
        "0.3",
        "--target-time",
        "1",
        "--samples",
        "2",
    ]
    status, out, _ = run(capsys, *argv, "--json")
    assert status == 0
    found = json.loads(out)
    assert (found["texts"], found["tokens"], found["never_drafted"]) == (40, 640, 0)
    assert found["kind"] == "estimate: 2 draws of the outcomes of skip on each recorded text, seed 0"
    assert {"SpecDec++", "SVIP", "Kangaroo top-1"} <= {row["name"] for row in found["policies"]}
    assert run(capsys, *argv, "--json")[1] == out
    status, _, err = run(capsys, "length", str(rounds), "--draft", "skip", *TIMES)
    assert status == 2
    assert "rounds in a file are of one draft" in err


def test_bad_file(capsys, tmp_path):
    path = tmp_path / "rounds.jsonl"
    path.write_text('{"accepted": 9, "drafted": 2}\n')
    status, _, err = run(capsys, "length", str(path), *TIMES)
    assert status == 1
    assert "line 1: 9 of 2 drafts" in err
