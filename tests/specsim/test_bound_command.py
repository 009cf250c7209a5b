"""``specsim bound`` on traces and on lists of the likeliest tokens."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from specsim.bounding import BoundFiles
from specsim.cli import main
from tests.specsim.bounding.conftest import write_trace
from theory.bounds import Truncated, optimal_acceptance, optimal_iid_ends
from theory.laws import Iid
from theory.simplex import Warp


@pytest.fixture(scope="module")
def trace_path(tmp_path_factory):
    return write_trace(tmp_path_factory.mktemp("bound") / "made-up")


@pytest.fixture
def lists(tmp_path):
    rng = np.random.default_rng(2)
    rows = rng.dirichlet(np.full(20, 0.5), (2, 3))
    tokens = np.argsort(-rows, axis=-1)[..., :6]
    logs = np.log(np.take_along_axis(rows, tokens, axis=-1))
    names = {"p_tokens": tokens[0], "p_logprobs": logs[0], "q_tokens": tokens[1], "q_logprobs": logs[1]}
    path = tmp_path / "lists.npz"
    np.savez(path, **names)
    return path, names


def output(capsys, *argv) -> str:
    assert main(["bound", *map(str, argv)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def complaint(capsys, argv, status: int) -> str:
    assert main(["bound", *map(str, argv)]) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err.rstrip()


# --- a trace -------------------------------------------------------------------------------------------


def test_a_trace_as_json(capsys, trace, trace_path):
    argv = (trace_path, "--law", "iid,point", "--drafts", "2,1", "--draft", "near", "--json", "--jobs", "1")
    found = json.loads(output(capsys, *argv))
    assert (found["trace"], found["positions"], found["passages"]) == ("made-up", 15, 5)
    assert [(each["law"], each["drafts"]) for each in found["results"]] == [
        ("iid", 1),
        ("iid", 2),
        ("point", 1),
        ("point", 2),
    ]
    values = [
        float(optimal_acceptance(p=p, law=Iid(q, 2)).value)
        for block in trace.blocks()
        for p, q in zip(
            Warp().probabilities(block.target_logits),
            Warp().probabilities(block.draft_logits["near"]),
            strict=True,
        )
    ]
    assert found["results"][1]["value"] == pytest.approx(np.mean(values), abs=1e-12)
    assert found["results"][1]["kind"] == "exact"
    assert found["results"][1]["sampling_standard_error"] > 0
    assert found["certificates"]["iid"] == {
        "evaluated_anew": 30,
        "in_all": 30,
        "largest_discrepancy": found["certificates"]["iid"]["largest_discrepancy"],
    }


@pytest.fixture
def trace(trace_path):
    from specsim.sources.traces import Trace

    return Trace.open(trace_path)


def test_a_trace_as_tables(capsys, trace_path):
    text = " ".join(output(capsys, trace_path, "--jobs", "1", "--temperatures", "0.5,1").split())
    assert "Draft near at temperature 0.5: mean best acceptance over 15 positions in 5 passages" in text
    assert "Draft far at temperature 1: mean best acceptance" in text
    assert "k = 8" in text
    assert "At up to 5 positions q has fewer than k tokens" in text
    assert "[0." in text  # without replacement


def test_every_position_on_disk(capsys, trace_path, tmp_path):
    out = tmp_path / "new" / "bounds"
    text = output(capsys, trace_path, "--drafts", "2", "--out", out, "--sets", "--jobs", "1")
    assert "summary.json there says that all is there" in text
    found = BoundFiles.open(out)
    assert found.summary["positions"] == 15
    assert [entry["positions"] for entry in found.summary["files"]] == [15]
    (arrays,) = found.pieces()
    assert arrays["sets"].shape == (15, 1, 2, 4, 2)
    assert "exists already and is not empty" in complaint(capsys, [trace_path, "--out", out], 2)


def test_the_likeliest_tokens_alone(capsys, trace_path):
    wide = json.loads(output(capsys, trace_path, "--top", 4, "--drafts", "2", "--json", "--jobs", "1"))
    whole = json.loads(output(capsys, trace_path, "--drafts", "2", "--json", "--jobs", "1"))
    for interval, exact in zip(wide["results"], whole["results"], strict=True):
        assert interval["kind"] == "interval"
        assert interval["lower"] <= exact["value"] + 1e-12
        assert interval["upper"] >= exact["value"] - 1e-12
    text = output(capsys, trace_path, "--top", 4, "--drafts", "2", "--jobs", "1")
    assert "the likeliest 4 tokens known" in text
    assert "for all that the tokens which are not listed could have" in text


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        (["--draft", "mear"], 2, "the trace has no draft 'mear', did you mean 'near'"),
        (["--certificate", "x.npz"], 2, "--certificate is for PAIR.npz"),
        (["--vocabulary", "4"], 2, "--vocabulary is for PAIR.npz"),
        (["--sets"], 2, "--sets needs a trace and --out DIR"),
        (["--top", "3"], 1, "top is 3, but with 8 drafts"),
        (["--domains", "news"], 1, "unknown domain 'news'"),
        (["--law", "iid,iid"], 2, "names a value twice"),
        (["--limits", "4"], 2, "did you mean '--limit'"),
    ],
)
def test_one_sentence_for_what_is_wrong(options, status, words, capsys, trace_path):
    assert words in complaint(capsys, [trace_path, *options], status)


def test_a_directory_that_is_no_trace(capsys, tmp_path):
    assert "is not a trace but a directory without" in complaint(capsys, [tmp_path], 2)


# where the tests are a job in the background the signal is ignored, in what they start as well; a start by
# way of `preexec_fn` would fork this process, of which JAX warns
INTERRUPTIBLE = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from specsim.cli import main
sys.exit(main())
"""


@pytest.mark.slow
def test_control_c_leaves_nothing_that_looks_complete(tmp_path):
    """The real command, stopped while it streams."""
    path = write_trace(tmp_path / "long", passages=10, rows=200)
    out = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTIBLE, "bound", str(path), "--out", str(out), "--jobs", "1"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 60
        while not (out / "positions.csv.partial").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert process.stderr.read() == b"specsim: interrupted\n"
        assert process.wait() == 130
    finally:
        process.kill()
        process.stderr.close()
    assert not (out / "summary.json").exists()
    assert not (out / "positions.csv").exists()
    assert (out / "positions.csv.partial").exists()


# --- lists ---------------------------------------------------------------------------------------------


def test_lists_as_json(capsys, lists):
    path, arrays = lists
    argv = (path, "--law", "iid", "--drafts", "2", "--json", "--vocabulary", "20")
    found = json.loads(output(capsys, *argv))
    assert list(found) == ["value", "lower", "upper", "gap", "kind"]
    assert found["kind"] == "interval"
    for row in range(3):
        p, q = (
            Truncated.from_log_probabilities(
                arrays[f"{name}_tokens"][row], arrays[f"{name}_logprobs"][row], vocabulary=20
            )
            for name in "pq"
        )
        ends = optimal_iid_ends(p=p, q=q, k=2)
        assert (found["lower"][row], found["upper"][row]) == (ends.lower, ends.upper)


def test_lists_of_one_position_with_their_vocabulary(capsys, lists, tmp_path):
    _, arrays = lists
    path = tmp_path / "one.npz"
    np.savez(path, **{name: array[0] for name, array in arrays.items()}, vocabulary=20)
    found = json.loads(output(capsys, path, "--law", "iid,point", "--drafts", "2", "--json"))
    assert [(each["law"], each["drafts"]) for each in found] == [("iid", 2), ("point", 2)]
    assert 0 <= found[0]["lower"] <= found[0]["upper"] <= 1
    text = output(capsys, path, "--law", "iid", "--drafts", "2")
    assert "a rigorous interval, for all that the lists leave open" in text


def test_entries_that_are_missing(capsys, lists, tmp_path):
    """Hosted interfaces fill up with -9999: not a probability of zero."""
    _, arrays = lists
    arrays = {name: array.copy() for name, array in arrays.items()}
    arrays["p_logprobs"][:, 4:] = arrays["q_logprobs"][:, 4:] = -9999.0
    path = tmp_path / "short.npz"
    np.savez(path, **arrays, vocabulary=20)
    short = json.loads(output(capsys, path, "--law", "iid", "--drafts", "2", "--json"))
    whole = json.loads(
        output(capsys, lists[0], "--law", "iid", "--drafts", "2", "--json", "--vocabulary", "20")
    )
    assert all(a <= b for a, b in zip(short["lower"], whole["lower"], strict=True))
    assert all(a >= b for a, b in zip(short["upper"], whole["upper"], strict=True))


@pytest.mark.parametrize(
    ("change", "options", "status", "words"),
    [
        ({}, [], 2, "lists do not say how many tokens there are; give --vocabulary V"),
        ({}, ["--vocabulary", "5"], 1, "row 0: "),
        ({"p_logprobs": np.zeros((3, 5))}, ["--vocabulary", "20"], 1, "must have one shape"),
        ({"p_logprobs": np.full((3, 6), 0.5)}, ["--vocabulary", "20"], 1, "row 0: token"),
        ({}, ["--vocabulary", "20", "--certificate", "x.npz"], 2, "--certificate is for whole distributions"),
        ({}, ["--vocabulary", "20", "--top", "4"], 2, "--top is for a trace"),
    ],
)
def test_lists_that_are_none(change, options, status, words, capsys, lists, tmp_path):
    path = tmp_path / "bad.npz"
    np.savez(path, **(lists[1] | change))
    assert words in complaint(capsys, [path, "--law", "iid", "--drafts", "2", *options], status)


def test_several_laws_of_a_pair(capsys, tmp_path):
    rng = np.random.default_rng(1)
    path = tmp_path / "pair.npz"
    np.savez(path, p=rng.dirichlet(np.ones(6)), q=rng.dirichlet(np.ones(6)))
    found = json.loads(output(capsys, path, "--law", "iid,point", "--drafts", "1,2", "--json"))
    assert [(each["law"], each["drafts"]) for each in found] == [
        ("iid", 1),
        ("iid", 2),
        ("point", 1),
        ("point", 2),
    ]
    argv = [path, "--law", "iid", "--drafts", "1,2", "--certificate", tmp_path / "x.npz"]
    assert "name one of each" in complaint(capsys, argv, 2)
    argv = [path, "--law", "iid", "--drafts", "2", "--vocabulary", "6"]
    assert "--vocabulary is for lists" in complaint(capsys, argv, 2)
