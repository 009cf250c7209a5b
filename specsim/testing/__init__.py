"""The public harness: audit a verification rule, exactly where that is possible.

``assert_lossless(rule)`` is the one call that most tests need; ``counterexample(rule)`` returns the
smallest failing case with a step-by-step explanation; ``law_of(rule, ...)`` computes one law.
``docs/auditing.md`` says which forms a rule may have.
"""

from specsim.testing.audit import (
    AuditFailure,
    NotLossless,
    RuleFailed,
    assert_lossless,
    audit,
    counterexample,
)
from specsim.testing.blackbox.statistical import Budget
from specsim.testing.cases import Drafting, Level, NodeCase, TreeCase
from specsim.testing.counterexample import Counterexample
from specsim.testing.families import FAMILIES, Family
from specsim.testing.forms import UnknownForm, as_rule, scheme_rule
from specsim.testing.joint import NotAFunction
from specsim.testing.laws_of import law_of
from specsim.testing.rules import BadOutput
from specsim.testing.strategies import (
    branchings,
    distributions,
    fractions_of,
    laws,
    node_cases,
    pairs,
    table_models,
    table_pairs,
    tree_cases,
    trees,
)
from specsim.testing.tables import TableModel
from specsim.testing.verdict import Check, Verdict

__all__ = [
    "FAMILIES",
    "AuditFailure",
    "BadOutput",
    "Budget",
    "Check",
    "Counterexample",
    "Drafting",
    "Family",
    "Level",
    "NodeCase",
    "NotAFunction",
    "NotLossless",
    "RuleFailed",
    "TableModel",
    "TreeCase",
    "UnknownForm",
    "Verdict",
    "as_rule",
    "assert_lossless",
    "audit",
    "branchings",
    "counterexample",
    "distributions",
    "fractions_of",
    "law_of",
    "laws",
    "node_cases",
    "pairs",
    "scheme_rule",
    "table_models",
    "table_pairs",
    "tree_cases",
    "trees",
]
