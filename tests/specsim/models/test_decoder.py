from __future__ import annotations

import numpy as np
import pytest

from specsim.models import Decoder, Model, toy_model

TOY = toy_model(seed=3)
TEXT = [10, 20, 30]


def test_decoding_in_place_equals_reading_at_once() -> None:
    decoder = Decoder.open(TOY.params, TOY.config, TEXT)
    np.testing.assert_allclose(decoder.logits, TOY.next_token_logits(TEXT), rtol=0, atol=1e-4)
    text = TEXT + decoder.greedy(3)
    for end in range(3, 6):
        assert text[end] == TOY.next_token_logits(text[:end]).argmax()
    law = decoder.read(99)
    np.testing.assert_allclose(law, TOY.next_token_logits([*text, 99]), rtol=0, atol=1e-4)
    assert decoder.length == 7


def test_what_is_refused() -> None:
    decoder = Decoder.open(TOY.params, TOY.config, [1] * 256)
    with pytest.raises(ValueError, match="all 256 slots are taken: open the decoder with more"):
        decoder.greedy(1)
    with pytest.raises(ValueError, match="token 256 at index 0"):
        decoder.read(256)


@pytest.mark.slow
def test_on_real_weights(smollm2: Model) -> None:
    text = smollm2.tokenizer.encode("The capital of France is")
    decoder = Decoder.open(smollm2.params, smollm2.config, text)
    text = text + decoder.greedy(6)
    np.testing.assert_allclose(decoder.logits, smollm2.next_token_logits(text), rtol=0, atol=5e-4)
