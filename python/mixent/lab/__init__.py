"""The lab for anybody's results: `record` keeps a run of your own training loop for `mixent compare` and `mixent report`;
`statistics` has the tests, intervals and scores as functions."""
from . import statistics
from ._record import record

__all__ = ["record", "statistics"]
