#!/usr/bin/python3
"""Learning MIN-ENT's w2 three ways: by descent on the training loss as `free` and `square`, and by `hypergradient`, beside fixed w2 and
plain cross entropy. A small network, one epoch, several seeds; each way gets the same number of rates to try.

  bench/weights.py [--program build/release/mixent] [--data emnist-letters] [--epochs 1] [--seeds 5] [--runs runs/weights] [--threads 1]

For each way the rate is chosen by the mean validation NLL; then the test images of those runs are compared, paired by seed, with the
95 % interval of the difference by Student's t. Finished runs are not repeated: killed, it goes on where it was.
"""
import argparse
import json
import math
import statistics
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
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
T95 = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262}


def run(arguments, way, rate, seed):
    place = Path(arguments.runs) / f"{way}-{rate}-{seed}"
    summary = place / "summary.json"
    if not summary.exists():
        command = [arguments.program, "train", *WAYS[way][0], "--data", arguments.data, "--net", ROOT / "bench" / "small-network.yaml",
                   "--epochs", arguments.epochs, "--seed", seed, "--threads", arguments.threads, "--precision", "fp32", "--set",
                   "batch=100", "--set", "optimizer.learning_rate=0.05", "--run", place, "--json"]
        if rate is not None:
            command += ["--set", f"loss.weight_learning_rate={rate}"]
        if place.exists():
            command = [arguments.program, "train", "--resume", place, "--json"]
        subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)
    last = json.loads((place / "metrics.jsonl").read_text().splitlines()[-1])
    return dict(json.loads(summary.read_text()), w2=last["w2"])


def mean(runs, part, score):
    return statistics.mean(one[part][score] for one in runs)


def interval(runs, others, score):
    """Mean of the paired differences, and half the width of its 95 % interval."""
    differences = [one["test"][score] - other["test"][score] for one, other in zip(runs, others)]
    return statistics.mean(differences), T95[len(runs)] * statistics.stdev(differences) / math.sqrt(len(runs))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(ROOT / "build" / "release" / "mixent"))
    parser.add_argument("--data", default="emnist-letters")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=5, choices=range(2, 11))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", default="runs/weights")
    arguments = parser.parse_args()
    best = {}
    for way, (_, rates) in WAYS.items():
        tried = {rate: [run(arguments, way, rate, seed) for seed in range(arguments.seeds)] for rate in rates}
        rate = min(tried, key=lambda one: mean(tried[one], "validation", "nll"))
        best[way] = (rate, tried[rate])
        print(f"{way}: " + ", ".join(f"rate {one}: validation NLL {mean(runs, 'validation', 'nll'):.4f}" for one, runs in tried.items()),
              flush=True)
    print(f"\n{arguments.seeds} seeds, {arguments.epochs} epochs of {arguments.data}; differences to hypergradient with 95 % intervals")
    print(f"{'way':14} {'rate':>8} {'w2 at the end':>14} {'test %':>7} {'NLL':>7} {'ECE':>7} {'difference in %':>18} {'in NLL':>20}")
    hyper = best["hypergradient"][1]
    for way, (rate, runs) in best.items():
        w2 = "-" if way == "ce" else f"{statistics.mean(one['w2'] for one in runs):.3f}"
        line = (f"{way:14} {'-' if rate is None else rate!s:>8} {w2:>14} {100 * mean(runs, 'test', 'accuracy'):7.2f} "
                f"{mean(runs, 'test', 'nll'):7.4f} {mean(runs, 'test', 'ece'):7.4f}")
        if way != "hypergradient":
            accuracy, nll = interval(runs, hyper, "accuracy"), interval(runs, hyper, "nll")
            line += f" {100 * accuracy[0]:+8.2f} ± {100 * accuracy[1]:.2f} {nll[0]:+11.4f} ± {nll[1]:.4f}"
        print(line)


if __name__ == "__main__":
    main()
