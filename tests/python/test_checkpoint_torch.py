"""Our checkpoints in PyTorch: best.safetensors passes a strict load_state_dict and the network says what ours says."""

import json
import os
import struct
import subprocess
import sys

import pytest

numpy = pytest.importorskip("numpy")
torch = pytest.importorskip("torch")
Image = pytest.importorskip("PIL.Image")
sys.path.insert(0, os.path.dirname(__file__))
import networks_torch  # noqa: E402
from mixent.torch import networks  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.environ.get("MIXENT") or os.environ.get("MIXENT_PROGRAM") or os.path.join(ROOT, "build", "release", "mixent")
SIDE, CLASSES = 28, 3


def run(*arguments, directory):
    environment = dict(os.environ, OMP_WAIT_POLICY="passive")
    done = subprocess.run([PROGRAM, *map(str, arguments)], cwd=directory, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def read_safetensors(path):
    """{name: tensor} and the description, by the format's own definition."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    description = header.pop("__metadata__")
    assert length % 8 == 0 and description["format"] == "pt"
    types = {"F32": numpy.float32, "I64": numpy.int64, "F64": numpy.float64}
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        values = numpy.frombuffer(data[8 + length + begin : 8 + length + end], types[entry["dtype"]])
        tensors[name] = torch.from_numpy(values.reshape(entry["shape"]).copy())
    return tensors, description


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Noise with a bright band at the height of its class: enough for a few steps to teach something."""
    directory = tmp_path_factory.mktemp("checkpoint")
    (directory / "bands").mkdir()
    generator = numpy.random.default_rng(0)
    for part, count in (("train", 60), ("test", 30)):
        labels = numpy.arange(count, dtype=numpy.uint8) % CLASSES
        images = generator.integers(0, 120, (count, SIDE, SIDE), dtype=numpy.uint8)
        for image, label in zip(images, labels):
            image[8 * label + 3 : 8 * label + 8] += 100
        (directory / "bands" / f"{part}-images-idx3-ubyte").write_bytes(struct.pack(">4I", 0x803, count, SIDE, SIDE) + images.tobytes())
        (directory / "bands" / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 0x801, count) + labels.tobytes())
        for i in range(10):
            Image.fromarray(images[i]).save(directory / f"{part}{i}.png")
    return directory


@pytest.mark.parametrize("name, ema", [("vgg5", 0), ("spinal-vgg5", 0), ("vgg5-half", 0), ("vgg5-half", 0.5), ("resnet9-thin", 0), ("resnet20", 0.5)])
def test_a_checkpoint_in_pytorch(data, name, ema):
    folder = f"{name}-{ema}"
    run("train", "--data", "bands", "--net", name, "--epochs", 2, "--precision", "fp32", "--loss", "min-ent", "--run", folder,
        "--set", "batch=16", "--set", "optimizer.learning_rate=0.02", "--set", f"ema.decay={ema}", directory=data)
    tensors, description = read_safetensors(data / folder / "best.safetensors")
    network = getattr(networks_torch, name.replace("-", "_"))(1, CLASSES, 0.0)
    assert list(tensors) == list(network.state_dict())  # the order, too
    network.load_state_dict(tensors, strict=True)
    network.eval()

    pictures = [f"test{i}.png" for i in range(10)]
    lines = run("predict", f"{folder}/best.safetensors", "--json", "--precision", "fp32", *pictures, directory=data).splitlines()
    ours = numpy.zeros((10, CLASSES))
    for row, line in zip(ours, lines):
        for entry in json.loads(line)["top"]:  # the three best, so all
            row[entry["label"]] = numpy.log(entry["probability"])
    mean, deviation = json.loads(description["mean"])[0], json.loads(description["std"])[0]
    pixels = numpy.stack([numpy.asarray(Image.open(data / picture)) for picture in pictures]).astype(numpy.float32)
    with torch.no_grad():
        logits = network(torch.from_numpy((pixels / 255 - mean) / deviation)[:, None])
    theirs = torch.log_softmax(logits.double(), 1).numpy()
    assert numpy.abs(ours - theirs).max() < 1e-4

    # the package makes the same network of the file alone
    loaded = networks.load(data / folder)
    with torch.no_grad():
        assert (loaded(loaded.normalise(torch.from_numpy(pixels)[:, None])) - logits).abs().max() < 1e-5
    run("export", folder, "--hub", f"{folder}-hub", directory=data)
    from_hub = networks.load(data / f"{folder}-hub").state_dict()
    assert all(torch.equal(from_hub[name], tensor) for name, tensor in tensors.items())
    assert loaded.class_names == tuple(json.loads(description["class_names"])) and loaded.metadata == description

    # last.safetensors holds the same network's tensors, and the state beside them
    last, _ = read_safetensors(data / folder / "last.safetensors")
    network.load_state_dict({key: value for key, value in last.items() if not key.startswith("state.")}, strict=True)
    assert any(key.startswith("state.optimizer.momentum_buffer.") for key in last)
    assert any(key.startswith("state.ema.") for key in last) == (ema > 0)
