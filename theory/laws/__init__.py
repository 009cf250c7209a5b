"""Laws of the drafted set at one node: how the children were drawn; see :mod:`theory.laws.base`."""

from theory.laws.base import Law, Tokens, as_mask
from theory.laws.hub_pair import HubPair
from theory.laws.iid import Iid
from theory.laws.independent import Independent
from theory.laws.point import Point
from theory.laws.top_k_plus_sample import TopKPlusSample
from theory.laws.without_replacement import WithoutReplacement

__all__ = [
    "HubPair",
    "Iid",
    "Independent",
    "Law",
    "Point",
    "Tokens",
    "TopKPlusSample",
    "WithoutReplacement",
    "as_mask",
]
