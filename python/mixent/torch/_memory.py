"""Memory for gradients that malloc would fetch from the system anew each time, page by page: that can take longer than computing
what goes in. Here it is used again as soon as no tensor lies in it any more."""
from __future__ import annotations

import contextlib
import mmap
import sys
import threading

import torch
from torch import Tensor

LARGE = 8 << 20  # bytes
KEPT = 2  # the memory of so many gradients is held on to

_lock = threading.Lock()
_kept: list[mmap.mmap] = []  # the last used last


def _counts(kept: list[mmap.mmap]) -> list[int]:
    """References to each, that of a tensor that lies in it among them."""
    return [sys.getrefcount(memory) for memory in kept]


def _count_of_free() -> int:
    """What `_counts` says where there is no tensor, which is another number in other Pythons; 0, and nothing is ever used
    again, should a tensor not count."""
    kept = [mmap.mmap(-1, mmap.PAGESIZE)]
    free, = _counts(kept)
    tensor = torch.frombuffer(kept[0], dtype=torch.uint8)[1:]
    taken, = _counts(kept)
    del tensor
    return free if taken > free else 0


_FREE = _count_of_free()


def _take(size: int) -> mmap.mmap:
    for place, count in enumerate(_counts(_kept)):
        if len(_kept[place]) == size and count == _FREE:
            memory = _kept.pop(place)
            break
    else:
        memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        if hasattr(mmap, "MADV_HUGEPAGE"):
            with contextlib.suppress(OSError):  # of a kernel without huge pages
                memory.madvise(mmap.MADV_HUGEPAGE)
    _kept.append(memory)
    del _kept[:-KEPT]  # whatever tensor lies in it holds on to it
    return memory


def empty_like(tensor: Tensor) -> Tensor:
    """A new contiguous tensor of the shape and type of `tensor`."""
    size = tensor.numel() * tensor.element_size()
    if size < LARGE:
        return torch.empty_like(tensor, memory_format=torch.contiguous_format)
    with _lock:  # from the look at the count until the tensor counts
        return torch.frombuffer(_take(size), dtype=tensor.dtype).view(tensor.shape)
