"""Sweeps so small that a trial takes about a second, and the directory in which they are run."""
import json
import subprocess
import sys
from pathlib import Path

import optuna
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cli"))
from support import PROGRAM, environment, make_dataset  # noqa: E402

import mixent  # noqa: E402

NET = "name: tiny\nlayers:\n  - conv2d: {name: c, channels: 8, kernel: 3, padding: 1}\n  - relu:\n  - max_pool: {size: 2}\n" \
      "  - flatten:\n  - linear: {name: out, features: classes}\n"
FIXED = "set: {data: bars, net: tiny.yaml, epochs: EPOCHS, batch: 20, precision: fp32, validation: {fraction: 0.2}, loss: {name: min-ent}}\n"
SPACE = """space:
  optimizer.learning_rate: {log_uniform: [0.001, 0.3]}
  loss.weight_learning_rate: {log_uniform: [1e-6, 1e-4], when: {loss.learn: w1 w2}}
  loss.learn: {choice: [none, w1 w2]}
"""


class Place:
    """A directory with data and a network, in which sweeps are run."""

    def __init__(self, directory):
        self.directory = directory
        make_dataset(directory / "bars", train=1000, test=40)
        (directory / "tiny.yaml").write_text(NET)
        self.environment = environment(MIXENT_PROGRAM=str(PROGRAM), PYTHONPATH=str(Path(mixent.__file__).resolve().parents[1]),
                                       MPLCONFIGDIR=str(directory), RAY_TMPDIR="/tmp")

    def write(self, name, space=SPACE, epochs=3, **keys):
        text = FIXED.replace("EPOCHS", str(epochs)) + "".join(f"{key}: {value}\n" for key, value in keys.items()) + space
        (self.directory / f"{name}.yaml").write_text(text)

    def start(self, name, *words):
        return subprocess.Popen([sys.executable, "-m", "mixent.sweep", f"{name}.yaml", *map(str, words)], cwd=self.directory,
                                env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, name, *words, code=0):
        process = self.start(name, *words)
        out, errors = process.communicate(timeout=1200)
        assert process.returncode == code, out + errors
        return out if code == 0 else errors

    def records(self, name, *words):
        """The trials, but for the times."""
        trials = json.loads(self.run(name, "--json", *words))["trials"]
        return [{key: value for key, value in trial.items() if key != "seconds"} for trial in trials]

    def path(self, name, *more):
        return self.directory.joinpath("runs", "sweeps", name, *more)

    def lines(self, name, number):
        file, = self.path(name, "trials").glob(f"{number:04}*/metrics.jsonl")
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        return [{key: value for key, value in line.items() if key not in ("seconds", "images_per_second")} for line in lines]

    def at_work(self, name):
        """Whether a trial has finished an epoch, but not its last."""
        return any(path.stat().st_size and not (path.parent / "summary.json").exists()
                   for path in self.path(name, "trials").glob("*/metrics.jsonl"))

    def check_whole(self, name, records, trials, epochs):
        """Every trial is there once, in Optuna's file too, and each finished one trained every epoch once."""
        assert [record["number"] for record in records] == list(range(trials))
        study = optuna.load_study(study_name=name, storage=f"sqlite:///{self.path(name, 'sweep.db')}")
        assert [trial.number for trial in study.trials] == list(range(trials))
        assert all(trial.state.is_finished() for trial in study.trials)
        assert sorted(path.name[:4] for path in self.path(name, "trials").iterdir() if path.is_dir()) == [f"{n:04}" for n in range(trials)]
        for record, trial in zip(records, study.trials):
            assert record["chosen"] == trial.params
            if record["end"] == "finished":
                lines = self.lines(name, record["number"])
                assert [line["epoch"] for line in lines] == list(range(1, epochs + 1))
                values = [line["validation"]["accuracy"] for line in lines]
                assert record["value"] == trial.value == max(values) and list(trial.intermediate_values.values()) == values


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    if not PROGRAM.exists():
        pytest.fail(f"{PROGRAM} is not built; run make")
    return Place(tmp_path_factory.mktemp("sweep"))


def children(process):
    try:
        return [int(word) for word in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
    except FileNotFoundError:
        return []
