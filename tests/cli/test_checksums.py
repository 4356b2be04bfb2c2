"""One flipped bit in a safetensors file is found by whatever reads it, and changes nothing."""
import random
import struct

import pytest


@pytest.fixture
def run(mixent, tmp_path, tiny):
    done = mixent("train", *tiny, "--epochs", "1", "--run", "runs/a")
    assert done.code == 0, done.err
    return tmp_path / "runs/a"


def payload_of(path):
    """Where it begins, and its length."""
    data = path.read_bytes()
    begin = 8 + struct.unpack("<Q", data[:8])[0]
    return begin, len(data) - begin


def flip(path, bit):
    data = bytearray(path.read_bytes())
    begin, _ = payload_of(path)
    data[begin + bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


def content_of(directory):
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name, words", [
    ("last.safetensors", ["train", "--resume", "runs/a"]),
    ("best.safetensors", ["eval", "runs/a", "--data", "bars"]),
    ("best.safetensors", ["export", "runs/a", "--onnx", "a.onnx"]),
])
def test_one_flipped_bit(mixent, tmp_path, run, name, words):
    (run / "summary.json").unlink() if name == "last.safetensors" else None
    begin, size = payload_of(run / name)
    bits = [0, 8 * size - 1, *random.Random(name).sample(range(8 * size), 6)]
    for bit in bits:
        flip(run / name, bit)
        before = content_of(tmp_path)
        done = mixent(*words)
        assert done.code == 1, (bit, done.out)
        assert f"runs/a/{name}: expected the {size} bytes from byte {begin} on to have the CRC-32 " in done.message
        assert ", got " in done.message and "the file is damaged: put back a copy of it" in done.message
        assert content_of(tmp_path) == before
        flip(run / name, bit)
    assert mixent(*words).code == 0


def test_a_flipped_bit_in_predictions(mixent, run):
    """A report of the run is made without them, and says so; a comparison has nothing else."""
    flip(run / "predictions.safetensors", 1234)
    done = mixent("report", "runs/a")
    assert done.code == 0 and "predictions.safetensors: expected the" in done.message and "CRC-32" in done.message
