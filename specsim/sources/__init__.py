"""Where token distributions come from: synthetic families, table language models, recorded traces."""

from specsim.sources.family_base import Family as Family
from specsim.sources.pair import Pair as Pair
from specsim.sources.pair import with_denominator as with_denominator
from specsim.sources.synthetic import families as families
from specsim.sources.synthetic import family as family
from specsim.sources.table_pairs import TablePair as TablePair
from specsim.sources.table_pairs import relations as relations
from specsim.sources.table_pairs import table_pair as table_pair
from specsim.sources.tables import TableModel as TableModel
