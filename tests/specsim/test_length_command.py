"""``specsim length``: what it prints, and what it refuses."""

import json
from pathlib import Path

import pytest

from specsim.cli import main
from tests.specsim.measurements.test_files import PAGE, vllm
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
        (["length", "x.jsonl", "--metrics", "y", *TIMES], 2, "either --acceptance A, or TRACE"),
        (["length", "x.jsonl", "--trace", "y", *TIMES], 2, "the trace is named twice"),
        (["length", "--metrics", "nowhere.txt", *TIMES], 2, "there is no file 'nowhere.txt'"),
        ([*CONSTANT, "--since", "x"], 2, "--since is about a metric; give --metrics FILE"),
        (["length", "x.jsonl", "--acceptance", "0.5", *TIMES], 2, "either --acceptance A, or TRACE"),
        (["length", "nowhere.jsonl", *TIMES], 2, "there is no file or directory"),
        ([*CONSTANT, "--draft", "skip"], 2, "--draft is about a trace"),
        (["length", SHIPPED, *TIMES], 2, "say whose drafts: --draft with one of skip, exit, ngram"),
        (["length", SHIPPED, "--draft", "skp", *TIMES], 2, "did you mean 'skip'"),
        (["length", "tests", "--draft", "skip", *TIMES], 2, "is not a trace"),
        ([*CONSTANT, "--unknown", "cut"], 2, "--unknown is about recorded rounds"),
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


def test_the_trace_by_its_name(capsys, rounds):
    one, other = (
        run(capsys, "length", *trace, *TIMES)[1] for trace in ([str(rounds)], ["--trace", str(rounds)])
    )
    assert one == other


def test_counters(capsys, tmp_path):
    path = tmp_path / "after.txt"
    path.write_text(PAGE)
    argv = ["length", "--metrics", str(path), *TIMES]
    status, out, _ = run(capsys, *argv, "--json")
    assert status == 0
    found = json.loads(out)
    assert (found["optimal_length"], found["longest_measured"], found["rounds"]) == (2, 2, 150)
    assert found["value"] == pytest.approx((1 + 0.8 + 80 / 150) / 1.2)
    assert 0 < found["standard_error"] < 0.1
    assert [entry["value"] for entry in found["acceptance_by_position"]] == pytest.approx([0.8, 2 / 3])
    speed = {row["name"]: row["speedup"] for row in found["policies"]}
    assert max(speed.values()) == speed["clairvoyant"]
    assert "order that was drawn, seed 0" in found["policies_are"]
    status, out, _ = run(capsys, *argv)
    assert "Best length: 2 drafts a round" in out
    assert "longer drafts were never made" in out
    assert "0.8000 ± 0.0327" in out
    assert run(capsys, *argv, "--since", str(tmp_path / "none.txt"))[0] == 2


def test_readings_are_subtracted(capsys, tmp_path):
    earlier, later = tmp_path / "before.txt", tmp_path / "after.txt"
    for path, values in ((earlier, (10, 20, 9)), (later, (110, 220, 139))):
        names = ("drafts", "draft_tokens", "accepted_tokens")
        lines = (f"vllm:spec_decode_num_{name}_total {n}\n" for name, n in zip(names, values, strict=True))
        path.write_text("".join(lines))
    argv = ["length", "--metrics", str(later), "--since", str(earlier), *TIMES, "--json"]
    status, out, _ = run(capsys, *argv)
    found = json.loads(out)
    assert (status, found["rounds"], found["accepted"]) == (0, 100, 130)
    assert found["acceptance"]["value"] == pytest.approx((-1 + (1 + 4 * 1.3) ** 0.5) / 2)
    assert "policies" not in found
    swapped = ["length", "--metrics", str(earlier), "--since", str(later), *TIMES]
    status, _, err = run(capsys, *swapped)
    assert (status, "counters never fall" in err) == (1, True)


def test_answers_with_their_rounds_are_replayed_as_they_were(capsys, tmp_path):
    path = tmp_path / "answers.jsonl"
    path.write_text("".join(json.dumps({**vllm(), "id": name}) + "\n" for name in "abc"))
    found = json.loads(run(capsys, "length", "--metrics", str(path), *TIMES, "--json")[1])
    assert found["policies_are"] == "exact replay of recorded outcomes"
    assert [entry["trials"] for entry in found["acceptance_by_position"]] == [12, 6]


def test_a_mean_needs_the_number_of_drafts(capsys, tmp_path):
    path = tmp_path / "sglang.txt"
    path.write_text("sglang:spec_accept_length 3.0\n")
    argv = ["length", "--metrics", str(path), *TIMES]
    status, _, err = run(capsys, *argv)
    assert (status, "--steps K" in err) == (2, True)
    found = json.loads(run(capsys, *argv, "--steps", "4", "--json")[1])
    assert found["acceptance"]["standard_error"] is None
    assert (
        found["optimal_length"]
        == best_length(acceptance=found["acceptance"]["value"], times=Times(0.1, 1.0)).length
    )
    assert "standard_error" not in found
    status, out, _ = run(capsys, *argv, "--steps", "4")
    assert "closed form at the one acceptance" in " ".join(out.split())


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
