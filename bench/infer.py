#!/usr/bin/python3
"""How fast a trained network answers, beside PyTorch and ONNX Runtime, in one run.

  bench/infer.py [--program build/release/bench/bench_infer] [--net vgg5] [--rounds 5] [--batches 1,8,64,256] [--threads 1,2]
                 [--seconds 1] [--skip NAME,…] [--json FILE]

Rounds alternate between ours and every other, so that a processor that slows down slows all of them. What counts is a call's
time: over all rounds the median, the 99th percentile and the shortest; and the median of the processor time it takes, which says
most with one thread where others use the processors, too. Ours goes from bytes to probabilities, the others from
floats that lie ready to logits, in fp32; ours also in int8 (`mixent eval --precision int8`). PyTorch: eager, eager in channels_last, traced and frozen, and torch.compile where it works; the
best of them is compared with. ONNX Runtime, if it is installed, runs what `mixent export` writes of the same network. Ours
spins a little between parallel loops and then sleeps, as the program does; PyTorch's and ONNX Runtime's threads go on spinning.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

from train import WAITING, processor

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "python"))
SIDE, CLASSES = 28, 26


def time_calls(call, seconds):
    """Milliseconds by the clock and of the processors of each of as many calls as fit into so many seconds, five at least."""
    for _ in range(3):
        call()
    times, end = [], time.perf_counter() + seconds
    while len(times) < 5 or time.perf_counter() < end:
        start, used = time.perf_counter(), time.process_time()
        call()
        times.append((1e3 * (time.perf_counter() - start), 1e3 * (time.process_time() - used)))
    return times


class Ours:
    def __init__(self, arguments, precision):
        self.program, self.net, self.precision = arguments.program, arguments.net, precision
        self.name = "mixent" if precision == "fp32" else f"mixent {precision}"

    def measure(self, batch, threads, seconds):
        calls = 5
        while True:  # the first answer tells how many calls fill the time
            out = subprocess.run([self.program, "--net", self.net, "--batch", str(batch), "--threads", str(threads), "--calls",
                                  str(calls), "--precision", self.precision], check=True, capture_output=True, text=True, env=WAITING)
            times = json.loads(out.stdout)["times"]
            wanted = max(5, int(1e3 * seconds / statistics.median(clock for clock, _ in times)))
            if wanted < 2 * calls:
                return times
            calls = wanted


class Torch:
    """One way to run PyTorch's network, made anew for each batch size."""

    def __init__(self, torch, net, way):
        import networks_torch

        self.torch, self.way, self.name = torch, way, f"torch {way}"
        self.make = lambda: getattr(networks_torch, net.replace("-", "_"))(1, CLASSES).eval()
        self.form = torch.channels_last if way == "channels_last" else torch.contiguous_format
        self.ready = {}

    def prepare(self, batch):
        images = self.torch.randn(batch, 1, SIDE, SIDE).to(memory_format=self.form)
        model = self.make().to(memory_format=self.form)
        with self.torch.inference_mode():
            if self.way == "frozen":
                model = self.torch.jit.freeze(self.torch.jit.trace(model, images))
            elif self.way == "compile":
                model = self.torch.compile(model)
            model(images)
        return model, images

    def measure(self, batch, threads, seconds):
        self.torch.set_num_threads(threads)
        if (batch, threads) not in self.ready:
            self.ready[batch, threads] = self.prepare(batch)
        model, images = self.ready[batch, threads]
        with self.torch.inference_mode():
            return time_calls(lambda: model(images), seconds)


class OnnxRuntime:
    name = "onnxruntime"

    def __init__(self, onnxruntime, arguments):
        self.onnxruntime, self.sessions = onnxruntime, {}
        self.directory = tempfile.TemporaryDirectory()
        self.file = os.path.join(self.directory.name, "net.onnx")
        subprocess.run([arguments.program, "--net", arguments.net, "--onnx", self.file], check=True)

    def measure(self, batch, threads, seconds):
        import numpy

        if threads not in self.sessions:
            options = self.onnxruntime.SessionOptions()
            options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
            self.sessions[threads] = self.onnxruntime.InferenceSession(self.file, options, providers=["CPUExecutionProvider"])
        images = numpy.random.default_rng(0).random((batch, 1, SIDE, SIDE), numpy.float32)
        return time_calls(lambda: self.sessions[threads].run(None, {"images": images}), seconds)


def find_runners(arguments):
    """Ours, and whatever of the others is installed and works; their versions."""
    runners, versions, skipped = [Ours(arguments, "fp32"), Ours(arguments, "int8")], {}, arguments.skip.split(",")
    try:
        import torch

        versions["PyTorch"] = torch.__version__
        ways = ["eager", "channels_last", "frozen"] + (["compile"] if hasattr(torch, "compile") else [])
        runners += [Torch(torch, arguments.net, way) for way in ways]
    except ImportError:
        pass
    try:
        import onnxruntime

        versions["ONNX Runtime"] = onnxruntime.__version__
        runners.append(OnnxRuntime(onnxruntime, arguments))
    except ImportError:
        pass
    return [runner for runner in runners if runner.name.split()[-1] not in skipped], versions


def summarize(times, batch):
    ordered = sorted(clock for clock, _ in times)
    median = statistics.median(ordered)
    return {"median": median, "p99": ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))], "shortest": ordered[0],
            "processor": statistics.median(used for _, used in times),
            "images_per_second": 1e3 * batch / median, "calls": len(ordered)}


def ratio(cell, others, key):
    """How many times as long the fastest of the others takes."""
    return min(other[key] for other in others) / cell[key] if others else float("nan")


def print_table(runners, cells, settings):
    names = [runner.name for runner in runners]
    print(f"{'batch':>5}{'threads':>8}  {'':<20}{'median ms':>11}{'p99 ms':>10}{'shortest':>10}{'processor':>11}{'images/s':>10}")
    for batch, threads in settings:
        for name in names:
            cell = cells.get((name, batch, threads))
            if cell:
                print(f"{batch:>5}{threads:>8}  {name:<20}{cell['median']:>11.3f}{cell['p99']:>10.3f}{cell['shortest']:>10.3f}"
                      f"{cell['processor']:>11.3f}{cell['images_per_second']:>10.0f}")
    print(f"\nhow many times as fast ours is, by the median, the shortest call, the processor time\n{'batch':>5}{'threads':>8}"
          f"  {'':<12}{'best torch':>26}{'onnxruntime':>26}")
    for batch, threads in settings:
        found = [(name, cells[name, batch, threads]) for name in names if (name, batch, threads) in cells]
        groups = [[cell for name, cell in found if name.startswith(word)] for word in ("torch", "onnxruntime")]
        for name, ours in found:
            if name.startswith("mixent"):
                texts = [" ".join(f"{ratio(ours, group, key):7.2f}" for key in ("median", "shortest", "processor")) for group in groups]
                print(f"{batch:>5}{threads:>8}  {name:<12}" + "".join(f"{text:>26}" for text in texts))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(ROOT / "build/release/bench/bench_infer"))
    parser.add_argument("--net", default="vgg5")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", default="1,8,64,256")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--seconds", type=float, default=1, help="of each measurement, about")
    parser.add_argument("--skip", default="", help="int8, eager, channels_last, frozen, compile, onnxruntime")
    parser.add_argument("--json", metavar="FILE", help="writes the figures there, too")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    runners, versions = find_runners(arguments)
    settings = [(int(batch), int(threads)) for threads in arguments.threads.split(",") for batch in arguments.batches.split(",")]
    times = {}
    for number in range(arguments.rounds):
        for batch, threads in settings:
            for runner in list(runners):
                try:
                    found = runner.measure(batch, threads, arguments.seconds)
                except Exception as error:  # torch.compile wants a compiler, and knows other ways to fail
                    if not isinstance(runner, Torch) and runner.name != "mixent int8":  # that wants AVX2
                        raise
                    print(f"\n{runner.name} does not run: {str(error).splitlines()[0]}", file=sys.stderr)
                    runners.remove(runner)
                    continue
                times.setdefault((runner.name, batch, threads), []).extend(found)
        print(f"\rround {number + 1} of {arguments.rounds}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    cells = {key: summarize(values, key[1]) for key, values in times.items()}
    others = ", ".join(f"{name} {version}" for name, version in versions.items()) or "nothing to compare with"
    print(f"{arguments.net} on {processor()[0]}; {others}; {arguments.rounds} rounds")
    print_table(runners, cells, settings)
    if arguments.json:
        rows = [{"runner": name, "batch": batch, "threads": threads, **cell} for (name, batch, threads), cell in cells.items()]
        Path(arguments.json).write_text(json.dumps({"cpu": processor(), "net": arguments.net, "versions": versions, "rows": rows},
                                                   indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
