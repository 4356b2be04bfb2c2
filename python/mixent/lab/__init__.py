"""The lab for anybody's results: `record` keeps a run of your own training loop for `mixent compare` and `mixent report`."""
from ._record import record

__all__ = ["record"]
