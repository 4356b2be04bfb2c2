"""mixent.torch over its two back ends: the same values, gradients and slopes for the same random losses and batches."""
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
sys.path.insert(0, os.path.dirname(__file__))
import mixent.torch as losses  # noqa: E402
from loss_cases import cases  # noqa: E402
from mixent.torch import functional  # noqa: E402

CLASSES = {cls.kind: cls for cls in losses.Loss.__subclasses__()}
TYPES = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 1e-3, torch.float16: 1e-4}


def evaluate(case, dtype, backend):
    """[value, gradient, slopes…]"""
    weight = None if case.weight is None else torch.tensor(case.weight, dtype=torch.float32)
    loss = CLASSES[case.kind](weight, learnable=case.learnable, backend=backend, **case.options)
    if loss.epoch is not None:
        loss.set_epoch(case.epoch)
    z = torch.tensor(case.logits).to(dtype).requires_grad_()
    target = torch.tensor(case.target)
    value = loss(z, target.to(dtype) if target.is_floating_point() else target)
    send = torch.linspace(0.5, 1.5, value.numel(), dtype=value.dtype).reshape(value.shape)
    value.backward(send)
    return [value.detach(), z.grad, *(parameter.grad for parameter in loss.parameters())]


def error(found, expected):
    """The largest difference, relative to the size of what is expected; inf where one is finite and the other not."""
    found, expected = found.double(), expected.double()
    if not torch.equal(found.isfinite(), expected.isfinite()) or not torch.equal(found.isnan(), expected.isnan()):
        return math.inf
    finite = expected.isfinite()
    if not finite.any():
        return 0.0
    return ((found - expected)[finite].abs().max() / expected[finite].abs().max().clamp(min=1)).item()


@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_the_same_by_both(dtype, capsys):
    worst, where = 0.0, None
    for seed, case in enumerate(cases(2000 if dtype is torch.float64 else 500)):
        if case.notes & {"far"} and dtype in (torch.float16, torch.bfloat16):
            continue
        both = [evaluate(case, dtype, backend) for backend in ("native", "composed")]
        for what, (native, composed) in enumerate(zip(*both)):
            assert native.dtype is composed.dtype and native.shape == composed.shape
            if what > 1 and not (both[0][0].isfinite().all() and native.isfinite()):
                continue  # where a term is infinite, slopes say nothing
            found = error(composed, native)
            if found > worst:
                worst, where = found, f"case {seed}, {case.kind}, output {what}"
    with capsys.disabled():
        print(f"\n{dtype}: composed differs from the C library by at most {worst:.1e}, {where}")
    assert worst <= TYPES[dtype], where


def test_what_is_differentiated_again_has_the_same_gradient():
    """The graph of operations, which compilers and transformations see, against the C library."""
    worst, where = 0.0, None
    for seed, case in enumerate(cases(2000)):
        z = torch.tensor(case.logits).requires_grad_()
        weight = None if case.weight is None else torch.tensor(case.weight, dtype=torch.float32)
        loss = CLASSES[case.kind](weight, backend="composed", **case.options)
        if loss.epoch is not None:
            loss.set_epoch(case.epoch)
        gradient, = torch.autograd.grad(loss(z, torch.tensor(case.target)).sum(), z, create_graph=True)
        loss.backend = "native"
        expected, = torch.autograd.grad(loss(z, torch.tensor(case.target)).sum(), z)
        present = ~z.isneginf() & expected.isfinite()  # C gives a masked label a gradient, too
        found = error(gradient.detach()[present], expected[present])
        if found > worst:
            worst, where = found, f"case {seed}, {case.kind}"
    assert worst <= 1e-12, where


@pytest.mark.parametrize("kind", CLASSES)
def test_masked_classes_and_large_factors(kind):
    """Such as GradScaler's: ln q of a masked class, times the factor, must not become infinite beside q = 0."""
    z = torch.tensor([[0.0, 1.0, -math.inf], [0.0, 1.0, 2.0]], requires_grad=True)
    expected, = torch.autograd.grad(CLASSES[kind](backend="native")(z, torch.tensor([0, 1])), z)
    for create_graph in (False, True):
        value = CLASSES[kind](backend="composed")(z, torch.tensor([0, 1])) * 2.0**24
        found, = torch.autograd.grad(value, z, create_graph=create_graph)
        torch.testing.assert_close(found.detach() / 2**24, expected)


@pytest.mark.parametrize("backend", ["native", "composed"])
def test_the_lowest_number_is_no_mask(backend):
    """Only -inf is: where all logits are as low, the classes are equally likely."""
    lowest = torch.finfo(torch.float32).min
    z = torch.tensor([[lowest] * 3, [0, 0, lowest]])
    values = functional.cross_entropy(z, torch.tensor([0, 1]), reduction="none", backend=backend)
    torch.testing.assert_close(values, torch.tensor([3.0, 2.0]).log())
    assert functional.cross_entropy(z[1:], torch.tensor([2]), backend=backend) > 1e18
    assert functional.cross_entropy(z[1:], torch.tensor([0]), label_smoothing=0.1, backend=backend) > 1e17


@pytest.mark.parametrize("dtype, ignore_index", [(torch.int8, -100), (torch.int8, 300), (torch.uint8, 300), (torch.int32, 2**40)])
def test_labels_of_few_bits(dtype, ignore_index):
    """Neither the number of classes nor ignore_index need fit into the labels' type: 300 is no label 44, 200 classes are no -56."""
    z, target = torch.randn(3, 200), torch.tensor([0, 44, 127], dtype=dtype)
    expected = torch.nn.functional.cross_entropy(z, target.long())
    for backend in ("native", "composed"):
        torch.testing.assert_close(losses.CrossEntropyLoss(ignore_index=ignore_index, backend=backend)(z, target), expected)


@pytest.mark.parametrize("backend", ["native", "composed"])
def test_what_both_refuse(backend):
    z, target = torch.zeros(2, 3), torch.tensor([0, 1])
    with pytest.raises(ValueError, match="at least one"):
        functional.cross_entropy(torch.zeros(2, 0), target, backend=backend)
    weight = torch.ones(3, requires_grad=True)
    with pytest.raises(ValueError, match=r"w2 takes a number or a tensor of no dimension, not one of shape \(2,\)"):
        functional.min_ent(z, target, w2=torch.ones(2), backend=backend)
    with pytest.raises(RuntimeError, match="no gradient for the class weights"):
        functional.cross_entropy(z, target, weight=weight, backend=backend)
    with torch.no_grad():
        functional.cross_entropy(z, target, weight=weight, backend=backend)
