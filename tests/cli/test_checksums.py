"""One flipped bit in a safetensors file is found by whatever reads it, and changes nothing."""
import random
import struct

import pytest
from PIL import Image

from studies import Place
from support import draw_images


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
    ("best.safetensors", ["predict", "runs/a", "bar.png"]),
    ("best.safetensors", ["export", "runs/a", "--onnx", "a.onnx"]),
])
def test_one_flipped_bit(mixent, tmp_path, run, name, words):
    (run / "summary.json").unlink() if name == "last.safetensors" else None
    begin, size = payload_of(run / name)
    Image.fromarray(draw_images([0, 1], 16, 1)[0]).save(tmp_path / "bar.png")
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


def test_a_flipped_bit_in_a_study(tmp_path):
    """A run that cannot be read is not compared as if it were not there: nothing is."""
    place = Place(tmp_path)
    place.compare()
    run = tmp_path / "runs" / "small" / "ce-0"
    (run / "result.json").unlink()
    kept = (run / "predictions.safetensors").read_bytes()
    flip(run / "predictions.safetensors", 1234)
    before = content_of(tmp_path)
    last = place.compare("--no-train", code=1)
    assert last["event"] == "failed" and last["error"] == "format" and "runs/small/ce-0/predictions.safetensors: expected the" in last["message"]
    assert content_of(tmp_path) == before
    (run / "predictions.safetensors").write_bytes(kept)
    assert place.compare("--no-train")["event"] == "finished"
