"""What became of each trial, however it was run: the form in which trials are counted, told and written."""
from __future__ import annotations

from dataclasses import dataclass, field

ENDS = ("finished", "pruned", "diverged", "failed")


@dataclass
class Record:
    number: int
    end: str  # one of ENDS
    chosen: dict[str, object]
    value: float | None = None  # of the objective, at its best epoch
    best_epoch: int = 0
    epochs: int = 0  # that were trained
    planned: int = 0
    seconds: float = 0
    message: str = ""
    values: dict[int, float] = field(default_factory=dict)  # by epoch


def saved_by_pruning(records: list[Record]) -> float:
    """The part of all planned epochs that pruned trials did not take."""
    planned = sum(record.planned for record in records)
    return sum(record.planned - record.epochs for record in records if record.end == "pruned") / planned if planned else 0.0


def count_ends(records: list[Record]) -> str:
    """"12 finished, 7 pruned"."""
    counts = [(sum(record.end == end for record in records), end) for end in ENDS]
    return ", ".join(f"{count} {end}" for count, end in counts if count)
