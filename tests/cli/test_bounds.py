"""Hostile files end quickly, in little memory, with one message that names the file: sizes that are promised, nesting, counts. Each
command may take 10 seconds of a processor and 1.5 GB of addresses; what takes square time or believes a header fails."""
import json
import os
import resource
import shutil
import struct
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, run

import pytest

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
sys.path.insert(0, str(GOLDEN))
from make_old_formats import make_inputs

from injection import LIBRARY
from support import PROGRAM, TINY_NET, environment

SECONDS, ADDRESSES = 10, 1500 << 20


def limit():
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    if LIBRARY.exists():  # a sanitizer needs addresses without end
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A finished and an interrupted run, a study with its runs, its file, and the data set and networks."""
    directory = tmp_path_factory.mktemp("bounds")
    shutil.copytree(GOLDEN / "formats-a564270", directory, dirs_exist_ok=True)
    make_inputs(directory)
    (directory / "tiny.yaml").write_text(TINY_NET)
    run([PROGRAM, "study", "import", "study.jsonl"], cwd=directory, env=environment(), check=True, capture_output=True)
    return directory


# Contents: a text, bytes, or what writes the file.

def sparse(size, begin=b""):
    def write(path):
        path.write_bytes(begin)
        os.truncate(path, size)
    return write


def numbered(pattern, count, joint=""):
    return joint.join(pattern.replace("@", str(i)) for i in range(count))


def safetensors(header, length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text


def with_header(change):
    """The file as it is, with another description."""
    def write(path):
        data = path.read_bytes()
        begin = 8 + struct.unpack("<Q", data[:8])[0]
        header = json.loads(data[8:begin])
        change(header, header["__metadata__"])
        path.write_bytes(safetensors(header) + data[begin:])
    return write


def members(count):
    def write(path):
        with zipfile.ZipFile(path, "w") as file:
            for i in range(count):
                file.writestr(f"m{i}.npy", b"")
    return write


def npz_of(shape, bytes_of_data):
    def write(path):
        head = repr({"descr": "|u1", "fortran_order": False, "shape": shape}).encode()
        head += b" " * (-(len(head) + 11) % 64) + b"\n"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for name in ("x_train", "y_train", "x_test", "y_test"):
                file.writestr(f"{name}.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + bytes(bytes_of_data))
    return write


HUGE = 100 << 30
PLAN = (GOLDEN / "formats-a564270/interrupted/plan.yaml").read_text().split("layers:")[0]
STUDY = "name: s\nrecipe: plain.yaml\n"
ONE = "variants: {a: {loss: {name: ce}}}\n"

YAML = {
    "nested lists": ("a: " + "[" * 500000, "nested more than 32 levels deep"),
    "nested maps": ("{a: " * 200000, "nested more than 32 levels deep"),
    "nested blocks": ("".join(" " * i + "a:\n" for i in range(1300)), "nested more than 32 levels deep"),
    "nested sequences": ("- " * 400000, "nested more than 32 levels deep"),
    "nested keys": ("? " * 400000, "a key must be a plain word"),
    "keys": (numbered("k@: 1\n", 90000), "x.yaml:1:1: unknown"),
    "twice a key": (numbered("k@: 1\n", 90000) + "k7: 1\n", "k7 is given twice"),
    "anchors": ("a: &a [x]\nb: &b [*a, *a]\n", "anchors are not supported"),
    "tags": (numbered("%TAG !a@! b\n", 50000), "more than 100 lines begin with %"),
    "cells": ("a: [" + "1," * 480000 + "1]", "x.yaml:1:1: unknown"),
    "size": (sparse(HUGE, b"a: 1\n"), "larger than"),
}
JSON = {
    "nested lists": b"[" * 1000000,
    "nested maps": b'{"a":' * 200000,
    "keys": b"{" + numbered('"k@":1', 100000, ",").encode() + b"}",
    "values": b'{"a":[' + b"1," * 5000000 + b"1]}",
    "digits": b'{"a":' + b"1" * 1000000 + b"}",
    "backslashes": b'{"a":"' + b"\\" * 1000001 + b'"}',
    "size": sparse(HUGE, b'{"a":"'),
}


@dataclass
class Case:
    """What a file holds, and what the command says of it."""
    name: str
    file: str
    content: object
    words: list
    message: str


COMPARE = ["compare", "runs/small", "--no-train"]
EVAL = ["eval", "finished", "--data", "bars"]
RESULTS, RESULTS_LINES = ["compare", "--results", "x.csv"], ["compare", "--results", "x.jsonl"]
WITH_PLAN = ["train", "--data", "bars", "--net", "net.yaml", "--set", "batch=20", "--plan", "./x.yaml", "--run", "r"]


def grow(header, metadata):
    header.update({f"k{i}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(100000)})


CASES = [
    *(Case(f"{kind}, {name}", "x.yaml", content, words, message) for name, (content, message) in YAML.items()
      for kind, words in {"recipe": ["train", "--recipe", "x.yaml", "--dry-run"], "network": ["info", "x.yaml"],
                          "study": ["compare", "x.yaml", "--no-train"], "plan": WITH_PLAN}.items()),
    *(Case(f"{Path(file).name}, {name}", file, content, words, "") for name, content in JSON.items()
      for file, words in {"runs/small/ce-1/result.json": COMPARE, "runs/small/ce-1/summary.json": COMPARE, "runs/small/study.json": COMPARE,
                          "study.jsonl": ["study", "import", "study.jsonl", "--runs", "elsewhere"]}.items()),
    Case("metrics.jsonl, size", "interrupted/metrics.jsonl", sparse(HUGE), ["train", "--resume", "interrupted"], "larger than"),
    Case("layers", "x.yaml", "name: x\nlayers:\n" + "- relu:\n" * 100000, ["info", "x.yaml"], "at most 10000 layers, got 100000"),
    Case("plan, entries", "x.yaml", PLAN + "layers:\n" + numbered("- {layer: a@, pass: forward, backend: b}\n", 22000), WITH_PLAN, "x.yaml:"),
    Case("study, seeds", "x.yaml", STUDY + f"seeds: [{numbered('@', 100000, ',')}]\n" + ONE, ["compare", "x.yaml", "--no-train"], "at most 10000"),
    Case("study, variants", "x.yaml", STUDY + "seeds: 2\nvariants:\n" + numbered("  a@: {}\n", 60000), ["compare", "x.yaml", "--no-train"], "at most 10000"),
    Case("study, data sets", "x.yaml", STUDY + f"seeds: 2\ndata: [{numbered('d@', 60000, ',')}]\n" + ONE, ["compare", "x.yaml", "--no-train"], "at most 10000"),
    Case("study, runs", "x.yaml", STUDY + f"seeds: 10000\ndata: [{numbered('d@', 100, ',')}]\n" + ONE, ["compare", "x.yaml", "--no-train"], "at most 100000 runs"),
    Case("safetensors, header's length", "finished/best.safetensors", safetensors(b"{", HUGE), EVAL, "a header of 107374182400 bytes"),
    Case("safetensors, nesting", "finished/best.safetensors", safetensors(b'{"a":' * 1000000), EVAL, "maximum parsing depth"),
    Case("safetensors, tensors", "finished/best.safetensors", with_header(grow), EVAL, "which network tiny has not"),
    Case("safetensors, values", "finished/best.safetensors", safetensors(b'{"a":[' + b"1," * 5000000 + b"1]}"), EVAL, "at most 4194304 values"),
    Case("safetensors, size", "finished/best.safetensors", lambda path: os.truncate(path, 15 << 30), EVAL, "after the last tensor"),
    Case("safetensors, beyond every size", "interrupted/last.safetensors", lambda path: os.truncate(path, HUGE), ["train", "--resume", "interrupted"], "larger than"),
    Case("model, a network without weights", "finished/best.safetensors",
         with_header(lambda header, metadata: metadata.update(net_text="name: x\nlayers:\n- flatten:\n" + "- linear: {features: 65536}\n" * 1000
                                                              + "- linear: {features: classes}\n")), EVAL, "parameters of network x, got 76 numbers"),
    Case("model, classes", "finished/best.safetensors", with_header(lambda header, metadata: metadata.update(classes="16777216")), EVAL, "class_names"),
    Case("model, nesting", "finished/best.safetensors", with_header(lambda header, metadata: metadata.update(class_names="[" * 1000000)), EVAL, "class_names"),
    Case("csv, size", "x.csv", sparse(HUGE, b"a,label\n"), ["data", "show", "./x.csv"], "larger than"),
    Case("csv, columns", "x.csv", numbered("c@", 1000000, ",") + "\n" + "1," * 999999 + "1\n", ["data", "show", "./x.csv"], "at most 65536"),
    Case("csv, labels", "x.csv", "a,label\n" + numbered("1,w@\n", 300000), ["data", "show", "./x.csv"], "more than 1024 distinct labels"),
    Case("results, size", "x.csv", sparse(HUGE, b"variant,accuracy\n"), RESULTS, "more than 67108864 bytes"),
    Case("results, columns", "x.csv", "variant," + numbered("c@", 1000000, ",") + "\na," + "1," * 999999 + "1\n", RESULTS, "at most 4096 columns"),
    Case("results, variants", "x.csv", "variant,accuracy\n" + numbered("v@,1\n", 300000), RESULTS, "at most 1000 variants"),
    Case("results, runs", "x.csv", "variant,accuracy\n" + "v,1\n" * 1000000, RESULTS, "at most 100000 runs"),
    Case("results, rows", "x.csv", "variant,seed,metric,value\n" + "a,1,x,\n" * 3000000, RESULTS, "expected a column of numbers"),
    Case("results, metrics", "x.jsonl", numbered('{"variant":"v","seed":@,"m@":1}\n', 200000), RESULTS_LINES, "at most"),
    Case("results, comparisons", "x.csv", "variant,data,accuracy\n" + numbered("v@,d@,1\n", 1000), RESULTS, "at most 10000 comparisons"),
    Case("results, nesting", "x.jsonl", '{"variant":' + "[" * 1000000, RESULTS_LINES, "x.jsonl:1:"),
    Case("results, values", "x.jsonl", '{"variant":"v","a":[' + "1," * 500000 + "1]}\n", RESULTS_LINES, "expected a column of numbers"),
    Case("npz, members", "x.npz", members(20000), ["data", "show", "./x.npz"], "no array X in it"),
    Case("npz, shapes", "x.npz", npz_of((1 << 40, 28, 28), 0), ["data", "show", "./x.npz"], "its header asks for 862017116176384"),
    Case("npz, size", "x.npz", sparse(HUGE, b"PK\3\4"), ["data", "show", "./x.npz"], "larger than"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bounds(place, case):
    path = place / case.file
    old = path.read_bytes() if path.exists() else None
    try:
        if callable(case.content):
            case.content(path)
        else:
            path.write_bytes(case.content if isinstance(case.content, bytes) else case.content.encode())
        done = run([PROGRAM, *case.words], cwd=place, env=environment(OMP_NUM_THREADS="1"), stdin=DEVNULL, capture_output=True, text=True,
                   preexec_fn=limit)
    finally:
        path.unlink() if old is None else path.write_bytes(old)
    assert done.returncode == 1, (done.returncode, done.stderr)
    messages = [line for line in done.stderr.splitlines() if line.startswith("mixent: ")]
    assert len(messages) == 1 and Path(case.file).name in messages[0] and case.message in messages[0], done.stderr


@pytest.mark.parametrize("content", [content for name, content in JSON.items() if name != "size"], ids=[name for name in JSON if name != "size"])
def test_what_is_only_shown(place, content):
    """`show` and `runs` say what they can of a run with such files."""
    names = [place / "finished/summary.json", place / "finished/metrics.jsonl"]
    old = [path.read_bytes() for path in names]
    try:
        for path in names:
            path.write_bytes(content + b"\n")
            for words in (["show", "finished"], ["runs", "--runs", "."]):
                done = run([PROGRAM, *words], cwd=place, env=environment(OMP_NUM_THREADS="1"), stdin=DEVNULL, capture_output=True, preexec_fn=limit)
                assert done.returncode == 0, (words, done.stderr)
    finally:
        for path, content in zip(names, old):
            path.write_bytes(content)


@pytest.mark.skipif(not LIBRARY.exists(), reason="a sanitizer needs addresses without end")
def test_a_limit_on_memory(place):
    """From a limit at which the program begins to one at which it works: a message and exit code 1, no crash within oneDNN."""
    failures = 0
    for megabytes in range(40, 400, 2):
        addresses = (megabytes << 20, megabytes << 20)
        done = run([PROGRAM, "eval", "finished", "--data", "bars", "--threads", "1"], cwd=place, env=environment(), stdin=DEVNULL,
                   capture_output=True, text=True, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, addresses))
        if done.returncode == 0:
            break
        if done.returncode == 127:  # a library did not fit
            continue
        if done.returncode == -6 and "std::bad_alloc" in done.stderr and "mixent: " not in done.stderr:
            continue  # a library that is being loaded, before the program begins
        assert done.returncode == 1 and "mixent: " in done.stderr, (megabytes, done)
        failures += 1
    assert done.returncode == 0 and failures > 2
