"""ONNX files read and computed without ONNX: protobuf by its wire format, the operators by PyTorch's functions. Independent of
src/io/onnx.c; field numbers are those of onnx.proto."""

import struct

import numpy
import torch
from torch.nn import functional


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def fields(data):
    """{number: [values]} of one message; a value is an integer, or bytes."""
    found, at = {}, 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        else:
            size, at = (4, at) if key & 7 == 5 else varint(data, at)
            assert key & 7 in (2, 5) and at + size <= len(data)
            value, at = data[at : at + size], at + size
        found.setdefault(key >> 3, []).append(value)
    return found


def texts(values):
    return [value.decode() for value in values]


def attribute(data):
    message = fields(data)
    kind = message[20][0]
    value = {1: lambda: struct.unpack("<f", message[2][0])[0], 2: lambda: message[3][0], 7: lambda: message[8]}[kind]()
    return message[1][0].decode(), value


def tensor(data):
    message = fields(data)
    kind = {1: numpy.float32, 7: numpy.int64}[message[2][0]]
    values = numpy.frombuffer(message[9][0], kind).reshape(message.get(1, []))
    return message[8][0].decode(), torch.from_numpy(values.copy())


def value_info(data):
    """(name, element type, dimensions), a dimension being a number or a name."""
    message = fields(data)
    kind = fields(fields(message[2][0])[1][0])
    dimensions = [fields(d) for d in fields(kind[2][0])[1]]
    return message[1][0].decode(), kind[1][0], [d[1][0] if 1 in d else d[2][0].decode() for d in dimensions]


class Model:
    """An ONNX file: what it says of itself, and its nodes to compute with."""

    def __init__(self, data):
        model = fields(data)
        graph = fields(model[7][0])
        self.ir, self.producer, self.text = model[1][0], model[2][0].decode(), model[6][0].decode()
        self.opsets = [(o.get(1, [b""])[0].decode(), o[2][0]) for o in map(fields, model[8])]
        self.properties = {p[1][0].decode(): p[2][0].decode() for p in map(fields, model[14])}
        self.inputs, self.outputs = list(map(value_info, graph[11])), list(map(value_info, graph[12]))
        self.tensors = dict(map(tensor, graph[5]))
        self.nodes = []
        for node in map(fields, graph[1]):
            attributes = dict(map(attribute, node.get(5, [])))
            self.nodes.append((node[4][0].decode(), texts(node[1]), node[2][0].decode(), attributes))
        assert len(self.tensors) == len(graph[5])

    def run(self, images):
        """The logits of float images [N, C, H, W], in double."""
        values = {name: t.double() if t.is_floating_point() else t for name, t in self.tensors.items()}
        values[self.inputs[0][0]] = torch.from_numpy(images).double()
        for kind, inputs, output, attributes in self.nodes:
            assert output not in values, output
            values[output] = OPERATORS[kind](attributes, *(values[name] for name in inputs))
        return values[self.outputs[0][0]].numpy()


def window(attributes):
    (top, left, bottom, right), (across, down) = attributes["pads"], attributes["strides"]
    assert top == left == bottom == right and across == down
    return {"stride": across, "padding": top}


def pad(attributes, x, pads):
    begins, ends = pads.tolist()[: x.dim()], pads.tolist()[x.dim() :]
    return functional.pad(x, [n for pair in reversed(list(zip(begins, ends))) for n in pair])


def unsqueeze(attributes, x, axes):
    for axis in axes.tolist():
        x = x.unsqueeze(axis)
    return x


def slice_channels(attributes, x, begin, end, axes):
    assert axes.tolist() == [1]
    return x[:, begin.item() : end.item()]


OPERATORS = {
    "Sub": lambda a, x, y: x - y,
    "Div": lambda a, x, y: x / y,
    "Add": lambda a, x, y: x + y,
    "Relu": lambda a, x: x.clamp_min(0),
    "Conv": lambda a, x, w, b=None: functional.conv2d(x, w, b, **window(a)),
    "Gemm": lambda a, x, w, b=0: x @ (w.T if a["transB"] else w) + b,
    "BatchNormalization": lambda a, x, w, b, m, v: functional.batch_norm(x, m, v, w, b, eps=a["epsilon"]),
    "MaxPool": lambda a, x: functional.max_pool2d(x, a["kernel_shape"], **window(a)),
    "GlobalAveragePool": lambda a, x: x.mean((2, 3), keepdim=True),
    "Flatten": lambda a, x: x.flatten(a["axis"]),
    "Unsqueeze": unsqueeze,
    "Concat": lambda a, *x: torch.cat(x, a["axis"]),
    "Slice": slice_channels,
    "Softmax": lambda a, x: x.softmax(a["axis"]),
    "Mean": lambda a, *x: sum(x) / len(x),
    "Log": lambda a, x: x.log(),
    "Mul": lambda a, x, y: x * y,
    "Erf": lambda a, x: x.erf(),
    "Sigmoid": lambda a, x: x.sigmoid(),
    "Pad": pad,
}
