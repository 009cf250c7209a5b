"""Symbols for probabilities, and programs run on them; see the modules' texts.

* :mod:`~theory.proof.symbolic.ring`: unknown distributions as polynomials, and what is always positive;
* :mod:`~theory.proof.symbolic.symbol`: rational functions that add, divide and compare like fractions;
* :mod:`~theory.proof.symbolic.points`: rational points, the witnesses of cells;
* :mod:`~theory.proof.symbolic.cells`: which signs go together;
* :mod:`~theory.proof.symbolic.explore`: every cell and every random branch of a program.
"""

from theory.proof.symbolic.cells import Cell, Judge, Refutation
from theory.proof.symbolic.explore import Effort, EffortExhausted, Explorer, Failed
from theory.proof.symbolic.ring import Atom, Ring, SignUnknown, Simplex, Undecided
from theory.proof.symbolic.symbol import NotExact, Symbol, Unknowns

__all__ = [
    "Atom",
    "Cell",
    "Effort",
    "EffortExhausted",
    "Explorer",
    "Failed",
    "Judge",
    "NotExact",
    "Refutation",
    "Ring",
    "SignUnknown",
    "Simplex",
    "Symbol",
    "Undecided",
    "Unknowns",
]
