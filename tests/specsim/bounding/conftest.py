"""A made-up trace: V = 12, two drafts, two domains; one row has a draft of three possible tokens."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from specsim.sources.traces import Dense, Header, Passage, Source, Trace, TraceWriter

VOCABULARY = 12


def write_trace(path: Path, *, passages: int = 5, rows: int = 3, seed: int = 0) -> Path:
    rng = np.random.default_rng(seed)
    header = Header(
        vocabulary=VOCABULARY,
        target=Source("dense", description="made up"),
        drafts={"near": Source("dense"), "far": Source("dense")},
        domains=("code", "chat"),
        temperature=0.6,
        seed=seed,
        shard_rows=2 * rows,
        licences={"code": "none"},
        command="specsim record OUT",
    )
    with TraceWriter.create(path, header=header) as writer:
        for number in range(passages):
            logits = 2 * rng.normal(size=(3, rows, VOCABULARY))
            logits[2, 0, 3:] = -np.inf
            target, near, far = (Dense(part.astype(np.float32)) for part in logits)
            writer.append(
                Passage(
                    ("code", "chat")[number % 2],
                    f"made/{number}",
                    rng.integers(0, VOCABULARY, rows + 3),
                    np.arange(2, rows + 2),
                    target,
                    {"near": near, "far": far},
                )
            )
    return path


@pytest.fixture(scope="session")
def trace_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_trace(tmp_path_factory.mktemp("bounding") / "made-up")


@pytest.fixture(scope="session")
def trace(trace_path: Path) -> Trace:
    return Trace.open(trace_path)
