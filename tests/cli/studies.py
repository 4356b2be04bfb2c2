"""A small study that the tests of `mixent compare` and `mixent study` train, and the directory in which they run the program."""
import json
import os
import re
import subprocess
import time

import pytest

from events import read_last
from support import PROGRAM, TINY_NET, environment, make_dataset

STUDY = """\
name: small
about: Does the entropy of predictions help?
recipe: demo
seeds: 2
set:
  data: bars
  net: net.yaml
  epochs: 2
  batch: 20
  precision: fp32
  validation: {fraction: 0.2}
  optimizer: {learning_rate: 0.1}
baseline: ce
variants:
  ce: {loss: {name: ce}}
  min-ent: {loss: {name: min-ent, w2: 0.5, learn: [w1, w2]}}
"""
TIMES = ("seconds", "images_per_second", "peak_memory_bytes", "cpu", "versions", "plan")


class Place:
    """A directory with data, a network and a study, in which the program runs."""

    def __init__(self, directory, study=STUDY):
        self.directory = directory
        make_dataset(directory / "bars", train=100, test=40)
        (directory / "net.yaml").write_text(TINY_NET)
        self.write(study)

    def write(self, study):
        (self.directory / "study.yaml").write_text(study)

    def start(self, *words):
        return subprocess.Popen([PROGRAM, *map(str, words)], cwd=self.directory, env=environment(), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)

    def run(self, *words, code=0):
        process = self.start(*words)
        out, err = process.communicate(timeout=300)
        assert process.returncode == code, out + err
        return out, err

    def compare(self, *words, code=0):
        """The last event, which has the comparison."""
        return read_last(self.run("compare", "study.yaml", "--json", *words, code=code)[0])

    def table(self, name="small"):
        """What the finished study says, times left out."""
        shown = read_last(self.run("compare", f"runs/{name}", "--json", "--no-train")[0])
        text = json.dumps(shown["comparison"], sort_keys=True)
        return re.sub(r'"(training_time|seconds|images_per_second)": \{[^{}]*\}', "", text)

    def finished(self, name="small"):
        return sorted(path.parent.name for path in self.directory.glob(f"runs/{name}/*/summary.json"))

    def scores(self, name="small"):
        """All that a study's runs must have in common with those of another machine or day."""
        found = {}
        for path in self.directory.glob(f"runs/{name}/*/summary.json"):
            summary = json.loads(path.read_text())
            found[path.parent.name] = {key: value for key, value in summary.items() if key not in TIMES}
            lines = [json.loads(line) for line in (path.parent / "metrics.jsonl").read_text().splitlines()]
            found[path.parent.name]["lines"] = [{key: line[key] for key in line if key not in TIMES} for line in lines]
        return found

    def models(self, name="small"):
        return {path.parent.name: path.read_bytes() for path in self.directory.glob(f"runs/{name}/*/best.safetensors")}

    def trainers(self):
        """Processes that train in this directory."""
        found = []
        for entry in os.listdir("/proc"):
            try:
                if entry.isdigit() and os.readlink(f"/proc/{entry}/cwd") == str(self.directory):
                    with open(f"/proc/{entry}/cmdline", "rb") as stream:
                        found += [int(entry)] if b"\0train\0" in stream.read() else []
            except OSError:
                pass  # it has ended
        return found

    def await_no_trainers(self):
        end = time.monotonic() + 20
        while self.trainers():
            assert time.monotonic() < end, "processes go on without the one that started them"
            time.sleep(0.02)

    def await_run(self, name="small"):
        end = time.monotonic() + 60
        while not list(self.directory.glob(f"runs/{name}/*/metrics.jsonl")):
            assert time.monotonic() < end
            time.sleep(0.01)


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A study that nothing disturbed; not to be changed."""
    place = Place(tmp_path_factory.mktemp("whole"))
    place.said = place.compare("--csv", "table.csv")
    return place
