"""The command line: what it prints, what it writes, and one clear sentence for everything that is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from specsim.cli import COMMANDS, main
from specsim.sources.traces import Dense, Header, Passage, Source, TraceWriter
from theory.bounds import Bound, optimal_acceptance
from theory.laws import Iid, Point, TopKPlusSample, WithoutReplacement

LAWS = {
    "iid": Iid,
    "without-replacement": WithoutReplacement,
    "top-k-plus-sample": TopKPlusSample,
    "point": Point.top,
}


@pytest.fixture(scope="module")
def trace_path(tmp_path_factory) -> Path:
    rng = np.random.default_rng(0)
    header = Header(
        vocabulary=12,
        target=Source("dense", description="made up"),
        drafts={"near": Source("dense"), "far": Source("dense")},
        domains=("code", "chat"),
        temperature=0.6,
        seed=0,
        licences={"code": "none"},
        command="specsim record OUT",
    )
    path = tmp_path_factory.mktemp("cli") / "made-up"
    with TraceWriter.create(path, header=header) as writer:
        for number in range(4):
            rows = [Dense(rng.normal(size=(3, 12)).astype(np.float32)) for _ in range(3)]
            drafts = {"near": rows[1], "far": rows[2]}
            tokens, positions = rng.integers(0, 12, 6), np.array([2, 3, 4])
            writer.append(
                Passage(("code", "chat")[number % 2], f"made/{number}", tokens, positions, rows[0], drafts)
            )
    return path


def save_pair(path: Path, **arrays: np.ndarray) -> Path:
    np.savez(path, **arrays)
    return path


@pytest.fixture
def pair(tmp_path) -> Path:
    rng = np.random.default_rng(1)
    p, q = rng.dirichlet(np.ones(6), 3), rng.dirichlet(np.ones(6), 3)
    return save_pair(tmp_path / "pair.npz", p=p, q=q)


def complaint(capsys, argv: list[str], status: int) -> str:
    """The one sentence on stderr of a command that must fail; nothing may be on stdout."""
    assert main(argv) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith("\n")
    assert err.count("\n") == 1, err
    assert "Traceback" not in err
    return err.rstrip()


# --- help ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("argv", [["--help"], *([command, "--help"] for command in COMMANDS)])
def test_help_explains_itself(argv, capsys):
    with pytest.raises(SystemExit) as stop:
        main(argv)
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert "example" in text
    assert f"specsim {argv[0] if argv[0] != '--help' else 'report'}" in text
    assert max(map(len, text.splitlines())) <= 110


def test_version(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out.startswith("specsim ")


def run(*argv: str, **settings) -> subprocess.CompletedProcess:
    environment = {**os.environ, **settings.pop("environment", {})}
    return subprocess.run(
        [sys.executable, "-m", "specsim", *argv], capture_output=True, text=True, env=environment, **settings
    )


def test_help_is_fast_and_loads_nothing():
    """Half a second is promised; the machine that tests may be busy, so what is loaded is what is checked."""
    code = (
        "import sys, specsim.cli\n"
        "try: specsim.cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'scipy', 'matplotlib', 'rich', 'jax', 'cvxpy', 'theory'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    begun = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert time.perf_counter() - begun < 5


# --- wrong command lines -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ([], "say what to do: one of report, bound, "),
        (["reprot"], "there is no command 'reprot', did you mean 'report'"),
        (["--versoin"], "has no option '--versoin', did you mean '--version'"),
        (["report"], "the following arguments are required: TRACE"),
        (["report", "TRACE", "--temprature", "1"], "no option '--temprature', did you mean '--temperatures'"),
        (["report", "TRACE", "--temperature=1"], "no option '--temperature', did you mean '--temperatures'"),
        (["report", "TRACE", "more"], "specsim report takes no argument 'more'"),
        (["report", "TRACE", "--k"], "argument --k: expected one argument"),
        (["report", "TRACE", "--k", "1,0"], "argument --k: '0' is not a whole number of at least 1"),
        (["report", "TRACE", "--k", "1,1"], "argument --k: '1,1' names a value twice"),
        (["report", "TRACE", "--k", "two"], "'two' is not a whole number of at least 1"),
        (["report", "TRACE", "--temperatures", "-1"], "'-1' is not a number of at least 0"),
        (["report", "TRACE", "--temperatures", "nan"], "'nan' is not a number of at least 0"),
        (["report", "TRACE", "--top-p", "0"], "'0' is not a number above 0 and at most 1"),
        (["report", "TRACE", "--samples", "1"], "'1' is not a whole number of at least 2"),
        (["report", "TRACE", "--limit", "0"], "--limit: '0' is not a whole number of at least 1"),
        (["report", "TRACE", "--drafts", "naer"], "no draft 'naer', did you mean 'near'; it has near, far"),
        (["report", "nowhere"], "there is no trace 'nowhere': the directory does not exist"),
        (["trace", "nowhere"], "there is no trace 'nowhere': the directory does not exist"),
        (["report", "FILE"], "is not a trace but a file"),
        (["trace", "EMPTY"], "is not a trace but a directory without a manifest.jsonl"),
        (["report", "TRACE", "--out", "FILE"], "is a file; name a directory"),
        (["bound", "nowhere.npz", "--law", "iid", "--drafts", "2"], "there is no file 'nowhere.npz'"),
        (["bound", "PAIR", "--law", "idd", "--drafts", "2"], "point, did you mean 'iid'"),
        (["bound", "PAIR", "--law", "iid"], "the following arguments are required: --drafts"),
        (["bound", "FILE", "--law", "iid", "--drafts", "2"], "is not an .npz file"),
        (["bound", "PAIR", "--law", "iid", "--drafts", "2", "--certificate", "FILE"], "exists already"),
        (["record"], "name the directory OUT to record to"),
        (["record", "OUT", "--domains", "cod"], "'cod' is not one of code, math"),
        (["record", "OUT", "--drafts", "skp"], "unknown draft 'skp'"),
        (["record", "OUT", "--prompt-file", "nowhere"], "--prompt-file: there is no file 'nowhere'"),
    ],
)
def test_one_sentence_for_a_wrong_command_line(argv, words, capsys, trace_path, pair, tmp_path):
    (tmp_path / "file").write_text("text")
    (tmp_path / "empty").mkdir()
    places = {"TRACE": trace_path, "PAIR": pair, "FILE": tmp_path / "file", "EMPTY": tmp_path / "empty"}
    sentence = complaint(capsys, [str(places.get(word, word)) for word in argv], 2)
    assert words in sentence
    assert sentence.startswith("specsim")


def test_debugging_shows_the_traceback(monkeypatch, trace_path):
    monkeypatch.setenv("SPECSIM_DEBUG", "1")
    with pytest.raises(Exception, match="no draft 'nope'"):
        main(["report", str(trace_path), "--drafts", "nope"])


def test_errors_of_the_program_itself(monkeypatch, capsys, pair):
    monkeypatch.setattr("theory.bounds.optimal_acceptance", lambda **_: {}["missing"])
    sentence = complaint(capsys, ["bound", str(pair), "--law", "iid", "--drafts", "2"], 1)
    assert "this is an error in specsim (KeyError: 'missing')" in sentence


def test_interruption(monkeypatch, capsys, pair):
    def interrupted(**_):
        raise KeyboardInterrupt

    monkeypatch.setattr("theory.bounds.optimal_acceptance", interrupted)
    assert (
        complaint(capsys, ["bound", str(pair), "--law", "iid", "--drafts", "2"], 130)
        == "specsim: interrupted"
    )


def test_a_reader_that_leaves(trace_path):
    """Output into a pipe that nobody reads: no traceback."""
    process = subprocess.Popen(
        [sys.executable, "-m", "specsim", "trace", str(trace_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == 141
    process.stderr.close()


# --- bound ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("law", LAWS)
def test_bound_as_json(law, capsys, pair):
    assert main(["bound", str(pair), "--law", law, "--drafts", "3", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == ["value", "lower", "upper", "gap", "kind"]
    with np.load(pair) as arrays:
        p, q = arrays["p"], arrays["q"]
    bound = optimal_acceptance(p=p, law=LAWS[law](q, 3))
    for name in ("value", "lower", "upper", "gap"):
        assert found[name] == getattr(bound, name).tolist()
    assert found["kind"] == ("interval" if law == "without-replacement" else "exact")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bound_of_one_pair(dtype, capsys, tmp_path):
    p, q = np.array([1 / 6, 1 / 6, 2 / 3], dtype), np.full(3, 1 / 3, dtype)
    path = save_pair(tmp_path / "one.npz", p=p, q=q)
    assert main(["bound", str(path), "--law", "iid", "--drafts", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["value"] == pytest.approx(8 / 9, abs=1e-6)
    assert found["gap"] == 0.0
    assert main(["bound", str(path), "--law", "iid", "--drafts", "2"]) == 0
    text = capsys.readouterr().out
    assert "0.88888" in text
    assert "exact" in text


def test_the_certificate_proves_the_bound(capsys, pair, tmp_path):
    out = tmp_path / "set.npz"
    argv = ["bound", str(pair), "--law", "without-replacement", "--drafts", "2", "--certificate", str(out)]
    assert main(argv) == 0
    assert "a rigorous interval" in capsys.readouterr().out
    with np.load(pair) as arrays, np.load(out) as stored:
        law = WithoutReplacement(arrays["q"], int(stored["drafts"]))
        bound = Bound(stored["lower"], stored["upper"], "interval", stored["dual_set"], law.k)
        bound.verify(p=arrays["p"], law=law)
        assert str(stored["law"]) == "without-replacement"
        assert str(stored["kind"]) == "interval"


@pytest.mark.parametrize(
    ("arrays", "status", "words"),
    [
        ({"p": np.ones(3) / 3}, 2, "has no array q; its arrays: p"),
        ({"a": np.ones(3) / 3}, 2, "has no array p and no array q"),
        ({"p": np.ones(3) / 3, "q": np.ones(3) / 4}, 1, "q sums to 0.75, not to 1"),
        ({"p": np.ones((2, 3)) / 4, "q": np.ones((2, 3)) / 3}, 1, "p sums to 0.75, not to 1 in row (0,)"),
        ({"p": np.array([np.nan, 1.0]), "q": np.ones(2) / 2}, 1, "p has the entry nan at token 0"),
        ({"p": np.array([-0.5, 1.5]), "q": np.ones(2) / 2}, 1, "p has the entry -0.5 at token 0"),
        ({"p": np.ones(2) / 2, "q": np.ones(3) / 3}, 1, "must have one shape, got (2,) and (3,)"),
        ({"p": np.array([1, 0]), "q": np.array([0, 1])}, 1, "the array p of"),
        ({"p": np.zeros(0), "q": np.zeros(0)}, 1, "is empty: its shape is (0,)"),
        ({"p": np.array([1.0, 0.0]), "q": np.array([1.0, 0.0])}, 1, "draw 2 different tokens"),
        ({"p": np.array([{}], dtype=object), "q": np.ones(1)}, 1, "can't be read"),
    ],
)
def test_one_sentence_for_arrays_that_are_no_pair(arrays, status, words, capsys, tmp_path):
    path = save_pair(tmp_path / "bad.npz", **arrays)
    argv = ["bound", str(path), "--law", "without-replacement", "--drafts", "2"]
    assert words in complaint(capsys, argv, status)


# --- trace and report ----------------------------------------------------------------------------------


def test_trace_describes(capsys, trace_path):
    assert main(["trace", str(trace_path)]) == 0
    text = capsys.readouterr().out
    assert "made-up: complete, 12 positions over 12 tokens; every file has its size and SHA-256." in text
    assert "made up" in text
    assert "specsim record OUT" in text


def damaged(trace_path: Path, copy: Path) -> Path:
    import shutil

    shutil.copytree(trace_path, copy)
    shard = copy / "shard-00000.safetensors"
    data = bytearray(shard.read_bytes())
    data[-1] ^= 1
    shard.write_bytes(bytes(data))
    return copy


@pytest.mark.parametrize("command", ["trace", "report"])
def test_damage_is_one_sentence_and_status_one(command, capsys, trace_path, tmp_path):
    path = damaged(trace_path, tmp_path / "damaged")
    more = ["--jobs", "1", "--out", str(tmp_path / "out")] if command == "report" else []
    assert "shard-00000.safetensors" in complaint(capsys, [command, str(path), *more], 1)
    assert not (tmp_path / "out").exists()


def test_a_truncated_trace_and_another_version(capsys, trace_path, tmp_path):
    import shutil

    shutil.copytree(trace_path, tmp_path / "short")
    shard = tmp_path / "short" / "shard-00000.safetensors"
    shard.write_bytes(shard.read_bytes()[:-5])
    assert "truncated" in complaint(capsys, ["report", str(tmp_path / "short")], 1)
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "manifest.jsonl").write_text("not a manifest\n")
    assert "line 1" in complaint(capsys, ["trace", str(tmp_path / "odd")], 1)


def test_report(capsys, trace_path, tmp_path):
    out = tmp_path / "out"
    options = ["--drafts", "far", "--k", "4,1", "--temperatures", "0.5", "--samples", "4", "--limit", "7"]
    assert main(["report", str(trace_path), "--out", str(out), "--jobs", "1", *options, "--top-k", "3"]) == 0
    printed, err = capsys.readouterr()
    assert err == ""  # no progress bar where there is no terminal
    assert "Draft far at temperature 0.5: mean over 7 positions in 4 passages" in printed
    assert "At up to 7 of 7 positions the draft distribution has fewer than k tokens" in " ".join(
        printed.split()
    )
    assert "Checked " in printed
    assert f"open {out / 'report.html'}" in printed
    page = (out / "report.html").read_text(encoding="utf-8")
    command = "specsim report made-up --k 1,4 --temperatures 0.5 --samples 4 --seed 0 --drafts far --limit 7"
    assert f"{command} --top-k 3" in page
    assert str(tmp_path) not in page
    assert (out / "positions.csv").read_text().count("\n") == 1 + 7 * 17


# --- record --------------------------------------------------------------------------------------------


def test_record_without_the_models_extra(capsys, monkeypatch, tmp_path):
    for name in [name for name in sys.modules if name.startswith("specsim.models")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "jax", None)
    sentence = complaint(capsys, ["record", str(tmp_path / "trace")], 1)
    assert "pip install 'specsim[models]'" in sentence
    assert not (tmp_path / "trace").exists()


def test_record_passes_every_option_on(capsys, monkeypatch, tmp_path, trace_path):
    from specsim import recording
    from specsim.sources.traces import Trace

    seen = {}

    def record(plan, out, *, resume, progress):
        seen.update(plan=plan, out=out, resume=resume)
        progress(0, 2)
        return Trace.open(trace_path)

    monkeypatch.setattr(recording, "record", record)
    out = tmp_path / "new"
    out.mkdir()
    options = [
        "--model",
        "glassllm-en",
        "--domains",
        "chat,code",
        "--prompts-per-domain",
        "2",
        "--tokens",
        "3",
    ]
    options += [
        "--temperature",
        "0",
        "--drafts",
        "skip:1,ngram",
        "--seed",
        "5",
        "--shard-rows",
        "8",
        "--resume",
    ]
    assert main(["record", str(out), *options]) == 0
    plan = recording.RecordingPlan(
        "glassllm-en", ("chat", "code"), 2, 3, 0.0, ("skip:1", "ngram"), 5, shard_rows=8
    )
    assert seen == {"plan": plan, "out": str(out), "resume": True}
    assert "Recorded 12 positions" in capsys.readouterr().out


def test_record_takes_the_defaults_of_its_plan(monkeypatch, capsys, tmp_path, trace_path):
    from specsim import recording
    from specsim.sources.traces import Trace

    plans = []
    monkeypatch.setattr(
        recording, "record", lambda plan, out, **_: plans.append(plan) or Trace.open(trace_path)
    )
    assert main(["record", str(tmp_path)]) == 0
    assert plans == [recording.RecordingPlan()]


def test_domains_are_those_of_the_prompts():
    from specsim.commands.record import _DOMAINS
    from specsim.sources.prompts import DOMAINS

    assert _DOMAINS == DOMAINS
