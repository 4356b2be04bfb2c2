"""mixent.torch: against torch.nn.CrossEntropyLoss, and against every loss composed of PyTorch's operations in float64. Each test runs
over both back ends, but for what only one of them has. What is learned, and losses as modules: test_package_torch_modules.py."""
import itertools
import math
import os
import sys
import threading

import pytest

torch = pytest.importorskip("torch")
sys.path.insert(0, os.path.dirname(__file__))
import loss_reference  # noqa: E402
import mixent  # noqa: E402
import mixent.torch as losses  # noqa: E402
from losses_torch import CLASSES, TOLERANCE, backend, both, learnable_names, native, problem  # noqa: E402, F401

pytestmark = pytest.mark.usefixtures("backend")


def test_every_kind_of_the_library_has_a_module():
    assert set(CLASSES) == set(mixent.LOSSES) == set(loss_reference.PARTS)
    names = {cls.__name__ for cls in CLASSES.values()}
    assert names | {f"Linear{name}" for name in names} | {"Loss", "EntropyLoss", "functional"} == set(losses.__all__)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("shape", [(6, 5), (1, 4), (3, 5, 2), (2, 3, 4, 2), (4, 1)])
def test_cross_entropy_is_pytorchs(shape, dtype):
    for soft, weighted, smoothing, reduction, ignoring in itertools.product(
            (False, True), (False, True), (0.0, 0.2), ("mean", "sum", "none"), (False, True)):
        if soft and ignoring:
            continue
        logits, target = problem(*shape, soft=soft, dtype=dtype)
        weight = torch.linspace(0.5, 2, shape[1], dtype=dtype) if weighted else None
        options = dict(weight=weight, label_smoothing=smoothing, reduction=reduction)
        if ignoring and target.numel() > 1:
            options["ignore_index"] = -7
            target.view(-1)[1] = -7
        theirs, ours = torch.nn.CrossEntropyLoss(**options), losses.CrossEntropyLoss(**options)
        send = torch.randn(theirs(logits, target).shape, dtype=dtype, generator=torch.Generator().manual_seed(1))
        expected, found = both(theirs, logits, target, send), both(ours, logits, target, send)
        for a, b in zip(found, expected):
            assert a.shape == b.shape and a.dtype == b.dtype
            torch.testing.assert_close(a, b, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


@pytest.mark.parametrize("soft", [False, True])
def test_one_example_without_a_batch(soft):
    logits, target = problem(1, 5, soft=soft)
    logits, target = logits.detach()[0].requires_grad_(), target[0]
    for reduction in ("mean", "sum", "none"):
        expected = both(torch.nn.CrossEntropyLoss(reduction=reduction), logits, target)
        found = both(losses.CrossEntropyLoss(reduction=reduction), logits, target)
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("kind", mixent.LOSSES)
def test_every_loss_is_its_composition(kind, soft):
    for weighted, smoothing, reduction in itertools.product((False, True), (0.0, 0.2), ("mean", "sum", "none")):
        logits, target = problem(6, 5, soft=soft)
        weight = torch.linspace(0.5, 2, 5, dtype=torch.float64) if weighted else None
        options = dict(weight=weight, reduction=reduction)
        ours = CLASSES[kind](**options, label_smoothing=smoothing, ignore_index=int(target[1]) if not soft else -100)

        def composed(logits, target):
            options["ignore_index"] = ours.ignore_index
            extra = {"eps": 1e-4} if kind == "symmetric-ce" else {}
            return loss_reference.compose(kind, logits, target, smoothing=smoothing, **options, **extra)

        send = torch.randn(composed(logits, target).shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
        for a, b in zip(both(ours, logits, target, send), both(composed, logits, target, send)):
            torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("kind, options", [
    ("focal", dict(gamma=0.5)), ("gce", dict(q=0.3)), ("bi-tempered", dict(t1=0.5, t2=2.0)), ("mix-ent", dict(eps=1e-3)),
])
def test_options_of_single_losses(kind, options):
    logits, target = problem(6, 5)
    found = both(CLASSES[kind](**options), logits, target)
    expected = both(lambda z, y: loss_reference.compose(kind, z, y, **options), logits, target)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-10)


def test_label_smoothing_loss_smooths_by_itself():
    logits, target = problem(6, 5)
    torch.testing.assert_close(losses.LabelSmoothingLoss()(logits, target),
                               torch.nn.CrossEntropyLoss(label_smoothing=0.1)(logits, target))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_narrow_types(dtype):
    for soft, reduction in itertools.product((False, True), ("mean", "sum", "none")):
        logits, target = problem(9, 7, soft=soft, dtype=dtype)
        value, gradient = both(losses.MinEntLoss(reduction=reduction), logits, target)
        exact = both(losses.MinEntLoss(reduction=reduction), logits.double(), target.double() if soft else target)
        assert value.dtype is torch.float32 and gradient.dtype is dtype
        torch.testing.assert_close(value.double(), exact[0], rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(gradient.double(), exact[1], rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype] / 10)


@pytest.mark.parametrize("dtype", [torch.int8, torch.uint8, torch.int16, torch.int32, torch.int64])
def test_labels_of_every_size(dtype):
    logits, target = problem(6, 5)
    assert losses.MinEntLoss()(logits, target.to(dtype)) == losses.MinEntLoss()(logits, target)


def test_float16_gradients_survive_the_scaler():
    """A mean over many rows leaves gradients below what float16 holds; multiplied by the scaler's factor they are there."""
    logits, target = problem(4096, 50, dtype=torch.float16)
    scale = torch.tensor(65536.0)
    _, gradient = both(losses.CrossEntropyLoss(), logits, target, scale)
    _, exact = both(losses.CrossEntropyLoss(), logits.double(), target, scale)
    torch.testing.assert_close(gradient.double(), exact, rtol=2e-3, atol=1e-6)


def test_autocast():
    layer = torch.nn.Linear(4, 5)
    data, target = torch.randn(6, 4), torch.arange(6) % 5
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = layer(data)
        loss = losses.MinEntLoss(learnable=("w2",))
        value = loss(logits, target)
    assert logits.dtype is torch.bfloat16 and value.dtype is torch.float32
    value.backward()
    with torch.no_grad():
        expected = loss_reference.compose("min-ent", logits.double(), target)
    torch.testing.assert_close(value.double(), expected, rtol=1e-5, atol=1e-5)
    assert layer.weight.grad.dtype is torch.float32 and layer.weight.grad.abs().sum() > 0 and loss.w2.grad > 0


def test_no_copies_of_rows_that_lie_right(native):
    logits, target = problem(6, 5, dtype=torch.float32)
    wide = torch.full((6, 9), math.nan)
    wide[:, 2:7] = logits.detach()
    expected = both(losses.MinEntLoss(), logits, target)
    for view in (wide[:, 2:7], logits.detach().t().contiguous().t(), logits.detach().repeat_interleave(2, 1)[:, ::2],
                 logits.detach().repeat_interleave(2, 0)[::2]):
        view = view.requires_grad_()
        value = losses.MinEntLoss()(view, target)
        gradient, = torch.autograd.grad(value, view)
        assert value == expected[0] and torch.equal(gradient, expected[1])
    row = torch.randn(1, 5).expand(6, 5)
    torch.testing.assert_close(losses.CrossEntropyLoss()(row, target), torch.nn.CrossEntropyLoss()(row, target))


@pytest.mark.parametrize("channels_last", [False, True])
def test_images(channels_last):
    logits, target = problem(2, 5, 3, 4, dtype=torch.float32)
    logits = logits.detach()
    if channels_last:
        logits = logits.contiguous(memory_format=torch.channels_last)
    before = logits.clone()
    for reduction in ("mean", "none"):
        leaf = logits.detach().requires_grad_()
        losses.CrossEntropyLoss(reduction=reduction)(leaf, target).sum().backward()
        other = logits.detach().clone().requires_grad_()
        torch.nn.CrossEntropyLoss(reduction=reduction)(other, target).sum().backward()
        torch.testing.assert_close(leaf.grad, other.grad)
        assert torch.equal(logits, before)


def test_all_rows_ignored_is_zero():
    logits, _ = problem(4, 3)
    value, gradient = both(losses.MinEntLoss(), logits, torch.full((4,), -100))
    assert value == 0 and not gradient.any()
    value, gradient = both(losses.MinEntLoss(reduction="none"), logits, torch.full((4,), -100))
    assert not value.any() and not gradient.any()
    empty = losses.CrossEntropyLoss(reduction="sum")(torch.empty(0, 3), torch.empty(0, dtype=torch.int64))
    assert empty == 0


def test_masked_classes_take_no_part():
    logits, target = problem(4, 5)
    masked = logits.detach().clone()
    masked[:, 4] = -math.inf
    target = target.clamp(max=3)
    found = both(losses.MinEntLoss(label_smoothing=0.1), masked, target)
    expected = both(losses.MinEntLoss(label_smoothing=0.1), masked[:, :4], target)
    torch.testing.assert_close(found[0], expected[0])
    torch.testing.assert_close(found[1][:, :4], expected[1])
    assert not found[1][:, 4].any()


def test_names_of_back_ends_are_checked():
    for call in (lambda: losses.EntropyLoss(backend="compose"), lambda: losses.functional.entropy(torch.zeros(2, 3), backend="compose")):
        with pytest.raises(ValueError, match="backend must be one of auto, native, composed, not 'compose'"):
            call()


def test_terms():
    logits, target = problem(6, 5)
    terms = losses.CrossEntropyLoss().terms(logits, target)
    expected = loss_reference.row_terms(logits.detach(), torch.nn.functional.one_hot(target, 5).double())
    for name in ("ce1", "h", "ce2", "kl"):
        assert terms[name] == pytest.approx(expected[name].mean().item(), rel=1e-12)


# Autograd

@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("kind", mixent.LOSSES)
def test_derivatives_twice(kind, soft):
    for shape, reduction in (((3, 4), "mean"), ((2, 3, 2), "none")):
        logits, target = problem(*shape, soft=soft)
        names = learnable_names(kind)
        loss = CLASSES[kind](reduction=reduction, learnable=names, weight=torch.linspace(0.5, 2, shape[1], dtype=torch.float64)).double()
        assert torch.autograd.gradcheck(lambda z: loss(z, target), (logits,))
        assert torch.autograd.gradgradcheck(lambda z: loss(z, target), (logits,))
        # by what is learned, too: d/dw of the sum of squares of the gradient
        parameters = list(loss.parameters())
        gradient, = torch.autograd.grad(loss(logits, target).sum(), logits, create_graph=True)
        found = torch.autograd.grad(gradient.square().sum(), parameters)
        for parameter, slope in zip(parameters, found):
            ends = []
            for step in (1e-5, -1e-5):
                with torch.no_grad():
                    parameter += step
                gradient, = torch.autograd.grad(loss(logits, target).sum(), logits)
                ends.append(gradient.square().sum().item())
                with torch.no_grad():
                    parameter -= step
            assert slope.item() == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-5, abs=1e-8)


def test_a_graph_that_is_kept():
    logits, target = problem(6, 5)
    loss = losses.MinEntLoss(learnable=("w2",))
    value = loss(logits, target)
    value.backward(retain_graph=True)
    once = logits.grad.clone()
    value.backward()
    torch.testing.assert_close(logits.grad, 2 * once)
    with pytest.raises(RuntimeError):
        value.backward()
    gradient, = torch.autograd.grad(loss(logits, target), logits)
    gradient.mul_(0)  # is the caller's own
    assert torch.equal(torch.autograd.grad(loss(logits, target), logits)[0], once)


def test_without_gradients():
    logits, target = problem(6, 5)
    loss = losses.MinEntLoss(learnable=("w2",))
    with torch.no_grad():
        assert not loss(logits, target).requires_grad
    with torch.inference_mode():
        assert loss(logits, target) == loss(logits.detach(), target)


def test_in_a_network():
    torch.manual_seed(0)
    layer = torch.nn.Linear(4, 5, dtype=torch.float64)
    data, target = torch.randn(6, 4, dtype=torch.float64), torch.arange(6) % 5
    gradients = []
    for criterion in (losses.CrossEntropyLoss(), torch.nn.CrossEntropyLoss()):
        layer.zero_grad()
        (criterion(layer(data), target) / 4).backward()
        gradients.append(layer.weight.grad.clone())
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("shape", [(6, 5), (2, 5, 3)])
def test_the_gradient_over_the_logits(shape, reduction, native):
    leaf, target = problem(*shape)
    expected = both(losses.MinEntLoss(reduction=reduction), leaf, target)
    loss = losses.MinEntLoss(reduction=reduction, inplace=True)
    logits = leaf * 1.0
    value = loss(logits, target)
    if shape == (6, 5) and reduction != "none":
        assert torch.equal(logits, expected[1])
    value.sum().backward()
    assert torch.equal(value, expected[0]) and torch.equal(leaf.grad, expected[1])
    with torch.no_grad():
        before = logits.clone()
        loss(logits, target)
        assert torch.equal(logits, before)


def test_logits_that_are_needed_elsewhere_are_not_overwritten_unnoticed(native):
    leaf, target = problem(6, 5)
    logits = leaf.exp()  # whose backward needs its result
    value = losses.MinEntLoss(inplace=True)(logits, target)
    with pytest.raises(RuntimeError, match="inplace"):
        value.backward()
    for overwritten in (leaf, leaf.view(6, 5)):
        with pytest.raises(RuntimeError, match="leaf"):
            losses.MinEntLoss(inplace=True)(overwritten, target)


# Errors

@pytest.mark.parametrize("call, error, message", [
    (lambda z, y: losses.CrossEntropyLoss()(z, y[:3]), ValueError, "shape"),
    (lambda z, y: losses.CrossEntropyLoss()(z, torch.rand(6, 4)), ValueError, "shape"),
    (lambda z, y: losses.CrossEntropyLoss()(z, y + 5), ValueError, "label"),
    (lambda z, y: losses.CrossEntropyLoss()(z.long(), y), TypeError, "int64"),
    (lambda z, y: losses.CrossEntropyLoss()(z, y > 2), TypeError, "bool"),
    (lambda z, y: losses.CrossEntropyLoss()(z[0, 0], y[0]), ValueError, "shape"),
    (lambda z, y: losses.CrossEntropyLoss(torch.ones(4))(z, y), ValueError, "weight"),
    (lambda z, y: losses.CrossEntropyLoss(torch.ones(5, dtype=torch.int64)), TypeError, "weight"),
    (lambda z, y: losses.CrossEntropyLoss()(z, torch.rand(6, 5, requires_grad=True)), RuntimeError, "target"),
    (lambda z, y: losses.CrossEntropyLoss(backend="auto")(z.to("meta"), y), RuntimeError, "logits are on meta, the target on cpu"),
    (lambda z, y: losses.CrossEntropyLoss(torch.ones(5, device="meta"))(z, y), RuntimeError, "weight .*on meta"),
    (lambda z, y: losses.CrossEntropyLoss(backend="fast")(z, y), ValueError, "backend must be one of auto, native, composed"),
    (lambda z, y: losses.FocalLoss(alpha=1, w1=2), TypeError, "alpha is another name of w1"),
    (lambda z, y: losses.CrossEntropyLoss(reduction="average"), ValueError, "reduction"),
    (lambda z, y: losses.CrossEntropyLoss(w2=1), TypeError, "w2"),
    (lambda z, y: losses.MinEntLoss(gamma=1), TypeError, "gamma"),
    (lambda z, y: losses.MinEntLoss(learnable=("w3",)), ValueError, "w3"),
    (lambda z, y: losses.MinEntLoss(learnable="w1"), TypeError, "sequence"),
    (lambda z, y: losses.CrossEntropyLoss()(z.detach().to_sparse(), y), TypeError,
     r"dense tensors, got one of layout torch.sparse_coo; pass tensor.to_dense\(\)"),
    (lambda z, y: losses.CrossEntropyLoss()(z, torch.rand(6, 5).to_sparse()), TypeError, r"to_dense\(\)"),
    (lambda z, y: losses.CrossEntropyLoss(torch.ones(5).to_sparse())(z, y), TypeError, r"to_dense\(\)"),
    (lambda z, y: losses.MinEntLoss(b1=1), ValueError, "b1|base"),
    (lambda z, y: losses.MinEntLoss(label_smoothing=2), ValueError, "smoothing"),
    (lambda z, y: losses.MinEntLoss(transform="cube"), ValueError, "cube"),
    (lambda z, y: losses.MinEntLoss(transform="hypergradient"), ValueError, "held-out"),
    (lambda z, y: losses.MinEntLoss(transform="uncertainty", reduction="sum"), ValueError, "mean"),
    (lambda z, y: losses.MinEntLoss().set_epoch(1), ValueError, "epoch"),
])
def test_errors_say_what_is_wrong(call, error, message):
    logits, target = problem(6, 5)
    with pytest.raises(error, match=message):
        call(logits, target)


# Threads and processes

def test_threads_change_nothing():
    logits, target = problem(3001, 257, dtype=torch.float32)
    before = torch.get_num_threads()
    try:
        found = []
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(both(losses.MinEntLoss(), logits, target))
    finally:
        torch.set_num_threads(before)
    for value, gradient in found[1:]:
        assert value == found[0][0] and torch.equal(gradient, found[0][1])


def test_several_callers_at_once():
    logits, target = problem(2001, 257, dtype=torch.float32)
    loss = losses.MinEntLoss()
    expected = both(loss, logits, target)
    wrong = []

    def call():
        for _ in range(20):
            value, gradient = both(loss, logits, target)
            if value != expected[0] or not torch.equal(gradient, expected[1]):
                wrong.append(value)

    callers = [threading.Thread(target=call) for _ in range(3)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not wrong


class LossOfRows(torch.utils.data.Dataset):
    """Evaluates the loss inside a worker of a DataLoader, which was forked after threads had been started."""

    def __init__(self, logits, target):
        self.logits, self.target = logits, target

    def __len__(self):
        return 4

    def __getitem__(self, _):
        torch.set_num_threads(2)
        return losses.MinEntLoss()(self.logits, self.target)


def test_workers_of_a_data_loader(native):
    logits, target = problem(3001, 257, dtype=torch.float32)
    expected = losses.MinEntLoss()(logits.detach(), target)
    loader = torch.utils.data.DataLoader(LossOfRows(logits.detach(), target), num_workers=2,
                                         multiprocessing_context="fork", timeout=60)
    assert [value.item() for value in loader] == [expected.item()] * 4
