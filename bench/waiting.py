#!/usr/bin/env python3
"""How long a thread should spin for the others before it sleeps: training steps and answers per second with two threads by the spin count
of the OpenMP runtime (GOMP_SPINCOUNT), with the processors to themselves and beside a busy process on each.

  bench/waiting.py [--build build/release] [--threads 2] [--rounds 5] [--counts 0,1000,10000,100000]

All counts are measured in turn in each round; printed is the median per count, and in brackets how many times the first count's. The
program itself starts with what src/cli/main.c sets.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORK = {
    "conv3, batch 100, images/s": ["bench_train", "--net", "conv3", "--batch", "100", "--precision", "fp32", "--steps", "8", "--repetitions", "3"],
    "vgg5, batch 250, images/s": ["bench_train", "--net", "vgg5", "--batch", "250", "--precision", "fp32", "--steps", "1", "--repetitions", "3"],
    "vgg5, one image, answers/s": ["bench_infer", "--net", "vgg5", "--calls", "200", "--precision", "fp32"],
    "the same in int8": ["bench_infer", "--net", "vgg5", "--calls", "200", "--precision", "int8"],
}


def measure(arguments, words, count):
    command = [str(Path(arguments.build) / "bench" / words[0]), *words[1:], "--threads", str(arguments.threads)]
    environment = {**os.environ, "OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": str(count)}
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout)
    return found["images_per_second"] if "images_per_second" in found else 1e3 / statistics.median(call[0] for call in found["times"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=str(ROOT / "build" / "release"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--counts", type=lambda text: [int(count) for count in text.split(",")], default=[0, 1000, 10000, 100000])
    arguments = parser.parse_args()
    for beside in (False, True):
        busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(beside * len(os.sched_getaffinity(0)))]
        try:
            speeds = {(work, count): [] for work in WORK for count in arguments.counts}
            for _ in range(arguments.rounds):
                for work, count in speeds:
                    speeds[work, count].append(measure(arguments, WORK[work], count))
        finally:
            for process in busy:
                process.kill()
        where = "beside a busy process on each processor" if beside else "alone"
        print(f"{where + ', spin count':52}" + "".join(f"{count:>18}" for count in arguments.counts))
        for work in WORK:
            medians = [statistics.median(speeds[work, count]) for count in arguments.counts]
            print(f"{work:52}" + "".join(f"{median:11.0f} ({median / medians[0]:4.2f})" for median in medians), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
