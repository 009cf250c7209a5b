"""Systems beside each other: the same prompts and seeds for each, kept as they come, with errors and figures.

:mod:`specsim.comparing.claims` holds measured numbers against the claims of a paper,
:mod:`specsim.comparing.ledger` keeps what was computed, so that a run that was stopped goes on.
"""

from specsim.comparing.claims import Claim as Claim
from specsim.comparing.claims import Outcome as Outcome
from specsim.comparing.claims import conclude as conclude
from specsim.comparing.claims import held as held
from specsim.comparing.claims import read_expected as read_expected
from specsim.comparing.ledger import Ledger as Ledger

__all__ = ["Claim", "Ledger", "Outcome", "conclude", "held", "read_expected"]
