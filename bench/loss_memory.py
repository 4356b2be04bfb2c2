#!/usr/bin/env python3
"""How much memory a loss takes beside the logits: the resident peak of value and gradient over what logits and gradient need.

  bench/loss_memory.py [--rows 8192] [--classes 32000] [--loss min-ent] [--device cpu]

Each way runs in a process of its own: mixent.torch by the C library, composed of PyTorch's operations in chunks, and written by hand
as the formula stands. On a CUDA device the peak is that of PyTorch's allocator.
"""
import argparse
import json
import subprocess
import sys
from pathlib import Path

WAYS = {"native": "the C library", "composed": "PyTorch's operations, in chunks of rows",
        "by hand": "PyTorch's operations, as the formula stands"}


def measure(way, rows, classes, kind, device):
    """The peak of memory in bytes, beside what stood before the logits."""
    import torch

    import mixent.torch as losses
    if way == "by hand":
        def loss(z, y):
            log_q = torch.log_softmax(z, 1)
            w = losses_by_kind(losses, kind)().w2 if kind != "ce" else 0
            return (torch.nn.functional.nll_loss(log_q, y) - w * (log_q.exp() * log_q).sum(1).mean())
    else:
        loss = losses_by_kind(losses, kind)(backend=way)

    def step(z, y):
        loss(z, y).backward()

    warm = torch.randn(8, 10, device=device, requires_grad=True)
    step(warm, torch.zeros(8, dtype=torch.long, device=device))
    before = reset_peak(device)
    logits = torch.empty(rows, classes, device=device).uniform_(-4, 4).requires_grad_()
    target = torch.randint(0, classes, (rows,), device=device)
    step(logits, target)
    return read_peak(device) - before


def losses_by_kind(losses, kind):
    return next(cls for cls in losses.Loss.__subclasses__() if cls.kind == kind)


def status(field):
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(field))) * 1024


def reset_peak(device):
    """Bytes in use now; the peak is counted from here."""
    if device != "cpu":
        import torch
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated()
    Path("/proc/self/clear_refs").write_text("5")
    return status("VmRSS:")


def read_peak(device):
    if device != "cpu":
        import torch
        return torch.cuda.max_memory_allocated()
    return status("VmHWM:")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=8192)
    parser.add_argument("--classes", type=int, default=32000)
    parser.add_argument("--loss", default="min-ent", choices=["ce", "min-ent", "confidence-penalty"])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        print(json.dumps(measure(options.way, options.rows, options.classes, options.loss, options.device)))
        return
    needed = 2 * options.rows * options.classes * 4
    print(f"{options.loss}, {options.rows} x {options.classes} float32 on {options.device}; logits and gradient need {needed / 1e6:.0f} MB")
    for way, about in WAYS.items():
        command = [sys.executable, __file__, "--way", way, "--rows", str(options.rows), "--classes", str(options.classes),
                   "--loss", options.loss, "--device", options.device]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{way}: {done.stderr.strip().splitlines()[-1]}")
        peak = json.loads(done.stdout)
        print(f"{way:9} {peak / 1e6:8.0f} MB  {peak / needed:5.2f} times  {about}", flush=True)


if __name__ == "__main__":
    main()
