"""Networks as descriptions (YAML) tell them, read by the rules of the C library (src/net/graph/describe.c and layers/): what each layer
reads, its numbers, and the shape of its value."""
from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from mixent._yaml import Node, parse

Shape = tuple[int, int, int]  # channels, height, width

_MOST_INPUTS, _MOST_LAYERS = 16, 10000
_MOST_CHANNELS, _MOST_VALUES = 1 << 24, 1 << 30  # of any layer's value


@dataclass(frozen=True)
class Layer:
    kind: str
    name: str
    inputs: tuple[str, ...]  # names of layers before it, or "input"
    numbers: dict[str, Any]  # what its kind needs
    shape: Shape


@dataclass(frozen=True)
class Description:
    name: str
    text: str
    channels: int
    side: int
    classes: int
    layers: tuple[Layer, ...]  # as they are computed; the last one's value is the logits


@dataclass(frozen=True)
class _Options:
    channels: int
    side: int
    classes: int
    dropout: float | None


def _unknown(word: str, known: Iterable[str], what: str) -> str:
    near = difflib.get_close_matches(word, known := list(known), 1)
    return f"unknown {what}'{word}'; " + (f"did you mean '{near[0]}'?" if near else f"known are {', '.join(known) or 'none'}")


class _Fields:
    """The fields of a layer; every one must be asked for before `finish`."""

    def __init__(self, kind: str, node: Node) -> None:
        self.kind, self.node = kind, node
        self.given: dict[str, Node] = {} if node.value == "" else node.items(f"the fields of {kind}")
        self.known = ["name", "from"]

    def fail(self, message: str) -> Exception:
        return self.node.fail(f"{self.kind}: {message}")

    def take(self, key: str, needed: bool) -> Node | None:
        self.known.append(key)
        if needed and key not in self.given:
            raise self.node.fail(f"{self.kind} needs '{key}'")
        return self.given.get(key)

    def whole(self, key: str, low: int, high: int, default: int | None = None) -> int:
        node = self.take(key, default is None)
        if node is None:
            return default
        if isinstance(node.value, str) and re.fullmatch(r"\s*[+-]?[0-9]+", node.value) and low <= int(node.value) <= high:
            return int(node.value)
        raise node.fail(f"{key}: expected a whole number from {low} to {high}, got {_said(node)}")

    def number(self, key: str, low: float, high: float) -> float:
        node = self.take(key, True)
        try:
            value = float(node.value)
            if low <= value <= high:
                return value
        except (TypeError, ValueError):
            pass
        raise node.fail(f"{key}: expected a number from {low:g} to {high:g}, got {_said(node)}")

    def boolean(self, key: str, default: bool) -> bool:
        node = self.take(key, False)
        if node is None:
            return default
        word = node.value.lower() if isinstance(node.value, str) else ""
        if word in ("true", "yes", "on", "false", "no", "off"):
            return word in ("true", "yes", "on")
        raise node.fail(f"{key}: expected true or false, got {_said(node)}")

    def finish(self) -> None:
        for key, node in self.given.items():
            if key not in self.known:
                raise node.fail(_unknown(key, self.known, f"field of {self.kind} "))


def _said(node: Node) -> str:
    return f"'{node.value}'" if isinstance(node.value, str) else "a list" if isinstance(node.value, list) else "a mapping"


def _window(fields: _Fields, shape: Shape, channels: int, kernel: int, stride: int, padding: int) -> Shape:
    sides = [side + 2 * padding - kernel for side in shape[1:]]
    if min(sides) < 0:
        hint = "; for rows of features take the network mlp" if shape[1:] == (1, 1) else ""
        raise fields.fail(f"a window of {kernel}x{kernel} does not fit the map of {shape[1]}x{shape[2]} with padding {padding}{hint}")
    return (channels, *(side // stride + 1 for side in sides))


def _one(fields: _Fields, shapes: list[Shape]) -> Shape:
    if len(shapes) != 1:
        raise fields.fail(f"reads one layer, but 'from' names {len(shapes)}")
    return shapes[0]


def _several(fields: _Fields, shapes: list[Shape]) -> list[Shape]:
    if len(shapes) < 2:
        raise fields.fail("needs two layers or more: from: [a, b]")
    if any(shape[1:] != shapes[0][1:] for shape in shapes):
        raise fields.fail("expected maps of one size, got " + ", ".join(f"{height}x{width}" for _, height, width in shapes))
    return shapes


def _conv2d(fields: _Fields, shapes: list[Shape], _: _Options) -> tuple[Shape, dict[str, Any]]:
    shape = _one(fields, shapes)
    channels, kernel = fields.whole("channels", 1, 65536), fields.whole("kernel", 1, 31)
    stride, padding = fields.whole("stride", 1, 31, 1), fields.whole("padding", 0, kernel - 1, 0)
    numbers = {"inputs": shape[0], "channels": channels, "kernel": kernel, "stride": stride, "padding": padding,
               "bias": fields.boolean("bias", True)}
    return _window(fields, shape, channels, kernel, stride, padding), numbers


def _max_pool(fields: _Fields, shapes: list[Shape], _: _Options) -> tuple[Shape, dict[str, Any]]:
    shape, size = _one(fields, shapes), fields.whole("size", 1, 31)
    stride, padding = fields.whole("stride", 1, 31, size), fields.whole("padding", 0, size // 2, 0)
    return _window(fields, shape, shape[0], size, stride, padding), {"size": size, "stride": stride, "padding": padding}


def _linear(fields: _Fields, shapes: list[Shape], options: _Options) -> tuple[Shape, dict[str, Any]]:
    shape = _one(fields, shapes)
    if shape[1:] != (1, 1):
        raise fields.fail(f"reads a vector, got a map of {shape[1]}x{shape[2]}; put flatten before it")
    features = fields.take("features", True)
    width = options.classes if features.value == "classes" else fields.whole("features", 1, 1 << 20)
    return (width, 1, 1), {"inputs": shape[0], "features": width, "bias": fields.boolean("bias", True)}


def _batch_norm(fields: _Fields, shapes: list[Shape], _: _Options) -> tuple[Shape, dict[str, Any]]:
    shape = _one(fields, shapes)
    return shape, {"channels": shape[0]}


def _same(fields: _Fields, shapes: list[Shape], _: _Options) -> tuple[Shape, dict[str, Any]]:
    return _one(fields, shapes), {}


def _global_pool(fields: _Fields, shapes: list[Shape], _: _Options) -> tuple[Shape, dict[str, Any]]:
    return (_one(fields, shapes)[0], 1, 1), {}


def _flatten(fields: _Fields, shapes: list[Shape], _: _Options) -> tuple[Shape, dict[str, Any]]:
    channels, height, width = _one(fields, shapes)
    return (channels * height * width, 1, 1), {}


def _dropout(fields: _Fields, shapes: list[Shape], options: _Options) -> tuple[Shape, dict[str, Any]]:
    shape, rate = _one(fields, shapes), fields.number("rate", 0, 0.999)
    return shape, {"rate": rate if options.dropout is None else options.dropout}


def _split(fields: _Fields, shapes: list[Shape], _: _Options) -> tuple[Shape, dict[str, Any]]:
    shape = _one(fields, shapes)
    begin = fields.whole("begin", 0, shape[0] - 1)
    end = fields.whole("end", begin + 1, shape[0])
    return (end - begin, *shape[1:]), {"begin": begin, "end": end}


def _concat(fields: _Fields, shapes: list[Shape], _: _Options) -> tuple[Shape, dict[str, Any]]:
    shapes = _several(fields, shapes)
    return (sum(shape[0] for shape in shapes), *shapes[0][1:]), {}


def _add(fields: _Fields, shapes: list[Shape], _: _Options) -> tuple[Shape, dict[str, Any]]:
    first, *others = _several(fields, shapes)
    for channels, _, _ in others:
        if channels > first[0] or (first[0] - channels) % 2:
            raise fields.fail(f"expected maps of at most {first[0]} channels, which is the first one's number, and an even difference, "
                              f"got one of {channels}")
    return first, {"pads": [(first[0] - channels) // 2 for channels, _, _ in shapes]}


def _mean_probability(fields: _Fields, shapes: list[Shape], _: _Options) -> tuple[Shape, dict[str, Any]]:
    if len(set(_several(fields, shapes))) > 1:
        raise fields.fail("expected values of one shape")
    return shapes[0], {}


KINDS: dict[str, Callable[[_Fields, list[Shape], _Options], tuple[Shape, dict[str, Any]]]] = {
    "conv2d": _conv2d, "batch_norm": _batch_norm, "relu": _same, "max_pool": _max_pool, "global_pool": _global_pool, "flatten": _flatten,
    "linear": _linear, "dropout": _dropout, "split": _split, "concat": _concat, "add": _add, "mean_probability": _mean_probability,
    "gelu": _same, "silu": _same}


def _own_name(kind: str, fields: _Fields, taken: Iterable[str], number: int) -> str:
    given = fields.given.get("name")
    name = f"{kind}{number}" if given is None else given.text("name")
    if not re.fullmatch(r"[A-Za-z0-9._-]+", name):
        raise given.fail(f"name: '{name}' may hold letters, digits, '.', '_' and '-' only, at least one")
    if name in taken:
        raise (given or fields.node).fail(f"the name '{name}' is taken by a layer before")
    return name


def _sources(fields: _Fields, shapes: dict[str, Shape], before: str) -> list[str]:
    given = fields.given.get("from")
    if given is None:
        return [before]
    words = given.texts("from")
    if not 1 <= len(words) <= _MOST_INPUTS:
        raise given.fail(f"from: names {len(words)} layers; 1 to {_MOST_INPUTS} are possible")
    for word in words:
        if word not in shapes:
            near = difflib.get_close_matches(word, shapes, 1)
            raise given.fail(f"from: no layer '{word}' stands before" + (f"; did you mean '{near[0]}'?" if near else ""))
    return words


def _read_layer(entry: Node, shapes: dict[str, Shape], before: str, counts: dict[str, int], options: _Options) -> tuple[Layer, list[str]]:
    """A layer by its own name; `shapes` are those of the values before it."""
    if not isinstance(entry.value, dict) or len(entry.value) != 1:
        raise entry.fail("a layer is written '- kind: {field: value}' or '- kind:'")
    (kind, node), = entry.value.items()
    if kind not in KINDS:
        raise node.fail(_unknown(kind, KINDS, "layer "))
    fields = _Fields(kind, node)
    counts[kind] = counts.get(kind, 0) + 1
    name, sources = _own_name(kind, fields, shapes, counts[kind]), _sources(fields, shapes, before)
    shape, numbers = KINDS[kind](fields, [shapes[source] for source in sources], options)
    fields.finish()
    if shape[0] > _MOST_CHANNELS or shape[0] * shape[1] * shape[2] > _MOST_VALUES:
        raise fields.fail(f"a value of {shape[0]} channels of {shape[1]}x{shape[2]} is too large")
    return Layer(kind, name, tuple(sources), numbers, shape), sources


def _fields(entry: Node) -> Node:
    """Of a layer that was read."""
    return next(iter(entry.value.values()))


def _read_layers(root: Node, options: _Options, prefix: str) -> list[Layer]:
    entries = root.items("a network").get("layers")
    if entries is None or not isinstance(entries.value, list) or not entries.value:
        raise (entries or root).fail("a network needs a list 'layers:'")
    if len(entries.value) > _MOST_LAYERS:
        raise entries.fail(f"layers: expected at most {_MOST_LAYERS} layers, got {len(entries.value)}")
    shapes, counts, layers = {"input": (options.channels, options.side, options.side)}, {}, []
    read: set[str] = set()
    before = "input"
    for entry in entries.value:
        layer, sources = _read_layer(entry, shapes, before, counts, options)
        before = layer.name
        shapes[before] = layer.shape
        read.update(sources)
        inputs = tuple(source if source == "input" else prefix + source for source in sources)
        layers.append(Layer(layer.kind, prefix + before, inputs, layer.numbers, layer.shape))
    if shapes[before] != (options.classes, 1, 1):
        channels, height, width = shapes[before]
        raise _fields(entries.value[-1]).fail(
            f"the last layer must give one number per class ({options.classes}), but {before} gives {channels} channels of "
            f"{height}x{width}; end with 'linear: {{features: classes}}'")
    if "input" not in read:
        raise entries.fail("no layer reads the input")
    for entry, name in zip(entries.value[:-1], list(shapes)[1:]):
        if name not in read:
            raise _fields(entry).fail(f"no layer reads the value of {name}; remove it")
    return layers


def _read_ensemble(members: Node, options: _Options) -> list[Layer]:
    """The members' layers one after another, then the one that averages what their last ones say."""
    if not isinstance(members.value, list) or not 2 <= len(members.value) <= _MOST_INPUTS:
        raise members.fail(f"members: expected a list of 2 to {_MOST_INPUTS} networks")
    layers, ends = [], []
    for number, member in enumerate(members.value, 1):
        root = parse(member.text("members"), f"member {number} of a network", member.error)
        if "members" in root.items("a network"):
            raise member.fail("an ensemble is no member of another; name its own members")
        layers += _read_layers(root, options, f"m{number}.")
        ends.append(layers[-1].name)
    return [*layers, Layer("mean_probability", "mean_probability", tuple(ends), {}, layers[-1].shape)]


def _check(options: _Options) -> None:
    if options.side == 1:
        if not 1 <= options.channels <= 65536:
            raise ValueError(f"channels: expected 1 to 65536 features of a row, got {options.channels}")
    elif options.channels not in (1, 3) or not 16 <= options.side <= 256:
        raise ValueError(f"channels, side: expected images of 1 or 3 channels and 16 to 256 pixels a side, or side=1 for rows of a table, "
                         f"got {options.channels} channel(s) and side {options.side}")
    if not 2 <= options.classes <= 1 << 20:
        raise ValueError(f"classes: expected 2 to {1 << 20}, got {options.classes}")
    if options.dropout is not None and not 0 <= options.dropout <= 0.999:
        raise ValueError(f"dropout: expected a rate from 0 to 0.999, or None for the rates of the description, got {options.dropout}")


def read_description(text: str, origin: object, channels: int, side: int, classes: int, dropout: float | None = None) -> Description:
    """ValueError says what is wrong, and where in `origin`."""
    options = _Options(channels, side, classes, dropout)
    _check(options)
    root = parse(text, origin, ValueError)
    for key, node in root.items("a network").items():
        if key not in ("name", "layers", "members"):
            raise node.fail(_unknown(key, ("name", "layers", "members"), ""))
    name, members = root.value.get("name"), root.value.get("members")
    if name is None or not name.value or not isinstance(name.value, str):
        raise (name or root).fail("a network needs a name: 'name: my-network'")
    layers = _read_layers(root, options, "") if members is None else _read_ensemble(members, options)
    return Description(name.value, text, channels, side, classes, tuple(layers))
