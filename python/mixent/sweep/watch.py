"""What a trial's epochs come to while it runs; the same on one machine and on many."""
from __future__ import annotations

import math

from mixent.sweep.record import Record
from mixent.sweep.space import Sweep
from mixent.sweep.trial import Epoch, Training


class Watch:
    """A training and the record that grows with it."""

    def __init__(self, sweep: Sweep, training: Training, number: int, chosen: dict[str, object]):
        self.sweep, self.training = sweep, training
        self.record = Record(number, "", chosen, planned=sweep.epochs_of(chosen))

    def new_epochs(self) -> list[Epoch]:
        """The epochs that were finished since the last call, taken into the record."""
        record, new = self.record, []
        for epoch in self.training.epochs():
            if epoch.number <= record.epochs:
                continue
            record.epochs = epoch.number
            record.seconds += epoch.seconds
            if math.isfinite(epoch.value):
                record.values[epoch.number] = epoch.value
                if self.sweep.better(epoch.value, record.value):
                    record.value, record.best_epoch = epoch.value, epoch.number
            new.append(epoch)
        return new

    def conclude(self, pruned: bool) -> Record:
        """The record of a training that has ended. One whose loss ran away is no failure of the sweep: it tells the search to
        keep away from there."""
        record, training = self.record, self.training
        if training.succeeded and record.value is not None:
            record.end = "finished"
        elif pruned:
            record.end = "pruned"
        else:
            record.message = training.message() if not training.succeeded else "no epoch had a finite score"
            record.end = "diverged" if training.succeeded or training.diverged else "failed"
        return record
