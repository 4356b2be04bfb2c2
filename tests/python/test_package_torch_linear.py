"""The losses of the logits that a linear layer makes, which are never whole in memory: what the plain losses of F.linear give. As
modules, and what they refuse: test_package_torch_linear_modules.py."""
import itertools
import math
import os
import random
import sys

import pytest

torch = pytest.importorskip("torch")
sys.path.insert(0, os.path.dirname(__file__))
import mixent.torch as losses  # noqa: E402
from linear_torch import BACKENDS, LINEAR, function_of, one_thread, problem  # noqa: E402, F401
from loss_cases import cases  # noqa: E402
from losses_torch import CLASSES  # noqa: E402
from mixent.torch import _linear, functional  # noqa: E402
from test_package_torch_backends import error  # noqa: E402
from torch.nn.functional import linear  # noqa: E402
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402

COMPILES = hasattr(torch.library, "custom_op")  # PyTorch 2.4


@pytest.fixture
def chunks(monkeypatch):
    """Sets how many rows are done at a time."""
    return lambda each: monkeypatch.setattr(_linear, "chunk_rows", lambda rows, classes, cpu: each)


# The same as without

def layer_of(case, seed, dtype):
    """[input, weight, bias or None] whose logits have the edges of the case's."""
    generator, draw = torch.Generator().manual_seed(seed), random.Random(seed)
    (rows, classes), features = case.logits.shape, draw.choice([1, 3, 8])
    input = torch.randn(rows, features, generator=generator, dtype=torch.float64) * draw.choice([0.1, 1, 5])
    weight = torch.randn(classes, features, generator=generator, dtype=torch.float64)
    bias = torch.randn(classes, generator=generator, dtype=torch.float64) if draw.random() < 0.6 else None
    if bias is not None and classes > 1 and draw.random() < 0.3:
        bias[draw.randrange(classes)] = -math.inf  # a class that is masked everywhere
    if "far" in case.notes:
        input[draw.randrange(rows)] *= 300
    if "undefined" in case.notes:
        input[draw.randrange(rows), 0] = draw.choice([math.nan, math.inf])
    return [None if tensor is None else tensor.to(dtype).requires_grad_() for tensor in (input, weight, bias)]


def compare(count, dtype, chunks, autocast=False, tolerance=1e-12):
    """The largest error over random losses and layers, both back ends, against the plain loss of all logits."""
    worst, where = 0.0, None
    for seed, case in enumerate(cases(count)):
        if autocast and case.notes & {"far"}:
            continue
        layer, target = layer_of(case, seed, dtype), torch.tensor(case.target)
        target = target.to(dtype) if target.is_floating_point() else target
        weight = None if case.weight is None else torch.tensor(case.weight, dtype=torch.float32)
        chunks((1, 3, 5, 100)[seed % 4])
        plain = CLASSES[case.kind](weight, learnable=case.learnable, **case.options)
        if plain.epoch is not None:
            plain.set_epoch(case.epoch)
        learned = list(plain.parameters())
        given = [tensor for tensor in (*layer, *learned) if tensor is not None]
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            expected = [plain(linear(*layer), target)]
        send = torch.linspace(0.5, 1.5, expected[0].numel(), dtype=expected[0].dtype).reshape(expected[0].shape)
        expected += torch.autograd.grad(expected[0], given, send)
        for backend in BACKENDS:
            of_layer = LINEAR[case.kind](layer[1].shape[1], layer[1].shape[0], weight=weight, learnable=case.learnable, backend=backend,
                                         **case.options)
            of_layer.load_state_dict(plain.state_dict(), strict=False)
            with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
                found = [_linear.evaluate(of_layer._settings, _linear.Layer(*layer), target, weight, of_layer.epoch, learned, backend)]
            found += torch.autograd.grad(found[0], given, send)
            for place, (one, other) in enumerate(zip(found, expected)):
                assert one.dtype is other.dtype and one.shape == other.shape
                if place >= len(given) - len(learned) + 1 and not (expected[0].isfinite().all() and other.isfinite()):
                    continue  # where a term is infinite, slopes say nothing
                if (wrong := error(one, other)) > worst:
                    worst, where = wrong, f"case {seed}, {case.kind}, {backend}, output {place}"
    assert worst <= tolerance, where
    return worst


@pytest.mark.parametrize("dtype, autocast, tolerance", [
    (torch.float64, False, 1e-12), (torch.float32, False, 1e-5), (torch.bfloat16, False, 0.02), (torch.float32, True, 0.02)],
    ids=["float64", "float32", "bfloat16", "autocast"])
def test_the_same_as_the_loss_of_all_logits(dtype, autocast, tolerance, chunks):
    compare(150, dtype, chunks, autocast, tolerance)


@pytest.mark.long
def test_the_same_as_the_loss_of_all_logits_often(chunks, capsys):
    worst = compare(2000, torch.float64, chunks)
    with capsys.disabled():
        print(f"\nover a linear layer: at most {worst:.1e} from the loss of all logits")


# Autograd

@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("kind", CLASSES)
def test_derivatives_twice(kind, soft, chunks):
    chunks(2)
    for backend, reduction in (("auto", "mean"), ("composed", "none")):
        layer, target = problem(5, 2, 3, soft=soft)

        def loss(*layer):
            return function_of(kind)(layer[0], layer[1], target, linear_bias=layer[2], reduction=reduction, backend=backend)
        assert torch.autograd.gradcheck(loss, layer)
        assert torch.autograd.gradgradcheck(loss, layer)


@pytest.mark.parametrize("reduction", ["mean", "none"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_every_backward_pass_gives_the_same(backend, reduction, chunks):
    """The first gives its gradients away; the others compute them anew. Whatever it is multiplied by."""
    chunks(4)
    layer, target = problem()
    w2 = torch.tensor(0.3, requires_grad=True)
    value = functional.linear_min_ent(layer[0], layer[1], target, linear_bias=layer[2], w2=w2, reduction=reduction, backend=backend)
    expected = torch.autograd.grad(functional.min_ent(linear(*layer), target, w2=w2, reduction=reduction).sum(), [*layer, w2])
    for factor, create_graph in ((2.0, False), (1.0, False), (-3.0, False), (1.0, True), (0.5, False)):
        found = torch.autograd.grad(value, [*layer, w2], torch.full_like(value, factor), retain_graph=True, create_graph=create_graph)
        for one, other in zip(found, expected):
            torch.testing.assert_close(one, factor * other, rtol=1e-6 if one.dtype is torch.float32 else 1e-12, atol=1e-12)
    before = [one.clone() for one in found]
    value.sum().backward()
    assert all(torch.equal(one, other) for one, other in zip(found, before))  # nobody writes into what was given away


def test_gradients_become_those_of_the_parameters_without_a_copy(monkeypatch):
    made, take = [], _linear._Products.take
    monkeypatch.setattr(_linear._Products, "take", lambda self, layer: made.append(take(self, layer)) or made[-1])
    loss, x = losses.LinearMinEntLoss(4, 5, True), torch.randn(6, 4)
    value = loss(x, torch.arange(6) % 5)
    places = [gradient.data_ptr() for gradient in made.pop()[1:]]
    (3 * value).backward()
    assert [loss.linear.weight.grad.data_ptr(), loss.linear.bias.grad.data_ptr()] == places


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("reduction", ["sum", "none"])
def test_only_the_gradients_that_are_asked_for_are_computed(backend, reduction, monkeypatch):
    given, products = [], _linear._Products
    monkeypatch.setattr(_linear, "_Products", lambda layer, wanted: given.append(products(layer, wanted)) or given[-1])
    (input, weight, bias), target = problem()
    w2 = torch.tensor(0.3)
    whole = (input, weight, bias, w2)
    expected = torch.autograd.grad(functional.min_ent(linear(input, weight, bias), target, w2=w2.requires_grad_(), reduction="sum"), whole)
    for wanted in itertools.product((False, True), repeat=4):
        input, weight, bias, w2 = (tensor.detach().clone().requires_grad_(want) for tensor, want in zip(whole, wanted))
        value = functional.linear_min_ent(input, weight, target, linear_bias=bias, w2=w2, reduction=reduction, backend=backend)
        assert value.requires_grad is any(wanted)
        if any(wanted):
            value.sum().backward()
            assert [found is not None for found in given[-1].found] == list(wanted[:3])
        for tensor, want, gradient in zip((input, weight, bias, w2), wanted, expected):
            assert want or tensor.grad is None
            if want:
                torch.testing.assert_close(tensor.grad, gradient)


@pytest.mark.parametrize("backend", BACKENDS)
def test_without_a_graph(backend, chunks):
    chunks(4)
    layer, target = problem()
    for reduction in ("mean", "none"):
        with torch.no_grad():
            value = functional.linear_focal(layer[0], layer[1], target, linear_bias=layer[2], reduction=reduction, backend=backend)
        assert not value.requires_grad
        torch.testing.assert_close(value, functional.focal(linear(*layer), target, reduction=reduction).detach(), rtol=1e-12, atol=0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_row_and_none(backend):
    layer, _ = problem(1)
    for soft in (False, True):
        target = torch.tensor(2) if not soft else torch.softmax(torch.arange(5.0, dtype=torch.float64), 0)
        for reduction in ("mean", "none"):
            value = functional.linear_min_ent(layer[0][0], layer[1], target, linear_bias=layer[2], reduction=reduction, backend=backend)
            expected = functional.min_ent(linear(layer[0][0], *layer[1:]), target, reduction=reduction)
            torch.testing.assert_close(value, expected)
            for one, other in zip(torch.autograd.grad(value, layer), torch.autograd.grad(expected, layer)):
                torch.testing.assert_close(one, other)
    for reduction, shape in (("mean", ()), ("sum", ()), ("none", (0,))):
        x = torch.zeros(0, 4, dtype=torch.float64, requires_grad=True)
        value = functional.linear_min_ent(x, layer[1], torch.zeros(0, dtype=torch.long), reduction=reduction, backend=backend)
        assert value.shape == shape and value.dtype is torch.float64 and value.sum() == 0
        gradients = torch.autograd.grad(value.sum(), [x, layer[1]])
        assert gradients[0].shape == x.shape and not gradients[1].any()


@pytest.mark.parametrize("backend", BACKENDS)
def test_labels_of_few_bits_and_rows_that_are_ignored(backend, chunks):
    chunks(2)
    layer, target = problem()
    for labels in (torch.tensor([0, 1, 9, 9, 2, 9], dtype=torch.int8), torch.full((6,), 9)):
        value = functional.linear_min_ent(layer[0], layer[1], labels, ignore_index=9, backend=backend)
        expected = functional.min_ent(linear(layer[0], layer[1]), labels, ignore_index=9)
        torch.testing.assert_close(value, expected)
        found = torch.autograd.grad(value, layer[:2])
        for one, other in zip(found, torch.autograd.grad(expected, layer[:2])):
            torch.testing.assert_close(one, other)
        assert not found[0][labels == 9].any()


def test_terms(chunks):
    chunks(4)
    layer, target = problem()
    for options in (dict(), dict(weight=torch.ones(5) * 2)):
        value, found = functional.linear_mix_ent(layer[0], layer[1], target, linear_bias=layer[2], return_terms=True, **options)
        other, expected = functional.mix_ent(linear(*layer), target, return_terms=True, **options)
        torch.testing.assert_close((value, found), (other, expected))
    _, found = functional.linear_mix_ent(layer[0][0], layer[1], target[0], return_terms=True)
    assert found["ce2"].shape == ()


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_terms_of_a_module(reduction, chunks):
    chunks(4)
    layer, target = problem()
    for options in (dict(), dict(weight=[1., 2, 3, 4, 5]), dict(ignore_index=1)):
        loss = losses.LinearMinEntLoss(4, 5, True, dtype=torch.float64, reduction=reduction, **options)
        plain = losses.MinEntLoss(reduction=reduction, **options)
        assert loss.terms(layer[0], target) == pytest.approx(plain.terms(loss.linear(layer[0]), target), rel=1e-12)
        assert loss.terms(layer[0][0], target[0]) == pytest.approx(plain.terms(loss.linear(layer[0][0]), target[0]), rel=1e-12)
    empty = torch.zeros(0, 4, dtype=torch.float64), torch.zeros(0, dtype=torch.long)
    assert not any(loss.terms(*empty).values())
    with pytest.raises(ValueError, match="flatten a sequence"):
        loss.terms(layer[0].expand(2, 6, 4), target)


def test_terms_of_no_rows():
    none = torch.zeros(0, dtype=torch.long)
    for _, found in (functional.mix_ent(torch.zeros(0, 5), none, return_terms=True),
                     functional.linear_mix_ent(torch.zeros(0, 4), torch.zeros(5, 4), none, return_terms=True)):
        assert {name: term.shape for name, term in found.items()} == {"ce1": (0,), "ce2": (0,)}


def half_multiplies():
    try:
        return torch.mm(torch.ones(2, 2).half(), torch.ones(2, 2).half()) is not None
    except RuntimeError:
        return False


@pytest.mark.skipif(not half_multiplies(), reason="this PyTorch multiplies no float16 on the CPU")
@pytest.mark.parametrize("backend", BACKENDS)
def test_float16_keeps_the_small_gradients_that_a_scaler_multiplies(backend):
    """As under GradScaler: below what float16 holds until they are multiplied."""
    layer, target = problem(2000, 4, 5)
    x, weight = (tensor.detach().half().requires_grad_() for tensor in layer[:2])
    (functional.linear_min_ent(x, weight, target, backend=backend) * 4096).backward()
    expected = torch.autograd.grad(functional.min_ent(linear(layer[0], layer[1]), target), layer[0])[0] * 4096
    assert error(x.grad, expected) < 2e-3
    assert (x.grad[expected.abs() > 1e-4] != 0).all()


# Memory

class Sizes(TorchDispatchMode):
    """Notes the largest tensor that an operation gives."""

    largest = 0

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        found = function(*arguments, **keywords or {})
        if isinstance(found, torch.Tensor):
            self.largest = max(self.largest, found.numel())
        return found


@pytest.mark.parametrize("reduction", ["mean", "none"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_logits_are_never_whole(backend, reduction, chunks):
    chunks(16)
    layer, target = problem(256, 3, 500, torch.float32)
    with Sizes() as sizes:
        value = functional.linear_min_ent(layer[0], layer[1], target, linear_bias=layer[2], reduction=reduction, backend=backend)
        value.sum().backward()
    assert 500 * 3 <= sizes.largest <= 500 * 16


def test_chunks_are_even_and_large_enough():
    for rows, classes in itertools.product((0, 1, 255, 256, 257, 5000, 100000), (1, 1000, 128000)):
        for cpu in (True, False):
            each = _linear.chunk_rows(rows, classes, cpu)
            count = -(-rows // each) if rows else 0
            assert count * each - rows < max(count, 1) and count <= 16  # the last is nearly as large
            assert count < 2 or each * 2 > (256 if cpu else 1024)
    assert _linear.chunk_rows(4096, 128000, True) == 256


# Transformations

def transforms():
    return getattr(torch, "func", None) or pytest.importorskip("functorch")


def traced(loss, layer):
    from torch.fx.experimental.proxy_tensor import make_fx
    return make_fx(loss)(*(torch.zeros_like(tensor) for tensor in layer))(*layer)


DONE = {
    "grad": lambda loss, layer: transforms().grad(lambda *layer: loss(*layer).sum(), (0, 1, 2))(*layer),
    "jacrev": lambda loss, layer: transforms().jacrev(loss, 1)(*layer),
    "vmap": lambda loss, layer: transforms().vmap(loss, (None, 0, None))(layer[0], torch.stack([layer[1], 2 * layer[1]]), layer[2]),
    "jvp": lambda loss, layer: transforms().jvp(loss, tuple(layer), tuple(layer)),
    "hessian": lambda loss, layer: transforms().hessian(lambda bias: loss(*layer[:2], bias).sum())(layer[2]),
    "make_fx": traced,
    "vmap of the gradient": lambda loss, layer: over_the_gradient(loss, layer),
}


def over_the_gradient(loss, layer):
    layer = [tensor.detach().requires_grad_() for tensor in layer]
    value = loss(*layer)
    return torch.autograd.grad(value, layer, torch.ones(3, *value.shape), is_grads_batched=True)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("reduction", ["mean", "none"])
@pytest.mark.parametrize("name", DONE)
def test_transformations(name, reduction):
    layer, target = problem()
    layer = [tensor.detach() for tensor in layer]

    def ours(input, weight, bias):
        return functional.linear_min_ent(input, weight, target, linear_bias=bias, reduction=reduction)

    def plain(*layer):
        return functional.min_ent(linear(*layer), target, reduction=reduction)
    torch.testing.assert_close(DONE[name](ours, layer), DONE[name](plain, layer))


@pytest.mark.skipif(not COMPILES, reason="this PyTorch has no torch.library.custom_op")
@pytest.mark.parametrize("backend", ["auto", "native"])
def test_compiled_without_a_graph_break(backend):
    torch._dynamo.reset()
    loss, x = losses.LinearMinEntLoss(4, 5, True, learnable=("w2",), backend=backend), problem(dtype=torch.float32)[0][0]
    target = torch.arange(6) % 5
    expected = torch.autograd.grad(loss(x, target), [x, *loss.parameters()])
    compiled = torch.compile(loss, backend="aot_eager", fullgraph=True)
    for one, other in zip(torch.autograd.grad(compiled(x, target), [x, *loss.parameters()]), expected):
        torch.testing.assert_close(one, other)
    function = torch.compile(functional.linear_focal, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(function(x, loss.linear.weight, target), functional.linear_focal(x, loss.linear.weight, target))


def test_shapes_alone():
    from torch._subclasses import FakeTensorMode
    loss = losses.LinearMinEntLoss(4, 5, device="meta", reduction="none")
    assert loss.linear.weight.is_meta
    assert loss(torch.zeros(6, 4, device="meta"), torch.zeros(6, dtype=torch.long, device="meta")).shape == (6,)
    with FakeTensorMode():
        value = functional.linear_min_ent(torch.zeros(6, 4), torch.zeros(5, 4), torch.zeros(6, dtype=torch.long), reduction="none")
        assert value.shape == (6,)


def test_nothing_waits_for_the_device(monkeypatch):
    """But for a backward pass on the CPU, where looking whether it is multiplied by 1 saves time."""
    from mixent.torch import _evaluate
    from test_package_torch_transforms import NoReading
    monkeypatch.setattr(_evaluate, "refuse_labels_out_of_range", lambda *_: None)
    layer, target = problem()
    loss = losses.LinearMinEntLoss(4, 5, dtype=torch.float64, learnable=("w1", "w2", "b1"), transform="square_decay", backend="composed",
                                   weight=torch.ones(5))
    with NoReading():
        value = loss(layer[0], target)
        _linear._evaluate_chunks(_linear._Call(loss._settings, "composed", torch.float64, target, loss.weight, loss.epoch),
                                 loss._layer(layer[0]), [loss.w1, loss.w2, loss.log_b1], [True, True, False, True, True, True], value)
    assert value.isfinite()
