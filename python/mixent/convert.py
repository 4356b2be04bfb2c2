"""PyTorch checkpoints of the networks that mixent has, made into its own files:

    python -m mixent.convert X.pt [-o OUT.safetensors]

What comes out is a model as `mixent train` writes it: `mixent eval OUT.safetensors` scores it. The defaults are those of the
code that the paper's authors released: EMNIST-Letters as torchvision gives it, normalised by 0.1307 and 0.3081."""
import argparse
import json
import math
import re
import string
import struct
import sys
from pathlib import Path

import numpy
import torch

from mixent.files import replacing

NETWORKS = ("vgg5", "vgg5-half", "spinal-vgg5", "resnet20")
LARGEST_LEFT_OUT = 4  # elements of a tensor that is no part of the network and may be passed over: the loss's own weights
LETTERS = range(1, 27)  # the labels of EMNIST-Letters
SIDES = (16, 256)  # pixels of the images that mixent reads
MOST_COMPLAINTS = 20
CONTAINERS = ("state_dict", "model_state_dict", "model", "network", "net")


class ConversionError(Exception):
    """Says what, where, what to do."""


def read_layers(text):
    """[(kind, name, inputs, {field: value})] of a built-in description, whose layers stand a line each."""
    layers, counts, before = [], {}, "input"
    for kind, inner in re.findall(r"^  - (\w+):(?: \{(.*?)\})?", text, re.MULTILINE):
        fields = dict(re.findall(r"(\w+): (\[[^]]*\]|[^,]+)", inner))
        name = fields.get("name", f"{kind}{counts.get(kind, 0) + 1}")
        counts[kind] = counts.get(kind, 0) + 1
        layers.append((kind, name, re.findall(r"[\w.]+", fields.get("from", before)), fields))
        before = name
    return layers


def expected_shapes(layers):
    """{name: shape} of a network's state dict in its order; None stands for the input's channels and for the classes."""
    shapes, widths = {}, {"input": None}
    for kind, name, inputs, fields in layers:
        width = widths[inputs[0]]
        if kind == "conv2d":
            kernel = int(fields["kernel"])
            widths[name] = int(fields["channels"])
            shapes[f"{name}.weight"] = (widths[name], width, kernel, kernel)
        elif kind == "linear":
            widths[name] = None if fields["features"] == "classes" else int(fields["features"])
            shapes[f"{name}.weight"] = (widths[name], width)
        elif kind == "batch_norm":
            widths[name] = width
            shapes.update({f"{name}.{part}": (width,) for part in ("weight", "bias", "running_mean", "running_var")})
            shapes[f"{name}.num_batches_tracked"] = ()
        elif kind == "split":
            widths[name] = int(fields["end"]) - int(fields["begin"])
        elif kind == "concat":
            widths[name] = sum(widths[source] for source in inputs)
        elif kind == "add":
            widths[name] = max(widths[source] for source in inputs)
        else:
            widths[name] = width
        if kind in ("conv2d", "linear") and fields.get("bias") != "false":
            shapes[f"{name}.bias"] = (widths[name],)
    return shapes


def complaints_about(state, shapes):
    """What keeps a state dict from being of that network."""
    said = [f"{name} is missing" for name in shapes if name not in state and not name.endswith("num_batches_tracked")]
    for name, tensor in state.items():
        wanted, found = shapes.get(name), tuple(tensor.shape)
        if wanted is None and tensor.numel() > LARGEST_LEFT_OUT:
            said.append(f"{name} {list(found)} is not known")
        elif wanted is not None and (len(wanted) != len(found) or any(w not in (None, f) for w, f in zip(wanted, found))):
            text = ", ".join("any" if w is None else str(w) for w in wanted)
            said.append(f"{name} has shape {list(found)}, wanted is [{text}]")
    return said


def read_state(path):
    """The tensors of a checkpoint by name, in a plain dict; nothing in the file is executed."""
    advice = (
        "where the code of its network is, torch.save(network.state_dict(), 'NEW.pt') writes what can be read: a dict of "
        f"tensors, or a dict with one under {', '.join(CONTAINERS)}"
    )
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ConversionError(f"cannot read {path}: {error.strerror}") from error
    except Exception as error:  # PyTorch's own errors for bad files are of many kinds
        text = f"{path} is no file of tensors alone (a whole pickled module cannot be read safely); {advice}"
        raise ConversionError(text) from error
    for key in CONTAINERS:
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    if not isinstance(state, dict) or not state or not all(
            isinstance(key, str) and isinstance(value, torch.Tensor) for key, value in state.items()):
        raise ConversionError(f"{path} holds no dict of tensors; {advice}")
    prefix = "module."  # of DataParallel
    if all(key.startswith(prefix) for key in state):
        state = {key[len(prefix) :]: value for key, value in state.items()}
    return dict(state)


def recognise(path, state):
    """(name, description, shapes) of the network that the tensors are of."""
    folder = Path(__file__).parent / "networks"
    found = []
    for name in NETWORKS:
        text = (folder / f"{name}.yaml").read_text()
        shapes = expected_shapes(read_layers(text))
        found.append((complaints_about(state, shapes), name, text, shapes))
    said, name, text, shapes = min(found, key=lambda entry: len(entry[0]))
    if said:
        lines = said[:MOST_COMPLAINTS] + [f"and {len(said) - MOST_COMPLAINTS} more"] * (len(said) > MOST_COMPLAINTS)
        raise ConversionError(f"{path} is none of {', '.join(NETWORKS)}; nearest is {name}, but\n  " + "\n  ".join(lines))
    return name, text, shapes


def choose_outputs(outputs, first, last):
    """Which outputs stand for the labels first…last: all in their order, or the one at each label's own number."""
    if outputs == last - first + 1:
        return list(range(outputs))
    if last < outputs:
        return list(range(first, last + 1))
    raise ConversionError(f"the network has {outputs} outputs, too few for the labels {first} to {last}; say --labels FIRST..LAST")


def write_safetensors(path, tensors, metadata):
    """Elements of eight bytes first, so that all are aligned."""
    header, data = {"__metadata__": metadata}, []
    header.update({name: None for name in tensors})
    offset = 0
    for name, array in sorted(tensors.items(), key=lambda item: -item[1].itemsize):
        kind = {"float32": "F32", "int64": "I64"}[array.dtype.name]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        data.append(array.astype(array.dtype.newbyteorder("<")).tobytes())
        offset += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    try:
        with replacing(path, "wb") as file:
            file.write(b"".join([struct.pack("<Q", len(text)), text, *data]))
    except OSError as error:
        raise ConversionError(f"cannot write {path}: {error.strerror}") from error


def convert(path, out, data="emnist-letters", labels=None, mean=(0.1307,), std=(0.3081,), side=28, upright=False):
    """Converts `path` into `out`; the other arguments are the options of the command. Returns lines that say what was done.
    Raises ConversionError."""
    state = read_state(path)
    name, text, shapes = recognise(path, state)
    first_weight = next(iter(shapes))
    last = [key for key in shapes if key.endswith(".weight")][-1][: -len(".weight")]
    channels, outputs = state[first_weight].shape[1], state[f"{last}.weight"].shape[0]
    emnist, letters = data.startswith("emnist"), data == "emnist-letters"
    first, final = labels or ((LETTERS[0], LETTERS[-1]) if letters else (0, outputs - 1))
    chosen = choose_outputs(outputs, first, final)
    if len(mean) != channels or len(std) != channels:
        raise ConversionError(f"the network reads {channels} channel(s): give as many numbers to --mean and --std")
    if not all(0 < value < float("inf") for value in std):
        raise ConversionError("--std: numbers above 0 are wanted")
    if not all(math.isfinite(value) for value in mean):
        raise ConversionError("--mean: numbers are wanted that are finite")
    if not SIDES[0] <= side <= SIDES[1]:
        raise ConversionError(f"--side: images of {SIDES[0]} to {SIDES[1]} pixels are read, not {side}")

    tensors, said = {}, [f"{path} is {name} with {outputs} outputs"]
    for key in shapes:
        if key not in state:
            continue
        tensor = state[key]
        if key in (f"{last}.weight", f"{last}.bias"):
            tensor = tensor[chosen]
        if tensor.dim() == 4 and emnist and not upright:
            tensor = tensor.transpose(2, 3)
        counts = key.endswith("num_batches_tracked")
        tensors[key] = numpy.array(tensor.detach().to(torch.int64 if counts else torch.float32).numpy(), order="C")
        if not numpy.isfinite(tensors[key]).all():
            raise ConversionError(f"{path}: {key} is not finite")
    if len(chosen) < outputs:
        said.append(f"outputs {chosen[0]} to {chosen[-1]} were taken as the labels {first} to {final}; the others are left out")
    if emnist and not upright:
        said.append("it read letters as they are stored, transposed: its kernels were transposed, for mixent reads them upright")
    said += [f"left out: {key} = {value.tolist()}" for key, value in state.items() if key not in shapes]
    numbers = range(first, final + 1)
    metadata = {
        "format": "pt",
        "net": name,
        "net_text": text,
        "data": data,
        "channels": str(channels),
        "side": str(side),
        "classes": str(len(chosen)),
        "class_names": json.dumps([string.ascii_uppercase[k - 1] if letters and k in LETTERS else str(k) for k in numbers]),
        "labels": json.dumps(list(numbers)),
        "transposed": "true" if emnist else "false",
        "fingerprint": "0" * 16,  # of no data set: what it was trained on is not known to the byte
        "mean": json.dumps(list(mean)),
        "std": json.dumps(list(std)),
        "recipe": "name: converted\nprecision: fp32\n",
        "mixent": "converted",
        "epoch": "0",
        "loss": "[1,1,1,1,1,1]",
    }
    write_safetensors(out, tensors, metadata)
    said.append(f"{out} is written; `mixent eval {out}` scores it on {data}")
    return said


def label_range(text):
    found = re.fullmatch(r"(\d+)\.\.(\d+)", text)
    if not found or int(found[1]) >= int(found[2]):
        raise argparse.ArgumentTypeError(f"'{text}' is not FIRST..LAST, as 1..26")
    return int(found[1]), int(found[2])


def main(words=None):
    parser = argparse.ArgumentParser(
        prog="python -m mixent.convert",
        description=f"Makes a PyTorch checkpoint of {', '.join(NETWORKS)} into a model that mixent reads.",
    )
    option = parser.add_argument
    option("checkpoint", metavar="X.pt", help=f"a state dict, or a dict with one under {', '.join(CONTAINERS)}")
    option("-o", "--output", metavar="OUT.safetensors", help="(default: beside X.pt)")
    option("--data", default="emnist-letters", help="the data set it was trained on (default: %(default)s)")
    option(
        "--labels",
        type=label_range,
        metavar="FIRST..LAST",
        help="labels of its classes; where it has more outputs, a label is the number of its output (default: 1..26 for "
        "emnist-letters, else all outputs from 0)",
    )
    option("--mean", type=float, nargs="+", default=[0.1307], help="per channel, of pixels from 0 to 1 (default: 0.1307)")
    option("--std", type=float, nargs="+", default=[0.3081], help="the same (default: 0.3081)")
    option("--side", type=int, default=28, help="pixels along a side of its images (default: %(default)s)")
    option(
        "--upright",
        action="store_true",
        help="it was trained on EMNIST's images turned upright; torchvision gives them transposed",
    )
    given = parser.parse_args(words)
    out = given.output or str(Path(given.checkpoint).with_suffix(".safetensors"))
    try:
        said = convert(given.checkpoint, out, given.data, given.labels, given.mean, given.std, given.side, given.upright)
    except ConversionError as error:
        print(f"mixent.convert: {error}", file=sys.stderr)
        return 1
    print("\n".join(said))
    return 0


if __name__ == "__main__":
    sys.exit(main())
