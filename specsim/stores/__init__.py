"""What drafters without a model remember: stores that are values.

Observing gives a *new* store, shares with the old one all that did not change, and costs what changed.
Stores are hashable and compared by content, so an exact enumeration over rounds can carry them along and
merge the runs that end in the same text with the same store. What never changes (a corpus) is kept beside,
in arrays, and compared by identity.

=================  ==================================================================  =====================
store              remembers                                                           drafted by
=================  ==================================================================  =====================
`Suffixes`         the text and a datastore, searched by the longest suffix            prompt lookup, REST
`Successors`       the target's top tokens at the last node of each token              Token Recycling
`Trigrams`         scored successors of each pair of tokens, raised by the text        ADED
`NGramMix`         (a view of `Suffixes`) n-gram shares, interpolated                  Superposed Decoding
`Chunks`           the text in chunks, found by BM25 or embeddings                     RAPID
=================  ==================================================================  =====================

Everything drafted from them is a tree of chosen tokens, point masses: lossless with recursive rejection
whatever the stores hold.
"""

from specsim.stores.chunks import Chunks as Chunks
from specsim.stores.datastore import Datastore as Datastore
from specsim.stores.ngram_mix import NGramMix as NGramMix
from specsim.stores.persistent import PersistentMap as PersistentMap
from specsim.stores.successors import Successors as Successors
from specsim.stores.suffix import Suffixes as Suffixes
from specsim.stores.superposed import Superposed as Superposed
from specsim.stores.text import Text as Text
from specsim.stores.trigrams import Trigrams as Trigrams
from specsim.stores.trigrams import TrigramTable as TrigramTable

__all__ = [
    "Chunks",
    "Datastore",
    "NGramMix",
    "PersistentMap",
    "Successors",
    "Suffixes",
    "Superposed",
    "Text",
    "TrigramTable",
    "Trigrams",
]
