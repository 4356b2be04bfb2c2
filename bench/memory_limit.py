#!/usr/bin/env python3
"""What it costs to read pictures from disk in place of memory (option memory_limit): the same training with and without, in turn.

  bench/memory_limit.py [--pictures 4000] [--side 64] [--rounds 5] [--threads 2] [--net resnet10] [--program build/release/mixent]

Makes pictures in a temporary directory, of which mixent decodes all into its cache there; the limit is a twentieth of what they take.
Printed are images per second of each round and the ratio of the medians; the models of a round must be the same bytes. The system may
still hold the cache's file in memory: where it does, the ratio has no disk in it.
"""
import argparse
import json
import os
import statistics
import subprocess
import tempfile
from pathlib import Path

import numpy
from PIL import Image

import runs


def make_pictures(directory, count, side):
    """JPEG files of noise and a light bar, which is level in the one class and upright in the other."""
    random = numpy.random.default_rng(0)
    for part, share in ("train", 1), ("test", 20):
        for name in "level", "upright":
            (directory / part / name).mkdir(parents=True)
            for i in range(count // 2 // share):
                pixels = random.integers(0, 120, (side, side, 3))
                at = random.integers(side // 4, 3 * side // 4)
                pixels[(slice(at, at + side // 8), slice(None)) if name == "level" else (slice(None), slice(at, at + side // 8))] += 120
                Image.fromarray(pixels.astype(numpy.uint8)).save(directory / part / name / f"{i:06}.jpg")


def train(arguments, directory, run, limit):
    """Images per second of one epoch, and the model's bytes."""
    words = [arguments.program.resolve(), "train", "--recipe", "photos", "--data", directory / "pictures", "--net", arguments.net, "--epochs", 1,
             "--threads", arguments.threads, "--set", f"side={arguments.side}", "--set", f"memory_limit={limit}", "--run", run, "--json"]
    subprocess.run(list(map(str, words)), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   env={**os.environ, "XDG_CACHE_HOME": str(directory / "cache")})
    recorded = runs.read(run)
    return recorded["epochs"][0]["images_per_second"], (Path(run) / "best.safetensors").read_bytes()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=4000, metavar="N", help="to train on (default: 4000)")
    parser.add_argument("--side", type=int, default=64, metavar="N", help="of each, in pixels (default: 64)")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="trainings of each kind (default: 5)")
    parser.add_argument("--threads", type=int, default=2, metavar="N", help="of a training (default: 2)")
    parser.add_argument("--net", default="resnet10", metavar="NET", help="the network (default: resnet10)")
    parser.add_argument("--program", type=Path, default=runs.PROGRAM, metavar="FILE", help="mixent (default: build/release/mixent)")
    arguments = parser.parse_args()
    megabytes = arguments.pictures * arguments.side**2 * 3 / 1e6
    speeds = {"memory": [], "disk": []}
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        make_pictures(directory / "pictures", arguments.pictures, arguments.side)
        for number in range(arguments.rounds):
            models = set()
            for kind in speeds if number % 2 == 0 else reversed(speeds):
                limit = max(1, round(megabytes / 20)) if kind == "disk" else 1000000
                speed, model = train(arguments, directory, directory / f"{kind}-{number}", limit)
                speeds[kind].append(speed)
                models.add(model)
            if len(models) != 1:
                raise SystemExit(f"round {number}: the two models differ")
    medians = {kind: statistics.median(values) for kind, values in speeds.items()}
    print(json.dumps({"pictures": arguments.pictures, "side": arguments.side, "megabytes": round(megabytes), "images_per_second": speeds,
                      "medians": medians, "disk_to_memory": round(medians["disk"] / medians["memory"], 4)}))


if __name__ == "__main__":
    main()
