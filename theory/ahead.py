"""Rows announced ahead: a grower that knows a whole level says so, and a real model reads it in one pass.

It changes no law: what is announced is what will be asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from theory.laws import Tokens
from theory.simplex import Array


def announce(draft: Callable[[Tokens], Array], prefixes: Iterable[Tokens]) -> None:
    """Tell a draft which prefixes it will be asked for, if it cares to know (has a method ``ahead``).

    Examples
    --------
    >>> announce(lambda prefix: None, [(), (1,)])
    """
    ahead = getattr(draft, "ahead", None)
    if ahead is not None:
        ahead(tuple(prefixes))
