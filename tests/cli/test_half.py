"""Checkpoints whose weights are stored in 16 bits: what --half writes is what NumPy rounds to, and wherever a checkpoint is read such
a file says the same as one of the widened numbers in 32 bits."""
import json
import struct
import subprocess

import numpy
import pytest
from PIL import Image

from support import PROGRAM, TINY_NET, draw_images, environment, make_dataset, read_safetensors

TRAIN = ["train", "--data", "bars", "--net", "tiny.yaml", "--epochs", "1", "batch=20", "optimizer.learning_rate=0.01",
         "validation.fraction=0.2", "--threads", "1"]
# Ties, numbers beside them, the largest, the smallest, what vanishes.
SPECIAL = numpy.array([1 + 2**-11, 1 + 3 * 2**-11, 1 + 2**-11 + 2**-23, -65504, 65519.99, 2**-14, 2**-14 - 2**-25, 2**-24, 3 * 2**-25,
                       2**-25, -(2**-25) * (1 + 2**-20), 1e-10, -0.0], numpy.float32)


def write_safetensors(path, tensors, texts):
    """Of arrays; one of uint16 is bfloat16's bits."""
    names = {"float32": "F32", "int64": "I64", "float16": "F16", "uint16": "BF16"}
    header, data = {"__metadata__": {key: text for key, text in texts.items() if key != "payload_crc32"}}, b""
    for name, array in sorted(tensors.items(), key=lambda entry: -entry[1].itemsize):
        header[name] = {"dtype": names[array.dtype.name], "shape": array.shape, "data_offsets": [len(data), len(data) + array.nbytes]}
        data += array.tobytes()
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def bfloat16(array):
    bits = array.view(numpy.uint32).astype(numpy.uint64)
    return ((bits + 0x7fff + (bits >> 16 & 1)) >> 16).astype(numpy.uint16)


def widen(array):
    return (array.astype(numpy.uint32) << 16).view(numpy.float32) if array.dtype == numpy.uint16 else array.astype(numpy.float32)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A directory with the runs a and b."""
    directory = tmp_path_factory.mktemp("half")
    make_dataset(directory / "bars")
    (directory / "tiny.yaml").write_text(TINY_NET)
    for name, seed in (("a", "0"), ("b", "1")):
        done = subprocess.run([PROGRAM, *TRAIN, "--seed", seed, "--run", name], cwd=directory, env=environment(), capture_output=True,
                              text=True)
        assert done.returncode == 0, done.stderr
    for label, pixels in enumerate(draw_images(range(4), 16, 3)):
        Image.fromarray(pixels).save(directory / f"{label}.png")
    return directory


@pytest.fixture
def mixent(mixent, place):
    return lambda *words: mixent(*words, directory=place)


def test_weights_are_rounded_as_numpy_does(mixent, place):
    tensors, texts = read_safetensors(place / "a/best.safetensors")
    tensors["c2.weight"] = tensors["c2.weight"].copy()
    tensors["c2.weight"].ravel()[:len(SPECIAL)] = SPECIAL
    write_safetensors(place / "special.safetensors", tensors, texts)
    done = mixent("export", "special.safetensors", "--safetensors", "half.safetensors", "--half")
    assert done.code == 0, done.err
    halves, kept = read_safetensors(place / "half.safetensors")
    assert halves.keys() == tensors.keys()
    for name, array in tensors.items():
        wanted = array.astype(numpy.float16) if array.ndim > 1 else array
        assert halves[name].dtype == wanted.dtype and halves[name].shape == wanted.shape, name
        assert halves[name].tobytes() == wanted.tobytes(), name
    own = {"mixent_format", "payload_crc32"}
    assert {k: v for k, v in kept.items() if k not in own} == {k: v for k, v in texts.items() if k not in own}
    assert kept["mixent_format"] == "3" and texts["mixent_format"] == "2"


@pytest.mark.parametrize("narrow", [numpy.float16, bfloat16])
def test_a_file_in_16_bits_is_read_wherever_a_checkpoint_is(mixent, place, narrow):
    tensors, texts = read_safetensors(place / "a/best.safetensors")
    halves = {name: (array.astype(narrow) if narrow is numpy.float16 else narrow(array)) if array.dtype == numpy.float32 else array
              for name, array in tensors.items()}
    wide = {name: array if array.dtype == numpy.int64 else widen(array) for name, array in halves.items()}
    said = []
    for kind in (halves, wide):
        write_safetensors(place / "w.safetensors", kind, texts)
        (place / "w.onnx").unlink(missing_ok=True)
        outputs = []
        for words in (["eval", "w.safetensors", "--json"], ["predict", "w.safetensors", *(f"{k}.png" for k in range(4)), "--json"],
                      ["info", "w.safetensors"], ["export", "w.safetensors", "--onnx", "w.onnx"],
                      [*TRAIN, "init_from=w.safetensors", "distill.teacher=w.safetensors", "--run", "w", "--overwrite"]):
            done = mixent(*words)
            assert done.code == 0, done.err
            outputs.append(done.out if words[0] != "train" else (place / "w/last.safetensors").read_bytes())
        said.append([*outputs, (place / "w.onnx").read_bytes()])
    assert said[0] == said[1]
    assert any((tensors[name] != wide[name]).any() for name in tensors)


def test_an_ensemble_in_one_file_of_16_bits(mixent, place):
    for words in (["a", "--safetensors", "a2.safetensors"], ["b", "--safetensors", "b2.safetensors"],
                  ["a", "b", "--safetensors", "both2.safetensors"], ["a", "b", "--safetensors", "both4.safetensors"]):
        done = mixent("export", *words, *([] if "both4" in words[-1] else ["--half"]))
        assert done.code == 0 and f"wrote {words[-1]} (" in done.out, done.err
    in_memory, as_file = mixent("eval", "a2.safetensors", "b2.safetensors"), mixent("eval", "both2.safetensors")
    assert in_memory.code == 0 and in_memory.out.splitlines()[1:] == as_file.out.splitlines()[1:]
    weights = sum(array.nbytes for array in read_safetensors(place / "both2.safetensors")[0].values() if array.ndim > 1)
    sizes = [(place / f"both{n}.safetensors").stat().st_size for n in (2, 4)]
    assert sizes[1] - sizes[0] == pytest.approx(weights, abs=64)
    done = mixent("export", "both2.safetensors", "--safetensors", "again.safetensors")
    assert done.code == 0 and (place / "again.safetensors").read_bytes() == (place / "both2.safetensors").read_bytes()


def test_the_state_of_a_training_is_left_out(mixent, place):
    done = mixent("export", "a/last.safetensors", "--safetensors", "alone.safetensors")
    assert done.code == 0, done.err
    kept, last = read_safetensors(place / "alone.safetensors")[0], read_safetensors(place / "a/last.safetensors")[0]
    assert list(kept) == [name for name in last if not name.startswith("state.")]
    assert all(array.tobytes() == last[name].tobytes() for name, array in kept.items())


def test_a_weight_too_large_for_16_bits(mixent, place):
    tensors, texts = read_safetensors(place / "a/best.safetensors")
    tensors["c2.weight"] = tensors["c2.weight"].copy()
    tensors["c2.weight"].ravel()[5] = -65520
    write_safetensors(place / "large.safetensors", tensors, texts)
    done = mixent("export", "large.safetensors", "--safetensors", "none.safetensors", "--half")
    assert done.code == 1 and "large.safetensors: 'c2.weight' holds -65520; expected weights from -65504 to 65504" in done.message
    assert not (place / "none.safetensors").exists()
    assert mixent("export", "large.safetensors", "--safetensors", "none.safetensors").code == 0


@pytest.mark.parametrize("words, said", [
    (["a", "--half"], "say what to write: --onnx FILE, --safetensors FILE, --c FILE or --hub DIRECTORY"),
    (["a", "--onnx", "x.onnx", "--half"], "--half is of what --safetensors FILE or --hub DIRECTORY names"),
    (["a", "--safetensors", "a/best.safetensors", "--half"], "a/best.safetensors is one of the checkpoints"),
])
def test_complaints(mixent, place, words, said):
    done = mixent("export", *words)
    assert done.code == 2 and said in done.err, done.err


def test_pytorch_takes_it_as_a_state_dict(mixent, place):
    torch = pytest.importorskip("torch")
    layers = torch.nn
    network = layers.ModuleDict({"c1": layers.Conv2d(1, 8, 3), "n1": layers.BatchNorm2d(8), "c2": layers.Conv2d(8, 16, 3),
                                 "out": layers.Linear(16, 4)})
    assert mixent("export", "a", "--safetensors", "t.safetensors", "--half").code == 0
    halves = {name: torch.from_numpy(array.copy()) for name, array in read_safetensors(place / "t.safetensors")[0].items()}
    network.load_state_dict(halves)
    assert network["c2"].weight.dtype == torch.float32
    assert torch.equal(network["c2"].weight, halves["c2.weight"].float())
