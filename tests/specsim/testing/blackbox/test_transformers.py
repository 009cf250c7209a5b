"""The speculative sampler of the ``transformers`` package. A test extra: runs where that is installed.

What these tests found is in ``docs/auditing.md``.
"""

from __future__ import annotations

import pytest

from specsim.testing import audit, counterexample
from specsim.testing.blackbox.extraction import Effort

torch = pytest.importorskip("torch", reason="needs torch (CPU is enough)")
utils = pytest.importorskip("transformers.generation.utils", reason="needs transformers")

from specsim.testing.blackbox.torch_backend import torch_rule  # noqa: E402

QUICK = Effort(probes=16, max_runs=4_000)


def sampler(**options):
    """The sampler as a chain rule: logits are logarithms of the rows."""

    def verify(target_rows, draft_rows, tokens):
        emitted, _ = utils._speculative_sampling(
            tokens[None], draft_rows.log()[None], len(tokens), target_rows.log()[None], **options
        )
        return emitted[0]

    return torch_rule(verify, kind="tree", name="transformers _speculative_sampling", effort=QUICK)


def test_it_is_lossless_on_chains_of_one():
    verdict = audit(sampler(), depth=1, examples=6)
    assert verdict.status == "lossless on all examples (to a stated precision)"
    assert verdict.checks[0].precision < 2e-9


def test_at_a_coin_of_exactly_zero_it_accepts_a_token_of_probability_zero():
    warnings = audit(sampler(), depth=1, examples=12).warnings
    assert any("a uniform number of exactly 0 it emits token" in text for text in warnings)


def test_its_ensemble_option_is_lossy_and_refuted():
    assert counterexample(sampler(assistant_ensemble_weight=0.5), depth=1, examples=6) is not None


@pytest.mark.slow
def test_it_is_lossless_on_longer_chains():
    for vocabulary, depth, examples in ((3, 2, 12), (4, 2, 4), (3, 3, 2)):
        assert audit(sampler(), vocabulary=vocabulary, depth=depth, examples=examples).lossless
