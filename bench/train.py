#!/usr/bin/python3
"""Training speed of vgg5 beside PyTorch's best, in one run: images per second, and the ratio ours / PyTorch's.

  bench/train.py [--program build/release/bench/bench_train] [--rounds 5] [--batches 100,250] [--json FILE]

Rounds alternate between ours and every configuration of PyTorch (fp32 and bf16 autocast, each in the default layout and in
channels_last), so that a processor that slows down slows all of them; the median of the rounds counts. Ours is the whole
step: augmentation, forward, loss, backward, SGD with momentum, EMA. PyTorch's is the same network on a batch that lies
ready: no augmentation, no EMA.
"""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "python"))
CONFIGURATIONS = [(precision, layout) for precision in ("fp32", "bf16") for layout in ("default", "channels_last")]


def processor():
    text = Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)
    flags = re.search(r"^flags\s*: (.*)$", text, re.MULTILINE)
    known = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
    has = [name for name in known if flags and name in flags.group(1).split()]
    return f"{model.group(1) if model else 'unknown'} ({', '.join(has) or 'no vector extensions known'})"


class TorchStep:
    """One training step in PyTorch, ready to be repeated."""

    def __init__(self, torch, batch, precision, layout):
        from networks_torch import vgg5

        torch.manual_seed(0)
        self.torch, self.batch, self.precision = torch, batch, precision
        form = torch.channels_last if layout == "channels_last" else torch.contiguous_format
        self.model = vgg5(1, 26, dropout=0.3).to(memory_format=form).train()
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=1e-3, momentum=0.9, nesterov=True, weight_decay=5e-4)
        self.loss = torch.nn.CrossEntropyLoss()
        self.images = torch.randn(batch, 1, 28, 28).to(memory_format=form)
        self.labels = torch.randint(0, 26, (batch,))

    def run(self):
        self.optimizer.zero_grad(set_to_none=True)
        with self.torch.autocast("cpu", dtype=self.torch.bfloat16, enabled=self.precision == "bf16"):
            loss = self.loss(self.model(self.images), self.labels)
        loss.backward()
        self.optimizer.step()

    def images_per_second(self, steps):
        self.run()  # warms up
        start = time.perf_counter()
        for _ in range(steps):
            self.run()
        return steps * self.batch / (time.perf_counter() - start)


def run_ours(program, precision, batch, threads, steps):
    """The JSON line of one short run of bench_train."""
    waiting = {"OMP_WAIT_POLICY": "passive", **os.environ}  # as the program itself runs
    out = subprocess.run([program, "--precision", precision, "--batch", str(batch), "--threads", str(threads), "--steps",
                          str(steps), "--repetitions", "1"], check=True, capture_output=True, text=True, env=waiting)
    return json.loads(out.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(ROOT / "build/release/bench/bench_train"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", default="100,250")
    parser.add_argument("--threads", type=int, default=min(2, len(os.sched_getaffinity(0))))
    parser.add_argument("--images", type=int, default=1000, help="images per measurement, about")
    parser.add_argument("--json", metavar="FILE", help="writes the figures there, too")
    arguments = parser.parse_args()
    import torch

    torch.set_num_threads(arguments.threads)
    batches = [int(word) for word in arguments.batches.split(",")]
    speeds = {}  # (who, precision, batch) -> images per second of each round
    share = {}
    steps = {(batch, *c): TorchStep(torch, batch, *c) for batch in batches for c in CONFIGURATIONS}
    for number in range(arguments.rounds):
        for batch in batches:
            count = max(2, arguments.images // batch)
            for precision in ("fp32", "bf16"):
                line = run_ours(arguments.program, precision, batch, arguments.threads, count)
                speeds.setdefault(("mixent", precision, batch), []).append(line["images_per_second"])
                share.setdefault((precision, batch), []).append(line["augmentation_share"])
            for precision, layout in CONFIGURATIONS:
                speed = steps[batch, precision, layout].images_per_second(count)
                speeds.setdefault((layout, precision, batch), []).append(speed)
        print(f"\rround {number + 1} of {arguments.rounds}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)

    version = subprocess.run([str(ROOT / "build/release/mixent"), "version"], capture_output=True, text=True).stdout.split("\n")[0] \
        if (ROOT / "build/release/mixent").exists() else "mixent"
    print(f"vgg5 training steps on {processor()}, {arguments.threads} threads")
    print(f"{version or 'mixent'}; PyTorch {torch.__version__}; median of {arguments.rounds} rounds, images per second")
    print(f"{'precision':<10}{'batch':>6}{'mixent':>9}{'torch':>9}{'torch channels_last':>21}{'ours / best':>13}"
          f"{'range of rounds':>17}{'augmentation':>14}")
    records = []
    for precision in ("fp32", "bf16"):
        for batch in batches:
            ours, plain, last = (speeds[who, precision, batch] for who in ("mixent", "default", "channels_last"))
            best = plain if statistics.median(plain) > statistics.median(last) else last
            ratio = statistics.median(ours) / statistics.median(best)
            ratios = sorted(a / b for a, b in zip(ours, best))
            records.append({"precision": precision, "batch": batch, "mixent": statistics.median(ours),
                            "torch": statistics.median(plain), "torch_channels_last": statistics.median(last),
                            "ratio": ratio, "augmentation_share": statistics.median(share[precision, batch])})
            print(f"{precision:<10}{batch:>6}{statistics.median(ours):>9.0f}{statistics.median(plain):>9.0f}"
                  f"{statistics.median(last):>21.0f}{ratio:>13.2f}{f'{ratios[0]:.2f} to {ratios[-1]:.2f}':>17}"
                  f"{statistics.median(share[precision, batch]):>13.1%}")
    if arguments.json:
        Path(arguments.json).write_text(json.dumps({"cpu": processor(), "torch": torch.__version__, "rows": records}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
