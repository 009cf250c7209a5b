"""Functions of torch tensors. A test extra: runs where torch is installed."""

from __future__ import annotations

import numpy as np
import pytest

from specsim.testing import assert_lossless, audit
from specsim.testing.blackbox.drive import NotDrivable
from specsim.testing.blackbox.extraction import Effort, extract

torch = pytest.importorskip("torch", reason="needs torch (CPU is enough)")

from specsim.testing.blackbox.torch_backend import _mode, torch_rule  # noqa: E402

QUICK = Effort(probes=16, max_runs=2_000)


def leftover(p, q):
    rest = torch.clamp(p - q, min=0)
    return rest if rest.sum() > 0 else p


def right(p, q, token):
    if torch.rand((), dtype=torch.float64) * q[token] < p[token]:
        return token
    return torch.multinomial(leftover(p, q), 1)


def with_generator(p, q, token, generator):
    if torch.rand((), dtype=p.dtype, generator=generator) * q[token] < p[token]:
        return token
    return torch.multinomial(leftover(p, q), 1, generator=generator)


def residual_is_p(p, q, token):
    if torch.rand((), dtype=torch.float64) * q[token] < p[token]:
        return token
    return torch.multinomial(p, 1)


def in_place(p, q, token):
    q.div_(2)
    return torch.multinomial(p, 1)


def test_right_functions():
    assert_lossless(torch_rule(right, effort=QUICK), examples=4)
    assert (
        assert_lossless(with_generator, examples=3).form == "a single-draft rule of arrays, of torch tensors"
    )


def test_a_wrong_function():
    found = audit(torch_rule(residual_is_p, effort=QUICK), examples=10).counterexample
    assert found is not None
    assert found.examples <= 5


def test_float32_is_compared_to_what_float32_can_do():
    verdict = assert_lossless(torch_rule(with_generator, dtype="float32", effort=QUICK), examples=4)
    assert 1e-5 < verdict.checks[0].precision < 1e-4
    assert verdict.warnings == ()


def test_writing_to_inputs_is_noticed():
    assert "it writes to its inputs: q" in audit(torch_rule(in_place, effort=QUICK), examples=4).warnings


def test_bad_dtype():
    with pytest.raises(ValueError, match="dtype must be 'float64' or 'float32'"):
        torch_rule(right, dtype="float16")


def law(draw):
    def function(drive):
        with _mode(drive):
            return draw()

    return extract(function, QUICK).law()


HALF = torch.tensor([0.5, 0.25, 0.25], dtype=torch.float64)


@pytest.mark.parametrize(
    ("draw", "expected"),
    [
        (lambda: bool(torch.rand(1, dtype=torch.float64) < 0.25), {True: 0.25, False: 0.75}),
        (lambda: bool(torch.rand_like(HALF)[0] < 0.25), {True: 0.25, False: 0.75}),
        (lambda: bool(torch.empty(1, dtype=torch.float64).uniform_(1, 3) < 1.5), {True: 0.25, False: 0.75}),
        (lambda: int(torch.multinomial(HALF, 1)), {0: 0.5, 1: 0.25, 2: 0.25}),
        (lambda: int(torch.multinomial(2 * HALF, 1)), {0: 0.5, 1: 0.25, 2: 0.25}),
        (lambda: tuple(torch.multinomial(HALF[1:], 2).tolist()), {(0, 1): 0.5, (1, 0): 0.5}),
        (lambda: bool(torch.bernoulli(HALF)[0]), {True: 0.5, False: 0.5}),
        (lambda: bool(torch.empty(1).bernoulli_(0.25)), {True: 0.25, False: 0.75}),
        (
            lambda: bool(torch.empty(1, dtype=torch.float64).exponential_() < np.log(2)),
            {True: 0.5, False: 0.5},
        ),
        (lambda: int(torch.randint(1, 3, (1,))), {1: 0.5, 2: 0.5}),
        (lambda: tuple(torch.randperm(2).tolist()), {(0, 1): 0.5, (1, 0): 0.5}),
        (lambda: int(torch.distributions.Categorical(HALF).sample()), {0: 0.5, 1: 0.25, 2: 0.25}),
    ],
)
def test_laws(draw, expected):
    found = law(draw)
    assert set(found) == set(expected)
    for outcome, mass in expected.items():
        assert found[outcome] == pytest.approx(mass, abs=1e-9)


@pytest.mark.parametrize(
    ("draw", "name"),
    [
        (lambda: torch.randn(2), "randn"),
        (lambda: torch.empty(2).normal_(), "normal_"),
        (lambda: torch.empty(2).random_(), "random_"),
    ],
)
def test_what_is_not_driven_refuses(draw, name):
    with pytest.raises(NotDrivable, match=f"torch's {name} is not driven"):
        law(draw)


def test_torchs_own_state_is_left_alone():
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    law(lambda: bool(torch.rand(1) < 0.5))
    assert torch.equal(torch.rand(3), expected)
