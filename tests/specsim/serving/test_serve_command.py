"""``specsim serve``: the table, JSON, the figure, and mistakes."""

from __future__ import annotations

import json

import pytest

from specsim.cli import main
from tests.specsim.measurements.test_files import PAGE

SMALL = ["serve", "--requests", "40", "--output", "20"]


def run(capsys, *arguments):
    status = main([*SMALL, *arguments])
    out, err = capsys.readouterr()
    return status, out, err


def test_every_scheduler_in_json(capsys):
    names = [
        "none",
        "fixed:3",
        "goodput:4",
        "allocation:4",
        "tetris:20",
        "slo:20",
        "table:1=4/8=1",
        "spread:1=2",
    ]
    status, out, _ = run(capsys, "--schedulers", ",".join(names), "--json")
    answer = json.loads(out)
    assert status == 0
    assert answer["kind"] == "one simulated run"
    assert [row["scheduler"] for row in answer["runs"]] == names
    assert all(row["requests"] == 40 and row["throughput"] > 0 for row in answer["runs"])


def test_the_same_seed_the_same_numbers(capsys):
    one, other, third = (run(capsys, "--json", "--seed", seed)[1] for seed in "112")
    assert one == other != third


def test_the_table_and_a_figure(capsys, tmp_path):
    figure = tmp_path / "load.png"
    status, out, _ = run(capsys, "--rate", "2,20", "--schedulers", "none,fixed:2", "--figure", str(figure))
    assert status == 0
    assert out.count("fixed:2") == 2
    assert "…" not in out
    assert figure.stat().st_size > 10_000


def test_recorded_requests(capsys, tmp_path):
    path = tmp_path / "requests.jsonl"
    path.write_text('{"arrival": 0, "prompt": 9, "output": 5, "acceptance": 0.5}\n')
    status, out, _ = run(capsys, "--arrivals", str(path), "--schedulers", "fixed:2", "--json")
    (row,) = json.loads(out)["runs"]
    assert status == 0
    status, _, err = run(capsys, "--arrivals", str(path), "--acceptance", "0.5")
    assert (status, "leave out --acceptance" in err) == (2, True)
    assert (row["requests"], row["rate"]) == (1, None)


AZURE = "TIMESTAMP,ContextTokens,GeneratedTokens\n" + "".join(
    f"2023-11-16 18:15:{second:02d}.5000000,{30 + second},{5 + second % 4}\n" for second in range(20)
)


def test_recorded_arrivals_of_other_forms_and_at_other_rates(capsys, tmp_path):
    path = tmp_path / "azure.csv"
    path.write_text(AZURE)
    arguments = ["--arrivals", str(path), "--schedulers", "none,fixed:2", "--json"]
    status = main(["serve", *arguments])
    rows = json.loads(capsys.readouterr().out)["runs"]
    assert status == 0
    assert [(row["requests"], row["rate"]) for row in rows] == [(20, None)] * 2
    main(["serve", *arguments, "--rate", "2,50", "--requests", "10"])
    rows = json.loads(capsys.readouterr().out)["runs"]
    assert [(row["requests"], row["rate"]) for row in rows] == [(10, 2), (10, 2), (10, 50), (10, 50)]
    assert rows[0]["latency_p99"] < rows[2]["latency_p99"]
    path.write_text(AZURE[:-1])
    assert main(["serve", *arguments]) == 1
    assert "the file may be cut" in capsys.readouterr().err


def test_trees(capsys, tmp_path):
    path = tmp_path / "profile.json"
    path.write_text("[0.6, 0.2, 0.1]")
    names = "none,fixed:8,goodput:16,allocation:16,tetris:60,slo:60"
    status, out, _ = run(capsys, "--profile", str(path), "--nodes", "16", "--schedulers", names, "--json")
    rows = {row["scheduler"]: row for row in json.loads(out)["runs"]}
    assert status == 0
    assert rows["allocation:16"]["tpot_mean"] < rows["none"]["tpot_mean"]


def test_counters_of_an_engine(capsys, tmp_path):
    path = tmp_path / "metrics.txt"
    path.write_text(PAGE)
    status, out, _ = run(capsys, "--metrics", str(path), "--schedulers", "none,fixed:2,fixed:8", "--json")
    rows = json.loads(out)["runs"]
    assert status == 0
    # eight drafts are never more than the two that were counted
    assert rows[1]["throughput"] == rows[2]["throughput"]
    path.write_text(PAGE[: PAGE.index("vllm:spec_decode_num_accepted_tokens_per_pos")])
    status, out, _ = run(capsys, "--metrics", str(path), "--schedulers", "fixed:2", "--json")
    assert status == 0
    assert json.loads(out)["runs"][0]["utilisation"] > 0.5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--schedulers", "fast"], "'fast' is not one of none, fixed:K"),
        (["--schedulers", "fixed:-1"], "a draft length is 0 or more, got -1"),
        (["--schedulers", "table:2=1"], "entry for batches from size 1 on"),
        (["--schedulers", "none,none"], "names none, or one twice"),
        (["--acceptance", "1.5"], "is a probability, or A,B of a beta law"),
        (["--rate", "0"], "'0' is not a number above 0"),
        (["--target", "1,2"], "not three times BASE,PER_TOKEN,PER_CACHED_TOKEN"),
        (["--arrivals", "nowhere.jsonl"], "there is no file 'nowhere.jsonl'"),
        (["--metrics", "nowhere.txt"], "there is no file 'nowhere.txt'"),
        (["--profile", "nowhere.json"], "there is no file 'nowhere.json'"),
        (["--metrics", "x", "--acceptance", "0.5"], "--acceptance and --metrics both say how well drafts do"),
        (["--model", "m"], "--model is about counters; give --metrics FILE"),
        (["--schedulers", "spread:2=1"], "entry for batches from size 1 on"),
        (["--figure", "no/such/place.png"], "directory that does not exist"),
    ],
)
def test_mistakes(capsys, arguments, message):
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_a_figure_needs_rates(capsys, tmp_path):
    status, _, err = run(capsys, "--figure", str(tmp_path / "x.png"))
    assert status == 1
    assert "two rates or more" in err
