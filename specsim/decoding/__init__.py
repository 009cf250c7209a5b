"""The engine: sessions, rounds and systems, on table worlds and on real models.

A :class:`System` is a configuration of slots: a target, a drafter, a walk, a plan. :func:`decode` samples it,
:mod:`specsim.decoding.exact` enumerates the same code. See ``docs/systems.md``.
"""

from specsim.decoding.algebra import Routed as Routed
from specsim.decoding.algebra import SystemDrafter as SystemDrafter
from specsim.decoding.algebra import as_drafter as as_drafter
from specsim.decoding.algebra import as_model as as_model
from specsim.decoding.decode import Trace as Trace
from specsim.decoding.decode import decode as decode
from specsim.decoding.decode import resume as resume
from specsim.decoding.drafting import Drafter as Drafter
from specsim.decoding.drafting import NoDraft as NoDraft
from specsim.decoding.drafting import Outcome as Outcome
from specsim.decoding.drafting import Proposal as Proposal
from specsim.decoding.drawn import Drawn as Drawn
from specsim.decoding.drawn import PolicyChain as PolicyChain
from specsim.decoding.drawn import Reader as Reader
from specsim.decoding.exact import distortion_of as distortion_of
from specsim.decoding.exact import expected_round as expected_round
from specsim.decoding.exact import is_lossless as is_lossless
from specsim.decoding.exact import law_of as law_of
from specsim.decoding.plans import Overlapped as Overlapped
from specsim.decoding.plans import Plan as Plan
from specsim.decoding.plans import Round as Round
from specsim.decoding.plans import Serial as Serial
from specsim.decoding.reading import LanguageModel as LanguageModel
from specsim.decoding.reading import NoHidden as NoHidden
from specsim.decoding.reading import NotRead as NotRead
from specsim.decoding.reading import Reading as Reading
from specsim.decoding.reading import Rows as Rows
from specsim.decoding.requests import decode_all as decode_all
from specsim.decoding.requests import warmed as warmed
from specsim.decoding.session import Session as Session
from specsim.decoding.session import open_session as open_session
from specsim.decoding.system import System as System
from specsim.decoding.world import World as World

__all__ = [
    "Drafter",
    "Drawn",
    "LanguageModel",
    "NoDraft",
    "NoHidden",
    "NotRead",
    "Outcome",
    "Overlapped",
    "Plan",
    "PolicyChain",
    "Proposal",
    "Reader",
    "Reading",
    "Round",
    "Routed",
    "Rows",
    "Serial",
    "Session",
    "System",
    "SystemDrafter",
    "Trace",
    "World",
    "as_drafter",
    "as_model",
    "decode",
    "decode_all",
    "distortion_of",
    "expected_round",
    "is_lossless",
    "law_of",
    "open_session",
    "resume",
    "warmed",
]
