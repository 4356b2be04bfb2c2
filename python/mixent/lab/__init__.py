"""The lab for anybody's results. `compare` says what they show, `record` keeps a run of your own training loop for `mixent compare` and
`mixent report`, `runs` gives our own runs as a data frame, `statistics` has the tests, intervals and scores as functions."""
from . import statistics
from ._compare import Across, Comparison, Pair, Variant, compare
from ._record import record
from ._runs import runs

__all__ = ["Across", "Comparison", "Pair", "Variant", "compare", "record", "runs", "statistics"]
