"""What a sweep says while it is under way: a line for each trial that ends, and on a terminal one that shows how far it is."""
from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Collection

from mixent.sweep.record import Record
from mixent.sweep.space import Sweep


def duration(seconds: float) -> str:
    """"3:20" or "1:03:20"."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"


def score(sweep: Sweep, value: float) -> str:
    return f"{100 * value:.2f} %" if sweep.maximize else f"NLL {value:.4f}"


def number(value: object) -> str:
    """A parameter's value, short."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def best_of(sweep: Sweep, records: Collection[Record]) -> Record | None:
    """The first of the finished trials that none is better than."""
    best = None
    for record in sorted(records, key=lambda record: record.number):
        if record.end == "finished" and sweep.better(record.value, best and best.value):
            best = record
    return best


class Progress:
    def __init__(self, sweep: Sweep, quiet: bool = False):
        """Lines go to standard output, or, if that is for JSON (`quiet`), to standard error."""
        self._sweep, self._stream = sweep, sys.stderr if quiet else sys.stdout
        self._terminal = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._begin, self._shown, self._line = time.monotonic(), 0.0, False
        self._before: int | None = None  # epochs that were done before this began

    def say(self, text: str = "") -> None:
        self._clear()
        print(text, file=self._stream, flush=True)

    def ended(self, record: Record, records: Collection[Record]) -> None:
        epochs = f"{record.epochs} epoch{'' if record.epochs == 1 else 's'}"
        said = {"finished": lambda: f"{score(self._sweep, record.value)} after epoch {record.best_epoch} of {epochs}, {duration(record.seconds)}",
                "pruned": lambda: f"pruned after {epochs}" + (f" at {score(self._sweep, record.value)}" if record.values else "")}
        what = said.get(record.end, lambda: f"{record.end} after {epochs}: {record.message}")()
        chosen = ", ".join(f"{key} {number(value)}" for key, value in record.chosen.items())
        self.say(f"trial {record.number}: {what}; {chosen}")
        if not self._terminal:
            self.say(f"  {self._state(records, [])}")

    def show(self, records: Collection[Record], running: Collection[Record]) -> None:
        """The line on a terminal, ten times a second at most."""
        now = time.monotonic()
        if self._before is None:
            self._before = sum(record.epochs for record in [*records, *running])
        if not self._terminal or now - self._shown < 0.1:
            return
        self._shown, self._line = now, True
        print(f"\r{self._state(records, running)[:shutil.get_terminal_size().columns - 1]}\033[K", end="", file=sys.stderr, flush=True)

    def _state(self, records: Collection[Record], running: Collection[Record]) -> str:
        total, best = self._sweep.trials, best_of(self._sweep, records)
        words = [f"{len(records)} of {total} trials"]
        if running:
            words.append(f"{len(running)} at work")
        if best:
            words.append(f"best {score(self._sweep, best.value)} (trial {best.number})")
        left = self._seconds_left(records, running)
        return ", ".join(words + ([f"{duration(left)} left"] if left is not None and len(records) < total else []))

    def _seconds_left(self, records: Collection[Record], running: Collection[Record]) -> float | None:
        """By the epochs since the beginning and the epochs that a trial took so far."""
        ended, now = sum(record.epochs for record in records), sum(record.epochs for record in running)
        done = ended + now - (self._before or 0)
        if done <= 0:
            return None
        each = ended / len(records) if records else self._sweep.epochs
        rest = max((self._sweep.trials - len(records)) * each - now, 0)
        return rest * (time.monotonic() - self._begin) / done

    def _clear(self) -> None:
        if self._line:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
        self._line = False
