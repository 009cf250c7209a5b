"""Language models in JAX: weights, tokenizer, a tree-masked forward pass with a cache, and views of layers.

The whole surface, in the order of use::

    model = load("smollm2-135m")                      # or a .gguf file, or a directory with safetensors
    tokens = model.tokenizer.encode("Once upon")      # list of int; .chat([("user", "Hi")]); .decode(tokens)
    model.generate(tokens, max_new_tokens=20, temperature=0.6, seed=0)   # list of int, the new tokens
    hidden_states(model, tokens, {"target": Full(), "draft": LayerMask.middle(3, of=30)})
                                                      # {name: float32 (T, D)}
    model.head()                                      # float32 (V, D); logits = hidden @ head.T
    model.head_quantised()                            # int8 (V, D) and float16 (V, D/32), or None
    model.metadata()                                  # plain strings and numbers

    hidden, cache = prefill(model.params, model.config, tokens=tokens)
    hidden, cache = tree_step(model.params, model.config, cache=cache, tokens=..., parents=...)
    cache = commit(cache, path=[0, 2])                # keep the accepted path, drop the rest

All arithmetic is float32. See ``docs/models.md`` for conventions and measured tolerances.
"""

from __future__ import annotations

try:
    import gguf as _gguf  # noqa: F401
    import jax as _jax  # noqa: F401
    import tokenizers as _tokenizers  # noqa: F401
except ModuleNotFoundError as _missing:
    raise ModuleNotFoundError(
        f"specsim.models needs the package {_missing.name!r}; install it by: pip install 'specsim[models]'",
        name=_missing.name,
    ) from _missing

from specsim.models.adapters import with_adapter as with_adapter
from specsim.models.cache import Cache as Cache
from specsim.models.cache import commit as commit
from specsim.models.chat import ChatML as ChatML
from specsim.models.config import LlamaConfig as LlamaConfig
from specsim.models.context_map import MappedTree as MappedTree
from specsim.models.context_map import RetrievedChunks as RetrievedChunks
from specsim.models.decoder import Decoder as Decoder
from specsim.models.embedding_input import hidden_of_inputs as hidden_of_inputs
from specsim.models.embedding_input import superpose as superpose
from specsim.models.errors import ModelCorrupted as ModelCorrupted
from specsim.models.errors import ModelError as ModelError
from specsim.models.errors import ModelUnavailable as ModelUnavailable
from specsim.models.growing import GrowingTree as GrowingTree
from specsim.models.growing import row_logits as row_logits
from specsim.models.layer_groups import LayerGroups as LayerGroups
from specsim.models.layer_groups import calibrate as calibrate
from specsim.models.llama import forward as forward
from specsim.models.llama import logits as logits
from specsim.models.loading import load as load
from specsim.models.model import Model as Model
from specsim.models.model import Source as Source
from specsim.models.quantised import QuantisedHead as QuantisedHead
from specsim.models.registry import CATALOGUE as CATALOGUE
from specsim.models.registry import fetch as fetch
from specsim.models.sparse import Retrieval as Retrieval
from specsim.models.sparse import Streaming as Streaming
from specsim.models.sparse import sparse as sparse
from specsim.models.split import SplitTree as SplitTree
from specsim.models.steps import decode_step as decode_step
from specsim.models.steps import prefill as prefill
from specsim.models.steps import tree_step as tree_step
from specsim.models.sublayers import SublayerMask as SublayerMask
from specsim.models.sublayers import matchness as matchness
from specsim.models.tokenizer import Tokenizer as Tokenizer
from specsim.models.toy import toy_model as toy_model
from specsim.models.views import EarlyExit as EarlyExit
from specsim.models.views import Full as Full
from specsim.models.views import LayerMask as LayerMask
from specsim.models.views import View as View
from specsim.models.views import hidden_states as hidden_states

__all__ = [
    "CATALOGUE",
    "Cache",
    "ChatML",
    "Decoder",
    "EarlyExit",
    "Full",
    "GrowingTree",
    "LayerGroups",
    "LayerMask",
    "LlamaConfig",
    "MappedTree",
    "Model",
    "ModelCorrupted",
    "ModelError",
    "ModelUnavailable",
    "QuantisedHead",
    "Retrieval",
    "RetrievedChunks",
    "Source",
    "SplitTree",
    "Streaming",
    "SublayerMask",
    "Tokenizer",
    "View",
    "calibrate",
    "commit",
    "decode_step",
    "fetch",
    "forward",
    "hidden_of_inputs",
    "hidden_states",
    "load",
    "logits",
    "matchness",
    "prefill",
    "row_logits",
    "sparse",
    "superpose",
    "toy_model",
    "tree_step",
    "with_adapter",
]
