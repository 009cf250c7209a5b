"""'For two drafted tokens or fewer, blocks decide as token-level rejection does.' Only for one."""

from __future__ import annotations

from fractions import Fraction as F

import numpy as np

from tests.museum.museum import Claim
from theory.couplings import Maximal
from theory.laws import Iid
from theory.walks import Block, Levels, Scheme, TopDown, expected_length

CLAIM = Claim(
    "vllm-project/vllm#40819",
    "for gamma <= 2 block and token-level verification degenerate to the same decisions",
    "true for gamma = 1 only: with p = (1/2, 1/2), q = (1/10, 9/10) and gamma = 2 blocks accept more",
)
P, Q = np.array([F(1, 2), F(1, 2)]), np.array([F(1, 10), F(9, 10)])


def accepted(walk, gamma):
    scheme = Scheme(Levels((lambda q: Iid(q, 1),) * gamma), walk)
    return expected_length(scheme=scheme, target=lambda prefix: P, draft=lambda prefix: Q)


def test_one_token_is_the_same():
    assert accepted(Block(), 1) == accepted(TopDown(Maximal()), 1)


def test_two_are_not():
    assert accepted(TopDown(Maximal()), 2) == F(3, 5) + F(3, 5) ** 2
    assert accepted(Block(), 2) > accepted(TopDown(Maximal()), 2)
