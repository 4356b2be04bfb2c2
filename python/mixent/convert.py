"""PyTorch checkpoints of the networks that mixent has, made into its own files:

    python -m mixent.convert X.pt [-o OUT.safetensors]

What comes out is a model as `mixent train` writes it: `mixent eval OUT.safetensors` scores it. The defaults are those of the
code that the paper's authors released: EMNIST-Letters as torchvision gives it, normalised by 0.1307 and 0.3081."""
import argparse
import json
import math
import os
import re
import string
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy
import torch

from mixent._checkpoint import CONTAINERS, ConversionError, prefixes_of, read_state, split_state
from mixent._printable import printable
from mixent._files import replacing
from mixent._safetensors import safetensors_parts

NETWORKS = ("vgg5", "vgg5-half", "spinal-vgg5", "conv3", "resnet9", "resnet9-thin", "resnet10", "resnet20", "mlp")
LARGEST_LEFT_OUT = 4  # elements of a tensor that is no part of the network and may be passed over: the loss's own weights
LETTERS = range(1, 27)  # the labels of EMNIST-Letters
SIDES = (16, 256)  # pixels of the images that mixent reads; 1: rows of a table
MOST_COMPLAINTS = 20


@dataclass
class Network:
    """What a built-in description asks of a state dict, for images of one side."""

    name: str
    text: str  # the description
    shapes: dict = field(default_factory=dict)  # {name: shape} in the state dict's order; None: any (input, classes)
    maps: dict = field(default_factory=dict)  # {weight of a linear layer: side of the map whose pixels it reads}

    @property
    def last(self):
        """The layer whose outputs are the logits."""
        return [key for key in self.shapes if key.endswith(".weight")][-1][: -len(".weight")]


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


def read_network(name, side):
    """A built-in network as it is for images of that side."""
    network = Network(name, (Path(__file__).parent / "networks" / f"{name}.yaml").read_text())
    shapes, widths, sides = network.shapes, {"input": None}, {"input": side}
    flattened = {}  # side of the map that a row of numbers was made of
    for kind, name, inputs, fields in read_layers(network.text):
        width, side = widths[inputs[0]], sides[inputs[0]]
        if inputs[0] in flattened:
            flattened[name] = flattened[inputs[0]]
        if kind in ("conv2d", "max_pool"):
            kernel = int(fields["kernel" if kind == "conv2d" else "size"])
            stride = int(fields.get("stride", 1 if kind == "conv2d" else kernel))
            side = (side + 2 * int(fields.get("padding", 0)) - kernel) // stride + 1
        if kind == "conv2d":
            shapes[f"{name}.weight"] = (int(fields["channels"]), width, kernel, kernel)
            width = int(fields["channels"])
        elif kind == "global_pool":
            side = 1
        elif kind == "flatten":
            if side > 1:
                flattened[name] = side
            width, side = width and width * side * side, 1
        elif kind == "linear":
            features = None if fields["features"] == "classes" else int(fields["features"])
            shapes[f"{name}.weight"] = (features, width)
            if name in flattened:
                network.maps[f"{name}.weight"] = flattened.pop(name)
            width = features
        elif kind == "batch_norm":
            shapes.update({f"{name}.{part}": (width,) for part in ("weight", "bias", "running_mean", "running_var")})
            shapes[f"{name}.num_batches_tracked"] = ()
        elif kind == "split":
            width = int(fields["end"]) - int(fields["begin"])
        elif kind == "concat":
            width = sum(widths[source] for source in inputs)
        elif kind == "add":
            width = max(widths[source] for source in inputs)
        if kind in ("conv2d", "linear") and fields.get("bias") != "false":
            shapes[f"{name}.bias"] = (width,)
        widths[name], sides[name] = width, side
    return network


def fits(wanted, found):
    """Whether a tensor's shape is the expected one, in which None stands for any number."""
    return len(wanted) == len(found) and all(w in (None, f) for w, f in zip(wanted, found))


def complaints_about(state, shapes):
    """What keeps a state dict from being of that network."""
    said = [f"{name} is missing" for name in shapes if name not in state and not name.endswith("num_batches_tracked")]
    for name, tensor in state.items():
        wanted, found = shapes.get(name), tuple(tensor.shape)
        if wanted is None and tensor.numel() > LARGEST_LEFT_OUT:
            said.append(f"{name} {list(found)} is not known")
        elif wanted is not None and not fits(wanted, found):
            text = ", ".join("any" if w is None else str(w) for w in wanted)
            said.append(f"{name}: expected shape [{text}], got {list(found)}")
    return said


def likeness(state, network):
    """(tensors of the right name and shape; of all shapes, the part that both have, whatever the names)"""
    shapes = network.shapes
    named = sum(name in shapes and fits(shapes[name], tuple(tensor.shape)) for name, tensor in state.items())
    wanted, found = Counter(shapes.values()), Counter(tuple(tensor.shape) for tensor in state.values())
    return named, (wanted & found).total() / (wanted | found).total()


def refuse(path, state, prefix, network, said):
    """Says which network is nearest and what differs."""
    start = f"{path} is none of {', '.join(NETWORKS)}; nearest is {network.name}"
    if not likeness(state, network)[0]:
        names = [", ".join(list(names)[:3]) for names in (state, network.shapes)]
        raise ConversionError(f"{start}, but no tensor has its name: expected {names[1]}, …, got {names[0]}, …; rename them")
    start += f" (tensors named {prefix}…)" if prefix else ""
    sides = [side for side in (1, *range(SIDES[0], SIDES[1] + 1)) if network.maps
             and not complaints_about(state, read_network(network.name, side).shapes)]
    if sides:
        raise ConversionError(f"{path} is {network.name} for images of another side; give --side {sides[0]}"
                              + (f" (or another up to {sides[-1]})" if len(sides) > 1 else ""))
    lines = said[:MOST_COMPLAINTS] + [f"and {len(said) - MOST_COMPLAINTS} more"] * (len(said) > MOST_COMPLAINTS)
    raise ConversionError(f"{start}, but\n  " + "\n  ".join(lines))


def recognise(path, state, side, prefix=None):
    """(network, its tensors, the others, the prefix of its tensors' names): the network that the tensors are of."""
    found = []
    if prefix is not None and not split_state(state, prefix)[0]:
        begins = sorted({key.rpartition(".")[0].partition(".")[0] + "." for key in state if "." in key})
        raise ConversionError(f"--prefix: no tensor of {path} has a name that begins with '{prefix}'; names begin with "
                              + ", ".join(begins[:MOST_COMPLAINTS]))
    for name in NETWORKS:
        network = read_network(name, side)
        counts = prefixes_of(state, network.shapes) if prefix is None else [(prefix, 0)]
        whole = [other for other, _ in counts if not complaints_about(split_state(state, other)[0], network.shapes)]
        if len(whole) > 1:
            names = " and ".join(f"'{other}'" for other in whole)
            raise ConversionError(f"{path} holds {name} {len(whole)} times, under {names}; choose one with --prefix")
        begin = whole[0] if whole else counts[0][0]
        inside, outside = split_state(state, begin)
        found.append((complaints_about(inside, network.shapes), network, inside, outside, begin))
    said, network, inside, outside, prefix = max(found, key=lambda entry: (not entry[0], likeness(entry[2], entry[1])))
    if said:
        refuse(path, inside, prefix, network, said)
    return network, inside, outside, prefix


def choose_outputs(outputs, first, last):
    """Which outputs stand for the labels first…last: all in their order, or the one at each label's own number."""
    if outputs == last - first + 1:
        return list(range(outputs))
    if last < outputs:
        return list(range(first, last + 1))
    raise ConversionError(f"the network has {outputs} outputs, too few for the labels {first} to {last}; say --labels FIRST..LAST")


def write_safetensors(path, tensors, metadata):
    try:
        with replacing(path, "wb") as file:
            file.write(b"".join(safetensors_parts(tensors, metadata)))
    except OSError as error:
        raise ConversionError(f"cannot write {path}: {error.strerror}") from error


def check_output(path, out):
    """A checkpoint is not written over, by whatever name or link."""
    try:
        same = os.path.samefile(path, out)
    except OSError:
        same = False
    if same:
        raise ConversionError(f"{out} is the checkpoint itself; name another file with -o OUT.safetensors")


def check_input(network, columns, side, mean, std):
    """The input's channels, or features of a row; fails if the numbers of the normalisation are not those of them."""
    channels, rest = divmod(columns, network.maps.get(next(iter(network.shapes)), 1) ** 2)
    if rest:
        raise ConversionError(f"{network.name} reads {columns} numbers, which no image of side {side} has; --side 1 says that it "
                              "reads rows of a table, else give the side of its images")
    what = "feature" if side == 1 else "channel"
    if len(mean) != channels or len(std) != channels:
        raise ConversionError(f"the network reads {channels} {what}(s): give as many numbers to --mean and --std")
    if not all(0 < value < float("inf") for value in std):
        raise ConversionError("--std: expected numbers above 0")
    if not all(math.isfinite(value) for value in mean):
        raise ConversionError("--mean: expected finite numbers")
    return channels


def upright_weight(tensor, side):
    """A layer's weights that read transposed images, made into those that read upright ones; `side` is that of the map whose pixels
    a linear layer reads, or None."""
    if tensor.dim() == 4:
        return tensor.transpose(2, 3)
    return tensor.reshape(len(tensor), -1, side, side).transpose(2, 3).reshape(tensor.shape) if side else tensor


def convert(path, out, data="emnist-letters", labels=None, mean=(0.1307,), std=(0.3081,), side=28, upright=False, prefix=None,
            class_names=None):
    """Converts `path` into `out`; the other arguments are the options of the command. Returns lines that say what was done.
    Raises ConversionError."""
    state = read_state(path)  # what needs no conversion is told before anything about the output
    check_output(path, out)
    if side != 1 and not SIDES[0] <= side <= SIDES[1]:
        raise ConversionError(f"--side: expected {SIDES[0]} to {SIDES[1]} pixels, or 1 for rows of a table, got {side}")
    emnist, letters = data.startswith("emnist"), data == "emnist-letters"
    if emnist and side == 1:
        raise ConversionError(f"--side 1 stands for rows of a table, but the data set is {data}; name the table's file with --data")
    network, state, others, prefix = recognise(path, state, side, prefix)
    last = network.last
    columns, outputs = state[next(iter(network.shapes))].shape[1], state[f"{last}.weight"].shape[0]
    first, final = labels or ((LETTERS[0], LETTERS[-1]) if letters else (0, outputs - 1))
    channels = check_input(network, columns, side, mean, std)
    chosen = choose_outputs(outputs, first, final)
    numbers = range(first, final + 1)
    names = class_names or [string.ascii_uppercase[k - 1] if letters and k in LETTERS else str(k) for k in numbers]
    if len(names) != len(chosen):
        raise ConversionError(f"--class-names: expected {len(chosen)} names, got {len(names)}")

    tensors, said = {}, [f"{path} is {network.name} with {outputs} outputs"]
    for key in network.shapes:
        if key not in state:
            continue
        tensor = state[key]
        if key in (f"{last}.weight", f"{last}.bias"):
            tensor = tensor[chosen]
        if emnist and not upright:
            tensor = upright_weight(tensor, network.maps.get(key))
        counts = key.endswith("num_batches_tracked")
        tensors[key] = numpy.array(tensor.detach().to(torch.int64 if counts else torch.float32).numpy(), order="C")
        if not numpy.isfinite(tensors[key]).all():
            raise ConversionError(f"{path}: {key} is not finite")
    if prefix:
        said.append(f"its tensors' names begin with {prefix}, which was dropped")
    if len(chosen) < outputs:
        said.append(f"outputs {chosen[0]} to {chosen[-1]} were taken as the labels {first} to {final}; the others are left out")
    if emnist and not upright:
        said.append("it read letters as they are stored, transposed: its kernels were transposed, for mixent reads them upright")
    unused = {**{key: value for key, value in state.items() if key not in network.shapes}, **others}
    said += [f"left out: {key} = {value.tolist()}" if value.numel() <= LARGEST_LEFT_OUT else f"left out: {key} {list(value.shape)}"
             for key, value in unused.items()]
    metadata = {
        "format": "pt",
        "net": network.name,
        "net_text": network.text,
        "data": data,
        "channels": str(channels),
        "side": str(side),
        "classes": str(len(chosen)),
        "class_names": json.dumps(list(names)),
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
    said.append(f"{out} is written; 'mixent eval {out}' scores it on {data}")
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
    option("--mean", type=float, nargs="+", default=[0.1307], help="per channel, of pixels from 0 to 1, or per feature (default: 0.1307)")
    option("--std", type=float, nargs="+", default=[0.3081], help="the same (default: 0.3081)")
    option("--side", type=int, default=28, help="pixels along a side of its images; 1: rows of a table (default: %(default)s)")
    option("--class-names", nargs="+", metavar="NAME", help="names of its classes (default: letters of emnist-letters, else the labels)")
    option("--prefix", help="what its tensors' names begin with, as 'model.', where the file holds several networks")
    option(
        "--upright",
        action="store_true",
        help="it was trained on EMNIST's images turned upright; torchvision gives them transposed",
    )
    given = parser.parse_args(words)
    out = given.output or str(Path(given.checkpoint).with_suffix(".safetensors"))
    try:
        said = convert(given.checkpoint, out, given.data, given.labels, given.mean, given.std, given.side, given.upright,
                       given.prefix, given.class_names)
    except ConversionError as error:
        print(f"mixent.convert: {printable(str(error))}", file=sys.stderr)
        return 1
    print(printable("\n".join(said)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
