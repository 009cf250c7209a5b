"""The optimal law without replacement and a rule with nearly that law; start with :class:`RafflePlan`."""

from theory.raffle.clip import RaceClipLaw, race_clip_law
from theory.raffle.plan import RafflePlan
from theory.raffle.race import RaffleRace
from theory.raffle.sets import RaffleSets

__all__ = ["RaceClipLaw", "RafflePlan", "RaffleRace", "RaffleSets", "race_clip_law"]
