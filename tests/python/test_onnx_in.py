"""ONNX files read: what PyTorch's exporters write, and ours, says in mixent what it says in PyTorch and, where it is installed, in
ONNX Runtime (`make test-onnx`); what no layer of mixent computes is refused by its node."""

import json
import os
import struct
import subprocess
import warnings

import numpy
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

import networks_torch  # noqa: E402
from test_onnx import CLASSES, PROGRAM, TOOL, as_input, make_data, run  # noqa: E402

functional = nn.functional
ROWS = 5


class Written(nn.Module):
    """What programs write by hand: the normalisation, view by size, chunk, padded shortcuts, weights that are multiplied."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 8, 3, stride=2, padding=1, bias=False)
        self.norm, self.head = nn.BatchNorm2d(8, eps=1e-3), nn.Linear(16, CLASSES)
        self.weight, self.bias = nn.Parameter(torch.randn(8, 16) / 3), nn.Parameter(torch.randn(16))

    def forward(self, images):
        x = functional.silu(self.first((images - 0.1307) / 0.3081))
        x = self.norm(self.second(x)) + functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 2, 2))
        x = functional.adaptive_avg_pool2d(torch.relu(x), 1)
        x = functional.gelu(x.view(x.size(0), -1) @ self.weight + self.bias)
        first, second = x.chunk(2, 1)
        return self.head(torch.cat([second, 3 * first - 1], 1))


class Flat(nn.Module):
    """A map made a row, a convolution without padding, pooling that overlaps."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 6, 5), nn.ReLU(), nn.MaxPool2d(3, 2, 1), nn.Dropout(0.5), nn.Flatten(),
                                    nn.Linear(6 * 6 * 6, 12), nn.BatchNorm1d(12), nn.GELU(), nn.Linear(12, CLASSES))

    def forward(self, images):
        return self.layers(images)


NETWORKS = {
    "written": (Written, 1, 20),
    "flat": (Flat, 3, 16),
    "vgg5-half": (lambda: networks_torch.VGG5(1, CLASSES, width=32), 1, 20),
    "spinal-vgg5": (lambda: networks_torch.SpinalVGG5(1, CLASSES), 1, 16),
    "resnet10": (lambda: networks_torch.ResNet10(3, CLASSES), 3, 20),
    "resnet20": (lambda: networks_torch.ResNet20(3, CLASSES), 3, 16),
    "resnet9": (lambda: networks_torch.ResNet9(1, CLASSES), 1, 16),
}


def make(name):
    torch.manual_seed(0)
    build, channels, side = NETWORKS[name]
    module = build().eval()
    for layer in module.modules():
        if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
            layer.running_mean.normal_(0, 0.2), layer.running_var.uniform_(0.5, 2)
    return module, numpy.random.default_rng(2).integers(0, 256, (ROWS, side, side, channels), dtype=numpy.uint8)


def export(module, images, path, any_rows=True, opset=14, **options):
    """By the exporter that goes through TorchScript, the only one of older versions."""
    if torch.__version__ >= "2.5":
        options["dynamo"] = False
    axes = {"x": {0: "n"}, "y": {0: "n"}} if any_rows else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            torch.onnx.export(module, (images,), str(path), opset_version=opset, input_names=["x"], output_names=["y"],
                              dynamic_axes=axes, **options)
        except torch.onnx.errors.OnnxExporterError as error:
            if "onnx is not installed" in str(error):  # newer ones write no file without it
                pytest.skip(str(error))
            raise


def predict(path, pixels):
    if not os.path.exists(TOOL):
        pytest.skip("tests/tools/predict_dump is not built")
    done = subprocess.run([TOOL, path, str(ROWS)], input=pixels.tobytes(), capture_output=True)
    assert done.returncode == 0, done.stderr
    return numpy.frombuffer(done.stdout, numpy.float32).reshape(len(pixels), -1)


def check(path, pixels, module):
    """Logits within 1e-5 of their size: of PyTorch's in double, and of ONNX Runtime's."""
    ours, images = predict(path, pixels), as_input(pixels)
    with torch.no_grad():
        wanted = module.double()(torch.from_numpy(images).double()).numpy()
    module.float()
    assert ours.shape == wanted.shape and wanted.std() > 1e-3
    assert numpy.abs(ours - wanted).max() < 1e-5 * max(1, numpy.abs(wanted).max())
    try:
        import onnxruntime
    except ImportError:
        return
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0]
    rows = 1 if entry.shape[0] == 1 else ROWS
    theirs = numpy.concatenate([session.run(None, {entry.name: images[i:i + rows]})[0] for i in range(0, ROWS, rows)])
    assert numpy.abs(ours - theirs).max() < 1e-5 * max(1, numpy.abs(theirs).max())


@pytest.mark.parametrize("name", NETWORKS)
def test_files_of_pytorch(tmp_path, name):
    module, pixels = make(name)
    images = torch.from_numpy(as_input(pixels))
    export(module, images, tmp_path / "any.onnx")
    check(tmp_path / "any.onnx", pixels, module)
    export(module, images[:1], tmp_path / "one.onnx", any_rows=False)
    check(tmp_path / "one.onnx", pixels, module)


@pytest.mark.parametrize("opset", [11, 13, 16])
def test_older_operators(tmp_path, opset):
    """Lists that were attributes and became inputs; GELU has had no operator of its own before 20."""
    for name in ("written", "flat"):
        module, pixels = make(name)
        export(module, torch.from_numpy(as_input(pixels)), tmp_path / "a.onnx", opset=opset)
        check(tmp_path / "a.onnx", pixels, module)


def test_batch_norms_that_stay(tmp_path):
    module, pixels = make("flat")
    export(module, torch.from_numpy(as_input(pixels)), tmp_path / "a.onnx", training=torch.onnx.TrainingMode.PRESERVE,
           do_constant_folding=False)
    check(tmp_path / "a.onnx", pixels, module)
    said = run("info", "a.onnx", directory=tmp_path).stdout
    assert "batch_norm" in said and "layers.0" in said and "unknown data" in said


@pytest.mark.skipif(not hasattr(torch, "export"), reason="this PyTorch has one exporter")
@pytest.mark.parametrize("beside", [False, True], ids=["one file", "weights beside"])
def test_files_of_the_dynamo_exporter(tmp_path, beside):
    pytest.importorskip("onnxscript")
    for name in NETWORKS:
        module, pixels = make(name)
        torch.onnx.export(module, (torch.from_numpy(as_input(pixels)),), str(tmp_path / "a.onnx"), dynamo=True, verbose=False,
                          external_data=beside, dynamic_shapes=({0: torch.export.Dim("n")},))
        assert (tmp_path / "a.onnx.data").exists() == beside
        check(tmp_path / "a.onnx", pixels, module)


class Ends(nn.Module):
    def __init__(self, module, end):
        super().__init__()
        self.module, self.end = module, end

    def forward(self, images):
        return self.end(self.module(images))


@pytest.mark.parametrize("end", [nn.Softmax(1), nn.LogSoftmax(1), nn.Softmax(-1)], ids=["softmax", "log softmax", "last axis"])
def test_softmax_at_the_end_is_left_out(tmp_path, end):
    module, pixels = make("flat")
    images = torch.from_numpy(as_input(pixels))
    export(Ends(module, end).eval(), images, tmp_path / "a.onnx")
    logits = torch.from_numpy(predict(tmp_path / "a.onnx", pixels).copy())
    with torch.no_grad():
        assert torch.allclose(end(logits), end(module(images)), atol=1e-5)


# eval, predict, page and export take such a file as they take a checkpoint.


@pytest.fixture
def place(tmp_path):
    make_data(tmp_path / "noise", 20)
    module, pixels = make("written")
    export(module, torch.from_numpy(as_input(pixels)), tmp_path / "a.onnx")
    pixels[0, :, :, 0].tofile(tmp_path / "a.raw")
    (tmp_path / "a.bmp").write_bytes(bitmap(pixels[0, :, :, 0]))
    with torch.no_grad():
        probabilities = module(torch.from_numpy(as_input(pixels[:1]))).softmax(1)[0].numpy()
    return tmp_path, module, probabilities


def bitmap(grey):
    """A BMP of 24 bits, rows from the bottom."""
    rows = numpy.repeat(grey[::-1, :, None], 3, 2)
    head = struct.pack("<2sIHHIIiiHHIIiiII", b"BM", 54 + rows.size, 0, 0, 54, 40, *grey.shape[::-1], 1, 24, 0, rows.size, 0, 0, 0, 0)
    return head + rows.tobytes()


def test_predict_and_eval(place):
    directory, module, probabilities = place
    for name in ("a.onnx", "b.safetensors"):
        said = json.loads(run("predict", name, "a.bmp", "--json", directory=directory).stdout)
        assert {entry["class"] for entry in said["top"]} == {"0", "1", "2"}  # the file names none: numbers
        for entry in said["top"]:
            assert abs(entry["probability"] - probabilities[int(entry["class"])]) < 1e-5
        images, labels = ((directory / "noise" / f"test-{kind}-ubyte").read_bytes() for kind in ("images-idx3", "labels-idx1"))
        pixels = numpy.frombuffer(images[16:], numpy.uint8).reshape(-1, 20, 20, 1)
        with torch.no_grad():
            right = module(torch.from_numpy(as_input(pixels))).argmax(1).numpy() == numpy.frombuffer(labels[8:], numpy.uint8)
        scores = json.loads(run("eval", name, "--data", "noise", "--json", directory=directory).stdout)
        assert scores["images"] == 12 and abs(scores["accuracy"] - right.mean()) < 1e-9
        if name == "a.onnx":
            run("export", name, "--safetensors", "b.safetensors", directory=directory)
    assert "--data NAME|DIR|FILE" in run("eval", "a.onnx", directory=directory, code=2).stderr
    run("page", "a.onnx", "b.safetensors", "--output", "a.html", directory=directory)


def test_the_converter_says_what_converts_it(tmp_path):
    checkpoint = pytest.importorskip("mixent._checkpoint")
    (tmp_path / "a.onnx").write_bytes(b"\x08\x08\x12\x07pytorch")
    with pytest.raises(checkpoint.ConversionError, match="'mixent export FILE.onnx --safetensors OUT.safetensors' converts it"):
        checkpoint.read_state(tmp_path / "a.onnx")


def test_classes_of_the_data_set(place):
    """A file that names no classes fits any as many, by whatever labels they have, and shows their names."""
    directory, _, _ = place
    for part in ("train", "test"):
        path = directory / "noise" / f"{part}-labels-idx1-ubyte"
        path.write_bytes(path.read_bytes()[:8] + bytes(k + 4 for k in path.read_bytes()[8:]))
    said = json.loads(run("eval", "a.onnx", "--data", "noise", "--json", directory=directory).stdout)
    assert [entry["class"] for entry in said["classes"]] == ["4", "5", "6"]


def test_a_file_of_ours_fits_its_data(place):
    directory, _, _ = place
    run("train", "--data", "noise", "--net", "vgg5-half", "--epochs", 1, "--precision", "fp32", "--run", "run", "--set", "batch=12",
        directory=directory)
    run("export", "run", "--onnx", "b.onnx", directory=directory)
    scores = [json.loads(run("eval", name, "--json", *words, directory=directory).stdout)
              for name, words in (("run", ()), ("b.onnx", ("--data", "noise")), ("b.onnx", ()))]
    for key in ("accuracy", "nll", "loss", "ece"):
        assert all(abs(score[key] - scores[0][key]) < 1e-5 for score in scores)
    both = run("predict", "run", "b.onnx", "a.bmp", directory=directory, code=0).stdout
    assert both.startswith("a.bmp")


# What is refused: which node, which operator or attribute, what was expected.


def layer(module):
    return nn.Sequential(module, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LazyLinear(CLASSES))


class Applied(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


REFUSED = {
    "operator": (layer(nn.Softplus()), "(Softplus): the operator is not supported; supported are Conv, MaxPool"),
    "group": (layer(nn.Conv2d(3, 6, 3, groups=3)), "(Conv): group: expected 1, got 3"),
    "dilation": (layer(nn.Conv2d(3, 6, 3, dilation=2)), "(Conv): dilations: expected 1 for both axes, got 2, 2"),
    "kernel": (layer(nn.Conv2d(3, 6, (3, 1))), "(Conv): weight: expected a shape [channels, 3, k, k], got [6, 3, 3, 1]"),
    "stride": (layer(nn.Conv2d(3, 6, 3, stride=(1, 2))), "(Conv): strides: expected 2 equal numbers from 1 to 31, got 1, 2"),
    "average": (layer(nn.AvgPool2d(2)), "(AveragePool): kernel_shape: expected the whole map of 16x16, got 2x2"),
    "ceil": (layer(nn.MaxPool2d(3, 2, ceil_mode=True)), "(MaxPool): ceil_mode: expected 0, got 1"),
    "sigmoid": (layer(nn.Sigmoid()), "(GlobalAveragePool): its input is Sigmoid outside of x Sigmoid(x)"),
    "product": (layer(Applied(lambda x: x * torch.relu(x))), "(Mul): expected a value and numbers of the file, got two values"),
    "softmax": (layer(nn.Softmax(1)), "(GlobalAveragePool): its input is Softmax before the end of the network"),
    "sum": (layer(Applied(lambda x: torch.relu(x) + torch.relu(x)[:, :1])), "(Add): expected two values of the same shape, got 3x16x16 and 1x16x16"),
    "pad": (layer(Applied(lambda x: functional.pad(x, (1, 1)))), "(Pad): expected zeros before and after the channels"),
    "pixels": (layer(Applied(lambda x: x[:, :, 2:])), "(Slice): expected some of the channels (axis 1)"),
    "map": (nn.Conv2d(3, CLASSES, 3), "(output): expected logits [N, classes]"),
    "transposed": (layer(Applied(lambda x: x.transpose(2, 3))), "(Transpose): expected whole numbers of a shape"),
    "twice": (layer(Applied(lambda x: torch.cat([x - 0.5, x], 1))), "expected images that are normalised in one way"),
    "reshape": (layer(Applied(lambda x: x.reshape(x.size(0), 12, 8, 8))), "(Reshape): shape: expected [N, all numbers of a row]"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_supported_is_refused_by_its_node(tmp_path, case):
    torch.manual_seed(0)
    module, said = REFUSED[case]
    images = torch.rand(2, 3, 16, 16)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module(images)
    export(module.eval(), images, tmp_path / "a.onnx")
    message = run("info", "a.onnx", directory=tmp_path, code=1).stderr
    assert message.startswith("mixent: a.onnx: node '") and said in message and message.count("\n") == 1, message


def test_inputs_that_are_no_square_images(tmp_path):
    module = nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, CLASSES)).eval()
    export(module, torch.rand(2, 3, 16, 20), tmp_path / "a.onnx")
    assert "input 'x': expected square images" in run("info", "a.onnx", directory=tmp_path, code=1).stderr


def field(number, content):
    """A field of protobuf: a number, or bytes."""
    varint = lambda value: (bytes([value & 127 | 128]) + varint(value >> 7)) if value > 127 else bytes([value])
    return varint(number << 3) + varint(content) if isinstance(content, int) else varint(number << 3 | 2) + varint(len(content)) + content


@pytest.mark.parametrize("side", [65537, 2**31 - 2, 2**63])
def test_a_side_near_the_end_of_the_numbers(tmp_path, side):
    shape = b"".join(field(1, field(1, length)) for length in (1, 1, side, side))
    given = field(1, b"x") + field(2, field(1, field(1, 1) + field(2, shape)))
    pads = field(1, b"pads") + b"".join(field(8, 1) for _ in range(4))
    node = field(1, b"x") + field(2, b"y") + field(4, b"MaxPool") + field(5, pads) + field(5, field(1, b"kernel_shape") + field(8, 2) + field(8, 2))
    graph = field(1, node) + field(11, given) + field(12, field(1, b"y"))
    (tmp_path / "a.onnx").write_bytes(field(1, 8) + field(7, graph) + field(8, field(2, 17)))
    assert "a.onnx: input 'x': expected square images" in run("info", "a.onnx", directory=tmp_path, code=1).stderr


def test_weights_beside_the_file_stay_in_its_directory(tmp_path):
    onnx = pytest.importorskip("onnx")
    module, pixels = make("flat")
    export(module, torch.from_numpy(as_input(pixels)), tmp_path / "a.onnx")
    model = onnx.load(str(tmp_path / "a.onnx"))
    (tmp_path / "below").mkdir()
    onnx.save(model, str(tmp_path / "below" / "b.onnx"), save_as_external_data=True, location="b.data", size_threshold=0)
    check(tmp_path / "below" / "b.onnx", pixels, module)
    (tmp_path / "below" / "b.data").rename(tmp_path / "b.data")
    assert "b.data" in run("info", "below/b.onnx", directory=tmp_path, code=1).stderr
    content = (tmp_path / "below" / "b.onnx").read_bytes()
    assert content.count(b"b.data") > 3
    (tmp_path / "below" / "b.onnx").write_bytes(content.replace(b"b.data", b"../b.d"))
    assert "without a directory" in run("info", "below/b.onnx", directory=tmp_path, code=1).stderr
