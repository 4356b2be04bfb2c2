"""mixent.torch.networks: the networks as PyTorch modules, against the hand-written ones of networks_torch.py, and against what the C
library says with the same checkpoint."""
import copy
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

numpy = pytest.importorskip("numpy")
torch = pytest.importorskip("torch")
pytest.importorskip("yaml")
sys.path.insert(0, os.path.dirname(__file__))
import networks_torch  # noqa: E402
from mixent._safetensors import safetensors_parts  # noqa: E402
from mixent.torch import networks  # noqa: E402
from mixent.torch._description import KINDS, read_description  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("MIXENT_BUILD", ROOT / "build" / "release"))
PROGRAM = Path(os.environ.get("MIXENT") or os.environ.get("MIXENT_PROGRAM") or BUILD / "mixent")
TOOL = BUILD / "tests" / "predict_dump"
BUILT_IN = sorted(path.stem for path in (ROOT / "src" / "net" / "networks").glob("*.yaml"))
ROWS = 6

# Every kind of layer but the ensemble's, with names that a module has already, and children before their parents.
EVERYTHING = """
name: everything
layers:
  - conv2d: {name: half.weight, channels: 8, kernel: 5, padding: 1, stride: 2, bias: false}
  - batch_norm: {name: half}
  - relu: {name: r1}
  - conv2d: {name: forward, channels: 4, kernel: 3, padding: 1}
  - conv2d: {name: c3, channels: 18, kernel: 3, padding: 1, from: r1}
  - add: {name: a1, from: [c3, r1, forward, c3]}
  - silu:
  - gelu:
  - max_pool: {name: p1, size: 3, stride: 2, padding: 1}
  - concat: {name: k1, from: [p1, p1]}
  - split: {begin: 3, end: 20}
  - conv2d:
      name: c3.0  # of another's children
      channels: 5
      kernel: 1
      bias: no
  - flatten:
  - dropout: {rate: 0.3}
  - linear: {name: extra_repr, features: 20, bias: False}
  - batch_norm: {name: mean}
  - linear: {name: out, features: 3}
  - global_pool: {name: g, from: k1}
  - linear: {name: other, features: classes}
  - mean_probability: {from: [out, other, out]}
"""


def stir(network, seed=0):
    """Other norms and statistics than the initial 0 and 1."""
    torch.manual_seed(seed)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.uniform_(module.bias, -0.2, 0.2)
            torch.nn.init.uniform_(module.running_mean, -0.2, 0.2)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
    return network


def build(name, channels, classes, **more):
    return networks.build(name, channels=channels, classes=classes, side=1 if name == "mlp" else 28, **more)


def write(path, network, change=lambda tensors, metadata: None):
    """The network as a checkpoint that the program reads."""
    channels, classes = network.channels, network.classes
    tensors = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    metadata = {
        "format": "pt", "net": network.name, "net_text": network.description, "data": "some-data", "channels": str(channels),
        "side": str(network.side), "classes": str(classes), "class_names": json.dumps([f"c{k}" for k in range(classes)]),
        "labels": json.dumps(list(range(5, 5 + classes))), "transposed": "false", "fingerprint": "0" * 16,
        "mean": json.dumps([0.1 + 0.1 * c for c in range(channels)]), "std": json.dumps([0.3 + 0.01 * c for c in range(channels)]),
        "recipe": "name: x\n", "mixent": "x", "epoch": "0", "loss": "[1,1,1,1,1,1]"}
    change(tensors, metadata)
    path.write_bytes(b"".join(safetensors_parts(tensors, metadata)))


@pytest.mark.parametrize("name", BUILT_IN)
def test_equals_the_hand_written_network(name):
    channels = 17 if name == "mlp" else 3 if name == "resnet20" else 1
    theirs = getattr(networks_torch, name.replace("-", "_"))(channels, 26, 0.0)
    ours = stir(build(name, channels, 26, dropout=0.0))
    shapes = [[(key, tuple(value.shape)) for key, value in one.state_dict().items()] for one in (ours, theirs)]
    assert shapes[0] == shapes[1]  # names, shapes and order
    assert [key for key, _ in ours.named_parameters()] == [key for key, _ in theirs.named_parameters()]
    theirs.load_state_dict(ours.state_dict())
    images = torch.randn(ROWS, channels, ours.side, ours.side)
    for training in (False, True):
        logits = [one.train(training)(images) for one in (ours, theirs)]
        assert logits[0].shape == (ROWS, 26) and torch.allclose(*logits, rtol=1e-5, atol=1e-5)
    for one in logits:
        one.square().mean().backward()
    for (key, mine), other in zip(ours.named_parameters(), theirs.parameters()):
        assert torch.allclose(mine.grad, other.grad, rtol=1e-4, atol=1e-5), key
    for (key, mine), other in zip(ours.named_buffers(), theirs.buffers()):  # the running statistics moved alike
        assert torch.allclose(mine, other, rtol=1e-5, atol=1e-6), key


@pytest.mark.parametrize("name", [*BUILT_IN, "everything", "ensemble"])
def test_logits_are_those_of_the_program(tmp_path, name):
    if not TOOL.exists():
        pytest.skip("tests/tools/predict_dump is not built")
    (tmp_path / "everything.yaml").write_text(EVERYTHING)
    indented = EVERYTHING.replace("\n", "\n      ")
    other = indented.replace("features: 20", "features: 9")
    (tmp_path / "ensemble.yaml").write_text(f"name: both\nmembers:\n  - |{indented}\n  - |{other}\n")
    channels, named = (1 if name == "conv3" else 3), name in BUILT_IN
    network = stir(networks.build(name if named else tmp_path / f"{name}.yaml", channels=channels, classes=3))
    write(tmp_path / "x.safetensors", network)
    pixels = numpy.random.default_rng(1).integers(0, 256, (ROWS, 28, 28, channels), dtype=numpy.uint8)
    done = subprocess.run([TOOL, tmp_path / "x.safetensors", "4"], input=pixels.tobytes(), capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    expected = numpy.frombuffer(done.stdout, numpy.float32).reshape(ROWS, 3)
    loaded = networks.load(tmp_path / "x.safetensors")
    assert not loaded.training and [*loaded.state_dict()] == [*network.state_dict()]
    with torch.no_grad():
        found = loaded(loaded.normalise(torch.from_numpy(pixels).permute(0, 3, 1, 2))).numpy()
    assert numpy.abs(found - expected).max() < 1e-4 * max(1, numpy.abs(expected).max())
    assert numpy.abs(expected - expected[0]).max() > 1e-3  # the answers differ


def test_every_kind_of_layer_is_there():
    kinds = set(re.findall(r'\.name = "(\w+)"', "".join(path.read_text() for path in (ROOT / "src/net/graph/layers").glob("*.c"))))
    assert kinds == set(KINDS)
    assert {layer.kind for layer in read_description(EVERYTHING, "x", 3, 28, 3).layers} == kinds
    assert networks.names() == BUILT_IN


def test_what_a_checkpoint_says(tmp_path):
    network = build("mlp", 4, 3)
    write(tmp_path / "best.safetensors", network,
          lambda tensors, metadata: metadata.update(temperature="[1.5]", feature_names='["a","b","c","d"]'))
    loaded = networks.load(tmp_path)  # as a run's directory
    assert (loaded.name, loaded.channels, loaded.side, loaded.classes) == ("mlp", 4, 1, 3)
    assert loaded.class_names == ("c0", "c1", "c2") and loaded.labels == (5, 6, 7) and loaded.feature_names == ("a", "b", "c", "d")
    assert numpy.allclose(loaded.mean, [0.1, 0.2, 0.3, 0.4]) and loaded.temperature == 1.5 and loaded.metadata["data"] == "some-data"
    rows = torch.randn(5, 4)
    normal = loaded.normalise(rows)
    assert torch.allclose(normal, (rows - torch.tensor(loaded.mean)) / torch.tensor(loaded.std))
    assert torch.equal(loaded(normal), loaded(normal[:, :, None, None]))
    assert network.mean is None and network.class_names is None
    with pytest.raises(ValueError, match="normalise: the network is of no checkpoint"):
        network.normalise(rows)
    with pytest.raises(ValueError, match=re.escape("normalise: expected [rows, 4], got [5, 3]")):
        loaded.normalise(rows[:, :3])


@pytest.mark.parametrize("kind", ["F16", "BF16"])
def test_weights_of_16_bits(tmp_path, kind):
    network = build("mlp", 4, 3)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(parameter.to(torch.float16 if kind == "F16" else torch.bfloat16))
    write(tmp_path / "x.safetensors", network)
    data = (tmp_path / "x.safetensors").read_bytes()
    length = int.from_bytes(data[:8], "little")
    header, body, offset = json.loads(data[8:8 + length]), b"", 0
    for name, tensor in network.state_dict().items():  # the same file, narrow
        narrow = tensor if tensor.dtype == torch.int64 else tensor.to(torch.float16 if kind == "F16" else torch.bfloat16)
        part = bytes(narrow.contiguous().view(-1).view(torch.uint8).numpy()) if tensor.dim() else numpy.int64(tensor.item()).tobytes()
        header[name].update(dtype=header[name]["dtype"] if tensor.dtype == torch.int64 else kind, data_offsets=[offset, offset + len(part)])
        body, offset = body + part, offset + len(part)
    text = json.dumps(header).encode()
    (tmp_path / "x.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + body)
    loaded = networks.load(tmp_path / "x.safetensors")
    assert all(torch.equal(loaded.state_dict()[name], tensor) for name, tensor in network.state_dict().items())


def set_entry(**entries):
    return lambda tensors, metadata: metadata.update(entries)


MILLION = "  - linear: {features: 1000000}\n"
HUGE = f"name: huge\nlayers:\n  - flatten:\n{MILLION}{MILLION}  - linear: {{features: classes}}\n"
WRONG_FILES = [
    (lambda tensors, metadata: tensors.pop("layers.4.weight"), "'layers.4.weight' is missing"),
    (lambda tensors, metadata: tensors.update(x=tensors["layers.1.bias"]), "holds 'x', which network mlp has not"),
    (lambda tensors, metadata: tensors.update({"layers.1.bias": tensors["layers.1.bias"][:7]}),
     "'layers.1.bias' has shape [7], expected [256]"),
    (lambda tensors, metadata: metadata.pop("net_text"), "expected a checkpoint of mixent, got a file without a network's description"),
    (set_entry(net_text="name: x\nlayers:\n  - relux:\n"), "its network:3:5: unknown layer 'relux'; did you mean 'relu'?"),
    (set_entry(net_text=HUGE), "'linear1.weight' is missing"),  # at once: 4 TB of memory are not asked for
    (set_entry(net_text="a: " + "[" * 5000), "nested too many levels deep"),
    (set_entry(mixent_format="4"), "expected a checkpoint of format 1 to 3, got 4; update mixent to read it"),
    (set_entry(payload_crc32="00000000"), "its data are damaged, for their checksum is"),
    (set_entry(mean="[0.1]"), "its entry 'mean' is damaged"),
    (set_entry(classes='"3"'), "its entry 'classes' is damaged"),
    (set_entry(labels="{"), "its entry 'labels' is missing or damaged"),
    (lambda tensors, metadata: metadata.pop("std"), "its entry 'std' is missing or damaged"),
]


@pytest.mark.parametrize("change, said", WRONG_FILES)
def test_a_wrong_checkpoint_is_refused(tmp_path, change, said):
    write(tmp_path / "x.safetensors", build("mlp", 4, 3), change)
    with pytest.raises(ValueError, match="x.safetensors: .*" + re.escape(said)):
        networks.load(tmp_path / "x.safetensors")


def test_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / "x.safetensors"
    write(path, build("mlp", 4, 3))
    data = path.read_bytes()
    for end in (0, 7, 9, 500, len(data) - 1):
        path.write_bytes(data[:end])
        with pytest.raises(ValueError, match="x.safetensors: (expected a safetensors file|tensor '.*' is damaged)"):
            networks.load(path)
    for begin in range(8, 400, 7):  # a byte of the header is another: no other exception, no endless wait
        path.write_bytes(data[:begin] + b"}" + data[begin + 1:])
        try:
            networks.load(path)
        except ValueError as error:
            assert str(error).startswith(str(path))
    os.mkfifo(tmp_path / "pipe.safetensors")
    with pytest.raises(ValueError, match="got a directory, a pipe or a device"):
        networks.load(tmp_path / "pipe.safetensors")
    with pytest.raises(ValueError, match="got a directory without best.safetensors and model.safetensors"):
        (tmp_path / "empty").mkdir()
        networks.load(tmp_path / "empty")


def layers(*lines):
    return "name: x\nlayers:\n" + "".join(f"  - {line}\n" for line in lines)


END = ("flatten: {name: f}", "linear: {features: classes}")
WRONG_DESCRIPTIONS = [
    (layers("conv: {channels: 3, kernel: 3}", *END), "3:5: unknown layer 'conv'; did you mean 'conv2d'?"),
    (layers("conv2d: {channels: 3}", *END), "3:5: conv2d needs 'kernel'"),
    (layers("conv2d: {channels: 3, kernel: 3, strid: 2}", *END), "unknown field of conv2d 'strid'; did you mean 'stride'?"),
    (layers("conv2d: {channels: 0, kernel: 3}", *END), "channels: expected a whole number from 1 to 65536, got '0'"),
    (layers("conv2d: {channels: 3, kernel: 3, padding: 3}", *END), "padding: expected a whole number from 0 to 2, got '3'"),
    (layers("conv2d: {channels: 3, kernel: 3, bias: maybe}", *END), "bias: expected true or false, got 'maybe'"),
    (layers("conv2d: {channels: [3], kernel: 3}", *END), "channels: expected a whole number from 1 to 65536, got a list"),
    (layers("conv2d: {channels: 3, kernel: 31}", *END), "a window of 31x31 does not fit the map of 28x28 with padding 0"),
    (layers("max_pool: {size: 2, padding: 2}", *END), "padding: expected a whole number from 0 to 1, got '2'"),
    (layers("relu: {from: inputs}", *END), "no layer 'inputs' stands before; did you mean 'input'?"),
    (layers("relu: {name: 'a b'}", *END), "name: 'a b' may hold letters"),
    (layers("relu: {name: f}", *END), "the name 'f' is taken by a layer before"),
    (layers("dropout: {rate: 1}", *END), "rate: expected a number from 0 to 0.999, got '1'"),
    (layers("dropout: {rate: nan}", *END), "rate: expected a number from 0 to 0.999, got 'nan'"),
    (layers("add: {from: [input]}", *END), "needs two layers or more"),
    (layers("relu: {from: [input, input]}", *END), "reads one layer, but 'from' names 2"),
    (layers("split: {begin: 0, end: 2}", *END), "end: expected a whole number from 1 to 1, got '2'"),
    (layers("linear: {features: classes}"), "put flatten before it"),
    (layers("relu:"), "the last layer must give one number per class (3)"),
    (layers("relu: {name: r}", "flatten: {name: f, from: input}", "linear: {features: classes}"), "no layer reads the value of r"),
    (layers("conv2d: {name: c, channels: 2, kernel: 1}", "add: {from: [c, input]}", *END), "an even difference"),
    (layers("max_pool: {name: p, size: 2}", "add: {from: [p, input]}", *END), "expected maps of one size, got 14x14, 28x28"),
    ("name: x\nlayers: []\n", "a network needs a list 'layers:'"),
    ("layers:\n  - relu:\n", "a network needs a name"),
    ("name: x\nlayer:\n  - relu:\n", "unknown 'layer'; did you mean 'layers'?"),
    ("name: x\nname: y\n", "2:1: name is given twice"),
    ("name: x\nlayers: &a\n  - relu:\nmembers: *a\n", "aliases are not supported"),
    ("name: x\nmembers:\n  - |\n    name: y\n", "expected a list of 2 to 16 networks"),
    ("", "there is nothing in it"),
    ("name: [", "expected the node content"),
]


@pytest.mark.parametrize("text, said", WRONG_DESCRIPTIONS)
def test_a_wrong_description_is_refused_as_the_program_refuses_it(tmp_path, text, said):
    (tmp_path / "my.yaml").write_text(text)
    with pytest.raises(ValueError, match=r"my\.yaml:.*" + re.escape(said)) as refused:
        networks.build(tmp_path / "my.yaml", channels=1, classes=3)
    done = subprocess.run([PROGRAM, "info", "my.yaml", "--channels", "1", "--classes", "3", "--side", "28"], cwd=tmp_path,
                          capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    places = [re.findall(r"my\.yaml:(\d+:\d+)", str(words)) for words in (refused.value, done.stderr)]
    assert places[0] == places[1] or said in ("aliases are not supported", "expected the node content"), done.stderr  # of YAML itself


@pytest.mark.parametrize("wrong, said", [
    ({"network": "vgg6"}, "unknown network 'vgg6'; known: conv3, "),
    ({"channels": 2}, "expected images of 1 or 3 channels and 16 to 256 pixels a side"),
    ({"side": 15}, "expected images of 1 or 3 channels and 16 to 256 pixels a side"),
    ({"side": 1, "channels": 0}, "expected 1 to 65536 features of a row, got 0"),
    ({"classes": 1}, "classes: expected 2 to 1048576, got 1"),
    ({"dropout": 1}, "dropout: expected a rate from 0 to 0.999"),
])
def test_wrong_arguments_are_refused(wrong, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        networks.build(**{"network": "vgg5", "channels": 1, "classes": 26, **wrong})


def test_initial_weights():
    """As src/net/graph/layers/ draws them: normal with deviation sqrt(2 / (area outputs)), else uniform up to 1 / sqrt(inputs)."""
    torch.manual_seed(0)
    network = networks.build("vgg5-half", channels=1, classes=26)
    convolution, hidden = network.get_submodule("l4.0"), network.get_submodule("classifier.1")
    assert abs(convolution.weight.std() * (9 * 128 / 2) ** 0.5 - 1) < 0.02
    assert abs((convolution.weight.abs() < convolution.weight.std()).float().mean() - 0.683) < 0.01  # normal
    for tensor, inputs in ((convolution.bias, 9 * 128), (hidden.weight, 128), (hidden.bias, 128)):
        bound = inputs**-0.5
        assert 0.9 * bound < tensor.abs().max() <= bound and abs(tensor.std() * 3**0.5 / bound - 1) < 0.15
    norm = network.get_submodule("l4.1")
    assert norm.eps == 1e-5 and norm.momentum == 0.1 and norm.weight.eq(1).all() and norm.running_var.eq(1).all()


def test_it_trains_copies_and_pickles():
    torch.manual_seed(0)
    network = build("conv3", 1, 3)
    images, labels = torch.randn(24, 1, 28, 28), torch.arange(24) % 3
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    losses = []
    for _ in range(6):
        optimizer.zero_grad()
        losses.append(torch.nn.functional.cross_entropy(network(images), labels))
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < 0.5 * losses[0]
    file = io.BytesIO()
    torch.save(network.eval(), file)
    file.seek(0)
    for twin in (copy.deepcopy(network), torch.load(file, **({"weights_only": False} if torch.__version__ >= "2" else {}))):
        assert torch.equal(twin(images), network(images))
        twin.get_submodule("c1").weight.data.zero_()  # its own
        assert not torch.equal(twin(images), network(images))
    assert torch.equal(torch.jit.trace(network, images)(images), network(images))


def test_a_name_that_pytorch_needs_is_refused(tmp_path):
    (tmp_path / "my.yaml").write_text(layers("flatten:", "linear: {name: a.training, features: classes}"))
    with pytest.raises(ValueError, match="PyTorch keeps the name 'training' for itself; call layer 'a.training' otherwise"):
        networks.build(tmp_path / "my.yaml", channels=1, classes=3)


def test_dropout():
    torch.manual_seed(0)
    images = torch.randn(8, 1, 28, 28)
    for rate, same in ((0.0, True), (None, False)):
        network = build("conv3", 1, 3, dropout=rate).train()
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.eval()
        assert torch.equal(network(images), network(images)) == same
