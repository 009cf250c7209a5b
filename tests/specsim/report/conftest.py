"""A small made-up trace: V = 32, two drafts, two domains, context-dependent, with impossible tokens."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from specsim.report import Demand, Evaluation, Plan, evaluate
from specsim.sources.traces import Dense, Header, Passage, Source, Trace, TraceWriter

VOCABULARY = 32


def write_trace(path: Path, *, passages: int = 6, rows: int = 4, seed: int = 0) -> Path:
    rng = np.random.default_rng(seed)
    header = Header(
        vocabulary=VOCABULARY,
        target=Source("dense", description="made up"),
        drafts={"near": Source("dense", description="noise"), "far": Source("dense")},
        domains=("code", "chat"),
        temperature=0.6,
        seed=seed,
        shard_rows=8,
        licences={"code": "none <needed>"},
        command="specsim record OUT",
    )
    with TraceWriter.create(path, header=header) as writer:
        for number in range(passages):
            writer.append(_passage(rng, number, rows))
    return path


def _passage(rng: np.random.Generator, number: int, rows: int) -> Passage:
    logits = 2.0 * rng.normal(size=(rows, VOCABULARY))
    far = 2.0 * rng.normal(size=(rows, VOCABULARY))
    far[0, 5:] = -np.inf  # five tokens are possible, fewer than eight
    return Passage(
        domain=("code", "chat")[number % 2],
        prompt=f"made/{number}",
        tokens=rng.integers(0, VOCABULARY, rows + 3),
        positions=np.arange(2, rows + 2),
        target=Dense(logits.astype(np.float32)),
        drafts={
            "near": Dense((logits + 0.7 * rng.normal(size=logits.shape)).astype(np.float32)),
            "far": Dense(far.astype(np.float32)),
        },
    )


@pytest.fixture(scope="session")
def trace_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_trace(tmp_path_factory.mktemp("report") / "made-up")


@pytest.fixture(scope="session")
def trace(trace_path: Path) -> Trace:
    return Trace.open(trace_path)


@pytest.fixture(scope="session")
def plan() -> Plan:
    return Plan(demand=Demand(samples=16, seed=3))


@pytest.fixture(scope="session")
def evaluation(trace: Trace, plan: Plan) -> Evaluation:
    return evaluate(trace, plan)
