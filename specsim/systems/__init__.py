"""Every published system as a configuration; see :mod:`specsim.systems.base` and ``docs/systems.md``.

A module of this package with a value ``SYSTEM`` is a system: adding one takes one file.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType

from specsim.systems.base import Bench as Bench
from specsim.systems.base import Published as Published
from specsim.systems.base import UnknownSystem as UnknownSystem
from specsim.systems.base import Worlds as Worlds
from specsim.systems.base import pick

__all__ = ["Bench", "Published", "UnknownSystem", "Worlds", "by_name", "every"]


@cache
def every() -> MappingProxyType[str, Published]:
    """All systems by name, in alphabetical order.

    Examples
    --------
    >>> every()["plain"].title
    'Plain decoding'
    """
    modules = [import_module(f"{__name__}.{info.name}") for info in iter_modules(__path__)]
    found = [module.SYSTEM for module in modules if hasattr(module, "SYSTEM")]
    return MappingProxyType({system.name: system for system in sorted(found, key=lambda one: one.name)})


def by_name(name: str) -> Published:
    """A system by name, or :class:`UnknownSystem` with the names there are.

    Examples
    --------
    >>> by_name("speculative").lossless
    True
    """
    return pick(every(), name)
