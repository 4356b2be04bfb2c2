"""`mixent export`: what the ONNX file computes is what the library computes, by three readers: one of our own (onnx_plain.py),
ONNX Runtime and ONNX's checker, where they are installed (`make test-onnx` installs them)."""

import json
import os
import struct
import subprocess

import numpy
import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("MIXENT_BUILD", os.path.join(ROOT, "build", "release"))
PROGRAM = os.environ.get("MIXENT") or os.environ.get("MIXENT_PROGRAM") or os.path.join(BUILD, "mixent")
TOOL = os.path.join(BUILD, "tests", "predict_dump")

# Every kind of layer, and what the built-in networks do not have: batch norms that stay, a sum of three with narrow ones as maps
# and as vectors, maps made of vectors again, a linear layer that reads a map, logits that are a map.
EVERYTHING = """
name: everything
layers:
  - conv2d: {name: c1, channels: 8, kernel: 5, padding: 1, stride: 2, bias: false}
  - batch_norm: {name: n1}
  - relu: {name: r1}
  - conv2d: {name: c2, channels: 4, kernel: 3, padding: 1}
  - conv2d: {name: c3, channels: 6, kernel: 3, padding: 1, from: r1}
  - add: {name: a1, from: [r1, c2, c3]}
  - batch_norm: {name: n2}
  - silu: {name: e2}
  - gelu: {name: e3}
  - max_pool: {name: p1, size: 3, stride: 2, padding: 1}
  - concat: {name: k1, from: [p1, p1]}
  - split: {name: s1, begin: 3, end: 12}
  - max_pool: {name: p2, size: 2}
  - flatten: {name: f1}
  - dropout: {rate: 0.3}
  - linear: {name: l1, features: 20}
  - batch_norm: {name: n3}
  - gelu: {name: e1}
  - relu: {name: r3}
  - split: {name: s2, begin: 5, end: 15}
  - add: {name: a2, from: [r3, s2]}
  - batch_norm: {name: n4}
  - concat: {name: k2, from: [n4, s2]}
  - conv2d: {name: c4, channels: 12, kernel: 1}
  - linear: {name: l2, features: 9, bias: false}
  - relu:
  - conv2d: {name: images, channels: 3, kernel: 1}
  - global_pool: {name: g1}
  - linear: {name: l3, features: 3}
  - mean_probability: {name: logits, from: [g1, l3, g1]}
"""
CASES = [("vgg5", 1, 28), ("vgg5-half", 3, 20), ("spinal-vgg5", 1, 28), ("resnet20", 3, 32), ("everything", 1, 23)]
ROWS, CLASSES = 6, 3


def run(*arguments, directory, code=0):
    environment = dict(os.environ, OMP_WAIT_POLICY="passive")
    done = subprocess.run([PROGRAM, *map(str, arguments)], cwd=directory, env=environment, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    return done


def make_data(directory, side):
    """A few images of noise in three classes, as IDX."""
    generator = numpy.random.default_rng(0)
    directory.mkdir()
    for part, count in (("train", 36), ("test", 12)):
        images = generator.integers(0, 256, (count, side, side), dtype=numpy.uint8)
        header = struct.pack(">4I", 0x803, count, side, side)
        (directory / f"{part}-images-idx3-ubyte").write_bytes(header + images.tobytes())
        labels = numpy.arange(count, dtype=numpy.uint8) % CLASSES
        (directory / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 0x801, count) + labels.tobytes())


def change_values(name, old, generator):
    """Random values where a step or two of training left nearly what training begins with."""
    if name.endswith("running_var"):
        return generator.uniform(0.3, 2, old.shape)
    if old.ndim > 1:
        return old  # random already, and of a size that keeps values in bounds
    return old + generator.uniform(-0.3, 0.3, old.shape)


def rewrite(path, out, channels):
    """The checkpoint with other values, and for images of so many channels."""
    data, generator = path.read_bytes(), numpy.random.default_rng(1)
    length = 8 + struct.unpack("<Q", data[:8])[0]
    header, values = json.loads(data[8:length]), b""
    description = header["__metadata__"]
    del description["payload_crc32"]  # of the values as they were
    for key in ("mean", "std"):
        description[key] = json.dumps([json.loads(description[key])[0] + 0.01 * c for c in range(channels)])
    description["channels"] = str(channels)
    for name, entry in sorted(header.items(), key=lambda item: item[1].get("dtype") != "I64"):  # those of eight bytes first
        if name == "__metadata__":
            continue
        kind = numpy.int64 if entry["dtype"] == "I64" else numpy.float32
        begin, end = entry["data_offsets"]
        new = numpy.frombuffer(data[length + begin : length + end], kind).reshape(entry["shape"])
        if kind == numpy.float32:
            new = change_values(name, new, generator)
            if new.ndim == 4 and new.shape[1] == 1:  # the first convolution
                new = generator.normal(0, numpy.std(new), (new.shape[0], channels, *new.shape[2:]))
        entry["shape"], entry["data_offsets"] = list(new.shape), [len(values), len(values) + new.size * kind().itemsize]
        values += new.astype(kind).tobytes()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    out.write_bytes(struct.pack("<Q", len(text)) + text + values)


@pytest.fixture(scope="module", params=CASES, ids=[case[0] for case in CASES])
def exported(request, tmp_path_factory):
    """(directory with model.safetensors and model.onnx, pixels [rows, side, side, channels], our logits)."""
    name, channels, side = request.param
    directory = tmp_path_factory.mktemp("onnx")
    make_data(directory / "noise", side)
    (directory / "everything.yaml").write_text(EVERYTHING)
    net = "everything.yaml" if name == "everything" else name
    run("train", "--data", "noise", "--net", net, "--epochs", 1, "--precision", "fp32", "--loss", "min-ent", "--run", "run",
        "--set", "batch=12", "--set", "validation.fraction=0", directory=directory)
    rewrite(directory / "run" / "best.safetensors", directory / "model.safetensors", channels)
    result = run("export", "model.safetensors", "--onnx", "model.onnx", directory=directory)
    sides = [channels, side, side]
    assert result.stdout.startswith("wrote model.onnx (") and f"images [N, {', '.join(map(str, sides))}]" in result.stdout
    assert result.stdout.endswith(f"-> logits [N, {CLASSES}]\n") and result.stderr == ""
    pixels = numpy.random.default_rng(2).integers(0, 256, (ROWS, side, side, channels), dtype=numpy.uint8)
    return directory, pixels, predict(directory, pixels, ROWS)


def predict(directory, pixels, batch):
    if not os.path.exists(TOOL):
        pytest.skip("tests/tools/predict_dump is not built")
    done = subprocess.run([TOOL, directory / "model.safetensors", str(batch)], input=pixels.tobytes(), capture_output=True)
    assert done.returncode == 0, done.stderr
    return numpy.frombuffer(done.stdout, numpy.float32).reshape(len(pixels), CLASSES)


def as_input(pixels):
    """What docs/FORMATS.md says a caller does with an image."""
    return numpy.ascontiguousarray(pixels.transpose(0, 3, 1, 2)).astype(numpy.float32) / 255


def check_logits(theirs, ours):
    assert theirs.shape == ours.shape
    assert numpy.abs(ours).max() > 1e-2
    assert numpy.abs(theirs - ours).max() < 1e-4 * max(1, numpy.abs(ours).max())


def test_a_batch_of_any_size_says_the_same(exported):
    directory, pixels, ours = exported
    for batch in (1, 4, 64):
        check_logits(predict(directory, pixels, batch), ours)


def test_computed_without_onnx(exported):
    pytest.importorskip("torch")
    import onnx_plain

    directory, pixels, ours = exported
    model = onnx_plain.Model((directory / "model.onnx").read_bytes())
    _, side, _, channels = pixels.shape
    assert model.inputs == [("images", 1, ["N", channels, side, side])] and model.outputs == [("logits", 1, ["N", CLASSES])]
    assert model.ir == 8 and model.opsets == [("", 17)] and model.producer == "mixent"
    used = {name for _, inputs, _, _ in model.nodes for name in inputs}
    assert set(model.tensors) <= used
    check_logits(model.run(as_input(pixels)), ours)
    check_logits(model.run(as_input(pixels[:1])), ours[:1])


def test_a_temperature_divides_the_logits(exported):
    pytest.importorskip("torch")
    import onnx_plain

    directory, pixels, ours = exported
    said = run("export", "model.safetensors", "--onnx", "warm.onnx", "--temperature", "2.5", directory=directory).stdout
    assert said.endswith("temperature 2.5\n")
    model = onnx_plain.Model((directory / "warm.onnx").read_bytes())
    assert model.outputs == [("logits", 1, ["N", CLASSES])] and json.loads(model.properties["temperature"]) == [2.5]
    check_logits(model.run(as_input(pixels)), ours / 2.5)


def test_rows_of_features(tmp_path):
    """The input is the features as they stand in the table; `mixent predict` is the truth."""
    pytest.importorskip("torch")
    import onnx_plain

    generator = numpy.random.default_rng(0)
    rows = (generator.normal(0, [1, 100, 0.01], (60, 3)) + [0, 50, 5]).astype(numpy.float32)
    lines = [",".join([*map(repr, row.tolist()), "no yes".split()[int(row[0] > 0)]]) for row in rows]
    (tmp_path / "table.csv").write_text("\n".join(["a,b,c,class", *lines]))
    run("train", "--recipe", "tabular", "--data", "table.csv", "--epochs", 2, "--precision", "fp32", "--run", "run", directory=tmp_path)
    run("export", "run", "--onnx", "model.onnx", directory=tmp_path)
    model = onnx_plain.Model((tmp_path / "model.onnx").read_bytes())
    assert model.inputs == [("features", 1, ["N", 3])] and "Input: features, float [N, 3]; they" in model.text
    assert json.loads(model.properties["feature_names"]) == ["a", "b", "c"]
    assert [kind for kind, _, _, _ in model.nodes] == ["Sub", "Div", "Flatten", "Gemm", "Relu", "Gemm", "Relu", "Gemm"]
    logits = model.run(rows)
    theirs = numpy.exp(logits - logits.max(1, keepdims=True))
    theirs /= theirs.sum(1, keepdims=True)
    said = run("predict", "run/best.safetensors", "table.csv", "--json", "--precision", "fp32", directory=tmp_path).stdout.splitlines()
    for line, expected in zip(said, theirs):
        for entry in json.loads(line)["top"]:
            assert abs(entry["probability"] - expected[entry["label"]]) < 1e-5


def test_it_says_what_it_is(exported):
    pytest.importorskip("torch")
    import onnx_plain

    directory, _, _ = exported
    model = onnx_plain.Model((directory / "model.onnx").read_bytes())
    properties = model.properties
    assert json.loads(properties["class_names"]) == ["0", "1", "2"] and json.loads(properties["labels"]) == [0, 1, 2]
    assert properties["data"] == "noise" and properties["loss"] == "min-ent" and "min-ent" in properties["recipe"]
    assert len(json.loads(properties["mean"])) == len(json.loads(properties["std"])) == model.inputs[0][2][1]
    assert properties["net"] in model.text and "softmax" in model.text


def test_same_checkpoint_same_bytes(exported):
    directory, _, _ = exported
    run("export", "model.safetensors", "--onnx", "again.onnx", directory=directory)
    assert (directory / "again.onnx").read_bytes() == (directory / "model.onnx").read_bytes()


def test_onnx_runtime(exported):
    onnxruntime = pytest.importorskip("onnxruntime")
    directory, pixels, ours = exported
    session = onnxruntime.InferenceSession(str(directory / "model.onnx"), providers=["CPUExecutionProvider"])
    for rows in (ROWS, 1):
        check_logits(session.run(["logits"], {"images": as_input(pixels[:rows])})[0], ours[:rows])
    assert json.loads(session.get_modelmeta().custom_metadata_map["class_names"]) == ["0", "1", "2"]


def test_onnx_checker(exported):
    onnx = pytest.importorskip("onnx")
    directory, _, _ = exported
    model = onnx.load(str(directory / "model.onnx"))
    onnx.checker.check_model(model, full_check=True)
    assert not set(node.name for node in model.graph.node) & {""}


# What goes wrong: one message, no file, nothing overwritten. One network is enough.


@pytest.fixture
def checkpoint(tmp_path):
    make_data(tmp_path / "noise", 16)
    run("train", "--data", "noise", "--net", "vgg5-half", "--epochs", 1, "--precision", "fp32", "--run", "run", "--set", "batch=12",
        "--set", "validation.fraction=0", directory=tmp_path)
    return tmp_path / "run" / "best.safetensors"


def refuse(directory, code, said, *arguments):
    done = run("export", *arguments, directory=directory, code=code)
    lines = done.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("mixent: ") and said in lines[0], done.stderr
    assert not done.stdout and not list(directory.glob("*.onnx*"))


def test_bad_inputs_are_refused(tmp_path, checkpoint):
    refuse(tmp_path, 1, "none.safetensors", "none.safetensors", "--onnx", "a.onnx")
    data = checkpoint.read_bytes()
    for size in (0, 7, 1000, len(data) - 1):
        (tmp_path / "cut.safetensors").write_bytes(data[:size])
        refuse(tmp_path, 1, "cut.safetensors", "cut.safetensors", "--onnx", "a.onnx")
    refuse(tmp_path, 1, "noise", checkpoint, "--onnx", "noise")
    refuse(tmp_path, 1, "nowhere/a.onnx", checkpoint, "--onnx", "nowhere/a.onnx")
    refuse(tmp_path, 2, "--onnx FILE", checkpoint)
    refuse(tmp_path, 2, "checkpoint itself", checkpoint, "--onnx", "run/../run/best.safetensors")
    assert checkpoint.read_bytes() == data
