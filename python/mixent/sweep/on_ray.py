"""A sweep on many machines: Ray Tune starts the trials, Optuna chooses, ASHA prunes. A trial whose machine is lost is resumed on
another. The sweep's directory and the data must be at the same place on all machines, on a disk that they share."""
from __future__ import annotations

import logging
import math
import os
from dataclasses import asdict
from pathlib import Path

import optuna
import ray
from ray import tune
from ray.tune.search.optuna import OptunaSearch

from mixent.sweep.local import STATES, records_of
from mixent.sweep.message import SweepError
from mixent.sweep.program import Program
from mixent.sweep.progress import Progress
from mixent.sweep.record import Record
from mixent.sweep.space import Sweep
from mixent.sweep.study import choose, distribution, make_sampler, open_study
from mixent.sweep.trial import Training, pause
from mixent.sweep.watch import Watch

MAX_FAILURES = 5  # machines that a trial may lose


def chosen_of(sweep: Sweep, config: dict) -> dict[str, object]:
    return {row.key: config[row.key] for row in sweep.parameters if row.key in config}


class Trial(tune.Trainable):
    """A trial on whatever machine Ray puts it; a step of Tune's is an epoch of ours."""

    def setup(self, config: dict, sweep: Sweep, program: str, directory: str, place: str, threads: int) -> None:
        os.chdir(place)  # where the sweep was started: paths in recipes are taken from there
        number, chosen = config["number"], chosen_of(sweep, config)
        # Tune's own name tells trials of one number apart: a sweep that is stopped hard may draw its last ones anew
        run = Path(directory) / "trials" / f"{number:04}-{self.trial_id}"
        self._watch = Watch(sweep, Training(sweep, Program.find(program), run, chosen, threads), number, chosen)
        self._epochs: list[int] = []
        self._watch.training.start()

    def step(self) -> dict:
        training, record = self._watch.training, self._watch.record
        while True:
            ended = training.ended()
            self._epochs += [epoch.number for epoch in self._watch.new_epochs()]
            if self._epochs and not (ended or self._epochs[0] == record.planned):  # the last one waits for the end
                return self._result(self._epochs.pop(0), False)
            if ended:
                self._watch.conclude(False)
                return self._result(record.epochs, True)
            pause()

    def _result(self, epoch: int, done: bool) -> dict:
        record = self._watch.record
        worst = -math.inf if self._watch.sweep.maximize else math.inf
        return {"epoch": epoch, "objective": worst if record.value is None else record.value, "done": done, "record": asdict(record)}

    def cleanup(self) -> None:
        self._watch.training.stop()
        self._watch.training.wait()


class Chooser:
    """Draws a trial's values; a class, for Tune writes it down with the search's state."""

    def __init__(self, sweep: Sweep):
        self._sweep = sweep

    def __call__(self, trial: optuna.trial.Trial) -> dict[str, int]:
        choose(self._sweep, trial)
        return {"number": trial.number}


class Teller(tune.Callback):
    """Shows trials that end, and how far the sweep is."""

    def __init__(self, sweep: Sweep, progress: Progress):
        self._sweep, self._progress, self._ended, self._running = sweep, progress, {}, {}

    def on_trial_result(self, iteration: int, trials: list, trial, result: dict, **info) -> None:
        self._running[trial.trial_id] = Record(**result["record"])
        self._progress.show(self._ended.values(), self._running.values())

    def on_trial_complete(self, iteration: int, trials: list, trial, **info) -> None:
        self._running.pop(trial.trial_id, None)
        self._ended[trial.trial_id] = record = record_of(self._sweep, trial.config, trial.last_result, None)
        self._progress.ended(record, self._ended.values())

    def on_trial_recover(self, iteration: int, trials: list, trial, **info) -> None:
        self._progress.say(f"trial {trial.config['number']}: its machine or process was lost; it is resumed")


def record_of(sweep: Sweep, config: dict, result: dict | None, error: Exception | None) -> Record:
    """A trial's record from the last that Tune heard of it."""
    if result and "record" in result:
        record = Record(**result["record"])
    else:
        record = Record(config["number"], "", chosen_of(sweep, config), planned=sweep.epochs_of(config))
    if error:
        record.end, record.message = "failed", str(error).strip().splitlines()[-1]
    record.end = record.end or "pruned"
    return record


def make_scheduler(sweep: Sweep) -> tune.schedulers.TrialScheduler:
    if sweep.pruner == "hyperband":
        return tune.schedulers.ASHAScheduler(time_attr="epoch", max_t=sweep.epochs, grace_period=1, reduction_factor=3)
    if sweep.pruner == "median":
        return tune.schedulers.MedianStoppingRule(time_attr="epoch", grace_period=1, min_samples_required=5)
    return tune.schedulers.FIFOScheduler()


def make_tuner(sweep: Sweep, trainable, directory: Path, jobs: int | None, teller: Teller) -> tune.Tuner:
    """A new one, or the one of a sweep that was stopped."""
    path = str(directory / "ray")
    if tune.Tuner.can_restore(path):
        tuner = tune.Tuner.restore(path, trainable, resume_unfinished=True, restart_errored=False)
        tuner._local_tuner._run_config.callbacks = [teller]
        return tuner
    search = OptunaSearch(Chooser(sweep), metric="objective",
                          mode="max" if sweep.maximize else "min", sampler=make_sampler(sweep),
                          points_to_evaluate=list(sweep.grid())[:sweep.trials] if sweep.sampler == "grid" else None)
    return tune.Tuner(trainable,
                      tune_config=tune.TuneConfig(metric="objective", mode="max" if sweep.maximize else "min", search_alg=search,
                                                  scheduler=make_scheduler(sweep), num_samples=sweep.trials,
                                                  max_concurrent_trials=jobs),
                      run_config=tune.RunConfig(name="ray", storage_path=str(directory), verbose=0, callbacks=[teller],
                                                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                                                failure_config=tune.FailureConfig(max_failures=MAX_FAILURES)))


def keep(sweep: Sweep, study: optuna.study.Study, record: Record) -> None:
    """Into the study, where Optuna's tools and a later call find it."""
    kinds = {row.key: distribution(row) for row in sweep.parameters if row.key in record.chosen}
    told = {key: value for key, value in asdict(record).items() if key != "values"}
    study.add_trial(optuna.trial.create_trial(state=STATES[record.end], value=record.value if record.end == "finished" else None,
                                              params=record.chosen, distributions=kinds, user_attrs={"record": told},
                                              intermediate_values=record.values))


def search(sweep: Sweep, program: Program, directory: Path, address: str, jobs: int | None, threads: int,
           progress: Progress) -> tuple[optuna.study.Study, list[Record]]:
    """The study and every trial's record, in order."""
    os.environ["RAY_AIR_NEW_OUTPUT"] = "0"  # the old one can be silent
    directory = directory.resolve()
    # Tune's number of trials is fixed when it begins
    study = open_study(sweep, directory, {"threads": threads, "ray": True, "trials": sweep.trials})
    kept = records_of(study)
    if len(kept) == sweep.trials:
        return study, kept
    try:
        ray.init(address=None if address == "local" else address, include_dashboard=False, log_to_driver=False,
                 logging_level=logging.ERROR)
    except (ConnectionError, ValueError) as error:
        raise SweepError(f"--ray {address}: {error}") from None
    nodes = [node for node in ray.nodes() if node["Alive"]]
    progress.say(f"{sweep.name}: {sweep.trials} trials of {sweep.recipe} on Ray, {len(nodes)} node{'s'[:len(nodes) > 1]} with "
                 f"{ray.cluster_resources().get('CPU', 0):.0f} processors, {threads} thread{'s'[:threads > 1]} each; {sweep.sampler}, "
                 f"pruner {sweep.pruner}; all goes to {directory}")
    trainable = tune.with_parameters(Trial, sweep=sweep, program=program.path, directory=str(directory), place=os.getcwd(),
                                     threads=threads)
    trainable = tune.with_resources(trainable, {"cpu": threads})
    try:
        results = make_tuner(sweep, trainable, directory, jobs, Teller(sweep, progress)).fit()
    finally:
        ray.shutdown()
    if results.num_terminated + results.num_errors < sweep.trials:
        raise KeyboardInterrupt
    records = sorted((record_of(sweep, result.config, result.metrics, result.error) for result in results), key=lambda record: record.number)
    for record in records:
        if record.number not in {other.number for other in kept}:  # a call that was killed here kept some
            keep(sweep, study, record)
    return study, records
