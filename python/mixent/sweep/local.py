"""A sweep on this machine: Optuna chooses and prunes, processes of `mixent train` are the trials, SQLite remembers. Whatever is
killed, each trial is run to its end once."""
from __future__ import annotations

import os
import signal
from dataclasses import asdict
from pathlib import Path

import optuna
from optuna.trial import TrialState

from mixent.sweep.message import SweepError
from mixent.sweep.program import Program
from mixent.sweep.progress import Progress
from mixent.sweep.record import Record
from mixent.sweep.space import Sweep
from mixent.sweep.study import check_trials, choose, make_sampler, open_study
from mixent.sweep.trial import Training, pause
from mixent.sweep.watch import Watch

STATES = {"finished": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "diverged": TrialState.PRUNED, "failed": TrialState.FAIL}


class Job:
    """A trial at work on some processors."""

    def __init__(self, trial: optuna.trial.Trial, watch: Watch, cores: list[int]):
        self._trial, self.watch, self.cores = trial, watch, cores
        self._pruned = False
        self._told = set(trial.storage.get_trial(trial._trial_id).intermediate_values)
        watch.training.start(cores)

    def step(self) -> bool:
        """Tells Optuna of new epochs; whether the trial has come to its end, and Optuna knows."""
        ended = self.watch.training.ended()  # before its last epoch is read
        for epoch in self.watch.new_epochs():
            value = self.watch.record.values.get(epoch.number)
            if value is None:
                continue
            if epoch.number not in self._told:
                self._trial.report(value, epoch.number)
                self._told.add(epoch.number)
            if epoch.number < self.watch.record.planned and not ended and not self._pruned and self._trial.should_prune():
                self._pruned = True
                self.watch.training.stop()
        if not ended:
            return False
        record = self.watch.conclude(self._pruned)
        self._trial.set_user_attr("record", {key: value for key, value in asdict(record).items() if key != "values"})
        self._trial.study.tell(self._trial, record.value if record.end == "finished" else None, state=STATES[record.end])
        return True


class Search:
    def __init__(self, sweep: Sweep, program: Program, directory: Path, jobs: int, threads: int, progress: Progress):
        self._sweep, self._program, self._directory, self._threads = sweep, program, directory, threads
        self._progress = progress
        self.study = open_study(sweep, directory, {"threads": threads, "ray": False})
        check_trials(directory, self.study)
        self.records = records_of(self.study)
        self._before = len(self.records)
        processors = sorted(os.sched_getaffinity(0))
        pinned = jobs * threads <= len(processors)
        self._free = [processors[job * threads:(job + 1) * threads] if pinned else [] for job in range(jobs)]
        self._jobs: list[Job] = []
        self._signal = 0

    def run(self) -> list[Record]:
        """Every trial's record, in order. Raises KeyboardInterrupt with the signal's number after Ctrl-C,
        SIGTERM or SIGHUP, with every trial saved."""
        if self._sweep.sampler == "grid":
            for point in self._sweep.grid():
                self.study.enqueue_trial(point, skip_if_exists=True)
        begun = [trial for trial in self.study.get_trials(deepcopy=False) if trial.state != TrialState.WAITING]
        self._interrupted = [trial for trial in begun if trial.state == TrialState.RUNNING]
        self._count = len(begun)
        if self._interrupted:
            self._progress.say(f"going on with {len(self._interrupted)} interrupted trial{'s'[:len(self._interrupted) > 1]}")
        old = {number: signal.signal(number, self._stop) for number in self._signals()}
        try:
            while self._fill() or self._jobs:
                self._look()
                if self._signal:
                    raise KeyboardInterrupt(self._signal)
                pause()
        finally:
            for job in self._jobs:
                job.watch.training.stop()
            for job in self._jobs:
                job.watch.training.wait()
            for number, handler in old.items():
                signal.signal(number, handler)
        return sorted(self.records, key=lambda record: record.number)

    @staticmethod
    def _signals() -> list[signal.Signals]:
        """SIGHUP, too, unless it was ignored at the start, as under nohup."""
        hangup = [] if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN else [signal.SIGHUP]
        return [signal.SIGINT, signal.SIGTERM, *hangup]

    def _stop(self, number: int, frame: object) -> None:
        self._signal = number
        if number != signal.SIGHUP:  # which may come again by itself
            signal.signal(number, signal.SIG_DFL)  # once more ends at once

    def _fill(self) -> bool:
        """Begins trials while there are free processors; false when all have begun."""
        while self._free and (self._interrupted or self._count < self._sweep.trials):
            if self._interrupted:
                begun = self._interrupted.pop(0)
                self.study.sampler = make_sampler(self._sweep, begun.number)  # it may have been killed before it drew
                trial = optuna.trial.Trial(self.study, begun._trial_id)
            else:
                self.study.sampler = make_sampler(self._sweep, self._count)
                trial = self.study.ask()
                self._count += 1
            chosen = choose(self._sweep, trial)
            training = Training(self._sweep, self._program, self._directory / "trials" / f"{trial.number:04}", chosen, self._threads)
            self._jobs.append(Job(trial, Watch(self._sweep, training, trial.number, chosen), self._free.pop(0)))
        return bool(self._interrupted) or self._count < self._sweep.trials

    def _look(self) -> None:
        for job in list(self._jobs):
            if not job.step():
                continue
            self._jobs.remove(job)
            self._free.append(job.cores)
            self.records.append(job.watch.record)
            self._progress.ended(job.watch.record, self.records)
        new = self.records[self._before:]
        if len(new) >= 3 and all(record.end == "failed" for record in new):
            raise SweepError(f"the first {len(new)} trials failed; the last one said: {new[-1].message}")
        self._progress.show(self.records, [job.watch.record for job in self._jobs])


def records_of(study: optuna.study.Study) -> list[Record]:
    """The records of all trials that have come to their end."""
    trials = [trial for trial in study.get_trials(deepcopy=False) if trial.state.is_finished()]
    return [Record(**trial.user_attrs["record"], values=dict(trial.intermediate_values)) for trial in trials]
