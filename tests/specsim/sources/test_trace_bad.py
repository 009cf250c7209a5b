"""Bad input: every damage to a trace, and every row that does not fit, is refused by name."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load, save

from specsim.sources.traces import (
    Base,
    Dense,
    Head,
    Header,
    Hidden,
    Passage,
    Source,
    Sparse,
    Trace,
    TraceError,
    TraceWriter,
)
from specsim.sources.traces.manifest import encode


@pytest.fixture
def path(toy, tmp_path) -> Path:
    return toy.write(tmp_path / "trace")


def _read_all(path: Path) -> None:
    for _ in Trace.open(path).blocks():
        pass


def _flip(file: Path, offset: int) -> None:
    data = bytearray(file.read_bytes())
    data[offset] ^= 0x10
    file.write_bytes(bytes(data))


def _lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in (path / "manifest.jsonl").read_text().splitlines()]


def _write_lines(path: Path, lines: list[dict]) -> None:
    """A manifest with sound checks, whatever it says."""
    plain = [{k: v for k, v in line.items() if k != "check"} for line in lines]
    (path / "manifest.jsonl").write_bytes(b"".join(encode(line) for line in plain))


def _forge(path: Path, file: str, change) -> None:
    """Change the arrays of a file and list it with a sound checksum: damage that no checksum finds."""
    tensors = {name: array.copy() for name, array in load((path / file).read_bytes()).items()}
    data = save(change(tensors))
    (path / file).write_bytes(data)
    lines = _lines(path)
    for line in lines:
        if line.get("file") == file:
            line |= {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    _write_lines(path, lines)


def test_missing_directory(tmp_path):
    with pytest.raises(TraceError, match=r"nowhere does not exist; give the directory"):
        Trace.open(tmp_path / "nowhere")


def test_not_a_trace(tmp_path):
    with pytest.raises(TraceError, match=r"is not a trace: there is no file manifest.jsonl"):
        Trace.open(tmp_path)
    (tmp_path / "manifest.jsonl").write_text("hello\n")
    with pytest.raises(TraceError, match=r"line 1 is not a JSON object with a 'kind' and a 'check'"):
        Trace.open(tmp_path)
    (tmp_path / "manifest.jsonl").write_bytes(encode({"kind": "header", "format": "other"}))
    with pytest.raises(TraceError, match=r"is not a trace's manifest"):
        Trace.open(tmp_path)


def test_wrong_schema_version(path):
    lines = _lines(path)
    lines[0]["schema"] = 99
    _write_lines(path, lines)
    with pytest.raises(TraceError, match=r"has schema version 99; this release reads 1"):
        Trace.open(path)


def test_unknown_header_field(path):
    lines = _lines(path)
    lines[0]["header"]["colour"] = "red"
    _write_lines(path, lines)
    with pytest.raises(TraceError, match=r"missing or unknown field.*colour"):
        Trace.open(path)


def test_empty_trace(toy, tmp_path):
    with TraceWriter.create(tmp_path / "none", header=toy.header, shared=toy.shared):
        pass
    with pytest.raises(TraceError, match=r"none is empty: no shard was finished"):
        Trace.open(tmp_path / "none")


def test_missing_and_truncated_files(path):
    shard = path / "shard-00001.safetensors"
    data = shard.read_bytes()
    shard.write_bytes(data[:-1])
    with pytest.raises(TraceError, match=rf"shard-00001.safetensors is truncated: {len(data) - 1} bytes"):
        Trace.open(path)
    shard.write_bytes(data + b"\0")
    with pytest.raises(TraceError, match=r"shard-00001.safetensors is too long"):
        Trace.open(path)
    shard.unlink()
    with pytest.raises(TraceError, match=r"shard-00001.safetensors is missing"):
        Trace.open(path)


@pytest.mark.parametrize("file", ["shard-00000", "shard-00002", "shared-head", "shared-base"])
def test_a_flipped_byte_anywhere_in_a_file(path, file):
    name = path / f"{file}.safetensors"
    for offset in range(0, name.stat().st_size, 37):
        _flip(name, offset)
        with pytest.raises(TraceError, match=rf"{file}.safetensors does not match its SHA-256"):
            _read_all(path)
        with pytest.raises(TraceError, match=rf"{file}.safetensors does not match its SHA-256"):
            Trace.open(path, verify=True)
        _flip(name, offset)
    _read_all(path)


def test_a_flipped_byte_anywhere_in_the_manifest(path):
    """Found where it is; only the last newline's loss reads as a torn last line."""
    manifest = path / "manifest.jsonl"
    size = manifest.stat().st_size
    for offset in range(0, size - 1, 7):
        _flip(manifest, offset)
        with pytest.raises(TraceError, match=r"manifest.jsonl: line \d+"):
            Trace.open(path)
        _flip(manifest, offset)
    _flip(manifest, size - 1)
    assert not Trace.open(path).complete
    assert "torn" in Trace.open(path).notes[0]


def test_row_count_mismatch(path):
    _forge(path, "shard-00001.safetensors", lambda t: t | {"positions": t["positions"][:-1]})
    with pytest.raises(TraceError, match=r"shard-00001.safetensors: row count mismatch: 'positions'"):
        _read_all(path)
    with pytest.raises(TraceError, match=r"row count mismatch"):
        Trace.open(path, verify=True)


def test_row_counts_of_the_manifest(path):
    lines = _lines(path)
    lines[-1]["rows"] += 1
    _write_lines(path, lines)
    with pytest.raises(TraceError, match=r"row count mismatch: .* rows are listed, the last line says"):
        Trace.open(path)
    lines = _lines(path)[:-1]
    lines[4]["rows"][0] += 1
    _write_lines(path, lines)
    with pytest.raises(TraceError, match=r"row count mismatch: shard-00001.safetensors is listed"):
        Trace.open(path)


def test_missing_array(path):
    _forge(
        path, "shard-00000.safetensors", lambda t: {k: v for k, v in t.items() if k != "draft.flat.logits"}
    )
    with pytest.raises(TraceError, match=r"shard-00000.safetensors has no array 'draft.flat.logits'"):
        _read_all(path)


def test_mismatched_vocabularies(path):
    def widen(tensors):
        logits = tensors["draft.flat.logits"]
        return tensors | {"draft.flat.logits": np.concatenate([logits, logits], axis=1)}

    _forge(path, "shard-00000.safetensors", widen)
    with pytest.raises(TraceError, match=r"shard-00000.safetensors: mismatched vocabularies.*flat"):
        _read_all(path)


def test_mismatched_head(path):
    _forge(path, "shared-head.safetensors", lambda t: {k: v[:-1].copy() for k, v in t.items()})
    with pytest.raises(TraceError, match=r"mismatched vocabularies: .*shared-head.* has 6 tokens.*says 7"):
        _read_all(path)


def test_nan_names_the_row(path):
    def poison(tensors):
        tensors["draft.flat.logits"][1, 2] = np.nan
        return tensors

    _forge(path, "shard-00001.safetensors", poison)
    first = _lines(path)[4]["rows"][0]
    with pytest.raises(TraceError, match=rf"shard-00001.*: flat logits: row {first + 1} has the entry nan"):
        _read_all(path)


def test_a_sparse_row_without_its_mass(path):
    _forge(path, "shard-00000.safetensors", lambda t: t | {"draft.count.weight": t["draft.count.weight"] / 2})
    with pytest.raises(TraceError, match=r"draft.count: a row sums to .*, not to 1"):
        _read_all(path)


def test_unknown_names(toy_path):
    trace = Trace.open(toy_path)
    with pytest.raises(TraceError, match=r"unknown draft 'medusa'; this trace has skip, flat, half, count"):
        trace.blocks(drafts=["medusa"])
    with pytest.raises(TraceError, match=r"unknown domain 'poems'; this trace has code, chat"):
        trace.select(domain="poems")
    with pytest.raises(TraceError, match=r"limit must be at least 1, got 0"):
        trace.select(limit=0)
    with pytest.raises(TraceError, match=r"size must be at least 1, got 0"):
        trace.blocks(size=0)
    with pytest.raises(TraceError, match=r"passage must be in 0 .. 8, got 9"):
        trace.tokens(9)


def test_never_overwritten(toy, path):
    before = {file.name: file.read_bytes() for file in path.iterdir()}
    with pytest.raises(TraceError, match=r"already holds a trace and is not overwritten"):
        TraceWriter.create(path, header=toy.header, shared=toy.shared)
    finished = TraceWriter.resume(path, header=toy.header, shared=toy.shared)
    assert finished.complete
    assert finished.passages == len(toy.passages)
    with pytest.raises(TraceError, match=r"is complete; nothing can be appended"):
        finished.append(toy.passages[0])
    assert before == {file.name: file.read_bytes() for file in path.iterdir()}


def test_resume_needs_the_same_beginning(toy, path):
    other = dataclasses.replace(toy.header, seed=5)
    with pytest.raises(TraceError, match=r"can't resume: seed: 0 in the trace, 5 now"):
        TraceWriter.resume(path, header=other, shared=toy.shared)
    head = toy.shared["head"]
    changed = {**toy.shared, "head": Head(head.values + np.int8(1), head.scales)}
    with pytest.raises(TraceError, match=r"shared-head.safetensors was made from another head"):
        TraceWriter.resume(path, header=toy.header, shared=changed)
    (path / "shard-00000.safetensors").write_bytes(b"")
    with pytest.raises(TraceError, match=r"shard-00000.safetensors is truncated"):
        TraceWriter.resume(path, header=toy.header, shared=toy.shared)


def test_the_writer_wants_the_heads_of_the_header(toy, tmp_path):
    with pytest.raises(TraceError, match=r"the header needs the shared arrays"):
        TraceWriter.create(tmp_path / "a", header=toy.header)
    small = {**toy.shared, "base": Base(np.full(4, 0.25, dtype=np.float32))}
    with pytest.raises(TraceError, match=r"mismatched vocabularies: the base 'base' has 4 tokens"):
        TraceWriter.create(tmp_path / "a", header=toy.header, shared=small)
    assert not (tmp_path / "a").exists()


def _dense(rows: int = 1, vocabulary: int = 7, value: float = 0.0) -> Dense:
    return Dense(np.full((rows, vocabulary), value, dtype=np.float32))


def _hidden(rows: int = 1, width: int = 32) -> Hidden:
    return Hidden(np.zeros((rows, width), dtype=np.float16))


def _sparse(token: int = 1, value: float = 0.5) -> Sparse:
    return Sparse.from_rows([(0.5, np.array([token]), np.array([value]))], vocabulary=7)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"domain": "poems"}, "is of the domain 'poems'; the header has code, chat"),
        ({"drafts": {}}, "has the drafts .*; the header has"),
        ({"tokens": np.array([1, 7])}, r"has tokens in 1 .. 7; the vocabulary is 0 .. 6"),
        ({"tokens": np.array([1, -1])}, r"has tokens in -1 .. 1"),
        ({"positions": np.array([0])}, r"must increase within 1 .. 1, got \[0\]"),
        ({"positions": np.array([2])}, r"must increase within 1 .. 1, got \[2\]"),
        ({"positions": np.array([], dtype=int)}, "must be one axis of one or more integers"),
        ({"tokens": np.array([0.5, 1.0])}, "must be one axis of one or more integers"),
        ({"target": _hidden(2)}, "target of passage 'x' has 2 rows for 1 positions"),
        ({"target": _dense()}, "target of passage 'x' is dense float32; the header says hidden float16"),
        ({"target": _hidden(1, 16)}, "mismatched widths: target of passage 'x' has 16 numbers a row, not 32"),
        ({"flat": _dense(1, 8)}, "mismatched vocabularies: flat of passage 'x' has 8 numbers a row, not 7"),
        ({"count": _sparse(token=7)}, "mismatched vocabularies: count of passage 'x' corrects token 7"),
        ({"count": _sparse(value=0.6)}, "count of passage 'x': row 0 sums to 1.1"),
    ],
)
def test_rows_that_do_not_fit(toy, tmp_path, changes, message):
    drafts = {
        "skip": Hidden(np.zeros((1, 32), dtype=np.float32)),
        "flat": _dense(),
        "half": Dense(np.zeros((1, 7), dtype=np.float16)),
        "count": _sparse(),
    }
    values = {"tokens": np.array([1, 2]), "positions": np.array([1]), "target": _hidden()}
    values |= {"domain": "code", "prompt": "x", "drafts": drafts}
    for name, value in changes.items():
        (drafts if name in drafts else values)[name] = value
    writer = TraceWriter.create(tmp_path / "a", header=toy.header, shared=toy.shared)
    with pytest.raises(TraceError, match=message):
        writer.append(Passage(**values))
    assert writer.passages == 0


def test_bad_numbers_are_refused_before_they_are_stored():
    with pytest.raises(TraceError, match=r"dense logits: row 0 has the entry nan"):
        _dense(value=np.nan)
    with pytest.raises(TraceError, match=r"dense logits: row 0 has the entry inf"):
        _dense(value=np.inf)
    with pytest.raises(TraceError, match=r"dense logits: row 0 has no finite entry"):
        _dense(value=-np.inf)
    with pytest.raises(TraceError, match=r"hidden states has the entry inf at \(0, 1\)"):
        Hidden(np.array([[0, np.inf]], dtype=np.float16))
    with pytest.raises(TraceError, match=r"must have 2 axes of float16 or float32"):
        Dense(np.zeros((1, 7)))
    with pytest.raises(TraceError, match=r"sparse weight of row 0 is 0.0"):
        Sparse.from_rows([(0.0, np.array([1]), np.array([1.0]))], vocabulary=7)
    with pytest.raises(TraceError, match=r"sparse values must be at least 0"):
        _sparse(value=-0.1)
    with pytest.raises(TraceError, match=r"sparse counts add up to 2"):
        Sparse(np.ones(1), np.array([2]), np.zeros(1, np.uint16), np.zeros(1, np.float32))


def test_repeated_tokens_in_a_sparse_row(toy_maker, tmp_path):
    header = Header(
        vocabulary=7, target=Source("sparse", shared="b"), drafts={}, domains=("a",),
        temperature=1.0, seed=0,
    )  # fmt: skip
    base = Base(np.full(7, 1 / 7, dtype=np.float32))
    twice = Sparse.from_rows([(0.5, np.array([1, 1]), np.array([0.25, 0.25]))], vocabulary=7)
    writer = TraceWriter.create(tmp_path / "a", header=header, shared={"b": base})
    with pytest.raises(TraceError, match=r"tokens of a sparse row must strictly increase"):
        writer.append(Passage("a", "x", np.array([1, 2]), np.array([1]), twice, {}))


RECORDER = """
    import sys, time
    from conftest import make_toy
    from specsim.sources.traces import TraceWriter
    toy = make_toy(passages=60, shard_rows=4)
    with TraceWriter.resume(sys.argv[1], header=toy.header, shared=toy.shared) as writer:
        for passage in toy.passages[writer.passages:]:
            writer.append(passage)
            print(writer.passages, flush=True)
            time.sleep(float(sys.argv[2]))
"""


def _recorder(path: Path, pause: float) -> subprocess.Popen[str]:
    here = Path(__file__)
    environment = {**os.environ, "PYTHONPATH": f"{here.parent}{os.pathsep}{here.parents[3]}"}
    command = [sys.executable, "-c", textwrap.dedent(RECORDER), str(path), str(pause)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


@pytest.mark.parametrize("after", [5, 23])
def test_killed_and_resumed(toy_maker, tmp_path, after):
    """kill -9 in the middle leaves a readable prefix; resumed, every byte is as if it had not happened."""
    path = tmp_path / "trace"
    with _recorder(path, 0.002) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= after:
                process.send_signal(signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL
    prefix = Trace.open(path, verify=True)
    assert not prefix.complete
    assert len(prefix) > 0
    with _recorder(path, 0.0) as process:
        process.communicate()
    assert process.returncode == 0
    whole = toy_maker(passages=60, shard_rows=4).write(tmp_path / "whole")
    assert {f.name: f.read_bytes() for f in path.iterdir()} == {
        f.name: f.read_bytes() for f in whole.iterdir()
    }
