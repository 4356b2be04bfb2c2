#!/usr/bin/python3
"""How fast the losses are, in one run: value and gradient of a batch of float32 logits, from C, from mixent.torch, and in
PyTorch (eager, and compiled where torch.compile works), beside the speed of memory.

  bench/loss_torch.py [--program build/release/bench/bench_loss] [--rounds 7] [--threads 2]

"mixent" is mixent.torch as it comes, by the C library; "composed" the same of PyTorch's operations, in eager mode, and "composed+" under
torch.compile; "eager" and "compiled" are the formula written by hand, of CE PyTorch's own function. bench/linear_loss.py has the losses over
a linear layer.

Rounds alternate between the ways in Python, so that a processor that slows down slows all of them; the median counts. C and the
limits are timed before, in one block of rounds of their own (bench_loss). PyTorch and
mixent.torch write each gradient into memory they allocate; C writes into an array that is there ("in place": over the
logits). The limit is what a kernel needs that only reads and writes the same bytes.
"""
import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WAYS = ("mixent", "eager", "compiled", "composed", "composed+")
SHAPES = [(8192, 1000), (2048, 32000), (128, 26)]


def run_c(program, threads):
    """{(loss, rows, classes): what bench_loss printed}"""
    done = subprocess.run([program, "--json", str(threads)], check=True, capture_output=True, text=True)
    found = (json.loads(line) for line in done.stdout.splitlines() if line.startswith("{"))
    return {(one["loss"], one["rows"], one["classes"]): one for one in found}


def make_ways(torch, losses, name):
    """The ways to compute a loss of (logits, labels)."""
    functional = torch.nn.functional

    def min_ent(logits, labels):
        log_q = functional.log_softmax(logits, 1)
        return functional.nll_loss(log_q, labels) - 0.1 * (log_q.exp() * log_q).sum(1).mean()

    def loss(backend):
        return losses.MinEntLoss(w2=0.1, backend=backend) if name == "min-ent" else losses.CrossEntropyLoss(backend=backend)

    by_hand = min_ent if name == "min-ent" else functional.cross_entropy
    ways = {"eager": by_hand, "mixent": loss("auto"), "composed": loss("composed")}
    if hasattr(torch, "compile") and hasattr(torch.library, "custom_op"):
        torch._dynamo.reset()
        ways.update({"compiled": torch.compile(by_hand), "composed+": torch.compile(loss("composed"))})
    return ways


def measure(ways, logits, labels, rounds):
    """{way: median milliseconds}"""
    def run(way, repeats):
        start = time.perf_counter()
        for _ in range(repeats):
            logits.grad = None
            way(logits, labels).backward()
        return (time.perf_counter() - start) / repeats * 1e3

    repeats = {}
    for name, way in list(ways.items()):
        try:
            run(way, 2)  # warms up, and compiles
        except Exception as error:
            print(f"{name} does not run here: {str(error).strip().splitlines()[0]}", file=sys.stderr)
            del ways[name]
            continue
        repeats[name] = max(1, int(50 / run(way, 1)))
    times = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            times[name].append(run(way, repeats[name]))
    return {name: statistics.median(values) for name, values in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=ROOT / "build" / "release" / "bench" / "bench_loss", type=Path)
    parser.add_argument("--rounds", default=7, type=int)
    parser.add_argument("--threads", default=2, type=int)
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    in_c = run_c(arguments.program, arguments.threads)  # before PyTorch's threads are there, which spin
    sys.path.append(str(ROOT / "build" / "python-site"))
    import torch

    import mixent
    import mixent.torch as losses
    torch.set_num_threads(arguments.threads)
    print(f"milliseconds, {arguments.threads} threads, PyTorch {torch.__version__}, mixent {mixent.__version__} ({mixent.cpu()})")
    compared = ("eager", "compiled")
    columns = ("C", "limit", "share", "in place", "limit", "share", *WAYS, *(f"{way}/mixent" for way in compared))
    print(" ".join([f"{'loss':7}", f"{'shape':10}", *(f"{word:>8}" for word in columns)]))
    for rows, classes in SHAPES:
        torch.manual_seed(0)
        logits, labels = torch.randn(rows, classes, requires_grad=True), torch.randint(0, classes, (rows,))
        for name in ("min-ent", "ce"):
            c = in_c[name, rows, classes]
            t = {**dict.fromkeys(WAYS, math.nan), **measure(make_ways(torch, losses, name), logits, labels, arguments.rounds)}
            cells = [f"{c['ms']:.4g}", f"{c['limit_ms']:.4g}", f"{c['limit_ms'] / c['ms']:.0%}", f"{c['in_place_ms']:.4g}",
                     f"{c['in_place_limit_ms']:.4g}", f"{c['in_place_limit_ms'] / c['in_place_ms']:.0%}", *(f"{t[way]:.4g}" for way in WAYS),
                     *(f"{t[way] / t['mixent']:.2f}" for way in compared)]
            print(" ".join([f"{name:7}", f"{f'{rows}x{classes}':10}", *(f"{cell:>{max(8, len(word))}}" for word, cell in zip(columns, cells))]),
                  flush=True)


if __name__ == "__main__":
    main()
