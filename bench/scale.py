#!/usr/bin/python3
"""Training on several ranks: what the network between them costs, measured on nodes of this machine, and a model for up to 256 ranks.

  bench/scale.py [--ranks 2,4] [--parameters P] [--step SECONDS] [--out FILE.json] [-- OPTION-OF-TRAIN...]
  bench/scale.py --model FILE.json [--rates 1,10,100]

Nodes are network namespaces with links of 1 Gbit/s and 1 ms round-trip time (bench/nodes.py; needs root), so all ranks share this machine's
processors. Two measurements keep computation and communication apart:

  waits      ranks wait in place of computing (bench/exchange.c), so that nothing but the exchange takes time on the processors.
             efficiency = the wait / the step
  training   with options of `mixent train`: N ranks on N nodes beside N replicas in one process. Both compute the same on the same
             processors, with a thread for each replica. efficiency = speed of the ranks / speed of the one process, which is the cost of ranks and network alone

--out keeps what the model needs. --model prints its tables: `weak` gives each rank the rows of the measured step, `strong` shares these rows
among the ranks. The model is in the function `predict`.
"""
import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from nodes import ROOT, Nodes, why_not

BUILD = ROOT / "build" / "mpi"
BUCKET = 512 * 1024  # elements: MIXENT_MEAN_BUCKET of src/peers/mean.h
FORWARD = 1 / 3  # of a step's computation; the gradient is complete from the end to the front in the rest


# What is measured.

def wait_steps(nodes, ranks, parameters, compute=0.0, gathered=1000, steps=20, bucket=BUCKET):
    """The line of bench_exchange."""
    words = [BUILD / "bench" / "bench_exchange", parameters, FORWARD * compute, (1 - FORWARD) * compute, gathered, steps, bucket]
    done = subprocess.run(nodes.mpirun(*words, ranks=ranks), capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"bench_exchange failed:\n{done.stderr}")
    return json.loads(done.stdout)


def measure_line(nodes):
    """Between two ranks: bytes per second of an exchange, seconds of one that has next to no bytes, and seconds of the processor for each
    message that is sent or received."""
    large, small, messages = 8 * BUCKET, 1000, 500
    latency = wait_steps(nodes, 2, small)["step"]
    goodput = exchanged_bytes(large, 2) / (wait_steps(nodes, 2, large)["step"] - latency)
    in_pieces = wait_steps(nodes, 2, small, bucket=small // messages)["step"]
    return {"rate": nodes.rate, "delay": nodes.delay, "goodput": goodput, "latency": latency,
            "message": max(in_pieces - latency, 0) / (2 * message_count(messages - 1, 2))}


def speed_of(run):
    """Images per second: the fastest epoch of a run, but for the first."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return max(line["images_per_second"] for line in lines[1:] or lines)


def measure_training(nodes, ranks, options, rounds):
    """Medians of the speeds of `ranks` replicas in one process and of as many ranks, in turn."""
    speeds = {"one process": [], "ranks": []}
    for _ in range(rounds):
        for kind, found in speeds.items():
            with tempfile.TemporaryDirectory() as directory:
                run = Path(directory) / "run"
                words = [BUILD / "mixent", "train", *options, f"replicas={ranks}", f"threads={ranks}", "--run", run]
                command = nodes.mpirun(*words, ranks=ranks) if kind == "ranks" else list(map(str, words))
                done = subprocess.run(command, capture_output=True, text=True)
                if done.returncode:
                    raise SystemExit(f"{' '.join(map(str, command))}\nfailed:\n{done.stderr}")
                found.append(speed_of(run))
    return {kind: statistics.median(found) for kind, found in speeds.items()}


# The model.

def exchanged_bytes(parameters, ranks):
    """What each rank sends, and receives, of gradients in a step."""
    return 2 * 4 * parameters * (ranks - 1) / ranks


def message_count(buckets, ranks):
    """Messages of a rank in a step, each way."""
    return buckets * 2 * (ranks - 1)


def predict(line, parameters, compute, ranks, gathered=1000):
    """Seconds of a step. The buckets of the gradient come one after the other in the backward pass. The line works on them in their order:
    a bucket is reduced as soon as it is there and the line is free, and is spread next. At the end everybody gathers `gathered` bytes of
    everybody, and what has no bytes takes the measured latency."""
    if ranks == 1:
        return compute
    buckets = math.ceil(parameters / BUCKET)
    free = 0.0
    for number in range(buckets):
        elements = min(BUCKET, parameters - number * BUCKET)
        ready = compute * (FORWARD + (1 - FORWARD) * min(1, (number + 1) * BUCKET / parameters))
        on_line = exchanged_bytes(elements, ranks) / line["goodput"]
        on_processor = 2 * message_count(1, ranks) * line["message"]
        free = max(ready, free) + max(on_line, on_processor)
    return free + line["latency"] + gathered * (ranks - 1) / line["goodput"]


def print_model(facts, rates):
    print(f"measured on links of {facts['line']['rate'] / 1e9:g} Gbit/s: {facts['line']['goodput'] / 1e6:.0f} MB/s of gradients, "
          f"{1e3 * facts['line']['latency']:.1f} ms per step without bytes, {1e6 * facts['line']['message']:.0f} us per message")
    for name, network in facts["networks"].items():
        parameters, compute, gathered = network["parameters"], network["step"], network.get("gathered", 1000)
        print(f"\n{name}: {parameters:,} parameters, {1e3 * compute:.0f} ms of computation in a step of one rank")
        for rate in rates:
            line = dict(facts["line"], goodput=facts["line"]["goodput"] * rate * 1e9 / facts["line"]["rate"])
            print(f"\n{rate:g} Gbit/s\n{'':5} {'':9} {'weak':>17} {'strong':>27}\n"
                  f"{'ranks':>5} {'MB':>9} {'step ms':>9} {'efficiency':>10} {'step ms':>9} {'speedup':>8} {'efficiency':>10}")
            best = (1.0, 1)
            for ranks in (1, 2, 4, 8, 16, 32, 64, 128, 256):
                weak = predict(line, parameters, compute, ranks, gathered)
                strong = predict(line, parameters, compute / ranks, ranks, gathered / ranks)
                best = max(best, (compute / strong, ranks))
                print(f"{ranks:5d} {exchanged_bytes(parameters, ranks) / 1e6:9.1f} {1e3 * weak:9.1f} {compute / weak:10.2f} "
                      f"{1e3 * strong:9.1f} {compute / strong:8.2f} {compute / strong / ranks:10.2f}")
            print(f"more than {best[1]} ranks do not make one batch faster" if best[1] < 256 else "one batch is fastest on 256 ranks")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, metavar="FILE")
    parser.add_argument("--rates", default="1,10,100", help="Gbit/s, for --model")
    parser.add_argument("--ranks", default="2,4")
    parser.add_argument("--parameters", type=int, default=3_654_362, help="of the gradient (default: vgg5's)")
    parser.add_argument("--step", type=float, default=0.6, help="seconds of computation, for the waits")
    parser.add_argument("--name", default="vgg5", help="of the network in FILE.json")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, metavar="FILE")
    parser.add_argument("options", nargs="*", metavar="OPTION-OF-TRAIN")
    arguments = parser.parse_args()
    if arguments.model:
        rates = [float(rate) for rate in arguments.rates.split(",")]
        try:
            print_model(json.loads(arguments.model.read_text()), rates)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SystemExit(f"scale.py: {arguments.model}: expected a file that --out has written ({error})") from None
        return
    if why_not():
        raise SystemExit(f"scale.py: {why_not()}")
    facts = {"networks": {arguments.name: {"parameters": arguments.parameters, "step": arguments.step}}, "waits": [], "training": {}}

    def keep(**more):
        facts.update(more)
        if arguments.out:
            arguments.out.write_text(json.dumps(facts, indent=1) + "\n")

    counts = [int(word) for word in arguments.ranks.split(",")]
    parameters, step = arguments.parameters, arguments.step
    with Nodes(max(counts)) as nodes:
        line = measure_line(nodes)
        keep(line=line)
        print(f"line: {line['goodput'] / 1e6:.0f} MB/s, {1e3 * line['latency']:.1f} ms, {1e6 * line['message']:.0f} us per message")
        print(f"\nwaits of {step:g} s, {parameters:,} parameters\n{'ranks':>5} {'MB':>7} {'step s':>8} {'efficiency':>10} {'model s':>8}")
        for ranks in counts:
            found = wait_steps(nodes, ranks, parameters, step)
            keep(waits=[*facts["waits"], found])
            print(f"{ranks:5d} {exchanged_bytes(parameters, ranks) / 1e6:7.1f} {found['step']:8.3f} {step / found['step']:10.3f} "
                  f"{predict(line, parameters, step, ranks):8.3f}", flush=True)
        if not arguments.options:
            return
        print(f"\ntraining {' '.join(arguments.options)}\n{'ranks':>5} {'one process':>12} {'ranks':>9} {'efficiency':>10}  images/s")
        for ranks in counts:
            found = measure_training(nodes, ranks, arguments.options, arguments.rounds)
            keep(training={**facts["training"], str(ranks): found})
            print(f"{ranks:5d} {found['one process']:12.1f} {found['ranks']:9.1f} {found['ranks'] / found['one process']:10.3f}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
