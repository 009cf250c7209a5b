"""Block verification that corrects from the residual of single tokens.

The acceptance is that of a block, the correction is drawn from (p - q)+ instead of (w p - q)+. With two
tokens both residuals sit on one token, so every test at that size is blind; three tokens show it.
"""

from __future__ import annotations

from specsim.testing import assert_lossless
from tests.museum.museum import Exhibit, leftover
from theory.simplex import residual


class BlockRule:
    """Block verification of a chain; what is wrong is chosen by its flags."""

    def __init__(self, *, token_residual=False, first_failure=False):
        self.token_residual, self.first_failure = token_residual, first_failure

    def verify(self, *, tree, target, chance):
        drafted = tree.tokens[1:]
        rows = [target(drafted[:depth]) for depth in range(len(drafted) + 1)]
        drafts = [tree.laws[depth].conditional(()) for depth in range(len(drafted))]
        budgets = [rows[0].sum()]
        for depth, token in enumerate(drafted):
            budgets.append(min(1, budgets[-1] * rows[depth][token] / drafts[depth][token]))
        accepted = self._accepted(rows, drafts, budgets, chance)
        if accepted == len(drafted):
            return (*drafted, chance.draw(rows[-1], stream="bonus"))
        scale = 1 if self.token_residual else budgets[accepted]
        rest = leftover(scale * rows[accepted], drafts[accepted])
        return (*drafted[:accepted], chance.draw(rest, stream=f"residual/{accepted}"))

    def _accepted(self, rows, drafts, budgets, chance):
        accepted = 0
        for depth in range(1, len(budgets)):
            keeps = chance.flip(self._threshold(rows, drafts, budgets, depth), stream=f"accept/{depth}")
            if keeps:
                accepted = depth
            elif self.first_failure:
                break
        return accepted

    @staticmethod
    def _threshold(rows, drafts, budgets, depth):
        if depth == len(drafts):
            return budgets[depth]
        surplus = residual(budgets[depth] * rows[depth], drafts[depth]).sum()
        return 1 if budgets[depth] == 1 else surplus / (surplus + 1 - budgets[depth])


EXHIBIT = Exhibit(
    "block acceptance, token-level residual",
    ("vllm-project/vllm-ascend#7807", "vllm-project/vllm-ascend#7808"),
    broken=BlockRule(token_residual=True),
    mended=BlockRule(),
    options={"laws": "iid", "drafts": 1, "examples": 25},
)


def test_broken():
    EXHIBIT.catch()


def test_mended():
    EXHIBIT.acquit()


def test_two_tokens_are_blind():
    assert_lossless(BlockRule(token_residual=True), laws="iid", drafts=1, vocabulary=2, examples=25)
