"""A network of mixent as the peers compute it: read from src/net/networks, its shapes worked out, walked layer by layer.

So every peer does the work of the same description. A peer brings one function per kind of layer. A layer is a dict: its kind,
the numbers of its inputs (-1: the images), their shapes ("from"), its own shape ([channels, height, width], or [features] once
flattened), the shapes of its parameters, and the options of its kind.
"""
import math
from pathlib import Path

NETWORKS = Path(__file__).resolve().parents[2] / "src/net/networks"
INPUT = 1, 28  # channels, side: as bench_train's images without --data


def read(net, channels=INPUT[0], side=INPUT[1], classes=26, dropout=0.3):
    """The layers of a network. Every rate of dropout is `dropout`, as mixent and networks_torch have it."""
    import yaml  # where the measuring happens; peers are handed the layers

    layers, named = [], {}
    for written in yaml.safe_load((NETWORKS / f"{net}.yaml").read_text())["layers"]:
        ((kind, options),) = written.items()
        options = options or {}
        sources = options.get("from", [])
        sources = [sources] if isinstance(sources, str) else sources
        inputs = [named[source] for source in sources] or [len(layers) - 1]
        shapes = [layers[i]["shape"] if i >= 0 else [channels, side, side] for i in inputs]
        layer = {"kind": kind, "inputs": inputs, **{key: value for key, value in options.items() if key not in ("name", "from")}}
        layers.append(complete(layer, shapes, classes, dropout))
        named[options.get("name")] = len(layers) - 1
    return layers


def complete(layer, shapes, classes, dropout):
    """Adds what the description leaves to be worked out: the output's shape, the parameters, defaults."""
    kind, (channels, *sides) = layer["kind"], shapes[0]
    parameters = {}
    if kind == "conv2d":
        kernel = layer["kernel"]
        layer.setdefault("stride", 1)
        layer.setdefault("padding", 0)
        parameters["weight"] = [layer["channels"], channels, kernel, kernel]
        if layer.get("bias", True):
            parameters["bias"] = [layer["channels"]]
        sides = [(side + 2 * layer["padding"] - kernel) // layer["stride"] + 1 for side in sides]
        channels = layer["channels"]
    elif kind == "max_pool":
        layer.setdefault("stride", layer["size"])
        sides = [(side - layer["size"]) // layer["stride"] + 1 for side in sides]
    elif kind == "linear":
        features = classes if layer["features"] == "classes" else layer["features"]
        parameters = {"weight": [features, channels], "bias": [features]}
        channels = features
    elif kind == "batch_norm":
        parameters = {"weight": [channels], "bias": [channels]}
    elif kind == "dropout":
        layer["rate"] = dropout
    elif kind == "global_pool":
        sides = [1, 1]
    elif kind == "flatten":
        channels, sides = math.prod(shapes[0]), []
    elif kind == "split":
        channels = layer["end"] - layer["begin"]
    elif kind == "concat":
        channels = sum(shape[0] for shape in shapes)
    elif kind == "add":  # fewer channels are padded with zeros on both sides
        channels = max(shape[0] for shape in shapes)
        layer["pads"] = [(channels - shape[0]) // 2 for shape in shapes]
    elif kind != "relu":
        raise ValueError(f"no peer knows the layer {kind}")
    return {**layer, "shape": [channels, *sides], "from": shapes, "parameters": parameters}


def count_parameters(layers):
    return sum(math.prod(shape) for layer in layers for shape in layer["parameters"].values())


def draw(layers, numpy):
    """Start values of each layer's parameters, float32, in PyTorch's layout: [out, in, height, width] and [out, in]."""
    generator = numpy.random.default_rng(0)
    values = []
    for layer in layers:
        drawn = {}
        for name, shape in layer["parameters"].items():
            if layer["kind"] == "batch_norm":
                drawn[name] = numpy.full(shape, float(name == "weight"), numpy.float32)
            elif layer["kind"] == "conv2d" and name == "weight":
                drawn[name] = (generator.standard_normal(shape) * math.sqrt(2 / (shape[0] * shape[2] * shape[3]))).astype(numpy.float32)
            else:
                bound = 1 / math.sqrt(math.prod(layer["parameters"]["weight"][1:]))
                drawn[name] = generator.uniform(-bound, bound, shape).astype(numpy.float32)
        values.append(drawn)
    return values


def forward(layers, operations, images):
    """The logits: operations.<kind>(number, layer, *inputs) for each layer in turn."""
    values = []
    for number, layer in enumerate(layers):
        inputs = [values[i] if i >= 0 else images for i in layer["inputs"]]
        values.append(getattr(operations, layer["kind"])(number, layer, *inputs))
    return values[-1]


def draw_batch(layers, batch, numpy):
    """Images [batch, channels, side, side] and labels."""
    generator = numpy.random.default_rng(1)
    images = generator.standard_normal((batch, INPUT[0], INPUT[1], INPUT[1])).astype(numpy.float32)
    return images, generator.integers(0, layers[-1]["shape"][0], batch).astype(numpy.int32)
