"""Small made-up traces: one of every storage form, context-dependent, V = 7."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from specsim.sources.traces import (
    Base,
    Dense,
    Head,
    Header,
    Hidden,
    Passage,
    Source,
    Sparse,
    TraceWriter,
)

VOCABULARY, WIDTH = 7, 32


@dataclass(frozen=True)
class Toy:
    """A header, what rows share, and passages; every form is used once."""

    header: Header
    shared: dict[str, Head | Base]
    passages: list[Passage]

    def write(self, path: Path) -> Path:
        with TraceWriter.create(path, header=self.header, shared=self.shared) as writer:
            for passage in self.passages:
                writer.append(passage)
        return path

    def logits(self, name: str) -> np.ndarray:
        """The logits that the trace must give back, computed the plain way in float64."""
        forms = [p.target if name == "target" else p.drafts[name] for p in self.passages]
        return np.concatenate([self._plain(form, self.header.source(name)) for form in forms])

    def _plain(self, form, source) -> np.ndarray:
        if isinstance(form, Dense):
            return form.logits.astype(np.float64)
        if isinstance(form, Hidden):
            head = self.shared[source.shared]
            return form.states.astype(np.float64) @ head.matrix(0, VOCABULARY).T
        rows, start = [], 0
        for weight, count in zip(form.weight, form.counts, strict=True):
            row = weight * self.shared[source.shared].probability.astype(np.float64)
            for index, value in zip(
                form.indices[start : start + count], form.values[start : start + count], strict=True
            ):
                row[index] += value
            start += count
            rows.append(np.log(row))
        return np.array(rows)


def make_toy(*, passages: int = 9, shard_rows: int = 6, seed: int = 0) -> Toy:
    """Passages with 1 to 4 rows over two domains."""
    rng = np.random.default_rng(seed)
    header = Header(
        vocabulary=VOCABULARY,
        target=Source("hidden", "float16", shared="head"),
        drafts={
            "skip": Source("hidden", "float32", shared="head"),
            "flat": Source("dense", "float32"),
            "half": Source("dense", "float16"),
            "count": Source("sparse", shared="base"),
        },
        domains=("code", "chat"),
        temperature=0.6,
        seed=seed,
        shard_rows=shard_rows,
    )
    head = Head(
        rng.integers(-127, 128, (VOCABULARY, WIDTH)).astype(np.int8),
        rng.uniform(0.001, 0.01, (VOCABULARY, 1)).astype(np.float16),
    )
    base = rng.dirichlet(np.ones(VOCABULARY)).astype(np.float32)
    made = [_passage(rng, number, base) for number in range(passages)]
    return Toy(header, {"head": head, "base": Base(base)}, made)


def _passage(rng: np.random.Generator, number: int, base: np.ndarray) -> Passage:
    length = int(rng.integers(4, 9))
    rows = int(rng.integers(1, 5))
    positions = np.sort(rng.choice(np.arange(1, length), size=min(rows, length - 1), replace=False))
    n = len(positions)
    dense = rng.normal(size=(n, VOCABULARY))
    dense[0, 3] = -np.inf
    return Passage(
        domain=("code", "chat")[number % 2],
        prompt=f"made/{number}",
        tokens=rng.integers(0, VOCABULARY, length),
        positions=positions,
        target=Hidden(rng.normal(size=(n, WIDTH)).astype(np.float16)),
        drafts={
            "skip": Hidden(rng.normal(size=(n, WIDTH)).astype(np.float32)),
            "flat": Dense(dense.astype(np.float32)),
            "half": Dense(dense.astype(np.float16)),
            "count": Sparse.from_rows([_sparse(rng) for _ in range(n)], vocabulary=VOCABULARY),
        },
    )


def _sparse(rng: np.random.Generator) -> tuple[float, np.ndarray, np.ndarray]:
    tokens = np.flatnonzero(rng.random(VOCABULARY) < 0.4)
    weight = float(rng.uniform(0.1, 0.9)) if tokens.size else 1.0
    return weight, tokens, rng.dirichlet(np.ones(tokens.size)) * (1 - weight) if tokens.size else tokens


@pytest.fixture(scope="session")
def toy_maker() -> Callable[..., Toy]:
    return make_toy


@pytest.fixture(scope="session")
def toy() -> Toy:
    return make_toy()


@pytest.fixture(scope="session")
def toy_path(toy: Toy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished trace on disk; tests must not change it."""
    return toy.write(tmp_path_factory.mktemp("toy") / "trace")
