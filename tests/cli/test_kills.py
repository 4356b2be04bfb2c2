"""Training runs and studies that are killed and stopped at random moments, again and again, end with the files of those that
nothing disturbed.

KILLS says how many kills the long tests make together, KILLS_SEED which moments they draw. The tables they print (pytest -s) say
what was killed, at which moments. A moment is drawn from the time of an undisturbed run; half of them wait for the
beginning, for a file that is being written, or for the end, which are short and would be met too seldom."""
import collections
import math
import os
import random
import shutil
import signal
import subprocess
import time

import pytest

from injection import files_of
from studies import STUDY, Place
from support import PROGRAM, TINY_NET, environment, make_dataset, read_safetensors

KILLS, SEED = int(os.environ.get("KILLS", "250")), int(os.environ.get("KILLS_SEED", "1"))
SIGNALS = [signal.SIGKILL] * 4 + [signal.SIGTERM, signal.SIGINT]

EPOCHS = 5
TRAININGS = {
    "saved at the end of each epoch": ["--threads", "1", "--set", "validation.fraction=0", "--set", "select=last"],
    "saved after each step": [
        "--threads", "2", "--loss", "min-ent", "--set", "save_minutes=1e-9", "--set", "loss.learn=w1 w2", "--set", "ema.decay=0.9",
        "--set", "loss.weight_learning_rate=0.001", "--set", "noise.fraction=0.1", "--set", "augment.affine_rotation=10"],
    "saved every few steps": [
        "--threads", "1", "--loss", "mix-ent", "--set", "save_minutes=0.0005", "--set", "loss.learn=w1 w2 b1 b2", "--set", "select=test",
        "--set", "train_fraction=0.9", "--set", "test.views=3"],
}
# Runs and how often it saves: after each step, or at the end of each epoch.
STUDIES = {"two runs at once": "save_minutes: 0", "two runs at once, saved after each step": "save_minutes: 1.0e-9"}


class Tally:
    """Counts of kills by what was killed, the signal, and how far it was."""

    def __init__(self):
        self.kills, self.too_late = collections.Counter(), 0

    def add(self, what, number, phase):
        self.kills[what, signal.Signals(number).name, phase] += 1

    def total(self):
        return sum(self.kills.values())

    def phases(self):
        return {phase for _, _, phase in self.kills}

    def __str__(self):
        lines = []
        for column, title in enumerate(("what", "signal", "moment")):
            counts = collections.Counter()
            for key, count in self.kills.items():
                counts[key[column]] += count
            lines += [f"\nkills by {title}", *(f"{count:6}  {name}" for name, count in sorted(counts.items()))]
        return "\n".join([*lines, f"{self.too_late:6}  came too late: the run had ended"])


class Training:
    """A run with much state: what it ends with, and the process that trains it."""

    def __init__(self, directory, name):
        self.place, self.directory = directory, directory / "run"
        make_dataset(directory / "bars", train=300, test=60)
        (directory / "net.yaml").write_text(TINY_NET)
        self.options = ["--data", "bars", "--net", "net.yaml", "--epochs", EPOCHS, "--precision", "fp32", "--set", "batch=30",
                        *TRAININGS[name]]
        begin = time.monotonic()
        self.finish()
        self.seconds = time.monotonic() - begin
        self.whole = files_of(self.directory)
        shutil.rmtree(self.directory)

    def start(self):
        words = ["--resume", "run"] if self.directory.exists() else [*self.options, "--run", "run"]
        return subprocess.Popen([PROGRAM, "train", *map(str, words)], cwd=self.place, env=environment(), stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True)

    def finish(self):
        process = self.start()
        errors = process.communicate(timeout=120)[1]
        assert process.returncode == 0, errors

    def temporaries(self):
        return {path.name for path in self.directory.glob(".mixent-*.new")}

    def lines(self):
        return lines_of(self.directory)

    def at_its_end(self):
        return self.lines() == EPOCHS

    def phase(self, before):
        """How far a process came that has died, by what it left; `before` are the temporary files of earlier ones."""
        if not self.directory.exists():
            return "1 before the run's directory is there"
        if self.temporaries() - before:
            return "4 while a file is written"
        if (self.directory / "summary.json").exists():
            return "6 after summary.json"
        if self.at_its_end():
            return "5 after the last epoch, before summary.json"
        epoch, step = read_safetensors(self.directory / "last.safetensors")[0]["state.position"]
        return f"3 in epoch {self.lines() + 1} of {EPOCHS}" if epoch or step or self.lines() else "2 before the first save"

    def kill(self, generator):
        """Starts or resumes it, sends one signal. Returns (what, signal, phase), or None if it had ended."""
        number, before = generator.choice(SIGNALS), self.temporaries()
        process = self.start()
        wait_for_a_moment(self, process, generator, before)
        process.send_signal(number)
        errors = process.communicate(timeout=120)[1]
        code = process.returncode
        assert code in (0, -number) or code == 128 + number and "--resume run" in errors, (code, errors)
        return None if code == 0 else ("training", number, self.phase(before))

    def check(self):
        """It goes on to the end, where all is as if nothing had happened."""
        self.finish()
        for name in self.temporaries():
            (self.directory / name).unlink()
        found = files_of(self.directory)
        assert found.keys() == self.whole.keys()
        assert [name for name in found if found[name] != self.whole[name]] == []
        shutil.rmtree(self.directory)


def lines_of(run):
    try:
        return (run / "metrics.jsonl").read_text().count("\n")
    except FileNotFoundError:
        return 0


def wait_for_a_moment(subject, process, generator, before):
    aim, part = generator.choice(("any", "any", "any", "begin", "write", "end")), generator.random()
    if aim == "any":
        time.sleep(part * subject.seconds)
        return
    seen, wanted = set(before), len(before) + 1 + int(5 * part)
    while process.poll() is None:
        if aim == "write":
            seen |= subject.temporaries()
            if len(seen) >= wanted:
                return
        elif subject.directory.exists() if aim == "begin" else subject.at_its_end():
            time.sleep(0.03 * part)
            return


class Study:
    """The study of studies.py, two runs at once."""

    def __init__(self, directory, name):
        self.place = Place(directory, STUDY.replace("epochs: 2", f"epochs: 3\n  {STUDIES[name]}"))
        self.directory = directory / "runs" / "small"
        begin = time.monotonic()
        self.finish()
        self.seconds = time.monotonic() - begin
        self.whole = files_of(self.directory), self.place.table()
        shutil.rmtree(directory / "runs")

    def start(self):
        return self.place.start("compare", "study.yaml", "--jobs", 2)

    def finish(self):
        self.place.run("compare", "study.yaml", "--jobs", 2)

    def runs(self):
        return [path.parent for path in self.directory.glob("*/recipe.yaml")]

    def temporaries(self):
        found = os.walk(self.directory)  # passes over directories that vanish
        return {os.path.join(root, name) for root, _, names in found for name in names if name.startswith(".mixent-")}

    def at_its_end(self):
        return len(self.place.finished()) == 4

    def phase(self, before):
        if not self.directory.exists():
            return "1 before the study's directory is there"
        if self.temporaries() - before:
            return "4 while a file is written"
        if self.at_its_end():
            return "6 after the last run, comparing"
        if not self.runs():
            return "2 before the first run's directory is there"
        return f"3 with {len(self.place.finished())} of 4 runs finished"

    def kill(self, generator):
        """Kills all its processes, the parent alone or a child alone."""
        number, before, what = generator.choice(SIGNALS), self.temporaries(), generator.choice(("all", "parent", "child"))
        process = self.start()
        wait_for_a_moment(self, process, generator, before)
        children = self.place.trainers()
        targets = {"all": [process.pid, *children], "parent": [process.pid], "child": children[:1]}[what]
        for target in targets:
            try:
                os.kill(target, number)
            except ProcessLookupError:
                pass  # it has ended
        out, errors = process.communicate(timeout=120)
        self.place.await_no_trainers()
        code = process.returncode
        expected = (0, 1, 128 + number) if what == "child" else (0, -number, 128 + number)
        assert code in expected, (what, number, code, out, errors)
        if what == "child" and code == 1:
            assert f"ended by signal {int(number)}" in errors, errors
        return (what, number, self.phase(before)) if code and targets else None

    def check(self):
        self.finish()
        for name in self.temporaries():
            os.unlink(name)
        found = files_of(self.directory)
        assert found.keys() == self.whole[0].keys()
        assert [name for name in found if found[name] != self.whole[0][name]] == []
        assert self.place.table() == self.whole[1]
        left = {path.name for path in self.directory.parent.iterdir()}
        assert left <= {"small", ".small.new"}
        shutil.rmtree(self.directory.parent)


def kill_often(subject, kills, seed, tally):
    """Kills until there are as many kills; what has ended, or was killed a dozen times, is checked and begun again."""
    generator, before, row = random.Random(seed), tally.total(), 0
    while tally.total() < before + kills:
        killed = subject.kill(generator)
        if killed:
            tally.add(*killed)
            row += 1
        else:
            tally.too_late += 1
        if not killed or row == 12:
            subject.check()
            row = 0
    subject.check()


@pytest.mark.parametrize("name", TRAININGS)
def test_a_training_is_killed_again_and_again(tmp_path, name):
    kill_often(Training(tmp_path, name), 4, seed=1, tally=Tally())


def test_a_study_is_killed_again_and_again(tmp_path):
    kill_often(Study(tmp_path, "two runs at once, saved after each step"), 4, seed=1, tally=Tally())


SUBJECTS = {**{f"training, {name}": (Training, name, 0.7 / len(TRAININGS)) for name in TRAININGS},
            **{f"study, {name}": (Study, name, 0.3 / len(STUDIES)) for name in STUDIES}}


@pytest.mark.long
@pytest.mark.parametrize("subject", SUBJECTS)
def test_kills(tmp_path, subject):
    """Together KILLS: seven of ten of trainings, the others of studies."""
    kind, name, share = SUBJECTS[subject]
    tally, kills = Tally(), math.ceil(share * KILLS)
    kill_often(kind(tmp_path, name), kills, SEED * 100 + list(SUBJECTS).index(subject), tally)
    print(f"\n{tally.total()} kills of {subject}\n{tally}", flush=True)
    assert tally.total() == kills
    if kills >= 50:  # it was killed while it trained, while it wrote, and at its end
        assert {phase[0] for phase in tally.phases()} >= set("34") and {phase[0] for phase in tally.phases()} & set("56")
