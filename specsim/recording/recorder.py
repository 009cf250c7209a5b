"""Recording a trace: the target writes text, then target and drafts are asked about every position of it.

For each prompt the target samples a continuation at the recording temperature. One pass over the whole
sequence then gives the final hidden states of the target and of its layer-skip and early-exit views at
every generated position; an n-gram drafter gives a sparse row there. So the contexts are those that the
target visits by itself, which is what speculative decoding sees whenever it is lossless.

The head is stored exactly (Q8_0 as in the model file, or float16 where that loses nothing, or float32) and
hidden states as float16; *what is stored defines the law* (see ``docs/trace-format.md``).

The bytes of a trace are a function of the plan, the package versions and the machine's arithmetic. A
passage depends on its prompt and the seed alone, not on the passages before it, so an interrupted recording
is resumed without a trace of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from specsim.drafters.ngram import NGram
from specsim.recording.plan import RecordingPlan, draft_name
from specsim.sources import prompts as prompt_source
from specsim.sources.prompts import Prompt
from specsim.sources.traces import (
    Base,
    Form,
    Head,
    Header,
    Hidden,
    Passage,
    Shared,
    Source,
    Sparse,
    Trace,
    TraceWriter,
    check_free,
)

if TYPE_CHECKING:
    from specsim.models import Model, View

Array = NDArray[Any]
Progress = Callable[[int, int], None]

#: Raised whenever the same plan would give other bytes than before.
RECIPE = "1"
#: Bigrams after fewer than four different tokens are dropped, which keeps sparse rows short.
CUTOFFS = (1, 4)


def record(
    plan: RecordingPlan,
    out: str | Path,
    *,
    resume: bool = False,
    progress: Progress | None = None,
    model: Model | None = None,
) -> Trace:
    """Record a trace.

    Parameters
    ----------
    plan
        What to record.
    out
        The directory of the trace.
    resume
        Go on with a trace of the same plan that was cut off; begin it if there is none.
    progress
        Called with (passages done, passages in all), first before any work.
    model
        A loaded model to use in place of ``plan.model`` from the catalogue.

    Returns
    -------
    Trace
        The finished trace, opened.

    Raises
    ------
    TraceError
        If ``out`` already holds a trace and ``resume`` is false, or holds another one.
    ValueError
        If a draft doesn't fit the model, or a prompt is too long for it.
    ModelUnavailable
        If the model or a prompt package can't be had.
    """
    if not resume:
        check_free(out)
    session = _Session.prepare(plan, model)
    begin = TraceWriter.resume if resume else TraceWriter.create
    total = len(session.prompts)
    with begin(out, header=session.header(), shared=session.shared) as writer:
        for number in range(writer.passages, total):
            _report(progress, number, total)
            writer.append(session.passage(number))
    _report(progress, total, total)
    return Trace.open(out)


def _report(progress: Progress | None, done: int, total: int) -> None:
    if progress is not None:
        progress(done, total)


@dataclass(frozen=True, eq=False)
class _Session:
    """A plan with everything loaded that it needs."""

    plan: RecordingPlan
    model: Model
    prompts: list[Prompt]
    contexts: list[list[int]]
    views: Mapping[str, View]
    ngram: NGram | None
    shared: Mapping[str, Shared]

    @classmethod
    def prepare(cls, plan: RecordingPlan, model: Model | None) -> _Session:
        """Load the model and the prompts, and train the n-gram drafter."""
        from specsim.models import load

        model = load(plan.model) if model is None else model
        views = _views(plan, model)
        chosen = _choose_prompts(plan)
        contexts = [_context(prompt, model, plan.tokens) for prompt in chosen]
        ngram = _train(plan, chosen, model) if "ngram" in plan.drafts else None
        shared: dict[str, Shared] = {"head": _head(model)}
        if ngram is not None:
            shared["ngram"] = Base(ngram.base().astype(np.float32))
        return cls(plan, model, chosen, contexts, views, ngram, shared)

    def header(self) -> Header:
        """What the trace says about itself."""
        plan = self.plan
        return Header(
            vocabulary=self.model.config.vocabulary,
            target=Source("hidden", "float16", shared="head", description="the whole model"),
            drafts={draft_name(text): self._source(text) for text in plan.drafts},
            domains=tuple(dict.fromkeys(prompt.domain for prompt in self.prompts)),
            temperature=plan.temperature,
            seed=plan.seed,
            shard_rows=plan.shard_rows,
            models={key: str(value) for key, value in self.model.metadata().items()},
            tokenizer="as in the model's files",
            versions=_versions(),
            licences=_licences(plan),
            details=self._details(),
            command=plan.command(),
        )

    def _source(self, text: str) -> Source:
        if text == "ngram":
            return Source("sparse", shared="ngram", description="interpolated Kneser-Ney trigram")
        kept = self.views[draft_name(text)].layers(self.model.config)
        left_out = sorted(set(range(self.model.config.layers)) - set(kept))
        spelled = ", ".join(str(layer) for layer in left_out)
        return Source("hidden", "float16", shared="head", description=f"without layers {spelled}")

    def _details(self) -> dict[str, str]:
        details = {"recipe": RECIPE, "head": _describe_head(self.shared["head"])}
        details["prompts"] = f"{len(self.prompts)}, SHA-256 {_prompts_digest(self.prompts)}"
        if self.ngram is not None:
            details["ngram"] = _describe_ngram(self.ngram, self.plan)
        return details

    def passage(self, number: int) -> Passage:
        """Generate after one prompt, and ask target and drafts about every generated position."""
        prompt, context = self.prompts[number], self.contexts[number]
        written = self.model.generate(
            context,
            max_new_tokens=self.plan.tokens,
            temperature=self.plan.temperature,
            seed=passage_seed(self.plan.seed, prompt.name),
        )
        tokens = np.array([*context, *written])
        positions = np.arange(len(context), len(tokens))
        forms = self._forms(tokens, positions)
        target = forms.pop("target")
        return Passage(prompt.domain, prompt.name, tokens, positions, target, forms)

    def _forms(self, tokens: Array, positions: Array) -> dict[str, Form]:
        from specsim.models import Full, hidden_states

        states = hidden_states(self.model, tokens[:-1], {"target": Full(), **self.views})
        forms: dict[str, Form] = {
            name: Hidden(rows[positions - 1].astype(np.float16)) for name, rows in states.items()
        }
        if self.ngram is not None:
            rows = [self.ngram.row(tokens[:position]) for position in positions]
            triples = [(row.weight, row.tokens, row.corrections) for row in rows]
            forms["ngram"] = Sparse.from_rows(triples, vocabulary=self.ngram.vocabulary)
        return forms


def _views(plan: RecordingPlan, model: Model) -> dict[str, View]:
    """The layer-skip and early-exit views of a plan; raises if one does not fit the model."""
    found: dict[str, View] = {}
    for text in plan.drafts:
        if text != "ngram":
            found[draft_name(text)] = _view(text, model.config.layers)
            found[draft_name(text)].layers(model.config)
    return found


def _view(text: str, layers: int) -> View:
    from specsim.models import EarlyExit, LayerMask

    kind, _, number = text.partition(":")
    if kind == "skip":
        return LayerMask.middle(int(number or max(1, layers // 10)), of=layers)
    return EarlyExit(int(number or layers - max(1, layers // 15)))


def _choose_prompts(plan: RecordingPlan) -> list[Prompt]:
    """The prompts, one of each domain in turn, so that a prefix of the trace holds every domain."""
    if plan.prompt_file is not None:
        chosen = prompt_source.from_file(plan.prompt_file)
        domains = [[p for p in chosen if p.domain == d] for d in dict.fromkeys(p.domain for p in chosen)]
    else:
        count, seed = plan.prompts_per_domain, plan.seed
        domains = [prompt_source.prompts(domain, count=count, seed=seed) for domain in plan.domains]
    return [prompt for turn in zip_longest(*domains) for prompt in turn if prompt is not None]


def _context(prompt: Prompt, model: Model, room: int) -> list[int]:
    """A prompt as tokens: through the chat template, or, without one, as much plain text as fits."""
    most, plain = model.config.context - room, model.tokenizer.template is None
    if plain:
        tokens = model.tokenizer.encode(prompt.body or prompt.text)
    else:
        tokens = model.tokenizer.chat([("user", prompt.text)])
    if not tokens or most < 1 or (len(tokens) > most and not plain):
        raise ValueError(
            f"prompt {prompt.name!r} has {len(tokens)} tokens and {room} more are to follow; "
            f"the model takes 1 to {model.config.context} in all"
        )
    return tokens[:most]


def _train(plan: RecordingPlan, recorded: Sequence[Prompt], model: Model) -> NGram:
    """The n-gram drafter, trained on texts that hold none of the recorded prompts."""
    if plan.training_file is None:
        texts = prompt_source.all_texts()
    else:
        texts = prompt_source.from_file(plan.training_file)
    kept = prompt_source.without_recorded(texts, recorded=recorded)
    documents = (_document(text, model) for text in kept)
    return NGram.fit(documents, vocabulary=model.config.vocabulary, cutoffs=CUTOFFS)


def _document(text: Prompt, model: Model) -> list[int]:
    if model.tokenizer.template is None:
        return model.tokenizer.encode(f"{text.body}\n{text.answer}")
    return model.tokenizer.chat([("user", text.text)]) + model.tokenizer.encode(text.answer)


def _head(model: Model) -> Head:
    """The model's head in the smallest form that holds it exactly."""
    quantised = model.head_quantised()
    if quantised is not None:
        return Head(quantised.values, quantised.scales)
    weights = np.asarray(model.head(), dtype=np.float32)
    half = weights.astype(np.float16)
    return Head(half if np.array_equal(half.astype(np.float32), weights) else weights)


def _describe_head(head: Shared) -> str:
    assert isinstance(head, Head)
    form = head.values.dtype.name if head.scales is None else "Q8_0 (int8 and float16 scales)"
    return f"exact, {form}, {head.vocabulary} x {head.width}"


def passage_seed(seed: int, name: str) -> int:
    """The seed of one prompt's text: a function of the plan's seed and the prompt's name.

    Examples
    --------
    >>> passage_seed(0, "HumanEval/3") == passage_seed(0, "HumanEval/3") != passage_seed(1, "HumanEval/3")
    True
    """
    return int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:4]) >> 1


def _versions() -> dict[str, str]:
    """Versions of the packages whose arithmetic or tokenisation the bytes depend on."""
    names = ("jax", "jaxlib", "numpy", "safetensors", "tokenizers", "gguf")
    return {name: version(name) for name in names}


def _prompts_digest(chosen: Sequence[Prompt]) -> str:
    """Names the prompts, so that a recording isn't resumed with others."""
    texts = [[prompt.domain, prompt.name, prompt.text, prompt.body] for prompt in chosen]
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()


def _describe_ngram(ngram: NGram, plan: RecordingPlan) -> str:
    """Names the drafter, so that a recording isn't resumed with another."""
    grams = ngram.trigrams
    digest = hashlib.sha256(grams.keys.tobytes() + grams.counts.tobytes()).hexdigest()
    return (
        f"discount {ngram.discount}, cutoffs {ngram.cutoffs}, {int(grams.counts.sum())} trigrams of "
        f"{_training_name(plan)}, SHA-256 {digest}"
    )


def _training_name(plan: RecordingPlan) -> str:
    if plan.training_file is not None:
        return f"the texts of {plan.training_file.name} without recorded prompts"
    return "the built-in prompt packages' texts without recorded prompts"


def _licences(plan: RecordingPlan) -> dict[str, str]:
    if plan.prompt_file is not None:
        return {"prompts": f"as in {plan.prompt_file.name}"}
    return {domain: prompt_source.licence(domain) for domain in plan.domains}
