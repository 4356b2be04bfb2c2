"""One trial as a process: `mixent train`, begun or resumed, watched through metrics.jsonl. Its summary is never read, for the
test score stands there."""
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
        self._words = [*program.arguments(sweep.recipe, sweep.settings_of(chosen) | {"threads": str(threads)}), "--run", str(run)]
        self._resume = [program.path, "train", "--resume", str(run)]
        self._process: subprocess.Popen[bytes] | None = None
        self._cores: Collection[int] = ()
        self._read = self._restarts = 0
        self.stopped = False

    @property
    def log(self) -> Path:
        return self.run.with_suffix(".log")

    def start(self, cores: Collection[int] = ()) -> None:
        """Begins, or goes on with what is there; on these processors, if any are named."""
        self._cores = cores
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log, "ab") as log:
            fcntl.flock(log, fcntl.LOCK_EX)  # waits for a process that has not yet seen its parent die
            words = self._resume if (self.run / "recipe.yaml").exists() else self._words
            if shutil.which("setpriv"):
                words = ["setpriv", "--pdeathsig", "TERM", *words]
            mine = os.sched_getaffinity(0)
            try:
                if cores:
                    os.sched_setaffinity(0, cores)
                # a session of its own: Ctrl-C is for the sweep, which then stops its trials
                self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
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
        interrupted = code < 0 or code > 128  # killed, or stopped by a signal and saved
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

    def message(self) -> str:
        """What the program said last of a failure."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        said = [line for line in lines if line.startswith("mixent: ") and not line.startswith("mixent: warning")]
        code = self._process.returncode if self._process else None
        return said[-1].removeprefix("mixent: ") if said else f"the process ended with {code} and without a word ({self.log})"

    @property
    def succeeded(self) -> bool:
        return self._process is not None and self._process.returncode == 0


def pause() -> None:
    """Between two looks at what trainings do."""
    time.sleep(0.05)
