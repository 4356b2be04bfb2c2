#!/usr/bin/env python3
"""Whether two ways to compute the same training end alike: a recipe run with either of two variants, several seeds, paired.

  bench/same_accuracy.py --a="--precision fp32" --b="--precision bf16" [--seeds 5] [--first-seed 0] [--jobs 1] [--runs runs/same]
                         [--program build/release/mixent] [--json] [-- OPTIONS OF mixent train FOR BOTH]

  bench/same_accuracy.py --a="" --b="--set ema.decay=0.99" --seeds 5 --jobs 2 -- --net vgg5-half --epochs 1

Each variant is a text of options as a shell would read it. Runs have one thread each, --jobs of them at once, and lie in RUNS/a-SEED
and RUNS/b-SEED; killed, it goes on where it was, and finished runs are not repeated. Printed are accuracies by seed, the mean
difference b - a with its 95 % interval by Student's t, and by epoch the largest gap between the two training losses of a seed.
"""
import argparse
import json
import shlex
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import runs

PARTS = ("test", "validation")


def train_pairs(arguments, seeds):
    """{seed: {"a": run, "b": run}}"""
    directory = Path(arguments.runs)
    runs.keep_settings(directory, {"a": arguments.a, "b": arguments.b, "options": arguments.options})
    variants = {"a": shlex.split(arguments.a), "b": shlex.split(arguments.b)}
    with ThreadPoolExecutor(arguments.jobs) as pool:
        jobs = {(seed, name): pool.submit(runs.train, arguments.program, directory / f"{name}-{seed}",
                                          [*arguments.options, "--threads", 1, *options, "--seed", seed])
                for seed in seeds for name, options in variants.items()}
        return {seed: {name: jobs[seed, name].result() for name in variants} for seed in seeds}


def accuracy(run, part):
    """None where nothing is held out."""
    return run[part] and run[part]["accuracy"]


def compare(pairs):
    """What is printed, as one object; differences are b - a."""
    report = {"seeds": [], "difference": {}, "loss_gaps": []}
    for seed, pair in pairs.items():
        report["seeds"].append({"seed": seed, **{name: {part: accuracy(run, part) for part in PARTS} for name, run in pair.items()}})
    for part in PARTS:
        differences = [row["b"][part] - row["a"][part] for row in report["seeds"] if row["a"][part] is not None]
        if differences:
            mean, half = runs.interval(differences)
            report["difference"][part] = {"mean": mean, "half_width": half}
    for epochs in zip(*(zip(pair["a"]["epochs"], pair["b"]["epochs"]) for pair in pairs.values())):
        report["loss_gaps"].append(max(abs(a["train"]["loss"] - b["train"]["loss"]) for a, b in epochs))
    return report


def per_cent(value, form=".3f"):
    return "-" if value is None else f"{100 * value:{form}}"


def show(report, arguments):
    print(f"a: {arguments.a}\nb: {arguments.b}\nboth: {shlex.join(arguments.options)}\n")
    print(f"{'seed':>5} {'test % a':>9} {'b':>9} {'b - a':>8} {'validation % a':>15} {'b':>9} {'b - a':>8}")
    for row in report["seeds"]:
        cells = [f"{row['seed']:>5}"]
        for part, width in zip(PARTS, (9, 15)):
            a, b = row["a"][part], row["b"][part]
            cells += [f"{per_cent(a):>{width}}", f"{per_cent(b):>9}", f"{per_cent(None if a is None else b - a, '+.3f'):>8}"]
        print(" ".join(cells))
    print()
    for part, difference in report["difference"].items():
        half = "(one seed: no interval)" if difference["half_width"] is None else f"± {per_cent(difference['half_width'])}"
        print(f"{part}: b - a is {per_cent(difference['mean'], '+.3f')} {half} points")
    print("largest gap of the training losses by epoch: " + ", ".join(f"{gap:.2g}" for gap in report["loss_gaps"]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--a", required=True, metavar="OPTIONS")
    parser.add_argument("--b", required=True, metavar="OPTIONS")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--runs", default="runs/same")
    parser.add_argument("--program", default=str(runs.PROGRAM))
    parser.add_argument("--json", action="store_true", help="print one object of JSON instead; accuracies are 0 to 1 there")
    words = sys.argv[1:]
    cut = words.index("--") if "--" in words else len(words)
    arguments = parser.parse_args(words[:cut])
    arguments.options = words[cut + 1:]
    if arguments.seeds < 1 or arguments.jobs < 1:
        parser.error("--seeds and --jobs are 1 or more")
    report = compare(train_pairs(arguments, range(arguments.first_seed, arguments.first_seed + arguments.seeds)))
    if arguments.json:
        print(json.dumps(report))
    else:
        show(report, arguments)


if __name__ == "__main__":
    main()
