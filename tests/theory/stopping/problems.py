"""Random problems, and an evaluation of policies that walks through histories one by one."""

from itertools import product

import numpy as np

from theory.stopping import Confidence, Times


def random_problem(seed, *, types=None, limit=None):
    rng = np.random.default_rng(seed)
    types = types or int(rng.integers(1, 4))
    moves = rng.dirichlet(np.ones(types), size=types) * 0.9 + 0.1 / types
    rates = rng.uniform(0, 1, types)
    if seed % 7 == 0:
        rates[0] = 1.0
    if seed % 11 == 0:
        rates[-1] = 0.0
    times = Times(float(rng.uniform(0.01, 0.6)), 1.0, float(rng.choice([0, 0.2])))
    return Confidence(acceptance=rates, moves=moves, times=times, limit=int(limit or rng.integers(1, 9)))


def histories_value(problem, stop):
    """Accepted tokens, drafts and next starts from each start, over all histories of types.

    ``stop(drafted, counts, last)`` decides; counts are of all types but the last.
    """
    types, moves, rates = problem.types, problem.moves, problem.acceptance
    out = np.zeros((types, 2 + types))
    for start in range(types):
        todo = [((), 1.0)]
        while todo:
            history, weight = todo.pop()
            last = history[-1] if history else start
            counts = tuple(history.count(kind) for kind in range(types - 1))
            belief = float(np.prod([rates[kind] for kind in history]))
            if len(history) == problem.limit or stop(len(history), counts, last):
                out[start, 2:] += weight * belief * moves[last]
                continue
            out[start, 1] += weight
            for kind in range(types):
                chance = weight * moves[last, kind]
                out[start, 0] += chance * belief * rates[kind]
                out[start, 2 + kind] += chance * belief * (1 - rates[kind])
                todo.append(((*history, kind), chance))
    return out


def rate_of(problem, out):
    values, vectors = np.linalg.eig(out[:, 2:].T)
    starts = np.real(vectors[:, np.argmin(np.abs(values - 1))])
    starts = starts / starts.sum()
    times = float(problem.times.base) + float(problem.times.draft_time) * out[:, 1]
    return float(starts @ (1 + out[:, 0]) / (starts @ times))


def every_policy(problem):
    """All tables for a small lattice, as functions."""
    states = [
        (drafted, counts, last)
        for drafted in range(problem.limit)
        for counts in product(range(drafted + 1), repeat=problem.types - 1)
        if sum(counts) <= drafted
        for last in range(problem.types)
    ]
    for choice in product([False, True], repeat=len(states)):
        yield dict(zip(states, choice, strict=True))
