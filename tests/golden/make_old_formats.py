#!/usr/bin/env python3
"""Makes what a revision leaves on disk, small: a data set, a finished run, an interrupted run, and two studies exported, of which
one leaves the loss's weights to the program.
The files in tests/golden/formats-REVISION were made by `tests/golden/make_old_formats.py PROGRAM formats-REVISION` with the program
of that revision; tests/cli/test_old_formats.py opens, resumes and imports them with the program of today. Of a564270, the last
revision before safetensors files had a checksum, the second study and the finished run's last.safetensors were left out."""
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "cli"))
from support import environment, write_idx

NET = """name: tiny
layers:
  - conv2d: {name: c, channels: 4, kernel: 3, padding: 1}
  - batch_norm: {name: n}
  - relu:
  - max_pool: {size: 2}
  - global_pool:
  - flatten:
  - dropout: {rate: 0.1}
  - linear: {name: out, features: classes}
"""
STUDY = """name: small
recipe: course.yaml
seeds: [1, 2]
variants:
  ce: {loss: {name: ce}}
  min-ent: {loss: {name: min-ent, w1: 1, w2: 0.1, b1: e, b2: e}}
"""
# Weights and paths as people leave them.
DEFAULTS = """name: defaults
recipe: plain.yaml
seeds: [1, 2]
variants:
  split: {loss: {name: mix-ent-split}}
"""
PLAIN = """data: ./bars/
net: ./net.yaml
precision: fp32
plan: table
batch: 20
epochs: 1
"""
RECIPE = """data: bars
net: net.yaml
precision: fp32
plan: table
batch: 20
epochs: 3
dropout: 0.1
validation: {fraction: 0.2}
noise: {fraction: 0.1}
loss: {name: mix-ent, style: square, w1: 1, w2: 0.4, learn: w1 w2, weight_learning_rate: 0.0001}
optimizer: {learning_rate: 0.1}
ema: {decay: 0.9, estimate_batches: 2}
augment: {affine_rotation: 10, elastic: 1}
test: {views: 3}
"""
INPUTS = {"net.yaml": NET, "course.yaml": RECIPE, "study.yaml": STUDY, "plain.yaml": PLAIN, "defaults.yaml": DEFAULTS}


def make_data(directory):
    """Four classes of stripes, 160 train and 80 test images of 16 x 16 pixels, by whole-number arithmetic alone."""
    directory.mkdir()
    for part, count, salt in (("train", 160, 7), ("t10k", 80, 11)):
        labels = numpy.arange(count) % 4
        image, y, x = numpy.meshgrid(numpy.arange(count), numpy.arange(16), numpy.arange(16), indexing="ij")
        label = image % 4
        along = numpy.select([label == 0, label == 1, label == 2], [x, y, x + y], x - y) + image // 4
        noise = (image * 31 + y * 17 + x * 13 + salt * (x * y + image)) % 61
        write_idx(directory / f"{part}-images-idx3-ubyte", numpy.where(along % 6 < 2, 190, 0) + noise)
        write_idx(directory / f"{part}-labels-idx1-ubyte", labels)


def make_inputs(directory):
    make_data(directory / "bars")
    for name, text in INPUTS.items():
        (directory / name).write_text(text)


def main():
    program, directory = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
    directory.mkdir(parents=True)
    make_inputs(directory)

    def run(*arguments):
        subprocess.run([program, *arguments], cwd=directory, env=environment(), check=True, stdout=subprocess.DEVNULL)

    run("train", "--recipe", "course.yaml", "--threads", "1", "--run", "finished")
    train = subprocess.Popen([program, "train", "--json", "--recipe", "course.yaml", "--threads", "1", "--epochs", "20",
                              "--run", "interrupted"], cwd=directory, env=environment(), stdout=subprocess.PIPE, text=True)
    while '"epoch"' not in (line := train.stdout.readline()) and line:
        pass
    train.send_signal(signal.SIGINT)
    train.communicate()
    for study, name in (("study", "small"), ("defaults", "defaults")):
        run("compare", f"{study}.yaml", "--threads", "1", "--jobs", "1")
        run("study", "export", f"runs/{name}", f"{study}.jsonl")
    for path in directory.glob("*/recipe.yaml"):  # a run remembers whole paths: made relative, it can be opened anywhere
        path.write_text(path.read_text().replace(f"{directory.resolve()}/", ""))
    for name in ("bars", "runs"):
        subprocess.run(["rm", "-r", directory / name], check=True)
    for name in INPUTS:
        os.remove(directory / name)


if __name__ == "__main__":
    main()
