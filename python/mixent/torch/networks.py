"""The networks that `mixent train` trains, as PyTorch modules made from the same descriptions.

>>> network = mixent.torch.networks.build("vgg5", channels=1, classes=26)
>>> network = mixent.torch.networks.load("runs/letters/best.safetensors")
>>> logits = network(network.normalise(pixels))

Names, shapes and order in the state dict are those of mixent's checkpoints. `names()` lists the built-in networks.
"""
from __future__ import annotations

import json
import math
import os
import sys
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import nn
from torch.nn import functional

from mixent import _yaml
from mixent._files import read_text
from mixent._safetensors import read_safetensors

from ._description import Description, Layer, read_description

if _yaml.yaml is None:
    raise ImportError("mixent.torch.networks needs PyYAML: pip install 'mixent[torch]'")

__all__ = ["Network", "build", "load", "names"]

_BUILT_IN = Path(__file__).parents[1] / "networks"
_NEWEST_FORMAT = 3  # of checkpoints (docs/FORMATS.md)
_MOST_TEXT = 1 << 20  # bytes of a description
_LEAST_LOGARITHM = math.log(sys.float_info.min)  # of a mean of probabilities, which may be 0


def _make(layer: Layer, device: Any) -> nn.Module | None:
    """What holds the layer's tensors; None: it has none."""
    numbers = layer.numbers
    if layer.kind == "conv2d":
        module = nn.Conv2d(numbers["inputs"], numbers["channels"], numbers["kernel"], numbers["stride"], numbers["padding"],
                           bias=numbers["bias"], device=device)
        nn.init.normal_(module.weight, 0, math.sqrt(2 / (numbers["kernel"] ** 2 * numbers["channels"])))
        return module  # the bias, and all of a linear layer, are drawn as PyTorch draws them
    if layer.kind == "linear":
        return nn.Linear(numbers["inputs"], numbers["features"], bias=numbers["bias"], device=device)
    return nn.BatchNorm2d(numbers["channels"], device=device) if layer.kind == "batch_norm" else None


def _mean_probability(logits: list[torch.Tensor]) -> torch.Tensor:
    beliefs = torch.stack([functional.log_softmax(one, 1) for one in logits])
    return (torch.logsumexp(beliefs, 0) - math.log(len(logits))).clamp_min(_LEAST_LOGARITHM)


class Network(nn.Module):
    """A network of a description. It reads images [rows, channels, side, side], or features [rows, channels] of a table (side 1),
    normalised, and gives logits [rows, classes].

    name, channels, side, classes: what it is; `description`: its YAML. Of a checkpoint also `mean` and `std` (a number per channel or
    feature), `class_names`, `labels` (those of the data set's files), `feature_names`, `temperature` (fitted; divide the logits by it)
    and `metadata` (all that the file says, as texts); else these are None.
    """

    def __init__(self, description: Description, device: Any = None) -> None:
        super().__init__()
        self.name, self.description = description.name, description.text
        self.channels, self.side, self.classes = description.channels, description.side, description.classes
        self.mean: tuple[float, ...] | None = None
        self.std: tuple[float, ...] | None = None
        self.class_names: tuple[str, ...] | None = None
        self.labels: tuple[int, ...] | None = None
        self.feature_names: tuple[str, ...] | None = None
        self.temperature: float | None = None
        self.metadata: dict[str, str] | None = None
        self._layers = description.layers
        last = {source: layer.name for layer in self._layers for source in layer.inputs}
        self._finished = {layer.name: [source for source in dict.fromkeys(layer.inputs) if last[source] == layer.name]
                          for layer in self._layers}  # values that no later layer reads
        for layer in self._layers:
            module = _make(layer, device)
            if module is not None:
                self._put(layer.name, module)

    def _put(self, name: str, module: nn.Module) -> None:
        """"l1.0" is the child "0" of the child "l1". Straight into the tables of children: add_module refuses names such as "half",
        which a module has as a method."""
        *path, own = name.split(".")
        if "training" in (*path, own):
            raise ValueError(f"network {self.name}: PyTorch keeps the name 'training' for itself; call layer '{name}' otherwise")
        place: nn.Module = self
        for part in path:
            place = place._modules.setdefault(part, nn.Module())
        if own in place._modules:  # children came first: "a.b" before "a"
            module._modules.update(place._modules[own]._modules)
        place._modules[own] = module

    def __setattr__(self, name: str, value: Any) -> None:
        """The attributes above stay what they are, whatever layers are called."""
        if name in self.__dict__:
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    def _find(self, name: str) -> nn.Module:
        module: nn.Module = self
        for part in name.split("."):
            module = module._modules[part]
        return module

    def _compute(self, layer: Layer, inputs: list[torch.Tensor]) -> torch.Tensor:
        """Every value is [rows, channels, height, width]."""
        x, numbers = inputs[0], layer.numbers
        match layer.kind:
            case "conv2d" | "batch_norm":
                return self._find(layer.name)(x)
            case "linear":
                return self._find(layer.name)(x.flatten(1))[:, :, None, None]
            case "relu":
                return functional.relu(x)
            case "gelu":
                return functional.gelu(x)
            case "silu":
                return functional.silu(x)
            case "max_pool":
                return functional.max_pool2d(x, numbers["size"], numbers["stride"], numbers["padding"])
            case "global_pool":
                return x.mean((2, 3), keepdim=True)
            case "flatten":
                return x.flatten(1)[:, :, None, None]
            case "dropout":
                return functional.dropout(x, numbers["rate"], self.training)
            case "split":
                return x[:, numbers["begin"]:numbers["end"]]
            case "concat":
                return torch.cat(inputs, 1)
            case "add":
                padded = [functional.pad(one, (0, 0, 0, 0, pad, pad)) if pad else one for one, pad in zip(inputs, numbers["pads"])]
                return sum(padded[1:], padded[0])
            case "mean_probability":
                return _mean_probability(inputs)
        raise AssertionError(layer.kind)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        values = {"input": images.flatten(1)[:, :, None, None] if self.side == 1 else images}
        for layer in self._layers:
            values[layer.name] = self._compute(layer, [values[source] for source in layer.inputs])
            for name in self._finished[layer.name]:
                del values[name]
        return values[self._layers[-1].name].flatten(1)

    def normalise(self, images: torch.Tensor) -> torch.Tensor:
        """What `forward` reads of pixels from 0 to 255 [rows, channels, side, side], or of features [rows, channels] as they are."""
        if self.mean is None:
            raise ValueError("normalise: the network is of no checkpoint, so its mean and deviation are not known; set mean and std")
        if images.shape[1:2] != (self.channels,) or images.dim() not in ((2, 4) if self.side == 1 else (4,)):
            expected = f"[rows, {self.channels}]" if self.side == 1 else f"[rows, {self.channels}, {self.side}, {self.side}]"
            raise ValueError(f"normalise: expected {expected}, got {list(images.shape)}")
        shape = [1, -1] + [1] * (images.dim() - 2)
        dtype = images.dtype if images.is_floating_point() else torch.float32
        mean, std = (torch.tensor(values, dtype=dtype, device=images.device).reshape(shape) for values in (self.mean, self.std))
        images = images.to(dtype)
        return ((images if self.side == 1 else images / 255) - mean) / std

    def extra_repr(self) -> str:
        return f"{self.name}: {self.channels} channel(s), side {self.side}, {self.classes} classes"


def names() -> list[str]:
    """The built-in networks."""
    return sorted(path.stem for path in _BUILT_IN.glob("*.yaml"))


def _read_text(network: str | os.PathLike[str]) -> tuple[str, object]:
    """(description, what complaints call it)"""
    name = os.fspath(network)
    if "/" in name or name.endswith(".yaml"):
        return read_text(name, _MOST_TEXT), name
    if name not in names():
        raise ValueError(f"unknown network '{name}'; known: {', '.join(names())}, or the path of a .yaml file")
    return read_text(_BUILT_IN / f"{name}.yaml", _MOST_TEXT), name


def build(network: str | os.PathLike[str], *, channels: int, classes: int, dropout: float | None = None, side: int = 28,
          device: Any = None) -> Network:
    """A network with fresh weights, distributed as those of `mixent train`.

    network: a built-in one's name, or the path of a description (.yaml).
    channels, side: of its images, 1 or 3 and 16 to 256 pixels; side=1: it reads rows of a table with `channels` features.
    classes: its outputs.
    dropout: the rate of all its dropout layers; None: those of the description.
    device: where its tensors are, as PyTorch's own modules take it.
    """
    text, origin = _read_text(network)
    return Network(read_description(text, origin, channels, side, classes, dropout), device)


def _find_file(checkpoint: str | os.PathLike[str]) -> Path:
    path = Path(checkpoint)
    if not path.is_dir():
        return path
    for name in ("best.safetensors", "model.safetensors"):
        if (path / name).is_file():
            return path / name
    raise ValueError(f"{path}: expected a checkpoint, a run or a directory of 'mixent export --hub', got a directory without "
                     "best.safetensors and model.safetensors")


def _read_metadata(path: Path, metadata: dict[str, str]) -> dict[str, Any]:
    """Its numbers and lists; None: the checkpoint does not tell."""
    if "net_text" not in metadata:
        raise ValueError(f"{path}: expected a checkpoint of mixent, got a file without a network's description")
    version = metadata.get("mixent_format", "1")
    if not version.isdecimal() or int(version) > _NEWEST_FORMAT:
        raise ValueError(f"{path}: expected a checkpoint of format 1 to {_NEWEST_FORMAT}, got {version}; update mixent to read it")
    read: dict[str, Any] = {}
    for key in ("channels", "side", "classes", "mean", "std", "class_names", "labels", "feature_names", "temperature"):
        try:
            read[key] = json.loads(metadata[key]) if key in metadata or key not in ("feature_names", "temperature") else None
        except (KeyError, ValueError):
            raise ValueError(f"{path}: its entry '{key}' is missing or damaged") from None
    lengths = {"mean": "channels", "std": "channels", "feature_names": "channels", "class_names": "classes", "labels": "classes"}
    for key, value in read.items():
        length = read[lengths[key]] if key in lengths else 1
        if value is not None and (not isinstance(value, int) if key in ("channels", "side", "classes") else
                                  not isinstance(value, list) or len(value) != length):
            raise ValueError(f"{path}: its entry '{key}' is damaged")
    return read


def _check_tensors(path: Path, network: Network, tensors: dict[str, numpy.ndarray]) -> None:
    """Before memory is taken for what a description asks."""
    wanted = {name: list(tensor.shape) for name, tensor in network.state_dict().items()}
    found = {name: list(array.shape) for name, array in tensors.items()}
    for name in [*wanted, *found]:
        if name not in found and not name.endswith("num_batches_tracked"):
            raise ValueError(f"{path}: '{name}' is missing")
        if name not in wanted:
            raise ValueError(f"{path}: holds '{name}', which network {network.name} has not")
        if name in found and wanted[name] != found[name]:
            raise ValueError(f"{path}: '{name}' has shape {found[name]}, expected {wanted[name]}")


def load(checkpoint: str | os.PathLike[str], *, dropout: float | None = None, device: Any = None) -> Network:
    """The network of a checkpoint (best.safetensors, last.safetensors), of a run's directory or of a directory that
    `mixent export --hub` wrote, with its weights, in evaluation mode; train() makes it train on. Weights of 16 bits become float32."""
    path = _find_file(checkpoint)
    tensors, metadata = read_safetensors(path, lambda name: not name.startswith("state."))  # what a training needs to go on
    read = _read_metadata(path, metadata)
    try:
        description = read_description(metadata["net_text"], "its network", read["channels"], read["side"], read["classes"], dropout)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    _check_tensors(path, Network(description, "meta"), tensors)
    network = Network(description, device)
    network.load_state_dict({name: torch.from_numpy(array) for name, array in tensors.items()}, strict=False)
    for key in ("mean", "std", "class_names", "labels", "feature_names"):
        setattr(network, key, None if read[key] is None else tuple(read[key]))
    network.temperature = read["temperature"] and read["temperature"][0]
    network.metadata = metadata
    return network.eval()
