"""The target is scored without the request's temperature or filters, while the draft goes through them.

The law that was asked for is p, filtered and tempered. The verifier compares with another one; here p as at
half its temperature. Engines have lost temperature, top-p and penalties in this place.
"""

from __future__ import annotations

from tests.museum.museum import Exhibit, judged
from theory.simplex import normalise


def rule(warp):
    def verify(p, drafts, law, chance):
        return judged(warp(p), law.conditional(()), drafts[0], chance)

    return verify


EXHIBIT = Exhibit(
    "target scored without the request's temperature or filter",
    (
        "vllm-project/vllm#9834",
        "vllm-project/vllm#10198",
        "mlc-ai/mlc-llm#2940",
        "ml-explore/mlx-lm#388",
        "ohdearquant/lattice#388",
        "NVIDIA/TensorRT-LLM#17701",
    ),
    broken=rule(lambda p: normalise(p * p)),
    mended=rule(lambda p: p),
    options={"drafts": 1, "examples": 40},
)


def test_broken():
    EXHIBIT.catch()


def test_mended():
    EXHIBIT.acquit()
