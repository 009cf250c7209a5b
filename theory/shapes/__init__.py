"""Shapes of draft trees: the certified optimum for a profile of acceptance probabilities, and what is in use.

:class:`TreeShape` is a tree without tokens, :class:`Profile` says with what probability each child is
accepted. :func:`best_first` (rows that do not rise) and :func:`max_plus` (any rows) give optimal trees of
every size, with certificates; :func:`gap_report` puts the trees in use beside them. ``docs/trees.md`` has the
proofs.
"""

from theory.shapes.bands import Estimate as Estimate
from theory.shapes.bands import ProfileBand as ProfileBand
from theory.shapes.bands import ValueBand as ValueBand
from theory.shapes.bands import clopper_pearson as clopper_pearson
from theory.shapes.bands import plug_in_regret as plug_in_regret
from theory.shapes.bands import profile_band as profile_band
from theory.shapes.bands import regret_bound as regret_bound
from theory.shapes.bands import samples_needed as samples_needed
from theory.shapes.bands import value_band as value_band
from theory.shapes.batch import Allocation as Allocation
from theory.shapes.batch import NoAllocation as NoAllocation
from theory.shapes.batch import allocate as allocate
from theory.shapes.best_first import BestFirst as BestFirst
from theory.shapes.best_first import Certificate as Certificate
from theory.shapes.best_first import NotOptimal as NotOptimal
from theory.shapes.best_first import best_first as best_first
from theory.shapes.compositions import value_by_counts as value_by_counts
from theory.shapes.formats import from_choices as from_choices
from theory.shapes.formats import from_draft_tree as from_draft_tree
from theory.shapes.formats import from_graph as from_graph
from theory.shapes.formats import from_growmap as from_growmap
from theory.shapes.formats import from_nested as from_nested
from theory.shapes.formats import to_choices as to_choices
from theory.shapes.formats import to_graph as to_graph
from theory.shapes.formats import to_growmap as to_growmap
from theory.shapes.formats import to_nested as to_nested
from theory.shapes.gap import Gap as Gap
from theory.shapes.gap import gap_report as gap_report
from theory.shapes.gap import upper_bound as upper_bound
from theory.shapes.growth_law import BoundedGrowth as BoundedGrowth
from theory.shapes.growth_law import LogarithmicGrowth as LogarithmicGrowth
from theory.shapes.growth_law import growth_law as growth_law
from theory.shapes.hardware import HardwareChoice as HardwareChoice
from theory.shapes.hardware import best_size as best_size
from theory.shapes.hardware import optimum as optimum
from theory.shapes.isotonic import isotonic as isotonic
from theory.shapes.isotonic import projection_regret as projection_regret
from theory.shapes.isotonic import sorted_rows as sorted_rows
from theory.shapes.max_plus import MaxPlus as MaxPlus
from theory.shapes.max_plus import max_plus as max_plus
from theory.shapes.profile import Profile as Profile
from theory.shapes.profile import from_conditional as from_conditional
from theory.shapes.profile import power_law as power_law
from theory.shapes.rounds import FewestRounds as FewestRounds
from theory.shapes.rounds import RankTrace as RankTrace
from theory.shapes.rounds import clairvoyant_rounds as clairvoyant_rounds
from theory.shapes.rounds import count_rounds as count_rounds
from theory.shapes.rounds import fewest_rounds as fewest_rounds
from theory.shapes.rounds_bound import RoundsBound as RoundsBound
from theory.shapes.rounds_bound import rounds_bound as rounds_bound
from theory.shapes.shape import TreeShape as TreeShape

__all__ = [
    "Allocation",
    "BestFirst",
    "BoundedGrowth",
    "Certificate",
    "Estimate",
    "FewestRounds",
    "Gap",
    "HardwareChoice",
    "LogarithmicGrowth",
    "MaxPlus",
    "NoAllocation",
    "NotOptimal",
    "Profile",
    "ProfileBand",
    "RankTrace",
    "RoundsBound",
    "TreeShape",
    "ValueBand",
    "allocate",
    "best_first",
    "best_size",
    "clairvoyant_rounds",
    "clopper_pearson",
    "count_rounds",
    "fewest_rounds",
    "from_choices",
    "from_conditional",
    "from_draft_tree",
    "from_graph",
    "from_growmap",
    "from_nested",
    "gap_report",
    "growth_law",
    "isotonic",
    "max_plus",
    "optimum",
    "plug_in_regret",
    "power_law",
    "profile_band",
    "projection_regret",
    "regret_bound",
    "rounds_bound",
    "samples_needed",
    "sorted_rows",
    "to_choices",
    "to_graph",
    "to_growmap",
    "to_nested",
    "upper_bound",
    "value_band",
    "value_by_counts",
]
