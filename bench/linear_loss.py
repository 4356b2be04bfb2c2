#!/usr/bin/env python3
"""Memory and time of a loss over a linear layer with many classes: value and gradients of input, weight and bias.

  bench/linear_loss.py [--rows 4096] [--classes 128000] [--features 1024] [--loss min-ent] [--dtype float32] [--autocast]
                       [--rounds 3] [--chunk ROWS] [--ways native "by hand"]

Each way runs in a process of its own, the ways in turn, round after round. The first step of a process is measured for its peak of memory
beside what was there before and the weight's gradient; the second for its time. The median counts. On a CUDA device (--device cuda) the
peak is that of PyTorch's allocator. For comparison --chunk sets how many rows mixent.torch does at a time.
"""
import argparse
import json
import statistics
import subprocess
import sys
import time

from loss_memory import losses_by_kind, read_peak, reset_peak

WAYS = {"by hand": "F.linear, then the loss of all logits in PyTorch's operations",
        "native": "mixent.torch by the C library, in chunks of rows",
        "composed": "mixent.torch composed of PyTorch's operations, in chunks of rows",
        "pytorch": "torch.nn.LinearCrossEntropyLoss in chunks of rows"}


def make_loss(way, kind, classes, features, dtype, device):
    """(a function of input and target, the linear weight)"""
    import torch
    if way == "pytorch":
        module = torch.nn.LinearCrossEntropyLoss(features, classes, dtype=dtype, device=device,
                                                 options=torch.nn.LinearCrossEntropyOptions())
        return module, module.linear.weight
    import mixent.torch as losses
    name = losses_by_kind(losses, kind).__name__
    if way != "by hand":
        module = getattr(losses, f"Linear{name}")(features, classes, dtype=dtype, device=device, backend=way)
        return module, module.linear.weight
    weight = torch.nn.Linear(features, classes, bias=False, dtype=dtype, device=device).weight
    w2 = getattr(losses_by_kind(losses, kind)(), "w2", 0)

    def loss(x, y):
        logits = torch.nn.functional.linear(x, weight)
        if kind == "ce":
            return torch.nn.functional.cross_entropy(logits, y)
        log_q = torch.log_softmax(logits.float(), 1)
        return torch.nn.functional.nll_loss(log_q, y) - w2 * (log_q.exp() * log_q).sum(1).mean()
    return loss, weight


def measure(options):
    """{"peak": bytes, "seconds": …, "value": …}"""
    import torch
    dtype = getattr(torch, options.dtype)
    if options.chunk:
        from mixent.torch import _linear
        _linear.chunk_rows = lambda rows, classes, cpu: options.chunk
    torch.manual_seed(0)

    def step(loss, x, y):
        with torch.autocast(options.device, torch.bfloat16, enabled=options.autocast):
            value = loss(x, y)
        value.backward()
        return value.item()

    small, _ = make_loss(options.way, options.loss, 10, 8, dtype, options.device)
    step(small, torch.randn(4, 8, dtype=dtype, device=options.device, requires_grad=True),
         torch.zeros(4, dtype=torch.long, device=options.device))
    loss, weight = make_loss(options.way, options.loss, options.classes, options.features, dtype, options.device)
    x = torch.randn(options.rows, options.features, device=options.device).to(dtype).requires_grad_()
    y = torch.randint(0, options.classes, (options.rows,), device=options.device)
    before = reset_peak(options.device)
    step(loss, x, y)
    peak = read_peak(options.device) - before - weight.numel() * weight.element_size()
    x.grad = weight.grad = None
    start = time.perf_counter()
    value = step(loss, x, y)
    return {"peak": peak, "seconds": time.perf_counter() - start, "value": value}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=4096)
    parser.add_argument("--classes", type=int, default=128000)
    parser.add_argument("--features", type=int, default=1024)
    parser.add_argument("--loss", default="min-ent", choices=["ce", "min-ent", "confidence-penalty"])
    parser.add_argument("--dtype", default="float32", choices=["float32", "float64", "bfloat16"])
    parser.add_argument("--autocast", action="store_true", help="compute under torch.autocast in bfloat16")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--chunk", type=int)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        print(json.dumps(measure(options)))
        return
    size = {"float32": 4, "float64": 8, "bfloat16": 2}["bfloat16" if options.autocast else options.dtype]
    print(f"{options.loss}, {options.rows} rows, {options.features} features, {options.classes} classes, {options.dtype}"
          f"{', autocast to bfloat16' if options.autocast else ''} on {options.device}; logits alone "
          f"{options.rows * options.classes * size / 1e6:.0f} MB")
    found = {way: [] for way in options.ways if way != "pytorch" or options.loss == "ce"}
    for _ in range(options.rounds):
        for way in list(found):
            done = subprocess.run([sys.executable, __file__, *sys.argv[1:], "--way", way], capture_output=True, text=True)
            if done.returncode:
                print(f"{way:9} does not run here: {done.stderr.strip().splitlines()[-1]}", flush=True)
                del found[way]
                continue
            found[way].append(json.loads(done.stdout))
    first = None
    for way, results in found.items():
        peak, seconds = (statistics.median(result[key] for result in results) for key in ("peak", "seconds"))
        first = first or (peak, seconds)
        print(f"{way:9} {peak / 1e6:8.0f} MB {peak / first[0]:6.2f}   {seconds:8.2f} s {seconds / first[1]:6.2f}   "
              f"value {results[0]['value']:.5f}   {WAYS[way]}")


if __name__ == "__main__":
    main()
