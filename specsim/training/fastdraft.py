r"""The recipe of a small draft: pre-training on fixed text, then the target's law on its own samples.

FastDraft (Zafrir et al., 2024) trains a stand-alone draft in stages: pre-training (PT), continued
pre-training on the domains (CP), and fine-tuning on text that the target wrote (FT). Here CP is left out
(the fixed texts are of the domains already), and FT uses the target's law at every token, which a dump has
for free, in place of hard labels (``divergence="hard"`` gives these).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import optax

from specsim.models import Model
from specsim.models.config import Array
from specsim.recording.recorder import _document
from specsim.sources import prompts as prompt_source
from specsim.training.artefacts import Artefact, ArtefactError
from specsim.training.corpus import Corpus, Windows, split
from specsim.training.dump_files import Dump
from specsim.training.dump_plan import DumpPlan, held_out_prompts
from specsim.training.fit import Fit, evaluate, fit
from specsim.training.losses import Hard, Loss, Next, Soft
from specsim.training.network import Params
from specsim.training.schedules import Staged
from specsim.training.signals import FromHidden
from specsim.training.students import LlamaStudent
from specsim.training.vocabulary import SubVocabulary

#: Arrays of a dump that the recipe reads.
NAMES = ("hidden", "top_ids", "top_log_p")


@dataclass(frozen=True)
class DraftRecipe:
    """Numbers of the recipe.

    Parameters
    ----------
    hidden, layers, heads, feed_forward
        The draft's shape.
    tokens
        Size of its sub-vocabulary: the tokens to which the target gives most over the training texts.
    pretraining, finetuning
        Steps of either stage; 0 leaves the first out.
    batch, width
        Shape of the batches.
    rate, decay
        Largest learning rate (a tenth to warm up, then a cosine over both stages) and weight decay of AdamW.
    divergence
        Of fine-tuning; ``"hard"`` for cross-entropy with the tokens that came.
    temperature
        Of the target's law.
    every
        Each ``every``-th prompt is kept for validation.
    """

    hidden: int = 192
    layers: int = 2
    heads: int = 4
    feed_forward: int = 448
    tokens: int = 4096
    pretraining: int = 350
    finetuning: int = 130
    batch: int = 16
    width: int = 128
    rate: float = 3e-3
    decay: float = 0.1
    divergence: str = "forward_kl"
    temperature: float = 1.0
    every: int = 10

    def __post_init__(self) -> None:
        if self.pretraining < 0 or self.finetuning < 1:
            raise ValueError(
                "pretraining must be at least 0 and finetuning at least 1 step, "
                f"got {self.pretraining} and {self.finetuning}"
            )

    @classmethod
    def quick(cls) -> DraftRecipe:
        """A few small steps: shows that all of it runs."""
        return cls(hidden=32, layers=1, feed_forward=64, tokens=256, pretraining=2, finetuning=4, batch=2)

    @property
    def schedule(self) -> Staged:
        """The stages."""
        stages = (("pt", self.pretraining), ("ft", self.finetuning))
        return Staged(tuple((name, steps) for name, steps in stages if steps))

    def optimiser(self) -> optax.GradientTransformation:
        """AdamW with clipped gradients."""
        steps = self.schedule.steps
        rate = optax.warmup_cosine_decay_schedule(0.0, self.rate, max(1, steps // 10), steps, self.rate / 20)
        return optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(rate, weight_decay=self.decay))

    def loss(self, student: LlamaStudent) -> Loss:
        """What fine-tuning minimises."""
        if self.divergence == "hard":
            return Next(Hard(student.vocabulary))
        return Next(Soft(FromHidden(student.head, self.temperature), self.divergence))


def likely_tokens(corpus: Corpus, vocabulary: int, size: int) -> SubVocabulary:
    """The tokens to which the target gives most probability over a corpus' texts.

    Parameters
    ----------
    corpus
        With ``top_ids`` and ``top_log_p``.
    vocabulary, size
        V, and how many tokens.
    """
    total = np.zeros(vocabulary)
    for text in corpus.texts:
        rows = slice(text.first, text.last)
        weights = np.exp(corpus.rows["top_log_p"][rows]).ravel()
        total += np.bincount(corpus.rows["top_ids"][rows].ravel(), weights=weights, minlength=vocabulary)
    return SubVocabulary.frequent(total, size=size)


def fixed_text(model: Model) -> Corpus:
    """The built-in prompt packages' texts without those that are held out of dumps."""
    plan = DumpPlan()
    held = [prompt for domain in plan.domains for prompt in held_out_prompts(plan, domain)]
    texts = prompt_source.without_recorded(prompt_source.all_texts(), recorded=held)
    return Corpus.of_texts([_document(text, model) for text in texts])


def train(
    recipe: DraftRecipe,
    *,
    model: Model,
    dump: Dump,
    seed: int,
    text: Corpus | None = None,
    checkpoint: Any = None,
    progress: bool = False,
) -> tuple[LlamaStudent, Fit, dict[str, float]]:
    """Train a draft.

    Parameters
    ----------
    recipe
        Numbers.
    model, dump
        The target, and the dump of its text.
    seed
        Of everything random.
    text
        For pre-training; :func:`fixed_text` by default.
    checkpoint, progress
        As for :func:`~specsim.training.fit`.

    Returns
    -------
    student, fit, figures
        The network, its training, and loss and acceptance on the held-out prompts' generated tokens.
    """
    whole = Corpus.of_dump(dump, names=NAMES, temperature=recipe.temperature)
    train_texts, held = split(whole, every=recipe.every)
    student = student_of(model, recipe, likely_tokens(train_texts, dump.vocabulary, recipe.tokens))
    shape: dict[str, Any] = {"batch": recipe.batch, "width": recipe.width}
    sources = {"ft": Windows(_lean(train_texts), learn_prompts=True, **shape)}
    if recipe.pretraining:
        sources["pt"] = Windows(fixed_text(model) if text is None else text, **shape)
    done = fit(
        student,
        source=sources,
        objective={"pt": Next(Hard(student.vocabulary)), "ft": recipe.loss(student)},
        schedule=recipe.schedule,
        optimiser=recipe.optimiser(),
        seed=seed,
        checkpoint=checkpoint,
        progress=progress,
    )
    judge = Next(Soft(FromHidden(student.head, recipe.temperature)))
    batches = Windows(_lean(held), before=64, **shape).everything()
    return student, done, evaluate(student, done.params, judge, batches)


def _lean(corpus: Corpus) -> Corpus:
    """Without the arrays that no step reads."""
    rows = {name: values for name, values in corpus.rows.items() if not name.startswith("top_")}
    return Corpus(corpus.tokens, corpus.texts, rows)


def student_of(model: Model, recipe: DraftRecipe, tokens: SubVocabulary) -> LlamaStudent:
    """The untrained draft."""
    return LlamaStudent.of(
        model,
        tokens,
        hidden=recipe.hidden,
        layers=recipe.layers,
        heads=recipe.heads,
        feed_forward=recipe.feed_forward,
    )


def contents(student: LlamaStudent, model: Model) -> tuple[dict[str, Array], dict[str, Any]]:
    """What a file of a draft holds beside its parameters: ``own`` arrays and ``about``."""
    config = student.config
    shape = ("hidden", "layers", "heads", "feed_forward")
    own = {"tokens": np.asarray(student.vocabulary.ids)}
    return own, {
        "network": "LlamaStudent",
        "settings": {name: getattr(config, name) for name in shape},
        "target": model.source.sha256,
    }


def of_artefact(artefact: Artefact, model: Model) -> tuple[LlamaStudent, Params]:
    """A draft and its parameters from a file.

    Raises
    ------
    ArtefactError
        If the file holds something else, or belongs to another target.
    """
    about = artefact.about
    if about.get("network") != "LlamaStudent":
        raise ArtefactError(f"{artefact.name} holds no small draft but {about.get('network')!r}")
    if about.get("target") != model.source.sha256:
        raise ArtefactError(
            f"{artefact.name} was trained for another target than {model.name}: its SHA-256 is "
            f"{model.source.sha256}, not {about.get('target')}"
        )
    tokens = SubVocabulary.of(artefact.own["tokens"], whole=model.config.vocabulary)
    return LlamaStudent.of(model, tokens, **about["settings"]), artefact.params
