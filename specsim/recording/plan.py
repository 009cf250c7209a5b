"""What to record: a plan that is checked before anything is loaded."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from specsim.sources.prompts import DOMAINS

_DRAFT = re.compile(r"(skip|exit)(?::([1-9]\d*))?|ngram")


@dataclass(frozen=True)
class RecordingPlan:
    """What to record. The same plan gives the same trace.

    Parameters
    ----------
    model
        A name from the model catalogue, or the path of a model; of a path, the trace keeps the last part.
    domains
        Built-in prompt domains; ignored with ``prompt_file``.
    prompts_per_domain
        At least 1.
    tokens
        Positions recorded a prompt at most, at least 1; a text that ends earlier has fewer.
    temperature
        Of the sampled text, finite and at least 0 (0 is greedy).
    drafts
        ``skip`` or ``skip:N`` (N middle layers left out; a tenth of them by default), ``exit`` or
        ``exit:N`` (only the first N layers; by default all but a fifteenth), ``ngram``.
    seed
        Chooses the prompts and the sampled text.
    prompt_file
        A JSON-lines file of prompts to use instead of the built-in domains.
    training_file
        A JSON-lines file of texts that train ``ngram``, instead of the built-in packages' other texts.
    shard_rows
        Rows a shard: what is lost at most when the recorder is killed.

    Raises
    ------
    ValueError
        For a value out of its range; nothing was done then.

    Examples
    --------
    >>> plan = RecordingPlan(model="glassllm-en", domains=("code", "chat"), drafts=("skip:1",), tokens=8)
    >>> plan.command().split(" --")[1:4]
    ['model glassllm-en', 'domains code,chat', 'prompts-per-domain 4']
    """

    model: str = "smollm2-135m"
    domains: tuple[str, ...] = DOMAINS
    prompts_per_domain: int = 4
    tokens: int = 16
    temperature: float = 0.6
    drafts: tuple[str, ...] = ("skip", "exit", "ngram")
    seed: int = 0
    prompt_file: Path | None = None
    training_file: Path | None = None
    shard_rows: int = 64

    def __post_init__(self) -> None:
        for name in ("prompts_per_domain", "tokens", "shard_rows"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0 <= self.temperature < float("inf"):
            raise ValueError(f"temperature must be finite and at least 0, got {self.temperature}")
        for name in ("prompt_file", "training_file"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, Path(getattr(self, name)))
        _check_domains(self.domains)
        _check_drafts(self.drafts)

    def command(self) -> str:
        """The command line that records this plan, without the place to record it to."""
        words = ["specsim", "record", "OUT", "--model", Path(self.model).name]
        if self.prompt_file is None:
            words += ["--domains", ",".join(self.domains)]
            words += ["--prompts-per-domain", str(self.prompts_per_domain)]
        else:
            words += ["--prompt-file", self.prompt_file.name]
        words += ["--tokens", str(self.tokens), "--temperature", str(self.temperature)]
        words += ["--drafts", ",".join(self.drafts), "--seed", str(self.seed)]
        if self.training_file is not None:
            words += ["--training-file", self.training_file.name]
        if self.shard_rows != type(self).shard_rows:
            words += ["--shard-rows", str(self.shard_rows)]
        return shlex.join(words)


def _check_domains(domains: Sequence[str]) -> None:
    unknown = [name for name in domains if name not in DOMAINS]
    if unknown or not domains or len(set(domains)) < len(domains):
        raise ValueError(
            f"domains must be one or more different names of {', '.join(DOMAINS)}, "
            f"got {', '.join(domains) or 'none'}"
        )


def _check_drafts(drafts: Sequence[str]) -> None:
    for text in drafts:
        if not _DRAFT.fullmatch(text):
            raise ValueError(f"unknown draft {text!r}; use skip, skip:N, exit, exit:N (N layers) or ngram")
    if not drafts or len(set(drafts)) < len(drafts):
        raise ValueError(f"drafts must be one or more different ones, got {', '.join(drafts) or 'none'}")


def draft_name(text: str) -> str:
    """The name in the trace of a draft as the plan spells it.

    Examples
    --------
    >>> draft_name("skip"), draft_name("skip:3")
    ('skip', 'skip-3')
    """
    return text.replace(":", "-")
