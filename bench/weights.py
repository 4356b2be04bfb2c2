#!/usr/bin/python3
"""Learning MIN-ENT's w2 three ways: by descent on the training loss as `free` and `square`, and by `hypergradient`, beside fixed w2 and
plain cross entropy. A small network, one epoch, several seeds; each way gets the same number of rates to try.

  bench/weights.py [--program build/release/mixent] [--data emnist-letters] [--epochs 1] [--seeds 5] [--runs runs/weights] [--threads 1]

For each way the rate is chosen by the mean validation NLL; then the test images of those runs are compared, paired by seed, with the
95 % interval of the difference by Student's t. Finished runs are not repeated: killed, it goes on where it was.
"""
import argparse
import math
import statistics
from pathlib import Path

import runs
from runs import ROOT

START = 0.5  # w2 at the start, or for good
LEARN = ["--loss", "min-ent", "--set", "loss.w1=1", "--set", f"loss.w2={START}", "--set", "loss.b1=2.718281828459045", "--set",
         "loss.b2=2.718281828459045"]
WAYS = {  # name: (options, rates of w2)
    "ce": (["--loss", "ce"], [None]),
    "fixed": (LEARN, [None]),
    "free": ([*LEARN, "--set", "loss.style=free", "--set", "loss.learn=w2"], [1e-4, 1e-3, 1e-2]),
    "square": ([*LEARN, "--set", "loss.style=square", "--set", f"loss.w2={math.sqrt(START)}", "--set", "loss.learn=w2"],
               [1e-4, 1e-3, 1e-2]),
    "hypergradient": ([*LEARN, "--set", "loss.style=hypergradient", "--set", "loss.learn=w2"], [0.3, 1, 3]),
}


def run(arguments, way, rate, seed):
    place = Path(arguments.runs) / f"{way}-{rate}-{seed}"
    options = [*WAYS[way][0], "--data", arguments.data, "--net", ROOT / "bench" / "small-network.yaml", "--epochs", arguments.epochs,
               "--seed", seed, "--threads", arguments.threads, "--precision", "fp32", "--set", "batch=100", "--set",
               "optimizer.learning_rate=0.05"]
    if rate is not None:
        options += ["--set", f"loss.weight_learning_rate={rate}"]
    done = runs.train(arguments.program, place, options)
    return dict(done, w2=done["epochs"][-1]["w2"])


def mean(done, part, score):
    return statistics.mean(one[part][score] for one in done)


def interval(done, others, score):
    """Mean of the paired differences, and half the width of its 95 % interval."""
    return runs.interval([one["test"][score] - other["test"][score] for one, other in zip(done, others)])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(runs.PROGRAM))
    parser.add_argument("--data", default="emnist-letters")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=5, choices=range(2, 11))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", default="runs/weights")
    arguments = parser.parse_args()
    runs.keep_settings(Path(arguments.runs), {key: getattr(arguments, key) for key in ("data", "epochs", "threads")})
    best = {}
    for way, (_, rates) in WAYS.items():
        tried = {rate: [run(arguments, way, rate, seed) for seed in range(arguments.seeds)] for rate in rates}
        rate = min(tried, key=lambda one: mean(tried[one], "validation", "nll"))
        best[way] = (rate, tried[rate])
        print(f"{way}: " + ", ".join(f"rate {one}: validation NLL {mean(done, 'validation', 'nll'):.4f}" for one, done in tried.items()),
              flush=True)
    print(f"\n{arguments.seeds} seeds, {arguments.epochs} epochs of {arguments.data}; differences to hypergradient with 95 % intervals")
    print(f"{'way':14} {'rate':>8} {'w2 at the end':>14} {'test %':>7} {'NLL':>7} {'ECE':>7} {'difference in %':>18} {'in NLL':>20}")
    hyper = best["hypergradient"][1]
    for way, (rate, done) in best.items():
        w2 = "-" if way == "ce" else f"{statistics.mean(one['w2'] for one in done):.3f}"
        line = (f"{way:14} {'-' if rate is None else rate!s:>8} {w2:>14} {100 * mean(done, 'test', 'accuracy'):7.2f} "
                f"{mean(done, 'test', 'nll'):7.4f} {mean(done, 'test', 'ece'):7.4f}")
        if way != "hypergradient":
            accuracy, nll = interval(done, hyper, "accuracy"), interval(done, hyper, "nll")
            line += f" {100 * accuracy[0]:+8.2f} ± {100 * accuracy[1]:.2f} {nll[0]:+11.4f} ± {nll[1]:.4f}"
        print(line)


if __name__ == "__main__":
    main()
