"""PyTorch checkpoints through mixent.convert: the program says of an image what the PyTorch network says."""
import argparse
import gzip
import io
import json
import os
import struct
import subprocess
import sys
import zipfile
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


def make(name, channels, outputs, seed=0, **more):
    """A network as training might leave it, in evaluation."""
    torch.manual_seed(seed)
    network = (networks_torch.Conv3 if more else getattr(networks_torch, name.replace("-", "_")))(channels, outputs, 0.0, **more)
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


@pytest.mark.parametrize("name", ["vgg5", "spinal-vgg5", "vgg5-half", "conv3"])
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
    refuse(path, capsys, "x.pt is no file of torch.save")
    torch.save([1, 2], path)
    refuse(path, capsys, "holds no dict of tensors")
    state = network.state_dict()
    del state["l3.7.running_var"], state["classifier.5.bias"]
    state["l2.0.weight"] = torch.zeros(128, 64, 5, 5)
    state["more.weight"] = torch.zeros(2, 3)
    torch.save(state, path)
    refuse(path, capsys, "nearest is vgg5, but", "\n  l3.7.running_var is missing", "\n  classifier.5.bias is missing", "\n  more.weight [2, 3] is not known",
           "\n  l2.0.weight: expected shape [128, 64, 3, 3], got [128, 64, 5, 5]")
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


# The other networks

def test_rows_of_a_table(tmp_path, capsys):
    """mlp reads rows of features; a row of a CSV file is scored as PyTorch scores it."""
    if not PROGRAM.exists():
        pytest.skip("mixent is not built")
    network = make("mlp", 4, 3)
    torch.save(network.state_dict(), tmp_path / "x.pt")
    refuse(tmp_path / "x.pt", capsys, "mlp reads 4 numbers", "--side 1")
    rows = numpy.random.default_rng(3).normal(0, 4, (200, 4)).astype(numpy.float32)
    mean, std = [0.1, -0.2, 0.3, 0.0], [1.0, 2.0, 0.5, 1.5]
    with torch.no_grad():
        logits = network(((torch.from_numpy(rows) - torch.tensor(mean)) / torch.tensor(std))[:, :, None, None])
    labels = logits.argmax(1).tolist()
    assert set(labels) == {0, 1, 2}
    names = ["ash", "birch", "cedar"]
    refuse(tmp_path / "x.pt", capsys, "expected 3 names, got 2",
           words=["--side", 1, "--data", "t.csv", "--mean", *mean, "--std", *std, "--class-names", "a", "b"])
    lines = ["a,b,c,d,label", *(",".join([*map(repr, map(float, row)), names[label]]) for row, label in zip(rows, labels))]
    (tmp_path / "trees.csv").write_text("\n".join(lines) + "\n")
    run(tmp_path / "x.pt", "--side", 1, "--data", tmp_path / "trees.csv", "--mean", *mean, "--std", *std, "--class-names", *names)
    done = subprocess.run([PROGRAM, "eval", tmp_path / "x.safetensors", "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    scores = json.loads(done.stdout)
    assert scores["accuracy"] == 1 and scores["images"] >= 30


@pytest.mark.parametrize("name, side, words", [("mlp", 28, []), ("conv3", 32, ["--side", "32"])])
def test_maps_that_are_read_as_rows(tmp_path, name, side, words):
    """The columns of a layer that reads a map's pixels are put in the upright order, too."""
    network = make(name, 784, 26) if name == "mlp" else make(name, 1, 26, side=32)
    torch.save(network.state_dict(), tmp_path / "x.pt")
    run(tmp_path / "x.pt", *words)
    pixels = draw(1, side)
    expected = theirs(network, pixels, [0.1307], [0.3081])
    found = ours(tmp_path / "x.safetensors", numpy.ascontiguousarray(pixels.transpose(0, 2, 1, 3)), 26)
    assert numpy.abs(found - expected).max() < 1e-4 * numpy.abs(expected).max()


def test_another_side_is_named(tmp_path, capsys):
    torch.save(make("conv3", 1, 26, side=32).state_dict(), tmp_path / "x.pt")
    refuse(tmp_path / "x.pt", capsys, "x.pt is conv3 for images of another side; give --side 32 (or another up to 39)")


@pytest.mark.parametrize("outputs", [26, 62])
@pytest.mark.parametrize("name", ["vgg5", "vgg5-half", "spinal-vgg5", "conv3", "resnet9", "resnet9-thin", "resnet10", "resnet20", "mlp"])
def test_the_nearest_network(tmp_path, capsys, name, outputs):
    """Whether a tensor is missing, many are, or all have other names."""
    state = make(name, 784 if name == "mlp" else 1, outputs).state_dict()
    path, names = tmp_path / "x.pt", list(state)
    torch.save({key: state[key] for key in names[1:]}, path)
    refuse(path, capsys, f"nearest is {name}, but\n  {names[0]} is missing\n")
    torch.save({f"module.{key}": state[key] for key in names[len(names) // 2:]}, path)
    refuse(path, capsys, f"nearest is {name} (tensors named module.…), but\n")
    torch.save({f"part{k}": tensor for k, tensor in enumerate(state.values())}, path)
    refuse(path, capsys, f"nearest is {name}, but no tensor has its name: expected {names[0]}, ", "got part0, part1, part2, …")


# Wrappers

def wrapped(state, before):
    return {f"{before}{key}": value for key, value in state.items()}


@pytest.mark.parametrize("before, within", [
    ("_orig_mod.", ()), ("module.", ("state_dict",)), ("module._orig_mod.", ("model",)), ("_orig_mod.module.", ("model_state_dict",)),
    ("model.", ("state_dict",)), ("net.", ("network",)), ("model.net.", ("model", "state_dict")), ("student.backbone.", ()),
], ids=str)
def test_prefixes_and_containers(tmp_path, before, within):
    state = make("conv3", 1, 26).state_dict()
    torch.save(state, tmp_path / "plain.pt")
    content = wrapped(state, before)
    for key in within[::-1]:
        content = {"epoch": 3, key: content, "optimizer": {"state": {}}}
    torch.save(content, tmp_path / "x.pt")
    run(tmp_path / "plain.pt")
    run(tmp_path / "x.pt")
    assert (tmp_path / "x.safetensors").read_bytes() == (tmp_path / "plain.safetensors").read_bytes()


def test_real_wrappers(tmp_path, capsys):
    """As PyTorch's own wrappers write them; what is beside the network is told."""
    network = make("conv3", 1, 26)
    averaged = torch.optim.swa_utils.AveragedModel(torch.nn.DataParallel(network))
    holder = torch.nn.Module()  # as a LightningModule holds its network, the loss's weights beside it
    holder.model, holder.criterion = network, torch.nn.CrossEntropyLoss(torch.ones(26))
    networks = [averaged, holder]
    if hasattr(torch, "compile"):
        networks += [torch.compile(network), torch.nn.DataParallel(torch.compile(network))]
    torch.save(network.state_dict(), tmp_path / "plain.pt")
    run(tmp_path / "plain.pt")
    for wrapped_network in networks:
        torch.save({"state_dict": wrapped_network.state_dict(), "hyper_parameters": {"epochs": 3}}, tmp_path / "x.pt")
        capsys.readouterr()
        run(tmp_path / "x.pt")
        said = capsys.readouterr().out
        assert ("left out: n_averaged = 0" in said) == (wrapped_network is averaged)
        assert ("left out: criterion.weight [26]" in said) == (wrapped_network is holder)
        assert (tmp_path / "x.safetensors").read_bytes() == (tmp_path / "plain.safetensors").read_bytes()


def test_fractions_beside_the_network(tmp_path, capsys):
    """PyTorch 1.13 does not read them safely, and a newer one does."""
    torch.save({"state_dict": make("conv3", 1, 26).state_dict(), "lr": 0.1}, tmp_path / "x.pt")
    if torch.__version__ < "2":
        refuse(tmp_path / "x.pt", capsys, f"holds values that PyTorch {torch.__version__} does not read safely; use a newer one, or where")
    else:
        run(tmp_path / "x.pt")


def test_two_networks_in_a_file(tmp_path, capsys):
    first, second = make("conv3", 1, 26).state_dict(), make("conv3", 1, 26, seed=1).state_dict()
    torch.save({**wrapped(first, "model."), **wrapped(second, "average.module.")}, tmp_path / "x.pt")
    refuse(tmp_path / "x.pt", capsys, "holds conv3 2 times, under 'model.' and 'average.module.'; choose one with --prefix")
    refuse(tmp_path / "x.pt", capsys, "no tensor of", "begins with 'zzz.'; names begin with average., model.\n", words=("--prefix", "zzz."))
    torch.save(second, tmp_path / "plain.pt")
    run(tmp_path / "plain.pt")
    run(tmp_path / "x.pt", "--prefix", "average.module.")
    assert (tmp_path / "x.safetensors").read_bytes() == (tmp_path / "plain.safetensors").read_bytes()


# Files

def saved(thing, **more):
    file = io.BytesIO()
    torch.save(thing, file, **more)
    return file.getvalue()


def archive(names):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as opened:
        for name in names:
            opened.writestr(name, b"x")
    return file.getvalue()


def safetensors(described):
    text = json.dumps({"__metadata__": described, "w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    return struct.pack("<Q", len(text)) + text + bytes(4)


WHOLE = {"l1.0.weight": torch.zeros(64, 1, 3, 3), "more": torch.zeros(4000)}


@pytest.mark.parametrize("content, said", [
    (b"", "x.pt is empty"),
    (b"<!DOCTYPE html>\n<html>", "x.pt is a web page"),
    (b"\n <HTML><head>", "x.pt is a web page"),
    (b"<?xml version='1.0'?><Error/>", "x.pt is a web page"),
    (b"version https://git-lfs.example/spec/v1\noid sha256:00\nsize 9\n", "x.pt is a Git LFS pointer"),
    (saved(WHOLE)[:5000], "x.pt is cut short"),
    (saved(WHOLE)[:-1], "x.pt is cut short"),
    (saved(WHOLE, _use_new_zipfile_serialization=False)[:5000], "x.pt is cut short"),
    *((saved(WHOLE, _use_new_zipfile_serialization=False)[:size], "x.pt is cut short") for size in (60, 180, 300)),
    (gzip.compress(saved(WHOLE)), "x.pt is compressed"),
    (archive(["a.npy"]), "x.pt is a zip archive, but not one of torch.save"),
    (archive(["a/data.pkl", "a/code/b.py"]), "x.pt is a TorchScript program"),
    (safetensors({"format": "pt"}), "x.pt is a safetensors file"),
    (safetensors({"net_text": "name: conv3"}), "x.pt is a model of mixent already"),
    (saved({"state.position": torch.zeros(2)}), "x.pt holds the training state of a mixent model"),
    (saved({"a": argparse.Namespace(b=1)}), "x.pt holds a argparse.Namespace"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_files_are_called_what_they_are(tmp_path, capsys, content, said):
    (tmp_path / "x.pt").write_bytes(content)
    refuse(tmp_path / "x.pt", capsys, said)
    assert (tmp_path / "x.pt").read_bytes() == content


def test_other_than_files(tmp_path, capsys):
    refuse(tmp_path, capsys, "is a directory")
    os.mkfifo(tmp_path / "x.pt")
    refuse(tmp_path / "x.pt", capsys, "x.pt is no regular file")


def test_a_checkpoint_is_not_written_over(tmp_path, capsys):
    """By no name: not its own, not a link's."""
    path = tmp_path / "x.safetensors"
    torch.save(make("conv3", 1, 26).state_dict(), path)
    content = path.read_bytes()
    (tmp_path / "soft.safetensors").symlink_to(path)
    os.link(path, tmp_path / "hard.safetensors")
    for words in ([path], [path, "-o", path], [path, "-o", tmp_path / "." / "x.safetensors"], [path, "-o", tmp_path / "soft.safetensors"],
                  [path, "-o", tmp_path / "hard.safetensors"], [tmp_path / "soft.safetensors", "-o", path]):
        run(*words, code=1)
        assert "is the checkpoint itself; name another file with -o" in capsys.readouterr().err
        assert path.read_bytes() == content
    run(path, "-o", tmp_path / "out.safetensors")
    out = (tmp_path / "out.safetensors").read_bytes()
    for words in ([tmp_path / "out.safetensors"], [tmp_path / "out.safetensors", "-o", tmp_path / "again.safetensors"]):
        run(*words, code=1)  # nobody is sent to -o first, to be refused there
        assert "out.safetensors is a model of mixent already" in capsys.readouterr().err
    assert (tmp_path / "out.safetensors").read_bytes() == out and not (tmp_path / "again.safetensors").exists()


def test_what_stands_at_the_output(tmp_path):
    """A link is followed, a pipe is written into, and nothing is left beside."""
    torch.save(make("conv3", 1, 26).state_dict(), tmp_path / "x.pt")
    run(tmp_path / "x.pt")
    expected = (tmp_path / "x.safetensors").read_bytes()
    places = tmp_path / "places"
    places.mkdir()
    (places / "target").write_bytes(b"old")
    (places / "target").chmod(0o640)
    (places / "link").symlink_to("target")
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    (places / "target.new").symlink_to(victim)
    run(tmp_path / "x.pt", "-o", places / "link")
    assert (places / "link").is_symlink() and (places / "target").read_bytes() == expected
    assert (places / "target").stat().st_mode & 0o777 == 0o640 and victim.read_bytes() == b"mine"
    os.mkfifo(places / "pipe")
    with open(tmp_path / "read", "wb") as file:
        reader = subprocess.Popen(["cat", places / "pipe"], stdout=file)
        run(tmp_path / "x.pt", "-o", places / "pipe")
        assert reader.wait(20) == 0
    assert (tmp_path / "read").read_bytes() == expected and (places / "pipe").is_fifo()
    assert sorted(path.name for path in places.iterdir()) == ["link", "pipe", "target", "target.new"]


def test_a_write_that_fails_leaves_what_was_there(tmp_path, capsys, monkeypatch):
    torch.save(make("conv3", 1, 26).state_dict(), tmp_path / "x.pt")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "y").write_bytes(b"old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    run(tmp_path / "x.pt", "-o", tmp_path / "out" / "y", code=1)
    assert "cannot write" in capsys.readouterr().err
    assert [path.read_bytes() for path in (tmp_path / "out").iterdir()] == [b"old"]
