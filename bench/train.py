#!/usr/bin/python3
"""Training speed of the built-in networks beside other frameworks' best and what the processor could do, all in one run.

  bench/train.py [--nets vgg5,spinal-vgg5,resnet20] [--batches 100,250] [--rounds 5] [--peers NAME,...|all|none] [--python OTHER]
                 [--json FILE] [--no-bf16] [--no-layers]

For each network and batch, each round measures in turn: the processor's peak (multiplications and additions from register to
register, all threads at once), ours in each precision and in each of the ways in OURS below, and every configuration of every peer.
So a processor that slows down slows all of them; the median of the rounds counts. Peers (bench/peers) are pytorch, tensorflow, jax,
tinygrad and mnn, each looked for in this interpreter and in each OTHER. A peer that none has is said and left out. A configuration
below a third of its peer's best in the first round is left out of the other rounds; one that gives no answer within --patience
seconds is given up for good.

Ours is the whole step: augmentation, forward, loss, backward, SGD with momentum, EMA. A peer's is the same network on a batch
that lies ready: no augmentation, no EMA. A peer with another number of parameters, or another loss in the first two steps from the
same start values, is refused. In replicas ours has batch statistics of parts of the batch, which no peer computes; such ratios
stand on a line of their own. The direct limit is the speed at which convolutions and linear layers, forward and backward, counting
the taps that meet a pixel, would run at the peak, and all else in no time; Winograd can pass it.
"""
import argparse
import importlib.util
import json
import math
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import train_tell
from peers import client, network

ROOT = Path(__file__).resolve().parent.parent
# As the program itself runs (src/cli/main.c); who sets one of them has the say.
WAITING = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "1000"}
WAITING = {**os.environ, **({} if WAITING.keys() & os.environ.keys() else WAITING)}
# The ways in which ours is measured: a name, and the options of bench_train. Another way is one more line here.
OURS = {
    "table": ("--plan", "table"),  # the fixed table's plan
    "onednn": ("--plan", "onednn"),  # oneDNN alone
    "tuned": ("--plan", "auto"),  # the plan of `mixent tune`, if there is one
    "2 replicas": ("--plan", "table", "--replicas", "2"),
}


def processor():
    """Its name, and those of its vector extensions that matter here."""
    text = Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)
    flags = re.search(r"^flags\s*: (.*)$", text, re.MULTILINE)
    known = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
    return model.group(1) if model else "unknown", [name for name in known if flags and name in flags.group(1).split()]


class Case:
    """One network with one batch: what was measured in each round."""

    def __init__(self, net, batch, peers):
        self.net, self.batch = net, batch
        self.peaks = []  # bench_peak's answers
        self.ours = {}  # (precision, way) -> bench_train's answers
        self.peers = {}  # (name, precision, layout, mode) -> the peer's answers
        self.errors = {}
        self.left_out = set()
        self.layers = network.read(net) if peers else []
        self.losses = None  # of the first two steps from the common start values, as the first peer computed them

    def refuse(self, key, error):
        self.errors[key] = error
        self.left_out.add(key)

    def other_work(self, peer, precision, answer):
        """What shows that an answer is of another network than ours, or None."""
        parameters = next(iter(self.ours.values()))[0]["parameters"]
        if answer["parameters"] != parameters:
            return f"expected {parameters} parameters, as ours, got {answer['parameters']}"
        output = [self.batch, *self.layers[-1]["shape"]]
        if answer["output"] != output:
            return f"expected logits of shape {output}, got {answer['output']}"
        if peer.told["common_start"] and precision == "fp32" and not any(layer["kind"] == "dropout" for layer in self.layers):
            self.losses = self.losses or answer["losses"]
            if not all(math.isclose(a, b, rel_tol=1e-3) for a, b in zip(answer["losses"], self.losses)):
                return f"expected losses {self.losses} in the first two steps, got {answer['losses']}"
        return None


def run_json(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, env=WAITING)
    if done.returncode:
        raise SystemExit(done.stderr.strip() or f"bench/train.py: {command[0]} failed")
    return json.loads(done.stdout)


def measure_ours(case, arguments, half, steps):
    for precision in ("fp32", "bf16") if half else ("fp32",):
        for way, options in OURS.items():
            key = precision, way
            if key in case.left_out:
                continue
            answer = run_json(arguments.program, "--net", case.net, "--precision", precision, "--batch", case.batch, "--threads",
                              arguments.threads, *options, "--layers", "--steps", steps, "--repetitions", 1)
            if "auto" in options and answer["plan"] == "table":
                case.left_out.add(key)  # nothing was measured for this
            else:
                case.ours.setdefault(key, []).append(answer)


def measure_peer(case, peer, arguments, half, steps):
    for configuration in peer.configurations:
        key, (precision, layout, mode) = (peer.name, *configuration), configuration
        if key in case.left_out or (precision == "bf16" and not half):
            continue
        if configuration in peer.given_up:
            case.refuse(key, peer.given_up[configuration])
            continue
        request = {"net": case.net, "layers": case.layers, "batch": case.batch, "precision": precision, "layout": layout, "mode": mode,
                   "steps": steps, "seconds": arguments.seconds}
        try:
            answer = peer.measure(request)
        except client.GaveUp as error:
            peer.given_up[configuration] = f"{error} ({case.net}, {case.batch})"
            print(f"\rbench/train.py: {' '.join(key)}: {peer.given_up[configuration]}", file=sys.stderr)
            case.refuse(key, peer.given_up[configuration])
            continue
        error = answer.get("error") or case.other_work(peer, precision, answer)
        if error:
            case.refuse(key, error)
        else:
            case.peers.setdefault(key, []).append(answer)


def leave_out_slow(case):
    for name in {key[0] for key in case.peers}:
        speeds = {key: answers[0]["images_per_second"] for key, answers in case.peers.items() if key[0] == name}
        case.left_out |= {key for key, speed in speeds.items() if speed < max(speeds.values()) / 3}


def measure(arguments, peers, half):
    """Every round of every case. Rounds of a case follow each other: some peers hold the memory of each case they know."""
    cases = [Case(net, batch, peers) for net in arguments.nets.split(",") for batch in map(int, arguments.batches.split(","))]
    for case in cases:
        steps = max(2, arguments.images // case.batch)
        for number in range(arguments.rounds):
            print(f"\r{case.net}, {case.batch}: round {number + 1} of {arguments.rounds}     ", end="", file=sys.stderr, flush=True)
            case.peaks.append(run_json(Path(arguments.program).with_name("bench_peak"), "--threads", arguments.threads))
            measure_ours(case, arguments, half, steps)
            for peer in peers:
                measure_peer(case, peer, arguments, half, steps)
            if number == 0:
                leave_out_slow(case)
    print("\r" + " " * 60 + "\r", end="", file=sys.stderr)
    return cases


def peer_names(text):
    names = {"all": list(client.KNOWN), "none": []}.get(text, text.split(","))
    for name in names:
        if not importlib.util.find_spec(f"peers.{name}"):
            raise argparse.ArgumentTypeError(f"expected all, none or some of {','.join(client.KNOWN)}, got '{name}'")
    return names


def net_names(text):
    known = sorted(path.stem for path in network.NETWORKS.glob("*.yaml"))
    for net in text.split(","):
        if net not in known:
            raise argparse.ArgumentTypeError(f"expected some of {','.join(known)}, got '{net}'")
    return text


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(ROOT / "build/release/bench/bench_train"), help="bench_peak lies beside it")
    parser.add_argument("--nets", type=net_names, metavar="NAME,...", default="vgg5,spinal-vgg5,resnet20")
    parser.add_argument("--batches", default="100,250")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=min(2, len(os.sched_getaffinity(0))))
    parser.add_argument("--images", type=int, default=500, help="images per measurement, about")
    parser.add_argument("--seconds", type=float, default=20, help="a slow peer stops a measurement after about so many")
    parser.add_argument("--patience", type=float, default=300, help="seconds a peer may take for one answer, compiling and all")
    parser.add_argument("--peers", type=peer_names, default="pytorch", metavar="NAME,...|all|none")
    parser.add_argument("--python", action="append", default=[], metavar="OTHER", help="another interpreter with peers; may be given again")
    parser.add_argument("--talk", action="store_true", help="shows what the peers' libraries print")
    parser.add_argument("--no-bf16", action="store_true", help="fp32 alone, as where the processor has AVX2 and no AVX-512")
    parser.add_argument("--no-layers", action="store_true", help="no tables by layer and pass")
    parser.add_argument("--json", metavar="FILE", help="writes all figures there, too")
    return parser.parse_args()


def main():
    arguments = parse()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # peers end with us
    name, extensions = processor()
    half = "avx512f" in extensions and not arguments.no_bf16  # without it neither side has bfloat16 worth measuring
    peers, missing = client.find(arguments.peers, [sys.executable, *arguments.python], arguments.threads,
                                 arguments.patience, arguments.talk)
    for peer, reason in missing.items():
        print(f"bench/train.py: {peer} is left out: {reason}", file=sys.stderr)
    try:
        cases = measure(arguments, peers, half)
    finally:
        for peer in peers:
            peer.close()
    train_tell.print_all(name, extensions, arguments, cases, peers, missing)
    if arguments.json:
        told = train_tell.to_json(name, extensions, arguments, cases, peers, missing)
        Path(arguments.json).write_text(json.dumps(told, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
