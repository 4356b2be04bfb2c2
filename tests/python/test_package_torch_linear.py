"""The losses of the logits that a linear layer makes, which are never whole in memory: what the plain losses of F.linear give."""
import copy
import inspect
import itertools
import math
import os
import pickle
import random
import re
import sys

import pytest

torch = pytest.importorskip("torch")
sys.path.insert(0, os.path.dirname(__file__))
import mixent.torch as losses  # noqa: E402
from loss_cases import cases  # noqa: E402
from mixent.torch import _linear, functional  # noqa: E402
from test_package_torch_backends import error  # noqa: E402
from torch.nn.functional import linear  # noqa: E402
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402

CLASSES = {cls.kind: cls for cls in losses.Loss.__subclasses__()}
LINEAR = {kind: getattr(losses, f"Linear{cls.__name__}") for kind, cls in CLASSES.items()}
BACKENDS = ("native", "composed")
COMPILES = hasattr(torch.library, "custom_op")  # PyTorch 2.4


def problem(rows=6, features=4, classes=5, dtype=torch.float64, soft=False):
    generator = torch.Generator().manual_seed(1)
    layer = [torch.randn(shape, dtype=torch.float64, generator=generator).to(dtype).requires_grad_()
             for shape in ((rows, features), (classes, features), (classes,))]
    target = torch.softmax(torch.randn(rows, classes, generator=generator).to(dtype), 1) if soft else torch.arange(rows) % classes
    return layer, target


def function_of(kind):
    return getattr(functional, f"linear_{'cross_entropy' if kind == 'ce' else kind.replace('-', '_')}")


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """What is so small is slower on several."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


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


# PyTorch's own

@pytest.mark.skipif(not hasattr(torch.nn.functional, "linear_cross_entropy"), reason="this PyTorch has no linear_cross_entropy")
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("soft", [False, True])
def test_cross_entropy_as_pytorch_has_it(soft, reduction):
    layer, target = problem(soft=soft)
    if not soft:
        target[3] = -100
    weight = torch.linspace(0.5, 2, 5, dtype=torch.float64)
    for options in (dict(), dict(weight=weight), dict(label_smoothing=0.1)):
        options = dict(linear_bias=layer[2], reduction=reduction, **options)
        value = functional.linear_cross_entropy(*layer[:2], target, **options)
        expected = torch.nn.functional.linear_cross_entropy(*layer[:2], target, **options)
        torch.testing.assert_close(value, expected)
        for one, other in zip(torch.autograd.grad(value.sum(), layer), torch.autograd.grad(expected.sum(), layer)):
            torch.testing.assert_close(one, other)


@pytest.mark.skipif(not hasattr(torch.nn, "LinearCrossEntropyLoss"), reason="this PyTorch has no LinearCrossEntropyLoss")
def test_checkpoints_of_pytorch_s_module_move_over():
    for bias in (False, True):
        torch.manual_seed(3)
        theirs = torch.nn.LinearCrossEntropyLoss(4, 5, bias=bias)
        torch.manual_seed(3)
        ours = losses.LinearCrossEntropyLoss(4, 5, bias)
        assert theirs.state_dict().keys() == ours.state_dict().keys()
        assert all(torch.equal(value, ours.state_dict()[name]) for name, value in theirs.state_dict().items())  # the same initial values
        ours.load_state_dict(torch.nn.LinearCrossEntropyLoss(4, 5, bias=bias).state_dict())
        theirs.load_state_dict(ours.state_dict())
        x, target = torch.randn(6, 4), torch.arange(6) % 5
        torch.testing.assert_close(ours(x, target), theirs(x, target))


# Modules

@pytest.mark.parametrize("kind", CLASSES)
def test_modules(kind):
    layer, target = problem(dtype=torch.float32)
    options = dict(w1=0.7, learnable=("w1",))
    loss, plain = LINEAR[kind](4, 5, True, **options), CLASSES[kind](**options)
    assert isinstance(loss, CLASSES[kind]) and loss.linear.weight.shape == (5, 4) and LINEAR[kind](4, 5).linear.bias is None
    expected = plain(loss.linear(layer[0]), target)
    for other in (loss, copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        torch.testing.assert_close(other(layer[0], target), expected)
        assert f"{type(loss).__name__}(\n" in repr(other) and "w1=0.7" in repr(other) and "out_features=5, bias=True" in repr(other)
    value = function_of(kind)(layer[0], loss.linear.weight, target, linear_bias=loss.linear.bias, w1=0.7)
    torch.testing.assert_close(value, expected)
    loss.w1.data.fill_(100)
    loss(layer[0], target)
    assert loss.w1 == 20  # held within its bounds


@pytest.mark.parametrize("kind", CLASSES)
def test_help_explains_every_argument(kind):
    made, text = LINEAR[kind], inspect.getdoc(LINEAR[kind])
    own = inspect.signature(CLASSES[kind]).parameters.keys() - {"inplace"}
    assert list(inspect.signature(made).parameters)[:3] == ["in_features", "num_classes", "bias"]
    assert inspect.signature(made).parameters.keys() == own | {"in_features", "num_classes", "bias", "device", "dtype"}
    for name in inspect.signature(made).parameters:
        about = re.search(rf"^    {name}: (.+(\n        .+)*)", text, re.MULTILINE)
        assert about and len(about[1]) > 30, name
    for part in ("self.linear", "torch.nn.LinearCrossEntropyLoss", "Shape:", "(N, in_features)", "Raises:", "nats"):
        assert part in text
    assert max(map(len, text.splitlines())) <= 130
    function = function_of(kind)
    assert list(inspect.signature(function).parameters)[:4] == ["input", "linear_weight", "target", "linear_bias"]
    assert function.__name__ in functional.__all__ and function.__name__[7:] + "(torch.nn.functional.linear(" in function.__doc__


def test_an_embedding_may_be_tied():
    embedding = torch.nn.Embedding(5, 4)
    loss = losses.LinearMinEntLoss(4, 5)
    loss.linear.weight = embedding.weight
    words = torch.tensor([1, 2, 3])
    loss(embedding(words), words).backward()
    found = embedding.weight.grad.clone()
    embedding.weight.grad = None
    losses.MinEntLoss()(linear(embedding(words), embedding.weight), words).backward()
    torch.testing.assert_close(found, embedding.weight.grad)


def test_types_and_places():
    loss = losses.LinearMinEntLoss(4, 5, dtype=torch.bfloat16, weight=torch.ones(5), learnable=("w2",))
    assert loss.linear.weight.dtype is torch.bfloat16 and loss.weight.dtype is loss.w2.dtype is torch.float32
    loss = losses.LinearMinEntLoss(4, 5, device="meta", weight=torch.ones(5), learnable=("w2",), transform="square_decay")
    assert all(tensor.is_meta for tensor in loss.state_dict().values())


# What is refused

@pytest.mark.parametrize("backend", ["auto", *BACKENDS])
@pytest.mark.parametrize("change, error, message", [
    (lambda x, w, y: (x.expand(2, 6, 4), w, y), ValueError, r"input of shape \(in_features,\) or \(N, in_features\), got \(2, 6, 4\)"),
    (lambda x, w, y: (x, w[:, None], y), ValueError, r"expected linear_weight of shape \(C, in_features\), got \(5, 1, 4\)"),
    (lambda x, w, y: (x[:, :3], w, y), ValueError, r"input of shape \(6, 3\) has 3 features, linear_weight of shape \(5, 4\) has 4"),
    (lambda x, w, y: (x, w, y[:5]), ValueError, r"logits of shape \(6, 5\) go with labels of shape \(6,\)"),
    (lambda x, w, y: (x, w[:0], y), ValueError, "have no classes"),
    (lambda x, w, y: (x, w, y + 1), ValueError, r"label 5 at index \(4,\) is out of range: expected 0 to 4"),
    (lambda x, w, y: (x.long(), w, y), TypeError, "floating logits"),
    (lambda x, w, y: (x, w.float(), y), RuntimeError, "dtype|scalar type|type"),
    (lambda x, w, y: (x, w, torch.rand(6, 5, requires_grad=True)), RuntimeError, "no gradient for the target"),
    (lambda x, w, y: (x, w.tolist(), y), TypeError, "linear_weight: expected a tensor, got list"),
    (lambda x, w, y: (x, w.to_sparse(), y), TypeError, "dense tensors"),
])
def test_what_does_not_fit_is_told(change, error, message, backend):
    layer, target = problem()
    with pytest.raises(error, match=message):
        functional.linear_min_ent(*change(layer[0], layer[1].detach(), target), backend=backend)


def test_what_a_module_refuses():
    with pytest.raises(TypeError, match="LinearMinEntLoss has no inplace"):
        losses.LinearMinEntLoss(4, 5, inplace=True)
    with pytest.raises(ValueError, match=r"expected weight of shape \(5,\), got \(4,\)"):
        losses.LinearMinEntLoss(4, 5, weight=torch.ones(4))
    with pytest.raises(ValueError, match=r"expected linear_bias of shape \(5,\), got \(6,\)"):
        functional.linear_gce(torch.zeros(2, 4), torch.zeros(5, 4), torch.zeros(2, dtype=torch.long), linear_bias=torch.zeros(6))
    with pytest.raises(NotImplementedError, match="torch.jit.script"):
        torch.jit.script(losses.LinearMinEntLoss(4, 5))
    with pytest.raises(NotImplementedError, match="backend='native' cannot read tensors"):
        loss = losses.LinearMinEntLoss(4, 5, device="meta", backend="native")
        loss(torch.zeros(2, 4, device="meta"), torch.zeros(2, dtype=torch.long, device="meta"))
