"""The trace format: what is written comes back, lazily, in blocks, in selections."""

from __future__ import annotations

import json
import tracemalloc

import numpy as np
import pytest

from specsim.sources.traces import (
    Base,
    Dense,
    Head,
    Header,
    Passage,
    Source,
    Sparse,
    Trace,
    TraceError,
    TraceWriter,
)
from specsim.sources.traces import reader as reader_module

SOURCES = ("target", "skip", "flat", "half", "count")


def _all(trace: Trace, name: str, **options) -> np.ndarray:
    blocks = list(trace.blocks(**options))
    return np.concatenate([b.target_logits if name == "target" else b.draft_logits[name] for b in blocks])


@pytest.mark.parametrize("name", SOURCES)
def test_every_form_comes_back(toy, toy_path, name):
    """Dense and sparse rows bit for bit; hidden rows up to the rounding of a float64 product."""
    found, wanted = _all(Trace.open(toy_path), name), toy.logits(name)
    if toy.header.source(name).storage == "hidden":
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-13)
    else:
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_block_size_does_not_change_the_rows(toy, toy_path, size):
    trace = Trace.open(toy_path)
    blocks = list(trace.blocks(size=size))
    assert max(len(block) for block in blocks) <= size
    np.testing.assert_array_equal(np.concatenate([b.rows for b in blocks]), np.arange(len(trace)))
    for name in SOURCES:
        np.testing.assert_allclose(_all(trace, name, size=size), toy.logits(name), atol=1e-13)


def test_places_of_rows(toy, toy_path):
    """Domain, context, previous token and next token of every row, against the passages themselves."""
    trace = Trace.open(toy_path)
    rows = [(n, p, i) for n, p in enumerate(toy.passages) for i in p.positions]
    seen = 0
    for block in trace.blocks(size=3, drafts=()):
        assert block.draft_logits == {}
        for k, row in enumerate(block.rows):
            number, passage, position = rows[row]
            assert (block.passage[k], block.position[k]) == (number, position)
            assert block.domain[k] == passage.domain
            assert block.previous[k] == passage.tokens[position - 1]
            assert block.token[k] == passage.tokens[position]
            context = trace.tokens(block.passage[k])[: block.position[k]]
            np.testing.assert_array_equal(context, passage.tokens[:position])
            seen += 1
    assert seen == len(trace) == len(rows) == sum(p.rows for p in toy.passages)


def test_selection_by_domain_and_limit(toy, toy_path):
    trace = Trace.open(toy_path)
    chat = trace.select(domain="chat")
    assert chat.domains == ("chat",)
    assert trace.domains == ("code", "chat")
    assert len(chat) == sum(p.rows for p in toy.passages if p.domain == "chat")
    assert {d for b in chat.blocks() for d in b.domain} == {"chat"}
    whole = _all(trace, "count")
    picked = np.concatenate([b.rows for b in chat.blocks(size=2)])
    np.testing.assert_array_equal(_all(chat, "count", size=2), whole[picked])
    few = trace.select(domain=["code", "chat"], limit=5)
    rows = np.concatenate([b.rows for b in few.blocks()])
    np.testing.assert_array_equal(rows, np.arange(5) * len(trace) // 5)
    for name in SOURCES:
        np.testing.assert_allclose(_all(few, name), toy.logits(name)[rows], atol=1e-13)
    assert len(trace.select(limit=10**6)) == len(trace)


def test_a_large_head_is_expanded_in_tiles(toy, toy_path, monkeypatch):
    monkeypatch.setattr(reader_module, "HEAD_CACHE", 0)
    monkeypatch.setattr(reader_module, "TILE", 3)
    trace = Trace.open(toy_path)
    np.testing.assert_allclose(_all(trace, "skip"), toy.logits("skip"), atol=1e-13)
    assert trace._heads == {}


@pytest.mark.parametrize("counts", [[0, 0, 0], [0, 2, 0], [2, 0, 0], [0, 0, 2]])
def test_sparse_rows_without_corrections(tmp_path, counts):
    base = Base(np.array([0.5, 0.25, 0.25], dtype=np.float32))
    full = (0.5, np.array([0, 2]), np.array([0.125, 0.375]))
    rows = [full if count else (1.0, np.zeros(0), np.zeros(0)) for count in counts]
    header = Header(
        vocabulary=3, target=Source("sparse", shared="b"), drafts={}, domains=("a",), temperature=1.0, seed=0
    )
    form = Sparse.from_rows(rows, vocabulary=3)
    with TraceWriter.create(tmp_path / "t", header=header, shared={"b": base}) as writer:
        writer.append(Passage("a", "x", np.array([0, 1, 2, 0]), np.arange(1, 4), form, {}))
    wanted = [[0.375, 0.125, 0.5] if count else [0.5, 0.25, 0.25] for count in counts]
    for size in (1, 2, 3):
        found = _all(Trace.open(tmp_path / "t"), "target", size=size)
        np.testing.assert_allclose(np.exp(found), wanted, rtol=1e-15)


def test_q8_head_is_dequantised_exactly():
    """An int8 times a float16 has at most 19 significant bits: float64 holds the product exactly."""
    from fractions import Fraction

    rng = np.random.default_rng(0)
    values = rng.integers(-128, 128, (5, 64)).astype(np.int8)
    scales = rng.normal(size=(5, 2)).astype(np.float16)
    matrix = Head(values, scales).matrix(1, 4)
    for row in range(3):
        for column in range(64):
            exact = Fraction(int(values[row + 1, column])) * Fraction(float(scales[row + 1, column // 32]))
            assert Fraction(matrix[row, column]) == exact


def test_opening_reads_no_shard(toy, tmp_path):
    """Lazy: only what is asked for is read. A shard changed after opening is found when it is reached."""
    path = toy.write(tmp_path / "trace")
    trace = Trace.open(path)
    _flip(sorted(path.glob("shard-*"))[-1], 200)
    blocks = trace.blocks(size=2)
    next(blocks)
    with pytest.raises(TraceError, match=r"shard-0000\d.safetensors does not match its SHA-256"):
        list(blocks)


def _flip(path, offset):
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(bytes(data))


def test_header_round_trip_and_no_machine_facts(toy, toy_path):
    assert Trace.open(toy_path).header == toy.header
    text = (toy_path / "manifest.jsonl").read_text()
    assert str(toy_path) not in text
    assert "/" + "tmp" not in text
    kinds = [json.loads(line)["kind"] for line in text.splitlines()]
    shards = sum(kind == "shard" for kind in kinds)
    assert kinds == ["header", "shared", "shared", *["shard"] * shards, "end"]
    assert shards >= 3


def test_shards_end_with_passages_at_the_threshold(toy, toy_path):
    lines = [json.loads(line) for line in (toy_path / "manifest.jsonl").read_text().splitlines()]
    sizes = [[p["rows"] for p in line["passages"]] for line in lines if line["kind"] == "shard"]
    for rows in sizes[:-1]:
        assert sum(rows) >= toy.header.shard_rows > sum(rows[:-1])


def test_verify(toy_path):
    Trace.open(toy_path, verify=True).verify()
    assert Trace.open(toy_path).complete
    assert Trace.open(toy_path).notes == ()


def test_same_passages_same_bytes(toy_maker, tmp_path):
    first, second = (toy_maker().write(tmp_path / name) for name in "ab")
    assert _contents(first) == _contents(second)


def _interrupted(toy, path, cut):
    with TraceWriter.create(path, header=toy.header, shared=toy.shared) as writer:
        for passage in toy.passages[:cut]:
            writer.append(passage)
        raise KeyboardInterrupt


def _contents(path):
    return {file.name: file.read_bytes() for file in path.iterdir()}


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("cut", [0, 1, 4, 8, 9])
def test_two_sittings_same_bytes(toy_maker, tmp_path, cut, seed):
    """Stopped by an exception after ``cut`` passages, resumed: the same bytes as in one go."""
    toy = toy_maker(seed=seed)
    whole = toy.write(tmp_path / "whole")
    path = tmp_path / "parts"
    with pytest.raises(KeyboardInterrupt):
        _interrupted(toy, path, cut)
    with TraceWriter.resume(path, header=toy.header, shared=toy.shared) as writer:
        assert writer.passages <= cut
        for passage in toy.passages[writer.passages :]:
            writer.append(passage)
    assert _contents(path) == _contents(whole)


def test_any_torn_tail_leaves_a_readable_prefix(toy, toy_path, tmp_path):
    """Cut the manifest anywhere: it is a prefix, or says why not; resumed, it has the same bytes."""
    whole = (toy_path / "manifest.jsonl").read_bytes()
    ends = [i + 1 for i, byte in enumerate(whole) if byte == 10]
    rows = len(Trace.open(toy_path))
    path = toy.write(tmp_path / "trace")
    for cut in sorted({*range(0, len(whole), 5), *ends[:-1]}):
        (path / "manifest.jsonl").write_bytes(whole[:cut])
        if cut < ends[3]:
            with pytest.raises(TraceError, match=r"is empty|needs the shared arrays"):
                Trace.open(path)
            continue
        trace = Trace.open(path)
        assert not trace.complete
        assert 0 < len(trace) <= rows
        assert any("torn" in note for note in trace.notes) == (cut not in ends)
    for cut in [0, 17, ends[0], ends[1] + 5, ends[3] - 1, ends[3], ends[-2] + 9, len(whole) - 1]:
        (path / "manifest.jsonl").write_bytes(whole[:cut])
        (path / "shard-00099.safetensors").write_bytes(b"not listed")
        (path / "shard-00001.safetensors.tmp").write_bytes(b"half written")
        with TraceWriter.resume(path, header=toy.header, shared=toy.shared) as writer:
            for passage in toy.passages[writer.passages :]:
                writer.append(passage)
        assert _contents(path) == _contents(toy_path)


def test_an_unlisted_shard_is_ignored(toy, toy_path, tmp_path):
    path = toy.write(tmp_path / "trace")
    (path / "shard-00099.safetensors").write_bytes(b"not listed")
    assert len(Trace.open(path, verify=True)) == len(Trace.open(toy_path))


def test_nothing_foreign_is_removed(toy, tmp_path):
    """Without a manifest, a file of a shard's name is not ours: it is neither removed nor replaced."""
    (tmp_path / "shard-00001.safetensors").write_bytes(b"somebody's weights")
    for begin in (TraceWriter.create, TraceWriter.resume):
        with pytest.raises(TraceError, match=r"shard-00001.safetensors is in the way"):
            begin(tmp_path, header=toy.header, shared=toy.shared)
    assert (tmp_path / "shard-00001.safetensors").read_bytes() == b"somebody's weights"


def test_header_validation():
    with pytest.raises(TraceError, match=r"unknown storage 'zip'; use one of dense, hidden, sparse"):
        Source("zip")
    with pytest.raises(TraceError, match=r"unknown dtype 'bfloat16'"):
        Source("dense", "bfloat16")
    with pytest.raises(TraceError, match=r"storage 'hidden' takes a shared head or base, got ''"):
        Source("hidden")
    good = {"vocabulary": 5, "target": Source("dense"), "drafts": {}, "domains": ("a",)}
    good |= {"temperature": 1.0, "seed": 0}
    for field, value, message in [
        ("vocabulary", 1, "vocabulary must be at least 2"),
        ("temperature", float("nan"), "temperature must be finite"),
        ("domains", (), "domains must be one or more"),
        ("domains", ("a", "a"), "domains must be one or more different names"),
        ("drafts", {"target": Source("dense")}, "a draft can't be called 'target'"),
        ("drafts", {"../up": Source("dense")}, "must consist of lower-case letters"),
        ("shard_rows", 0, "shard_rows must be at least 1"),
    ]:
        with pytest.raises(TraceError, match=message):
            Header(**{**good, field: value})


def test_shared_array_validation():
    with pytest.raises(TraceError, match=r"multiple of 32"):
        Head(np.zeros((3, 33), dtype=np.int8), np.zeros((3, 1), dtype=np.float16))
    with pytest.raises(TraceError, match=r"needs float16 scales"):
        Head(np.zeros((3, 32), dtype=np.int8), np.zeros((3, 2), dtype=np.float16))
    with pytest.raises(TraceError, match=r"float16 or float32"):
        Head(np.zeros((3, 32)))
    with pytest.raises(TraceError, match=r"the base sums to 1.5"):
        Base(np.full(3, 0.5, dtype=np.float32))
    with pytest.raises(TraceError, match=r"gives token 1 no probability"):
        Base(np.array([0.5, 0.0, 0.5], dtype=np.float32))


def test_memory_is_bounded(tmp_path):
    """A trace of 32 MB on disk is read with a peak of a few blocks."""
    vocabulary, rows = 1 << 14, 8
    header = Header(
        vocabulary=vocabulary,
        target=Source("dense"),
        drafts={},
        domains=("a",),
        temperature=1.0,
        seed=0,
        shard_rows=rows,
    )
    logits = np.random.default_rng(0).normal(size=(rows, vocabulary)).astype(np.float32)
    with TraceWriter.create(tmp_path / "t", header=header) as writer:
        for number in range(64):
            passage = Passage(
                "a", f"{number}", np.arange(rows + 1), np.arange(1, rows + 1), Dense(logits), {}
            )
            writer.append(passage)
    size = sum(file.stat().st_size for file in (tmp_path / "t").iterdir())
    tracemalloc.start()
    try:
        seen = sum(len(block) for block in Trace.open(tmp_path / "t").blocks(size=2))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert seen == 64 * rows
    assert size > 32_000_000 > 8 * peak
