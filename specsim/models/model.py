"""A loaded model: shape, weights and tokenizer in one frozen value, and what is done to a whole model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version

import jax
import numpy as np

from specsim.models.config import Array, LlamaConfig, Params, count_parameters
from specsim.models.llama import head_of, logits
from specsim.models.quantised import QuantisedHead
from specsim.models.sampling import check_temperature, sample_token
from specsim.models.steps import check_context, check_tokens, decode_step, prefill
from specsim.models.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True)
class Source:
    """Where a model's weights come from.

    Parameters
    ----------
    description
        The package and version, or the file's or directory's name.
    sha256
        Hexadecimal SHA-256 of the weights' file; of several files, of the list of their digests.
    licence
        As the source states it, or ``"not stated"``.
    quantisation
        How the matrices are stored in the source; computation is in float32 in any case.
    """

    description: str
    sha256: str
    licence: str = "not stated"
    quantisation: str = "none"


@dataclass(frozen=True, eq=False)
class Model:
    """A language model that runs.

    Parameters
    ----------
    name
        What it was loaded as.
    config, params
        Shape and weights (see :mod:`specsim.models.config`).
    tokenizer
        Text to tokens and back.
    source
        Where the weights come from.
    quantised
        The head in its stored 8-bit form, if it has one.

    Examples
    --------
    >>> from specsim.models import toy_model
    >>> model = toy_model(seed=0)
    >>> prompt = model.tokenizer.encode("ab")
    >>> model.next_token_logits(prompt).shape
    (256,)
    >>> model.generate(prompt, max_new_tokens=3, temperature=1.0, seed=7) == model.generate(
    ...     prompt, max_new_tokens=3, temperature=1.0, seed=7)
    True
    """

    name: str
    config: LlamaConfig
    params: Params
    tokenizer: Tokenizer
    source: Source
    quantised: QuantisedHead | None = None

    def next_token_logits(self, tokens: Sequence[int] | Array) -> Array:
        """Logits of the token after a context: float32, shape ``(V,)``."""
        hidden, _ = prefill(self.params, self.config, tokens=tokens)
        return np.asarray(logits(self.params, hidden[0, -1]))

    def generate(
        self,
        tokens: Sequence[int] | Array,
        *,
        max_new_tokens: int,
        temperature: float = 1.0,
        seed: int = 0,
    ) -> list[int]:
        """Sample a continuation.

        Parameters
        ----------
        tokens
            The prompt's token ids, at least one.
        max_new_tokens
            At most so many tokens.
        temperature
            Divides the logits; 0 is greedy.
        seed
            Seed of ``numpy.random.default_rng``: one uniform number a token.

        Returns
        -------
        list of int
            The new tokens only. It stops after an end token, which is included. The same call gives the
            same tokens in every process on one machine.

        Raises
        ------
        ValueError
            If the prompt with the new tokens doesn't fit in the model's context, or a number is out of range.

        Notes
        -----
        Cost: a prefill and one forward pass a token.
        """
        ids = check_tokens(self.config, tokens)
        check_temperature(temperature)
        if max_new_tokens < 0:
            raise ValueError(f"max_new_tokens must be at least 0, got {max_new_tokens}")
        check_context(self.config, len(ids) + max_new_tokens)
        if max_new_tokens == 0:
            return []
        return self._sample(ids, max_new_tokens, temperature, np.random.default_rng(seed))

    def _sample(self, ids: Array, count: int, temperature: float, rng: np.random.Generator) -> list[int]:
        hidden, cache = prefill(self.params, self.config, tokens=ids, slots=len(ids) + count)
        new: list[int] = []
        while True:
            law = np.asarray(logits(self.params, hidden[0, -1]))
            new.append(sample_token(law, temperature=temperature, rng=rng))
            if len(new) == count or new[-1] in self.tokenizer.end_tokens:
                return new
            hidden, cache = decode_step(self.params, self.config, cache=cache, tokens=new[-1:])

    def head(self) -> Array:
        """The output head: float32, shape ``(V, D)``; logits are hidden states times its transpose."""
        return np.asarray(head_of(self.params))

    def head_quantised(self) -> QuantisedHead | None:
        """The output head in its stored 8-bit form, or None; its ``dense()`` equals :meth:`head` exactly."""
        return self.quantised

    def metadata(self) -> dict[str, str | int | float]:
        """What a recording should say about this model, in plain strings and numbers.

        Holds no path, so that recordings made on different machines can be the same bytes.
        """
        config = self.config
        return {
            "name": self.name,
            "architecture": config.architecture,
            "parameters": count_parameters(self.params),
            "vocabulary": config.vocabulary,
            "hidden": config.hidden,
            "layers": config.layers,
            "heads": config.heads,
            "kv_heads": config.kv_heads,
            "context": config.context,
            "source": self.source.description,
            "sha256": self.source.sha256,
            "licence": self.source.licence,
            "quantisation": self.source.quantisation,
            "arithmetic": "float32",
            "backend": f"jax {version('jax')}, {jax.default_backend()}",
        }
