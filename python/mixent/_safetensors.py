"""Safetensors files: their bytes (src/io/safetensors_write.c writes the same), and what is in them."""
from __future__ import annotations

import json
import os
import stat
import struct
import zlib
from collections.abc import Callable, Mapping
from typing import IO, Any

import numpy

_KINDS = {"float32": "F32", "int32": "I32", "int64": "I64"}
_READ = {"F32": "<f4", "F16": "<f2", "BF16": "<u2", "F64": "<f8", "I32": "<i4", "I64": "<i8", "U8": "<u1"}
_MOST_HEADER = 1 << 26  # bytes


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


def _read_header(path: str | os.PathLike[str], file: IO[bytes]) -> tuple[dict[str, Any], int]:
    """The header, and where the data begin."""
    about = os.fstat(file.fileno())
    if not stat.S_ISREG(about.st_mode):
        raise ValueError(f"{path}: expected a safetensors file, got a directory, a pipe or a device")
    start = file.read(8)
    length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
    if not 2 <= length <= min(about.st_size - 8, _MOST_HEADER):
        raise ValueError(f"{path}: expected a safetensors file, got something else or one that is cut short")
    try:
        header = json.loads(file.read(length))
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise ValueError(f"{path}: expected a safetensors file, got something else or one that is damaged")
    return header, 8 + length


def _read_tensor(file: IO[bytes], begin: int, entry: Any) -> numpy.ndarray:
    """ValueError or KeyError where the entry is none of a tensor."""
    kind, shape, (first, last) = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not all(isinstance(number, int) and number >= 0 for number in (*shape, first, last)):
        raise ValueError
    dtype = numpy.dtype(_READ[kind])
    count = 1
    for number in shape:
        count *= number
    if last - first != count * dtype.itemsize or begin + last > os.fstat(file.fileno()).st_size:
        raise ValueError
    file.seek(begin + first)
    array = numpy.frombuffer(bytearray(file.read(last - first)), dtype).reshape(shape)
    if kind == "BF16":  # the upper half of a float32
        return (array.astype(numpy.uint32) << 16).view(numpy.float32)
    return array.astype(numpy.float32) if kind == "F16" else array.astype(dtype.newbyteorder("="), copy=False)


def _check_payload(path: str | os.PathLike[str], file: IO[bytes], begin: int, said: str) -> None:
    file.seek(begin)
    found = 0
    while part := file.read(1 << 20):
        found = zlib.crc32(part, found)
    if said != f"{found:08x}":
        raise ValueError(f"{path}: its data are damaged, for their checksum is {found:08x}, expected {said}; copy or download it again")


def read_safetensors(path: str | os.PathLike[str], wanted: Callable[[str], bool]) -> tuple[dict[str, numpy.ndarray], dict[str, str]]:
    """The tensors whose names are wanted, in the file's order, and the file's metadata. Floats of 16 bits become float32. ValueError for
    a file that is none, or damaged."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)  # a pipe would wait for ever
    with open(descriptor, "rb") as file:
        header, begin = _read_header(path, file)
        metadata = header.pop("__metadata__", {})
        if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
            raise ValueError(f"{path}: its metadata are damaged; expected texts")
        if "payload_crc32" in metadata:
            _check_payload(path, file, begin, metadata["payload_crc32"])
        tensors = {}
        for name, entry in header.items():
            try:
                if wanted(name):
                    tensors[name] = _read_tensor(file, begin, entry)
            except (KeyError, TypeError, ValueError):
                raise ValueError(f"{path}: tensor '{name}' is damaged or of a type that is not read") from None
    return tensors, metadata
