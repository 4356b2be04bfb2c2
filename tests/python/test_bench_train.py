"""bench/train.py: what it tells of a short run of ours and of peers adds up. (Speeds themselves are no test's business.)"""
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("MIXENT_BUILD") or ROOT / "build" / "release")

FAKE = '''
import os, subprocess, time

class Peer:
    name, version, settings, lacks, common_start = "Fake", "1.2", {"threads": 0}, ["speed"], True

    def __init__(self, threads):
        self.settings = {"threads": threads}
        self.configurations = [("fp32", "NCHW", mode) for mode in
                               ("hangs", "fast", "slow", "dies", "exits", "raises", "is small", "is flat", "is off", "diverges")]

    def make_step(self, net, layers, batch, precision, layout, mode):
        if mode == "raises":
            raise RuntimeError("no such\\nconfiguration")
        return Step(sum(p for layer in layers for p in [1] if layer["kind"] == "conv2d"), batch, mode)

class Step:
    parameters = PARAMETERS

    def __init__(self, convolutions, batch, mode):
        assert convolutions == 19
        self.mode, self.loss = mode, 4.0
        self.parameters -= mode == "is small"
        self.output = (batch, 25 if mode == "is flat" else 26)
        print("libraries talk")

    def run(self):
        if self.mode == "hangs":
            with open(os.environ["CHILD"], "w") as file: print(subprocess.Popen(["sleep", "60"]).pid, file=file)
            time.sleep(60)
        if self.mode == "dies": os.abort()
        if self.mode == "exits": os._exit(3)
        time.sleep(0.05 if self.mode == "slow" else 0.001)
        self.loss = float("nan") if self.mode == "diverges" else self.loss - (0.5 if self.mode == "is off" else 0.1)

    def finish(self):
        return self.loss
'''


# In place of bench_train and bench_peak, where the subject is the peers: their answers without the wait.
OURS = {"plan": "table", "replicas": 1, "parameters": 270474, "images_per_second": 100, "operations_per_image": 1e8, "peak_memory_bytes": 1e6,
        "augmentation_core_share": 0.01, "milliseconds": {"augmentation": 1, "forward": 1, "loss": 1, "backward": 1, "optimizer": 1},
        "layers": [{"layer": "conv1", "kind": "conv2d", "pass": "forward", "backend": "onednn", "milliseconds": 1, "operations": 1e6}]}
REPLICAS = {**{key: value for key, value in OURS.items() if key != "milliseconds"}, "replicas": 2, "images_per_second": 200}


def stand_in(directory):
    for name, answer, of_replicas in (("bench_train", OURS, REPLICAS), ("bench_peak", {"fp32_gflops": 100, "bf16_gflops": 0}, None)):
        (directory / name).write_text(f"#!/bin/sh\ncase \"$*\" in *--replicas*) echo '{json.dumps(of_replicas)}' ;; "
                                      f"*) echo '{json.dumps(answer)}' ;; esac\n")
        (directory / name).chmod(0o755)
    return directory / "bench_train"


def run(tmp_path, program, *options, **environment):
    done = subprocess.run([sys.executable, ROOT / "bench/train.py", "--program", program, "--nets", "resnet20", "--batches",
                           "4", "--rounds", "2", "--images", "8", "--json", tmp_path / "out.json", *options],
                          capture_output=True, text=True, timeout=300, env=dict(os.environ, XDG_CACHE_HOME=str(tmp_path), **environment))
    assert done.returncode == 0, done.stderr
    return done, json.loads((tmp_path / "out.json").read_text())


def test_a_short_run(tmp_path):
    done, told = run(tmp_path, BUILD / "bench/bench_train", "--peers", "none")
    (case,) = told["cases"]
    plans = {(one["precision"], one["plan"]) for one in case["mixent"]}
    assert {("fp32", "table"), ("fp32", "onednn"), ("fp32", "2 replicas")} <= plans and len(case["peaks"]) == 2
    for one in case["mixent"]:
        assert len(one["rounds"]) == 2
        for answer in one["rounds"]:
            assert answer["parameters"] == 270474
            passes = [layer for layer in answer["layers"] if layer["operations"]]
            assert answer["replicas"] * sum(layer["operations"] for layer in passes) == 4 * answer["operations_per_image"]
            assert len(passes) == 20 * 3 - 1  # 20 layers with weights; the first needs no gradient of its input
            if answer["replicas"] == 1:
                assert sum(layer["milliseconds"] for layer in answer["layers"]) <= 1.01 * (
                    answer["milliseconds"]["forward"] + answer["milliseconds"]["backward"])
            if one["plan"] == "onednn":
                assert not any(layer["backend"].startswith("winograd") for layer in passes)
    for text in ("direct limit in fp32", " % lie outside the convolutions", "layer3.0.conv1", "all batch_norm"):
        assert text in done.stdout


def test_a_peer_that_misbehaves_is_refused_or_given_up(tmp_path):
    (tmp_path / "peers").mkdir()
    (tmp_path / "peers/fake.py").write_text(FAKE.replace("PARAMETERS", "270474"))
    (tmp_path / "peers/absent.py").write_text("import no_such_framework\n")
    done, told = run(tmp_path, stand_in(tmp_path), "--peers", "fake,absent", "--patience", "1", PYTHONPATH=str(tmp_path),
                     CHILD=str(tmp_path / "child"))
    (case,) = told["cases"]
    measured = {one["mode"]: len(one["rounds"]) for one in case["peers"]}
    assert measured == {"fast": 2, "slow": 1}  # slow: below a third of the best
    assert {one["mode"]: one["error"] for one in case["errors"]} == {
        "hangs": "gave up: no answer within 1 s (resnet20, 4)",
        "dies": "the process ended by SIGABRT",
        "exits": "the process ended with exit code 3",
        "raises": "no such",
        "is small": "expected 270474 parameters, as ours, got 270473",
        "is flat": "expected logits of shape [4, 26], got [4, 25]",
        "is off": "expected losses [3.9, 3.8] in the first two steps, got [3.5, 3.0]",
        "diverges": "the loss is nan",
    }
    assert told["peers"] == [{"name": "Fake 1.2", "peer": "Fake", "version": "1.2", "lacks": ["speed"],
                              "settings": {"python": sys.version.split()[0], "threads": told["threads"]}}]
    child = Path("/proc", (tmp_path / "child").read_text().strip(), "cmdline")  # empty where nobody has waited for it yet
    assert not child.exists() or not child.read_bytes(), "what a process started should end with it"
    assert list(told["left_out"]) == ["absent"] and "no_such_framework" in told["left_out"]["absent"]
    assert "absent is left out" in done.stderr and "Fake 1.2 fp32 NCHW hangs: gave up" in done.stderr
    for text in ("Fake 1.2", "not to be had: speed", "gave up: no answer", "left out after one round", "ours / best of Fake 1.2"):
        assert text in done.stdout


def test_pytorch_answers(tmp_path):
    torch = pytest.importorskip("torch")
    done, told = run(tmp_path, stand_in(tmp_path), "--rounds", "1", "--no-layers")
    (case,) = told["cases"]
    assert told["peers"][0]["name"] == f"PyTorch {torch.__version__.split('+')[0]}"
    assert told["peers"][0]["settings"]["set_num_threads"] == told["threads"]
    eager = [one for one in case["peers"] if one["precision"] == "fp32" and one["mode"] == "eager"]
    assert {one["layout"] for one in eager} == {"default", "channels_last"}
    for one in eager:
        assert one["rounds"][0]["parameters"] == 270474 and one["rounds"][0]["output"] == [4, 26]
        assert one["rounds"][0]["images_per_second"] > 0
    alone, replicas = (re.search(f"^  {label} / best of PyTorch.*: fp32 ([0-9.]+) ", done.stdout, re.MULTILINE)
                       for label in ("ours", "ours with replicas, batch norm of a part"))
    assert float(replicas[1]) == pytest.approx(2 * float(alone[1]), abs=0.02)


def test_peers_walk_the_networks_of_mixent():
    torch = pytest.importorskip("torch")
    sys.path[:0] = [str(ROOT / "bench"), os.path.dirname(__file__)]
    import networks_torch
    from peers import network

    for net in ("vgg5", "spinal-vgg5", "resnet20", "resnet9", "conv3"):
        layers = network.read(net)
        model = getattr(networks_torch, net.replace("-", "_"))(1, 26)
        shapes = [shape for layer in layers for shape in layer["parameters"].values()]
        assert shapes == [list(parameter.shape) for parameter in model.parameters()], net
        assert layers[-1]["shape"] == [26]
        assert list(model.eval()(torch.zeros(1, 1, 28, 28)).shape) == [1, 26]


def test_a_peer_that_nobody_knows_is_a_usage_mistake():
    done = subprocess.run([sys.executable, ROOT / "bench/train.py", "--peers", "jax,caffe"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "expected all, none or some of pytorch,tensorflow,jax,tinygrad,mnn, got 'caffe'" in done.stderr


def test_a_network_that_nobody_knows_is_a_usage_mistake():
    done = subprocess.run([sys.executable, ROOT / "bench/train.py", "--nets", "vgg5,vgg7"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "expected some of conv3," in done.stderr and ", got 'vgg7'" in done.stderr
