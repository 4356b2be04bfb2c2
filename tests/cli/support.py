"""What the tests of the program share: running it, and small IDX data sets that a network learns in seconds."""
import gzip
import json
import os
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAM = Path(os.environ.get("MIXENT") or os.environ.get("MIXENT_PROGRAM") or ROOT / "build" / "release" / "mixent")

# A network that trains in moments, and options that go with it.
TINY_NET = """
name: tiny
layers:
  - conv2d: {name: c1, channels: 8, kernel: 3, padding: 1}
  - batch_norm: {name: n1}
  - relu:
  - max_pool: {size: 2}
  - conv2d: {name: c2, channels: 16, kernel: 3, padding: 1}
  - relu:
  - global_pool:
  - flatten:
  - dropout: {rate: 0.1}
  - linear: {name: out, features: classes}
"""


@dataclass
class Result:
    code: int
    out: str
    err: str

    @property
    def message(self):
        """The one message of a failure, checked to be one."""
        lines = [line for line in self.err.splitlines() if line.startswith("mixent: ")]
        assert len(lines) == 1, self.err
        return lines[0]


def environment(**more):
    """The environment of a user who has no data sets, and no models of mixent but those in ./models: nothing that is installed here
    changes what a test sees. Threads that wait do not spin, for tests share the processors."""
    kept = {key: value for key, value in os.environ.items() if key not in ("MIXENT_DATA", "XDG_CACHE_HOME")}
    return {**kept, "HOME": "/nonexistent", "MIXENT_MODELS": "models", "OMP_WAIT_POLICY": "passive", **more}


def inject(failure, *words, directory, path=None, **variables):
    """The program's (code, out, err) when system calls fail as strace's option inject says, be it for one path alone."""
    only = ["-P", str(path)] if path else []
    words = ["strace", "-f", "-qq", "-o", "/dev/null", *only, "-e", f"inject={failure}", str(PROGRAM), *map(str, words)]
    done = subprocess.run(words, cwd=directory, env=environment(**variables), stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def write_idx(path, array):
    """IDX of unsigned bytes: magic 0x0800 + number of dimensions, the dimensions, the bytes; in gzip if `path` says so."""
    array = numpy.ascontiguousarray(array, dtype=numpy.uint8)
    data = struct.pack(f">{1 + array.ndim}I", 0x0800 + array.ndim, *array.shape) + array.tobytes()
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)


def draw_images(labels, side, seed):
    """Images whose class is plain to see: a bright bar whose angle is that of the class, on noise."""
    generator = numpy.random.default_rng(seed)
    axis = numpy.arange(side) - (side - 1) / 2
    y, x = numpy.meshgrid(axis, axis, indexing="ij")
    angles = numpy.asarray(labels)[:, None, None] * numpy.pi / (1 + numpy.max(labels))
    shift = generator.uniform(-1, 1, (len(labels), 1, 1))
    distance = abs(x * numpy.cos(angles) + y * numpy.sin(angles) + shift)
    noise = generator.uniform(0, 60, (len(labels), side, side))
    return numpy.clip(220 * (distance < 1.5) + noise, 0, 255).astype(numpy.uint8)


def make_folders(directory, ending, count=60, side=16):
    """Red and blue bars, a folder of pictures each, for train and test."""
    for part in ("train", "test"):
        for number, name in enumerate(("blue", "red")):
            (directory / part / name).mkdir(parents=True)
            for index, image in enumerate(draw_images(numpy.zeros(count, int), side, number)):
                colour = numpy.zeros((side, side, 3), numpy.uint8)
                colour[:, :, 0 if name == "red" else 2] = image
                Image.fromarray(colour).save(directory / part / name / f"{index:03}{ending}")
    return directory


def make_dataset(directory, train=400, test=200, classes=4, side=16, seed=0, prefix="", suffix="", first_label=0):
    """A data set of IDX files in `directory`; its class k has the label first_label + k."""
    directory.mkdir(parents=True, exist_ok=True)
    for number, (part, count) in enumerate((("train", train), ("test", test))):
        labels = numpy.arange(count) % classes
        write_idx(directory / f"{prefix}{part}-images-idx3-ubyte{suffix}", draw_images(labels, side, seed + number))
        write_idx(directory / f"{prefix}{part}-labels-idx1-ubyte{suffix}", labels + first_label)
    return directory


def read_safetensors(path):
    """A dictionary of arrays, and the texts of __metadata__."""
    data = path.read_bytes()
    begin = 8 + struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:begin])
    texts = header.pop("__metadata__")
    types = {"F32": numpy.float32, "F64": numpy.float64, "I32": numpy.int32, "I64": numpy.int64, "U8": numpy.uint8,
             "F16": numpy.float16}
    return {name: numpy.frombuffer(data[begin + tensor["data_offsets"][0]:begin + tensor["data_offsets"][1]],
                                   types[tensor["dtype"]]).reshape(tensor["shape"]) for name, tensor in header.items()}, texts
