"""Checkpoints that PyTorch programs leave, as plain dicts of tensors: what a file is, where in it the tensors stand, and which
wrappers (torch.compile, DataParallel, Lightning, AveragedModel) put their names before those of the network."""
from __future__ import annotations

import json
import os
import pickletools
import re
import stat
import struct
import zipfile
from collections import Counter

import torch

CONTAINERS = ("state_dict", "model_state_dict", "model_state", "model", "network", "net", "module", "weights", "params")
WITHIN = ("_orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module.")  # wrappers' names, wherever they stand
OLD_FORMAT = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # how a file of PyTorch before 1.6 begins
ADVICE = (
    "where the code of its network is, torch.save(network.state_dict(), 'NEW.pt') writes what can be read: a dict of "
    f"tensors, or a dict with one under {', '.join(CONTAINERS)}"
)


class ConversionError(Exception):
    """Says what, where, what to do."""


def _header_of_safetensors(file, size):
    """The JSON header of a file of that format, or None."""
    file.seek(0)
    start = file.read(8)
    length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
    if not 2 <= length <= size - 8 or file.read(1) != b"{":
        return None
    try:
        header = json.loads(b"{" + file.read(length - 1))
    except ValueError:
        return None
    return header if isinstance(header, dict) else None


def _refuse_archive(path):
    """Of what begins as a zip archive, all but torch.save's."""
    if not zipfile.is_zipfile(path):
        raise ConversionError(f"{path} is cut short: the end of its archive is missing; copy or download it again")
    with zipfile.ZipFile(path) as archive:
        names = [name.partition("/")[2] for name in archive.namelist()]
    if "data.pkl" not in names:
        raise ConversionError(f"{path} is a zip archive, but not one of torch.save; expected a file of torch.save")
    if any(name.startswith("code/") for name in names):
        raise ConversionError(f"{path} is a TorchScript program; torch.save(torch.jit.load({str(path)!r}).state_dict(), 'NEW.pt') "
                              "writes what can be read")


def refuse_other_files(path):
    """Says what a file is that torch.save did not write, or did not write to its end."""
    about = os.stat(path)
    if not stat.S_ISREG(about.st_mode):  # a pipe would wait for ever
        raise ConversionError(f"{path} is a directory" if stat.S_ISDIR(about.st_mode) else f"{path} is no regular file")
    with open(path, "rb") as file:
        start = file.read(4096)
        header = _header_of_safetensors(file, about.st_size)
    if not start:
        raise ConversionError(f"{path} is empty; copy or download it again")
    if start.startswith(b"version https://git-lfs"):
        raise ConversionError(f"{path} is a Git LFS pointer, not the checkpoint itself; fetch it with 'git lfs pull'")
    if str(path).lower().endswith(".onnx"):
        raise ConversionError(f"{path} is an ONNX file, which mixent reads as it is; 'mixent export FILE.onnx --safetensors "
                              "OUT.safetensors' converts it")
    if re.match(rb"(\xef\xbb\xbf)?\s*<(!doctype|html|head|\?xml|!--)", start, re.IGNORECASE):
        raise ConversionError(f"{path} is a web page, not a checkpoint; download the file itself")
    if start.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"7z\xbc\xaf")):
        raise ConversionError(f"{path} is compressed; unpack it first")
    if header is not None:
        ours = header.get("__metadata__") or {}
        if isinstance(ours, dict) and "net_text" in ours:
            raise ConversionError(f"{path} is a model of mixent already; use it as it is: 'mixent eval {path}'")
        raise ConversionError(f"{path} is a safetensors file; torch.save(safetensors.torch.load_file({str(path)!r}), 'NEW.pt') writes "
                              "what can be read")
    if start.startswith(b"PK\x03\x04"):
        _refuse_archive(path)


def _is_cut(path, error):
    """Of a file that could not be read; torch.save's older format is five pickles and the tensors' bytes."""
    if isinstance(error, EOFError) or "unexpected EOF" in str(error):
        return True
    with open(path, "rb") as file:
        if file.read(len(OLD_FORMAT)) != OLD_FORMAT:
            return False
        file.seek(0)
        try:
            for _ in range(5):
                for _ in pickletools.genops(file):
                    pass
        except ValueError:
            return True
    return False


def _load(path):
    try:
        refuse_other_files(path)
        with open(path, "rb") as file:  # by its name PyTorch would take it for a file of another kind
            return torch.load(file, map_location="cpu", weights_only=True)
    except ConversionError:
        raise
    except OSError as error:
        raise ConversionError(f"cannot read {path}: {error.strerror or error}") from error
    except Exception as error:  # PyTorch's own errors for bad files are of many kinds
        if _is_cut(path, error):
            raise ConversionError(f"{path} is cut short; copy or download it again") from error
        found = re.search(r"Unsupported class (\S+)|GLOBAL ([\w.]+)", str(error))
        if found:
            text = (f"{path} holds a {(found[1] or found[2]).rstrip('.')}: only tensors, numbers and texts are read (a whole pickled "
                    "module cannot be read safely)")
        elif zipfile.is_zipfile(path) and "Unsupported operand" in str(error):  # fractions among the rest, with PyTorch 1.13
            text = f"{path} holds values that PyTorch {torch.__version__} does not read safely; use a newer one, or"
            raise ConversionError(f"{text} {ADVICE}") from error
        else:
            text = f"{path} is no file of torch.save, or is damaged"
        raise ConversionError(f"{text}; {ADVICE}") from error


def read_state(path):
    """The tensors of a checkpoint by name, in a plain dict; nothing in the file is executed."""
    state = _load(path)
    for _ in range(8):  # a pickle may hold itself
        if not isinstance(state, dict):
            break
        inner = next((state[key] for key in CONTAINERS if isinstance(state.get(key), dict)), None)
        if inner is None:
            break
        state = inner
    if not isinstance(state, dict) or not state or not all(
            isinstance(key, str) and isinstance(value, torch.Tensor) for key, value in state.items()):
        raise ConversionError(f"{path} holds no dict of tensors; {ADVICE}")
    if "state.position" in state:
        raise ConversionError(f"{path} holds the training state of a mixent model; use the model's own file as it is")
    plain = {}
    for key, value in state.items():
        for wrapper in WITHIN:
            key = key.replace(wrapper, "")
        plain[key] = value
    return plain


def prefixes_of(state, names):
    """[(prefix, how many of the names stand behind it)] of those in a state dict, the fullest first; at least one."""
    counts = Counter()
    for key in state:
        parts = key.split(".")
        for begin in range(len(parts)):
            if ".".join(parts[begin:]) in names:
                counts["".join(f"{part}." for part in parts[:begin])] += 1
    return sorted(counts.items(), key=lambda item: (-item[1], len(item[0]))) or [("", 0)]


def split_state(state, prefix):
    """The tensors behind a prefix, without it; and the others."""
    inside = {key[len(prefix):]: value for key, value in state.items() if key.startswith(prefix)}
    return inside, {key: value for key, value in state.items() if not key.startswith(prefix)}
