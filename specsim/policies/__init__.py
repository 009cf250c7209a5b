"""When to stop drafting: published policies through one protocol, and replay on recorded texts."""

from specsim.policies.bandit import Ucb
from specsim.policies.base import Behind, Done, Features, Forgetful, Missing, Policy, Seen
from specsim.policies.cut_offs import AdaEdl, Svip, TopOne
from specsim.policies.disco import Classifier, fit_classifier
from specsim.policies.drafting import Peeking, Submitted, is_lossless, law_of_policy
from specsim.policies.fixed import Fixed, pearl_length
from specsim.policies.from_trace import texts_of_trace
from specsim.policies.goodput import Goodput
from specsim.policies.heuristic import PlusTwoMinusOne
from specsim.policies.pearl import PearlAdaptive
from specsim.policies.planned import Planned
from specsim.policies.replay import Row, compare, replay, together, usual_policies
from specsim.policies.spec_dec_pp import SpecDecPlusPlus
from specsim.policies.texts import BadRecord, Text, parse_texts, read_texts

__all__ = [
    "AdaEdl",
    "BadRecord",
    "Behind",
    "Classifier",
    "Done",
    "Features",
    "Fixed",
    "Forgetful",
    "Goodput",
    "Missing",
    "PearlAdaptive",
    "Peeking",
    "Planned",
    "PlusTwoMinusOne",
    "Policy",
    "Row",
    "Seen",
    "SpecDecPlusPlus",
    "Submitted",
    "Svip",
    "Text",
    "TopOne",
    "Ucb",
    "compare",
    "fit_classifier",
    "is_lossless",
    "law_of_policy",
    "parse_texts",
    "pearl_length",
    "read_texts",
    "replay",
    "texts_of_trace",
    "together",
    "usual_policies",
]
