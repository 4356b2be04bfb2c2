"""`mixent-sweep SPACE.yaml`: the command line."""
from __future__ import annotations

import argparse
import fcntl
import importlib.util
import os
import shlex
import shutil
import signal
import sys
from pathlib import Path

from mixent._printable import printable
from mixent.sweep.message import SweepError
from mixent.sweep.program import Program
from mixent.sweep.progress import Progress
from mixent.sweep.record import Record, count_ends
from mixent.sweep.space import Sweep, find_sweep, read_sweep
from mixent.sweep.words import complete, manual, parse


def _need(*modules: str, extra: str) -> None:
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        raise SweepError(f"{' and '.join(missing)} missing; install with: pip install '.[{extra}]' where mixent's source is")


def _lock(directory: Path) -> int:
    """Held until this process ends, however it ends."""
    lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SweepError(f"{directory}: another mixent-sweep is at work there") from None
    return lock


def _keep_copy(space: Path, directory: Path) -> None:
    copy = directory / "space.yaml"
    if not (copy.exists() and copy.samefile(space)):
        shutil.copyfile(space, copy)


def _search(arguments: argparse.Namespace, sweep: Sweep, program: Program, directory: Path, progress: Progress):
    """The study and the records of all trials."""
    if arguments.ray:
        _need("ray", extra="ray")
        from mixent.sweep.on_ray import search
        return search(sweep, program, directory, arguments.ray, arguments.jobs, arguments.threads, progress)
    from mixent.sweep.local import Search
    jobs = arguments.jobs or max(len(os.sched_getaffinity(0)) // arguments.threads, 1)
    progress.say(f"{sweep.name}: {sweep.trials} trials of {sweep.recipe}, {jobs} at a time, {arguments.threads} thread"
                 f"{'s'[:arguments.threads > 1]} each; {sweep.sampler}, pruner {sweep.pruner}; all goes to {directory}")
    search = Search(sweep, program, directory, jobs, arguments.threads, progress)
    _keep_copy(find_sweep(arguments.space), directory)
    return search.study, search.run()


def _report(arguments: argparse.Namespace, sweep: Sweep, program: Program, directory: Path, study, records: list[Record]) -> None:
    from mixent.sweep import report
    shares = report.importances(sweep, study)
    report.write_table(sweep, records, directory)
    best = report.best_of(sweep, records)
    files = []
    if best:
        report.write_best(sweep, program, best, directory)
        files = report.draw(sweep, records, shares, directory)
    print(report.to_json(sweep, records, shares, directory) if arguments.json
          else report.to_words(sweep, records, shares, directory, files))


def _check_success(records: list[Record], directory: Path) -> None:
    """A sweep without a best trial has failed, though each of its trials was run."""
    if any(record.end == "finished" for record in records):
        return
    last = next((record.message for record in reversed(records) if record.message), "")
    if records and all(record.end == "diverged" for record in records):
        raise SweepError(f"all {len(records)} trials diverged, so there is no best one; search lower learning rates or weights (the last "
                         f"trial said: {last})")
    raise SweepError(f"no trial was finished ({count_ends(records)}), so there is no best one; "
                     + (f"the last message was: {last}" if last else f"see {directory / 'trials'}"))


def _run(arguments: argparse.Namespace) -> None:
    program = Program.find()
    sweep = read_sweep(find_sweep(arguments.space), program, dict(arguments.set + arguments.settings), arguments.trials)
    _need("optuna", "matplotlib", *(["scipy"] if sweep.sampler == "qmc" else []), extra="sweep")
    directory = arguments.directory or Path("runs/sweeps") / sweep.name
    directory.mkdir(parents=True, exist_ok=True)
    from mixent.sweep.study import storage_errors
    lock = _lock(directory)
    try:
        with storage_errors(directory):
            study, records = _search(arguments, sweep, program, directory, Progress(sweep, quiet=arguments.json))
            _report(arguments, sweep, program, directory, study, records)
    finally:
        os.close(lock)
    _check_success(records, directory)


def main(words: list[str] | None = None) -> int:
    words = sys.argv[1:] if words is None else words
    if words[:2] == ["complete", "--"]:
        print("\n".join(complete(words[2:])))
        return 0
    if words == ["manual"]:
        print(manual(), end="")
        return 0
    arguments = parse(words)
    try:
        _run(arguments)
    except SweepError as error:
        print(f"mixent-sweep: {printable(str(error))}", file=sys.stderr)
        return error.code
    except OSError as error:
        print(printable(f"mixent-sweep: {error.filename or 'a file'}: {error.strerror or error}"), file=sys.stderr)
        return 1
    except KeyboardInterrupt as stopped:
        again = shlex.join(["mixent-sweep", *words])
        print(f"mixent-sweep: stopped, every trial is saved; go on with: {again}", file=sys.stderr)
        return 128 + (stopped.args[0] if stopped.args else signal.SIGINT)
    return 0
