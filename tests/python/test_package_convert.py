"""PyTorch checkpoints through mixent.convert: the program says of an image what the PyTorch network says."""
import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

numpy = pytest.importorskip("numpy")
torch = pytest.importorskip("torch")
sys.path.insert(0, os.path.dirname(__file__))
import networks_torch  # noqa: E402
from mixent import convert  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("MIXENT_BUILD", ROOT / "build" / "release"))
PROGRAM = Path(os.environ.get("MIXENT") or os.environ.get("MIXENT_PROGRAM") or BUILD / "mixent")
TOOL = BUILD / "tests" / "predict_dump"
ROWS, SIDE = 12, 28


def make(name, channels, outputs, seed=0):
    """A network as training might leave it, in evaluation."""
    torch.manual_seed(seed)
    network = getattr(networks_torch, name.replace("-", "_"))(channels, outputs, 0.0)
    for module in network.modules():
        if isinstance(module, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.uniform_(module.bias, -0.2, 0.2)
            torch.nn.init.uniform_(module.running_mean, -0.2, 0.2)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
    return network.eval()


def draw(channels, side=SIDE):
    return numpy.random.default_rng(1).integers(0, 256, (ROWS, side, side, channels), dtype=numpy.uint8)


def theirs(network, pixels, mean, std):
    with torch.no_grad():
        images = (torch.from_numpy(pixels).float() / 255 - torch.tensor(mean)) / torch.tensor(std)
        return network(images.permute(0, 3, 1, 2)).numpy()


def ours(path, pixels, classes):
    if not TOOL.exists():
        pytest.skip("tests/tools/predict_dump is not built")
    done = subprocess.run([TOOL, path, "5"], input=pixels.tobytes(), capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return numpy.frombuffer(done.stdout, numpy.float32).reshape(len(pixels), classes)


def metadata(path):
    data = Path(path).read_bytes()
    return json.loads(data[8 : 8 + struct.unpack("<Q", data[:8])[0]])["__metadata__"]


def run(*words, code=0):
    assert convert.main([*map(str, words)]) == code


@pytest.mark.parametrize("name", ["vgg5", "spinal-vgg5", "vgg5-half"])
@pytest.mark.parametrize("outputs", [26, 62])
def test_the_authors_networks(tmp_path, name, outputs):
    """They read EMNIST's letters as they are stored, transposed; ours are upright. Of 62 outputs, 1 to 26 are the letters."""
    network = make(name, 1, outputs)
    torch.save(network.state_dict(), tmp_path / "x.pt")
    run(tmp_path / "x.pt")
    pixels = draw(1)
    upright = numpy.ascontiguousarray(pixels.transpose(0, 2, 1, 3))
    expected = theirs(network, pixels, [0.1307], [0.3081])[:, 1:27] if outputs == 62 else theirs(network, pixels, [0.1307], [0.3081])
    found = ours(tmp_path / "x.safetensors", upright, 26)
    assert numpy.abs(found - expected).max() < 1e-4 * numpy.abs(expected).max()
    said = metadata(tmp_path / "x.safetensors")
    assert json.loads(said["labels"]) == list(range(1, 27)) and json.loads(said["class_names"])[25] == "Z" and said["net"] == name


def test_other_data(tmp_path):
    network = make("resnet20", 3, 10)
    torch.save({"epoch": 3, "state_dict": {f"module.{key}": value.double() for key, value in network.state_dict().items()}}, tmp_path / "x.pt")
    mean, std = [0.49, 0.48, 0.45], [0.25, 0.24, 0.26]
    run(tmp_path / "x.pt", "-o", tmp_path / "out.safetensors", "--data", "cifar-10", "--side", 32, "--mean", *mean, "--std", *std)
    pixels = draw(3, 32)
    expected = theirs(network, pixels, mean, std)
    assert numpy.abs(ours(tmp_path / "out.safetensors", pixels, 10) - expected).max() < 1e-4 * numpy.abs(expected).max()
    assert json.loads(metadata(tmp_path / "out.safetensors")["labels"]) == list(range(10))


def test_upright_and_other_labels(tmp_path):
    network = make("vgg5-half", 1, 47)
    torch.save({"model": network.state_dict()}, tmp_path / "x.pt")
    run(tmp_path / "x.pt", "--upright", "--labels", "5..9", "--mean", "0.2", "--std", "0.4")
    pixels = draw(1)
    expected = theirs(network, pixels, [0.2], [0.4])[:, 5:10]
    assert numpy.abs(ours(tmp_path / "x.safetensors", pixels, 5) - expected).max() < 1e-4 * numpy.abs(expected).max()


def test_eval_scores_it(tmp_path):
    """A data set whose labels the network itself gave: `mixent eval` finds it always right, and likelihood and entropy as they are."""
    if not PROGRAM.exists():
        pytest.skip("mixent is not built")
    network = make("vgg5-half", 1, 62)
    torch.save(network.state_dict(), tmp_path / "x.pt")
    run(tmp_path / "x.pt", "-o", tmp_path / "out.safetensors")
    pixels = numpy.random.default_rng(2).integers(0, 256, (52, SIDE, SIDE), dtype=numpy.uint8)
    logits = torch.from_numpy(theirs(network, pixels[..., None], [0.1307], [0.3081])[:, 1:27]).double()
    labels = 1 + logits.argmax(1).numpy()
    (tmp_path / "emnist-letters").mkdir()
    train = numpy.arange(1, 27)
    for part, images, names in (("train", pixels[:26], train), ("test", pixels, labels)):
        start = tmp_path / "emnist-letters" / f"emnist-letters-{part}"
        Path(f"{start}-images-idx3-ubyte").write_bytes(struct.pack(">4I", 0x803, len(images), SIDE, SIDE) + images.tobytes())
        Path(f"{start}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 0x801, len(images)) + names.astype(numpy.uint8).tobytes())
    done = subprocess.run([PROGRAM, "eval", tmp_path / "out.safetensors", "--data-dir", tmp_path, "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    scores, logs = json.loads(done.stdout), torch.log_softmax(logits, 1)
    assert scores["images"] == 52 and scores["accuracy"] == 1
    assert abs(scores["nll"] + logs.max(1).values.mean().item()) < 1e-4
    assert abs(scores["entropy"] + (logs.exp() * logs).sum(1).mean().item()) < 1e-4
    info = subprocess.run([PROGRAM, "info", tmp_path / "out.safetensors"], capture_output=True, text=True).stdout
    assert "trained on emnist-letters, 28 x 28 pixels, 26 classes: A B C" in info and "mean 0.1307, deviation 0.3081" in info


def test_what_belongs_to_the_loss_is_told(tmp_path, capsys):
    state = make("vgg5", 1, 62).state_dict()
    state["loss.w1"], state["loss.w2"] = torch.tensor(0.75), torch.tensor([0.5])
    torch.save(state, tmp_path / "x.pt")
    run(tmp_path / "x.pt")
    said = capsys.readouterr().out
    assert "x.pt is vgg5 with 62 outputs" in said and "left out: loss.w1 = 0.75\n" in said and "left out: loss.w2 = [0.5]\n" in said


def refuse(path, capsys, *said, words=()):
    run(path, *words, code=1)
    captured = capsys.readouterr()
    assert captured.err.startswith("mixent.convert: ") and not captured.out
    for part in said:
        assert part in captured.err, captured.err
    assert not path.with_suffix(".safetensors").exists()


def test_what_cannot_be_converted(tmp_path, capsys):
    path = tmp_path / "x.pt"
    network = make("vgg5", 1, 62)
    torch.save(network, path)
    refuse(path, capsys, "a whole pickled module cannot be read safely", "torch.save(network.state_dict(), 'NEW.pt')")
    refuse(tmp_path / "none.pt", capsys, "cannot read", "none.pt")
    path.write_bytes(b"not of PyTorch")
    refuse(path, capsys, "x.pt is no file of tensors alone")
    torch.save([1, 2], path)
    refuse(path, capsys, "holds no dict of tensors")
    state = network.state_dict()
    del state["l3.7.running_var"], state["classifier.5.bias"]
    state["l2.0.weight"] = torch.zeros(128, 64, 5, 5)
    state["more.weight"] = torch.zeros(2, 3)
    torch.save(state, path)
    refuse(path, capsys, "nearest is vgg5, but", "\n  l3.7.running_var is missing", "\n  classifier.5.bias is missing", "\n  more.weight [2, 3] is not known",
           "\n  l2.0.weight has shape [128, 64, 5, 5], wanted is [128, 64, 3, 3]")
    state = make("vgg5", 1, 62).state_dict()
    state["l1.0.bias"][3] = float("nan")
    torch.save(state, path)
    refuse(path, capsys, "l1.0.bias is not finite")
    torch.save(make("vgg5", 1, 10).state_dict(), path)
    refuse(path, capsys, "10 outputs, too few for the labels 1 to 26")
    torch.save(make("vgg5", 3, 62).state_dict(), path)
    refuse(path, capsys, "reads 3 channel(s)")
    torch.save(network.state_dict(), path)
    refuse(path, capsys, "--std", words=["--std", "0"])
    refuse(path, capsys, "--mean", words=["--mean", "nan"])
    for side in ("-3", "15", "257"):
        refuse(path, capsys, "--side", "16 to 256", words=["--side", side])
    torch.save({3: torch.zeros(2)}, path)
    refuse(path, capsys, "holds no dict of tensors")
    torch.save(network.state_dict(), path)
    run(path, "-o", tmp_path / "nowhere" / "out.safetensors", code=1)
    assert "cannot write" in capsys.readouterr().err
