"""What to dump: a plan that is checked before anything is loaded, and the texts that it asks for."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from specsim.recording.plan import _check_domains
from specsim.recording.recorder import passage_seed
from specsim.sources import prompts as prompt_source
from specsim.sources.prompts import DOMAINS, LONGEST, SHORTEST, Prompt


@dataclass(frozen=True)
class DumpPlan:
    """What to dump. The same plan gives the same dump.

    Parameters
    ----------
    model
        A name from the model catalogue, or the path of a model.
    positions
        Stop at the end of the first chunk with which so many tokens have been generated; at least 1.
    tokens
        Generated a text at most, at least 1.
    temperatures
        Of the sampled texts, in turn; finite and at least 0. Different. Also those at which the law's
        normaliser is stored (temperature 0 is greedy and has none).
    layers
        Numbers of layers after which the residual stream is stored too, increasing.
    top
        How many of the target's most likely tokens are stored at each position, at least 0.
    domains
        Built-in prompt domains; ignored with ``prompt_file``.
    held_out
        So many prompts of each domain, the first by ``held_out_seed``, are kept for evaluation: neither they
        nor texts that hold them are used. A recording or a comparison with that seed and at most so many
        prompts a domain is then never on what was trained on.
    held_out_seed
        The seed of the prompts that are held out.
    seed
        Chooses the prompts' order and the sampled text.
    batch
        Texts generated at once, all of one domain: a chunk, which is what is lost at most when it is killed.
    prompt_file
        A JSON-lines file of prompts to use instead of the built-in domains; nothing is held out of it.

    Raises
    ------
    ValueError
        For a value out of its range; nothing was done then.

    Examples
    --------
    >>> DumpPlan(model="glassllm-en", positions=100).command()
    'specsim dump OUT --model glassllm-en --positions 100'
    >>> DumpPlan(temperatures=(-1.0,))
    Traceback (most recent call last):
    ...
    ValueError: temperatures must be one or more different finite numbers of at least 0, got (-1.0,)
    """

    model: str = "smollm2-135m"
    positions: int = 12_000
    tokens: int = 64
    temperatures: tuple[float, ...] = (0.7, 1.0)
    layers: tuple[int, ...] = ()
    top: int = 64
    domains: tuple[str, ...] = DOMAINS
    held_out: int = 16
    held_out_seed: int = 0
    seed: int = 0
    batch: int = 16
    prompt_file: Path | None = None

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}")
        if (
            not self.temperatures
            or len(set(self.temperatures)) < len(self.temperatures)
            or not all(0 <= temperature < float("inf") for temperature in self.temperatures)
        ):
            raise ValueError(
                "temperatures must be one or more different finite numbers of at least 0, "
                f"got {self.temperatures}"
            )
        if list(self.layers) != sorted(set(self.layers)) or (self.layers and self.layers[0] < 0):
            raise ValueError(f"layers must be increasing numbers of at least 0, got {self.layers}")
        if self.prompt_file is not None:
            object.__setattr__(self, "prompt_file", Path(self.prompt_file))
        _check_domains(self.domains)

    def command(self) -> str:
        """The command line of this plan, without the place to dump to; defaults are left out."""
        words = [
            "specsim",
            "dump",
            "OUT",
            "--model",
            Path(self.model).name,
            "--positions",
            str(self.positions),
        ]
        for field, option in _OPTIONS.items():
            value = getattr(self, field)
            if value != getattr(type(self), field):
                words += [option, ",".join(map(str, value)) if isinstance(value, tuple) else _text(value)]
        return shlex.join(words)


_LEAST = {"positions": 1, "tokens": 1, "top": 0, "held_out": 0, "held_out_seed": 0, "seed": 0, "batch": 1}
_OPTIONS = {
    "tokens": "--tokens",
    "temperatures": "--temperature",
    "layers": "--layers",
    "top": "--top",
    "domains": "--domains",
    "held_out": "--held-out",
    "held_out_seed": "--held-out-seed",
    "seed": "--seed",
    "batch": "--batch",
    "prompt_file": "--prompt-file",
}


def _text(value: object) -> str:
    return value.name if isinstance(value, Path) else str(value)


@dataclass(frozen=True)
class Ask:
    """One text to be sampled: a prompt, which sample of it, and at which temperature."""

    prompt: Prompt
    sample: int
    temperature: float
    seed: int

    @property
    def name(self) -> str:
        """Unique within a dump."""
        return f"{self.prompt.name}#{self.sample}"


def asks(plan: DumpPlan) -> Iterator[list[Ask]]:
    """Endless batches of texts to sample: one of each domain in turn, every prompt once before any twice."""
    domains = training_prompts(plan)
    number = 0
    while True:
        for prompts in domains:
            first = number * plan.batch
            yield [_ask(plan, prompts, first + place) for place in range(plan.batch)]
        number += 1


def _ask(plan: DumpPlan, prompts: Sequence[Prompt], place: int) -> Ask:
    sample, which = divmod(place, len(prompts))
    prompt = prompts[which]
    temperature = plan.temperatures[(which + sample) % len(plan.temperatures)]
    return Ask(prompt, sample, temperature, passage_seed(plan.seed, f"{prompt.name}#{sample}"))


def training_prompts(plan: DumpPlan) -> list[list[Prompt]]:
    """For each domain the prompts that a dump may use, in its order.

    Raises
    ------
    ValueError
        If nothing is left of a domain.
    """
    if plan.prompt_file is not None:
        found = prompt_source.from_file(plan.prompt_file)
        return [[p for p in found if p.domain == name] for name in dict.fromkeys(p.domain for p in found)]
    held = [prompt for domain in plan.domains for prompt in held_out_prompts(plan, domain)]
    chosen = [_remaining(plan, domain, held) for domain in plan.domains]
    for domain, prompts in zip(plan.domains, chosen, strict=True):
        if not prompts:
            raise ValueError(f"holding out {plan.held_out} prompts leaves none of {domain}; hold out fewer")
    return chosen


def held_out_prompts(plan: DumpPlan, domain: str) -> list[Prompt]:
    """The prompts of a built-in domain that a plan keeps for evaluation."""
    if plan.held_out == 0:
        return []
    return prompt_source.prompts(domain, count=plan.held_out, seed=plan.held_out_seed)


def _remaining(plan: DumpPlan, domain: str, held: list[Prompt]) -> list[Prompt]:
    whole = [p for p in prompt_source.all_prompts(domain) if SHORTEST <= len(p.body) <= LONGEST]
    ordered = prompt_source.prompts(domain, count=len(whole), seed=plan.seed)
    return prompt_source.without_recorded(ordered, recorded=held)
