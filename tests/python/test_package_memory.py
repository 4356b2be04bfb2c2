"""The memory of large gradients: used again when no tensor lies in it, and never sooner."""
import sys
import threading

import pytest

torch = pytest.importorskip("torch")
from mixent.torch import _memory  # noqa: E402
from mixent.torch import MinEntLoss  # noqa: E402

SHAPE = (3000, 1000)  # 12 MB


def test_used_again_when_free():
    like = torch.empty(SHAPE)
    first = _memory.empty_like(like)
    address = first.data_ptr()
    assert first.shape == SHAPE and first.is_contiguous()
    view = first[5:]
    del first
    second = _memory.empty_like(like)
    assert second.data_ptr() != address  # the view still lies there
    del view
    assert _memory.empty_like(like).data_ptr() == address


def test_where_references_are_counted_otherwise(monkeypatch):
    """As Python 3.14 does, where a call does not count its own."""
    count = sys.getrefcount
    monkeypatch.setattr(_memory.sys, "getrefcount", lambda memory: count(memory) - 3)
    monkeypatch.setattr(_memory, "_FREE", _memory._count_of_free())
    test_used_again_when_free()
    monkeypatch.setattr(_memory.sys, "getrefcount", lambda memory: 7)  # where it tells nothing, nothing is used again
    monkeypatch.setattr(_memory, "_FREE", _memory._count_of_free())
    assert _memory._FREE == 0


def test_gradients_that_are_kept_stay_as_they_are():
    loss, labels = MinEntLoss(), torch.arange(SHAPE[0]) % SHAPE[1]
    kept = []
    for seed in range(5):
        logits = torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed), requires_grad=True)
        loss(logits, labels).backward()
        kept.append((logits, logits.grad, logits.grad.clone()))
    for logits, gradient, copy in kept:
        assert torch.equal(gradient, copy)
    assert len({gradient.data_ptr() for _, gradient, _ in kept}) == 5


def test_memory_does_not_grow():
    loss, labels = MinEntLoss(), torch.arange(SHAPE[0]) % SHAPE[1]
    for rows in (3000, 2900, 2800, 3000):
        logits = torch.randn(rows, SHAPE[1], requires_grad=True)
        for _ in range(3):
            loss(logits * 1, labels[:rows]).backward()
            logits.grad = None
    assert len(_memory._kept) <= _memory.KEPT


def test_threads_do_not_share():
    like, wrong = torch.empty(SHAPE), []

    def work(number):
        for _ in range(20):
            mine = _memory.empty_like(like).fill_(number)
            if not bool((mine == number).all()):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_kernel_without_huge_pages(monkeypatch):
    class Memory(_memory.mmap.mmap):
        def madvise(self, *_):
            raise OSError(22, "Invalid argument")
    monkeypatch.setattr(_memory.mmap, "mmap", Memory)
    monkeypatch.setattr(_memory, "_kept", [])
    assert _memory.empty_like(torch.empty(SHAPE)).shape == SHAPE


def test_small_ones_are_pytorchs_own():
    assert _memory.empty_like(torch.empty(10, 10)).shape == (10, 10)
