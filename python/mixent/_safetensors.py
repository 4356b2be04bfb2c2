"""The bytes of safetensors files (src/io/safetensors_write.c writes the same)."""
from __future__ import annotations

import json
import struct
from collections.abc import Mapping

import numpy

_KINDS = {"float32": "F32", "int32": "I32", "int64": "I64"}


def safetensors_parts(tensors: Mapping[str, numpy.ndarray], metadata: Mapping[str, str]) -> list[bytes]:
    """What to write one after the other. Elements of eight bytes come first, so that all are aligned."""
    header: dict[str, object] = {"__metadata__": dict(metadata), **dict.fromkeys(tensors)}
    data: list[bytes] = []
    offset = 0
    for name, array in sorted(tensors.items(), key=lambda item: -item[1].itemsize):
        header[name] = {"dtype": _KINDS[array.dtype.name], "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        data.append(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
        offset += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return [struct.pack("<Q", len(text)), text, *data]
