"""Arguments: a parser whose complaints are single sentences, and the kinds of values that options take."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any, NoReturn


class UsageError(Exception):
    """The command line is wrong; the message is the sentence for the user. Exit status 2."""


class Parser(argparse.ArgumentParser):
    """An argument parser that raises :class:`UsageError` and knows its options' names."""

    def __init__(self, **settings: Any) -> None:
        self.options: list[str] = ["--help"]
        self.subparsers: dict[str, Parser] = {}
        settings.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **settings)

    def add_argument(self, *names: Any, **settings: Any) -> argparse.Action:
        self.options += [name for name in names if name.startswith("--")]
        return super().add_argument(*names, **settings)

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}; see `{self.prog} --help`")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``", did you mean 'report'?"`` without its question mark, or nothing.

    Examples
    --------
    >>> did_you_mean("reprot", ["report", "bound"])
    ", did you mean 'report'"
    >>> did_you_mean("xyz", ["report", "bound"])
    ''
    """
    close = get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f", did you mean {close[0]!r}" if close else ""


def whole(least: int) -> Callable[[str], int]:
    """A kind of value: a whole number of at least ``least``.

    Examples
    --------
    >>> whole(1)("12")
    12
    """

    def parse(text: str) -> int:
        if not text.lstrip("-").isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least {least}")
        return int(text)

    return parse


def number(low: float, high: float = math.inf, *, open_low: bool = False) -> Callable[[str], float]:
    """A kind of value: a finite number between two ends.

    Examples
    --------
    >>> number(0)("0.6")
    0.6
    """
    range_ = f"above {low:g}" if open_low else f"of at least {low:g}"
    if high < math.inf:
        range_ += f" and at most {high:g}"

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        fits = (low < value if open_low else low <= value) and value <= high and math.isfinite(value)
        if not fits:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number {range_}")
        return value

    return parse


def listed(kind: Callable[[str], Any]) -> Callable[[str], tuple[Any, ...]]:
    """A kind of value: different values with commas between them.

    Examples
    --------
    >>> listed(whole(1))("1,2,4")
    (1, 2, 4)
    """

    def parse(text: str) -> tuple[Any, ...]:
        values = tuple(kind(part.strip()) for part in text.split(","))
        if len(set(values)) < len(values):
            raise argparse.ArgumentTypeError(f"{text!r} names a value twice")
        return values

    return parse


def name(text: str) -> str:
    """A kind of value: a word."""
    if not text:
        raise argparse.ArgumentTypeError("an empty name")
    return text


def one_of(choices: Iterable[str]) -> Callable[[str], str]:
    """A kind of value: one of some words, with a hint for a typing error.

    Examples
    --------
    >>> one_of(["iid", "point"])("iid")
    'iid'
    """
    known = tuple(choices)

    def parse(text: str) -> str:
        if text not in known:
            hint = did_you_mean(text, known)
            raise argparse.ArgumentTypeError(f"{text!r} is not one of {', '.join(known)}{hint}")
        return text

    return parse


def cores() -> int:
    """Processors that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
