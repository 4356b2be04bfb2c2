"""One trial as a process: `mixent train --json`, begun or resumed. Its epochs are read from metrics.jsonl, which no kill can cut an epoch
out of, and how it ended from its last event. The test score, which stands in `finished` and in summary.json, is never read."""
from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from mixent.sweep.message import SweepError
from mixent.sweep.program import Program
from mixent.sweep.space import Sweep

EVENTS_VERSION = 1  # that this reads (docs/EVENTS.md)
RESTARTS = 3  # of a process that was killed, or that another machine took down with it


@dataclass(frozen=True)
class Epoch:
    number: int
    value: float  # of the objective; NaN if it is not finite
    seconds: float


class Training:
    """The process of one trial, whose run is the directory `run`. The process dies with the one that started it, in order: it
    gets SIGTERM, saves, and can be resumed. It holds a lock on its log, so that no other begins while it is at work."""

    def __init__(self, sweep: Sweep, program: Program, run: Path, chosen: Mapping[str, object], threads: int):
        self.run, self.measure = run, sweep.measure
        self._words = [*program.arguments(sweep.recipe, sweep.settings_of(chosen) | {"threads": str(threads)}), "--json", "--run", str(run)]
        self._resume = [program.path, "train", "--json", "--resume", str(run)]
        self._process: subprocess.Popen[bytes] | None = None
        self._cores: Collection[int] = ()
        self._read = self._restarts = self._begin = 0
        self.stopped = False

    @property
    def log(self) -> Path:
        """What it says on standard error, for people."""
        return self.run.with_suffix(".log")

    @property
    def events(self) -> Path:
        """What it says on standard output, for programs."""
        return self.run.with_suffix(".jsonl")

    def start(self, cores: Collection[int] = ()) -> None:
        """Begins, or goes on with what is there; on these processors, if any are named."""
        self._cores = cores
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log, "ab") as log, open(self.events, "ab") as events:
            fcntl.flock(log, fcntl.LOCK_EX)  # waits for a process that has not yet seen its parent die
            self._begin = events.seek(0, os.SEEK_END)
            words = self._resume if (self.run / "recipe.yaml").exists() else self._words
            if shutil.which("setpriv"):
                words = ["setpriv", "--pdeathsig", "TERM", *words]
            mine = os.sched_getaffinity(0)
            try:
                if cores:
                    os.sched_setaffinity(0, cores)
                # a session of its own: Ctrl-C is for the sweep, which then stops its trials
                self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=events, stderr=log, start_new_session=True)
            finally:
                os.sched_setaffinity(0, mine)

    def epochs(self) -> list[Epoch]:
        """The epochs that were finished since the last call; the first call tells of all. A process that was killed while it
        wrote may tell of its last one twice."""
        try:
            with open(self.run / "metrics.jsonl", "rb") as file:
                lines = file.read().split(b"\n")[:-1]
        except FileNotFoundError:
            return []
        new, self._read = lines[self._read:], len(lines)
        return [self._epoch(line) for line in new]

    def _epoch(self, text: bytes) -> Epoch:
        try:
            line = json.loads(text)
            value = line["validation"][self.measure]
            return Epoch(line["epoch"], float("nan") if value is None else value, line["seconds"])
        except (ValueError, KeyError, TypeError):
            raise SweepError(f"{self.run / 'metrics.jsonl'} holds a line that is no epoch of a training; remove {self.run}, and the "
                             "trial is trained anew") from None

    def ended(self) -> bool:
        """Whether the process is at its end; one that a signal ended, not asked for here, is started anew a few times."""
        code = self._process.poll()
        if code is None:
            return False
        interrupted = code < 0 or self._last_event().get("event") == "stopped"
        if interrupted and not self.stopped and self._restarts < RESTARTS:
            self._restarts += 1
            self.start(self._cores)
            return False
        return True

    def stop(self) -> None:
        """Asks it to save and end. It may take a step's time."""
        self.stopped = True
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def wait(self, seconds: float = 60) -> None:
        """Until it has ended; kills it after that time."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _last_event(self) -> dict[str, object]:
        """How the process ended, in its own words; empty where it was killed."""
        with open(self.events, "rb") as file:
            file.seek(self._begin)
            lines = file.read().split(b"\n")[:-1]
        try:
            event = json.loads(lines[-1]) if lines else {}
        except ValueError:  # a full disk took the end of the line before
            return {}
        if lines and event.get("version") != EVENTS_VERSION:
            raise SweepError(f"{self.events}: expected events of version {EVENTS_VERSION}, got {event.get('version')}; install the program "
                             "and the Python package of one release")
        return event if event.get("event") in ("finished", "stopped", "failed") else {}

    def message(self) -> str:
        """What the program said of its failure."""
        code = self._process.returncode
        return self._last_event().get("message") or f"the process ended with {code} and without a word ({self.log})"

    @property
    def succeeded(self) -> bool:
        return self._process.returncode == 0

    @property
    def diverged(self) -> bool:
        """Whether a loss, gradient or weight became infinite, or no number."""
        return self._last_event().get("error") == "numeric"


def pause() -> None:
    """Between two looks at what trainings do."""
    time.sleep(0.05)
