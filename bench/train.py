#!/usr/bin/python3
"""Training speed of the built-in networks beside PyTorch's best and what the processor could do, all in one run.

  bench/train.py [--nets vgg5,spinal-vgg5,resnet20] [--batches 100,250] [--rounds 5] [--python OTHER] [--json FILE] [--no-layers]

Each round measures in turn, for each network and batch: the processor's peak (multiplications and additions from register to register, all threads at
once), ours in each precision with the fixed table's plan, with oneDNN alone and with the plan of `mixent tune` if there is
one, and PyTorch in fp32 and bf16 autocast, default layout and channels_last, eager and, from 2.0 on, torch.compile. So a
processor that slows down slows all of them; the median of the rounds counts. A configuration of PyTorch that is below a third
of its best in the first round is left out of the others. --python names another interpreter whose PyTorch is measured, too.

Ours is the whole step: augmentation, forward, loss, backward, SGD with momentum, EMA. PyTorch's is the same network on a batch
that lies ready: no augmentation, no EMA. The direct limit is the speed at which convolutions and linear layers, forward and
backward, counting the taps that meet a pixel, would run at the peak, and all else in no time; Winograd can pass it.
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
# As the program itself runs (src/cli/main.c); who sets one of them has the say.
WAITING = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "1000"}
WAITING = {**os.environ, **({} if WAITING.keys() & os.environ.keys() else WAITING)}


def processor():
    """Its name, and those of its vector extensions that matter here."""
    text = Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)
    flags = re.search(r"^flags\s*: (.*)$", text, re.MULTILINE)
    known = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
    return model.group(1) if model else "unknown", [name for name in known if flags and name in flags.group(1).split()]


# PyTorch, in a process of its own: one request per line, one answer per line.


class TorchStep:
    """One training step in PyTorch, ready to be repeated."""

    def __init__(self, torch, net, batch, precision, layout, mode):
        import networks_torch

        torch.manual_seed(0)
        self.torch, self.batch, self.precision, self.warm = torch, batch, precision, False
        form = torch.channels_last if layout == "channels_last" else torch.contiguous_format
        self.model = getattr(networks_torch, net.replace("-", "_"))(1, 26, dropout=0.3).to(memory_format=form).train()
        self.forward = torch.compile(self.model) if mode == "compile" else self.model
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=1e-3, momentum=0.9, nesterov=True, weight_decay=5e-4)
        self.loss = torch.nn.CrossEntropyLoss()
        self.images = torch.randn(batch, 1, 28, 28).to(memory_format=form)
        self.labels = torch.randint(0, 26, (batch,))

    def run(self):
        self.optimizer.zero_grad(set_to_none=True)
        with self.torch.autocast("cpu", dtype=self.torch.bfloat16, enabled=self.precision == "bf16"):
            loss = self.loss(self.forward(self.images), self.labels)
        loss.backward()
        self.optimizer.step()

    def images_per_second(self, steps):
        for _ in range(1 if self.warm else 3):  # the first time it compiles
            self.run()
        self.warm = True
        start = time.perf_counter()
        for _ in range(steps):
            self.run()
        return steps * self.batch / (time.perf_counter() - start)


def serve(threads):
    """Answers requests for measurements until standard input ends."""
    sys.path.insert(0, str(ROOT / "tests" / "python"))
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # compilers may talk
    import torch

    torch.set_num_threads(threads)
    compiles = int(torch.__version__.split(".")[0]) >= 2
    print(json.dumps({"torch": torch.__version__, "modes": ["eager", "compile"] if compiles else ["eager"]}), file=answers, flush=True)
    steps = {}
    for line in sys.stdin:
        net, batch, precision, layout, mode, count = json.loads(line)
        what = net, batch, precision, layout, mode
        try:
            if what not in steps:
                steps[what] = TorchStep(torch, *what)
            answer = {"images_per_second": steps[what].images_per_second(count)}
        except Exception as error:  # a compiler that is missing, an operation without bfloat16: that configuration has no speed
            answer = {"error": str(error).strip().split("\n")[0]}
        print(json.dumps(answer), file=answers, flush=True)
    return 0


class Torch:
    """The PyTorch of an interpreter."""

    def __init__(self, python, threads, half):
        self.process = subprocess.Popen([python, __file__, "--serve", "--threads", str(threads)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"bench/train.py: {python} has no PyTorch; --python names one that has")
        told = json.loads(line)
        self.name = f"PyTorch {told['torch'].split('+')[0]}"
        self.configurations = [(precision, layout, mode) for precision in (("fp32", "bf16") if half else ("fp32",))
                               for layout in ("default", "channels_last") for mode in told["modes"]]

    def measure(self, net, batch, configuration, steps):
        self.process.stdin.write(json.dumps([net, batch, *configuration, steps]) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


# Measuring


class Case:
    """One network with one batch: what was measured in each round."""

    def __init__(self, net, batch):
        self.net, self.batch = net, batch
        self.peaks = []  # bench_peak's answers
        self.ours = {}  # (precision, plan) -> bench_train's answers
        self.torch = {}  # (name, precision, layout, mode) -> images per second
        self.errors = {}
        self.left_out = set()

    def best_torch(self):
        return max(self.torch, key=lambda key: statistics.median(self.torch[key]), default=None)

    def best_ours(self):
        return max(self.ours, key=lambda key: statistics.median(speeds(self.ours[key])))


def speeds(answers):
    return [answer["images_per_second"] for answer in answers]


def run_json(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, env=WAITING)
    if done.returncode:
        raise SystemExit(done.stderr.strip() or f"bench/train.py: {command[0]} failed")
    return json.loads(done.stdout)


def measure_ours(case, arguments, half, steps):
    for precision in ("fp32", "bf16") if half else ("fp32",):
        for plan in ("table", "onednn", "auto"):
            key = precision, "tuned" if plan == "auto" else plan
            if key in case.left_out:
                continue
            answer = run_json(arguments.program, "--net", case.net, "--precision", precision, "--batch", case.batch, "--threads",
                              arguments.threads, "--plan", plan, "--layers", "--steps", steps, "--repetitions", 1)
            if plan == "auto" and answer["plan"] == "table":
                case.left_out.add(key)  # nothing was measured for this
            else:
                case.ours.setdefault(key, []).append(answer)


def measure_torch(case, torch, steps):
    for configuration in torch.configurations:
        key = torch.name, *configuration
        if key in case.left_out:
            continue
        answer = torch.measure(case.net, case.batch, configuration, steps)
        if "error" in answer:
            case.errors[key] = answer["error"]
            case.left_out.add(key)
        else:
            case.torch.setdefault(key, []).append(answer["images_per_second"])


def leave_out_slow(case):
    best = max((max(values) for values in case.torch.values()), default=0)
    case.left_out |= {key for key, values in case.torch.items() if max(values) < best / 3}


def measure(arguments, torches, half):
    """Every case in every round."""
    cases = [Case(net, batch) for net in arguments.nets.split(",") for batch in map(int, arguments.batches.split(","))]
    for number in range(arguments.rounds):
        for case in cases:
            print(f"\rround {number + 1} of {arguments.rounds}: {case.net}, {case.batch}     ", end="", file=sys.stderr, flush=True)
            case.peaks.append(run_json(Path(arguments.program).with_name("bench_peak"), "--threads", arguments.threads))
            steps = max(2, arguments.images // case.batch)
            measure_ours(case, arguments, half, steps)
            for torch in torches:
                measure_torch(case, torch, steps)
            if number == 0:
                leave_out_slow(case)
    print("\r" + " " * 60 + "\r", end="", file=sys.stderr)
    return cases


# Telling


def spread(values, form):
    return f"{statistics.median(values):{form}}  ({min(values):{form}} to {max(values):{form}})"


def ratios(above, below):
    """Round by round; what was left out of later rounds is compared with those it was in."""
    return [a / b for a, b in zip(above, below)]


def limits(case, precision):
    """Images per second that direct convolution could reach, for each round."""
    operations = next(iter(case.ours.values()))[0]["operations_per_image"]
    return [1e9 * peak[f"{precision}_gflops"] / operations for peak in case.peaks if peak[f"{precision}_gflops"]]


def share_outside(answer):
    """Of a step: all that is no convolution."""
    inside = sum(layer["milliseconds"] for layer in answer["layers"] if layer["kind"] == "conv2d")
    return 1 - inside / sum(answer["milliseconds"].values())


def print_case(case):
    print(f"\n{case.net}, batch {case.batch}                       images per second, median of the rounds (least to most)")
    for (precision, plan), answers in case.ours.items():
        memory = max(answer["peak_memory_bytes"] for answer in answers) / 1e6
        print(f"  {'mixent':<18}{precision:<6}{plan:<24}{spread(speeds(answers), '.0f'):<26}{memory:.0f} MB of memory")
    for (name, precision, layout, mode), values in case.torch.items():
        dropped = "  left out after one round" if (name, precision, layout, mode) in case.left_out else ""
        print(f"  {name:<18}{precision:<6}{f'{layout}, {mode}':<24}{spread(values, '.0f')}{dropped}")
    for (name, precision, layout, mode), error in case.errors.items():
        print(f"  {name:<18}{precision:<6}{f'{layout}, {mode}':<24}cannot: {error[:60]}")
    ours = case.ours[case.best_ours()]
    if case.best_torch():
        print(f"  ours / PyTorch's best: {spread(ratios(speeds(ours), case.torch[case.best_torch()]), '.2f')}")
    for precision in ("fp32", "bf16"):
        limit = limits(case, precision)
        best = max((key for key in case.ours if key[0] == precision), key=lambda key: statistics.median(speeds(case.ours[key])), default=None)
        if limit and best:
            part = ratios(speeds(case.ours[best]), limit)
            print(f"  direct limit in {precision}: {spread(limit, '.0f')}; ours / limit ({best[1]}): {spread(part, '.2f')}")
    print(f"  of our best step {spread([100 * share_outside(answer) for answer in ours], '.1f')} % lie outside the convolutions, "
          f"{statistics.median(100 * answer['augmentation_core_share'] for answer in ours):.2f} % of core time is augmentation")


def layer_rows(answers):
    """Each step of the plan with the median of its milliseconds."""
    rows = []
    for number, layer in enumerate(answers[0]["layers"]):
        rows.append({**layer, "milliseconds": statistics.median(answer["layers"][number]["milliseconds"] for answer in answers)})
    return rows


def print_layers(case):
    precision, plan = key = case.best_ours()
    answers = case.ours[key]
    rows = layer_rows(answers)
    parts = {part: statistics.median(answer["milliseconds"][part] for answer in answers) for part in answers[0]["milliseconds"]}
    step = sum(parts.values())
    print(f"\n{case.net}, batch {case.batch}, {precision}, {plan}: a step of {step:.1f} ms by layer and pass")
    print(f"  {'layer':<20}{'pass':<18}{'back end':<16}{'ms':>9}{'GFLOP/s':>10}{'share':>8}")
    for row in rows:
        if row["operations"]:
            speed = row["operations"] / row["milliseconds"] / 1e6 if row["milliseconds"] else 0
            print(f"  {row['layer']:<20}{row['pass']:<18}{row['backend'][:15]:<16}{row['milliseconds']:>9.2f}{speed:>10.0f}"
                  f"{row['milliseconds'] / step:>8.1%}")
    rest = {}
    for row in rows:
        if not row["operations"]:
            rest[row["kind"]] = rest.get(row["kind"], 0) + row["milliseconds"]
    rest.update({part: parts[part] for part in ("augmentation", "loss", "optimizer")})
    for name, milliseconds in sorted(rest.items(), key=lambda item: -item[1]):
        print(f"  {'all ' + name if name not in parts else name:<54}{milliseconds:>9.2f}{'':>10}{milliseconds / step:>8.1%}")


def to_json(arguments, cases, torches):
    name, extensions = processor()
    return {"cpu": name, "extensions": extensions, "threads": arguments.threads, "torch": [torch.name for torch in torches],
            "cases": [{"net": case.net, "batch": case.batch, "peaks": case.peaks,
                       "mixent": [{"precision": key[0], "plan": key[1], "rounds": answers} for key, answers in case.ours.items()],
                       "torch": [dict(zip(("name", "precision", "layout", "mode"), key), images_per_second=values)
                                 for key, values in case.torch.items()],
                       "direct_limit": {precision: limits(case, precision) for precision in ("fp32", "bf16")}} for case in cases]}


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(ROOT / "build/release/bench/bench_train"), help="bench_peak lies beside it")
    parser.add_argument("--nets", default="vgg5,spinal-vgg5,resnet20")
    parser.add_argument("--batches", default="100,250")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=min(2, len(os.sched_getaffinity(0))))
    parser.add_argument("--images", type=int, default=500, help="images per measurement, about")
    parser.add_argument("--python", action="append", default=[], metavar="OTHER", help="another interpreter with PyTorch; may be given again")
    parser.add_argument("--no-torch", action="store_true", help="ours alone")
    parser.add_argument("--no-layers", action="store_true", help="no tables by layer and pass")
    parser.add_argument("--json", metavar="FILE", help="writes all figures there, too")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    arguments = parse()
    if arguments.serve:
        return serve(arguments.threads)
    name, extensions = processor()
    half = "avx512f" in extensions  # without it neither side has bfloat16 worth measuring
    pythons = [] if arguments.no_torch else [sys.executable, *arguments.python]
    torches = [Torch(python, arguments.threads, half) for python in pythons]
    for number, torch in enumerate(torches):
        if torch.name in (other.name for other in torches[:number]):
            torch.name += f" ({number + 1})"
    cases = measure(arguments, torches, half)
    print(f"Training steps on {name} ({', '.join(extensions) or 'no vector extensions known'}), {arguments.threads} threads, {arguments.rounds} rounds")
    for precision, what in (("fp32", "float32"), ("bf16", "bfloat16 pairs, not tiles")):
        values = [peak[f"{precision}_gflops"] for case in cases for peak in case.peaks if peak[f"{precision}_gflops"]]
        if values:
            print(f"peak of {what}: {spread(values, '.0f')} GFLOP/s")
    for case in cases:
        print_case(case)
    for case in cases:
        if not arguments.no_layers:
            print_layers(case)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(to_json(arguments, cases, torches), indent=1) + "\n")
    for torch in torches:
        torch.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
