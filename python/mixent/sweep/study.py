"""A sweep as an Optuna study: samplers, pruners, and the SQLite file in the sweep's directory that holds every trial."""
from __future__ import annotations

import json
import sqlite3
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import optuna
import sqlalchemy

from mixent.sweep.message import SweepError
from mixent.sweep.space import Parameter, Sweep

optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)


LOCK_SECONDS = 60  # until a file that another program holds locked is given up


@contextmanager
def storage_errors(directory: Path) -> Iterator[None]:
    """Says of the sweep's file what SQLite says deep inside Optuna, and what to do."""
    path = directory / "sweep.db"
    try:
        yield
    except (sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError, sqlite3.Error) as error:
        said: BaseException = error
        while said.__cause__:
            said = said.__cause__
        if "locked" in str(said):
            raise SweepError(f"{path} was locked by another program for {LOCK_SECONDS} seconds; end that program, then start the sweep "
                             "again: it goes on with the trials that are saved") from error
        if any(words in str(said) for words in ("malformed", "not a database", "no such", "corrupt")):
            raise SweepError(f"{path} is damaged ({said}); put a copy of it back, or begin anew in another --directory") from error
        raise SweepError(f"{path} cannot be used: {said}; see that it is a file that you may write, on a disk with room") from error


def check_trials(directory: Path, study: optuna.study.Study) -> None:
    """Each run under way or done must be a trial of the study: a study that has lost trials would train them as others."""
    known, folder = len(study.get_trials(deepcopy=False)), directory / "trials"
    runs = [path for path in folder.iterdir() if path.is_dir() and path.name.isdecimal()] if folder.is_dir() else []
    lost = sum(int(path.name) >= known for path in runs)
    if lost:
        raise SweepError(f"{directory / 'sweep.db'} is new or damaged: it does not know {lost} of the {len(runs)} trials in {folder}; put a "
                         "copy of it back, or begin anew in another --directory")


def make_sampler(sweep: Sweep, number: int = 0) -> optuna.samplers.BaseSampler:
    """The sampler for one trial. Each trial has a seed of its own, so that a sweep that goes on draws what it would have drawn."""
    seed = (sweep.seed * 1_000_003 + number) % 2**32
    if sweep.sampler == "tpe":
        return optuna.samplers.TPESampler(seed=seed, constant_liar=True)  # trials at work count as bad: no two alike at once
    independent = optuna.samplers.RandomSampler(seed=seed)
    if sweep.sampler == "qmc":  # the sequence is one, and its place in the study; conditional parameters are drawn at random
        return optuna.samplers.QMCSampler(scramble=True, seed=sweep.seed, independent_sampler=independent,
                                          warn_independent_sampling=False)
    return independent  # of a grid, every point is in the queue


def make_pruner(sweep: Sweep) -> optuna.pruners.BasePruner:
    if sweep.pruner == "hyperband":
        return optuna.pruners.HyperbandPruner(max_resource=sweep.epochs)
    return optuna.pruners.MedianPruner() if sweep.pruner == "median" else optuna.pruners.NopPruner()


def distribution(row: Parameter) -> optuna.distributions.BaseDistribution:
    if row.kind == "choice":
        return optuna.distributions.CategoricalDistribution(row.choices)
    if row.whole:
        return optuna.distributions.IntDistribution(row.low, row.high, log=row.logarithmic)
    return optuna.distributions.FloatDistribution(row.low, row.high, log=row.logarithmic)


def choose(sweep: Sweep, trial: optuna.trial.Trial) -> dict[str, object]:
    """A trial's value of each parameter that counts; those drawn before a sweep was killed stay."""
    chosen: dict[str, object] = {}
    for row in sweep.parameters:
        if not row.counts(chosen):
            continue
        if row.kind == "choice":
            chosen[row.key] = trial.suggest_categorical(row.key, row.choices)
        elif row.whole:
            chosen[row.key] = trial.suggest_int(row.key, row.low, row.high, log=row.logarithmic)
        else:
            chosen[row.key] = trial.suggest_float(row.key, row.low, row.high, log=row.logarithmic)
    return chosen


def open_study(sweep: Sweep, directory: Path, more: Mapping[str, object]) -> optuna.study.Study:
    """The study in the sweep's directory, a new one if there is none; fails if that is another sweep's. `more` may not change
    either while a sweep is under way."""
    storage = optuna.storages.RDBStorage(f"sqlite:///{directory.resolve()}/sweep.db",
                                         engine_kwargs={"connect_args": {"timeout": LOCK_SECONDS}})
    study = optuna.create_study(storage=storage, study_name=sweep.name, load_if_exists=True, sampler=make_sampler(sweep),
                                pruner=make_pruner(sweep), direction="maximize" if sweep.maximize else "minimize")
    identity = json.loads(json.dumps(sweep.identity() | dict(more)))
    begun = study.user_attrs.setdefault("sweep", identity)
    if begun != identity:
        changed = [key for key in identity if begun.get(key) != identity[key]]
        raise SweepError(f"{directory} holds a sweep that differs in {', '.join(changed)}; give this one another --directory, or "
                         "remove that one")
    study.set_user_attr("sweep", identity)
    return study
