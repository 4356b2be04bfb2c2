"""mixent.torch: against torch.nn.CrossEntropyLoss, and against every loss composed of PyTorch's operations in float64. Each test runs
over both back ends, but for what only one of them has."""
import copy
import io
import itertools
import math
import os
import pickle
import sys
import threading

import pytest

torch = pytest.importorskip("torch")
sys.path.insert(0, os.path.dirname(__file__))
import loss_reference  # noqa: E402
import mixent  # noqa: E402
import mixent.torch as losses  # noqa: E402

CLASSES = {cls.kind: cls for cls in losses.Loss.__subclasses__()}
TOLERANCE = {torch.float64: 1e-11, torch.float32: 2e-5, torch.bfloat16: 1e-2, torch.float16: 2e-3}


@pytest.fixture(params=["native", "composed"], autouse=True)
def backend(request, monkeypatch):
    """What losses are made with."""
    monkeypatch.setitem(losses.Loss.__init__.__kwdefaults__, "backend", request.param)
    return request.param


@pytest.fixture
def native(backend):
    if backend != "native":
        pytest.skip("of the C library alone")


def problem(*shape, soft=False, dtype=torch.float64, seed=0):
    """Logits of a shape (N, C, …) and targets that go with them."""
    generator = torch.Generator().manual_seed(seed)
    logits = (2 * torch.randn(*shape, generator=generator, dtype=torch.float64)).to(dtype).requires_grad_()
    if soft:
        return logits, torch.softmax(torch.randn(*shape, generator=generator, dtype=torch.float64), 1).to(dtype)
    return logits, torch.randint(0, shape[1], (shape[0], *shape[2:]), generator=generator)


def both(criterion, logits, target, grad_output=None):
    """Value and gradient."""
    logits = logits.detach().clone().requires_grad_()
    value = criterion(logits, target)
    value.backward(torch.ones_like(value) if grad_output is None else grad_output.to(value.dtype))
    return value.detach(), logits.grad


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


# What is learned

def learnable_names(kind):
    parts = len(loss_reference.PARTS[kind])
    return [f"{letter}{i + 1}" for letter in "wb" for i in range(parts)]


@pytest.mark.parametrize("kind", ["ce", "min-ent", "mix-ent", "mix-ent-split", "poly1", "focal"])
@pytest.mark.parametrize("transform", [name for name in mixent.TRANSFORMS if name != "hypergradient"])
def test_learned_weights_and_bases_have_their_gradients(kind, transform):
    if transform == "uncertainty" and kind == "mix-ent-split":
        pytest.skip("refused, because the KL term may be negative")
    names = learnable_names(kind)
    start = {name: 0.7 + 0.2 * i if name[0] == "w" else 2.0 + i for i, name in enumerate(names)}
    for reduction in ("mean", "sum", "none"):
        if transform == "uncertainty" and reduction != "mean":
            continue
        logits, target = problem(6, 5)
        loss = CLASSES[kind](transform=transform, max_interval=100, reduction=reduction, learnable=names, **start).double()
        assert [name for name, _ in loss.named_parameters()] == [f"log_{n}" if n[0] == "b" else n for n in names]
        if loss.epoch is not None:
            loss.set_epoch(30)
        send = torch.randn(loss(logits, target).shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
        (loss(logits, target) * send).sum().backward()
        for name, parameter in loss.named_parameters():
            ends = []
            for sign in (1, -1):
                with torch.no_grad():
                    parameter += sign * 1e-6
                    ends.append((loss(logits, target) * send).sum().item())
                    parameter -= sign * 1e-6
            numeric = (ends[0] - ends[1]) / 2e-6
            assert parameter.grad.item() == pytest.approx(numeric, rel=1e-5, abs=1e-7), (name, reduction)
            assert parameter.grad.shape == ()


def test_learned_gradients_are_autograds():
    logits, target = problem(6, 5)
    loss = losses.MinEntLoss(w1=0.8, w2=0.3, b1=2, b2=10.7, learnable=("w1", "w2", "b1", "b2"))
    (3 * loss(logits, target)).backward()
    w = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (0.8, 0.3)]
    log_b = [torch.tensor(math.log(value), dtype=torch.float64, requires_grad=True) for value in (2, 10.7)]
    other = logits.detach().clone().requires_grad_()
    (3 * loss_reference.compose("min-ent", other, target, w=w, b=[b.exp() for b in log_b])).backward()
    torch.testing.assert_close(logits.grad, other.grad, rtol=1e-6, atol=1e-8)
    for name, expected in zip(("w1", "w2", "log_b1", "log_b2"), w + log_b):
        parameter = getattr(loss, name)
        assert parameter.dtype is torch.float32
        torch.testing.assert_close(parameter.grad, expected.grad.float())


def test_only_what_is_learned_gets_a_gradient():
    logits, target = problem(6, 5)
    loss = losses.MinEntLoss(w2=0.3, learnable=("w2",))
    assert isinstance(loss.w1, float) and isinstance(loss.w2, torch.nn.Parameter)
    value = loss(logits.detach(), target)
    value.backward()
    assert loss.w2.grad.item() == pytest.approx(loss.terms(logits, target)["h"], rel=1e-6)
    loss.w2.requires_grad_(False)
    assert not loss(logits.detach(), target).requires_grad


def test_what_is_learned_stays_within_its_bounds():
    logits, target = problem(6, 5)
    loss = losses.MinEntLoss(b2=1.2, learnable=("w2", "b2"))
    optimizer = torch.optim.SGD(loss.parameters(), lr=1e3)
    for _ in range(3):
        optimizer.zero_grad()
        loss(logits, target).backward()
        optimizer.step()
    assert loss.weights()["w2"] == -20 and 1.1 - 1e-6 <= loss.weights()["b2"] <= 1000
    assert loss.w2.item() == -20


@pytest.mark.parametrize("make", [torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW])
def test_optimizers_move_them(make):
    torch.manual_seed(0)
    model = torch.nn.Linear(4, 5)
    loss = losses.MinEntLoss(transform="softplus", learnable=("w1", "w2"))
    optimizer = make([{"params": model.parameters()}, {"params": loss.parameters(), "lr": 0.01}], lr=0.1)
    data, target = torch.randn(20, 4), torch.arange(20) % 5
    values = []
    for _ in range(20):
        optimizer.zero_grad()
        value = loss(model(data), target)
        value.backward()
        optimizer.step()
        values.append(value.item())
    assert values[-1] < values[0] and loss.weights()["w2"] < math.log(1 + math.e)


# As a module

def test_state_copies_and_pickles():
    logits, target = problem(6, 5)
    loss = losses.MixEntLoss(torch.rand(5), w2=0.4, transform="square_decay", learnable=("w2", "b1"), label_smoothing=0.1)
    loss.set_epoch(50)
    with torch.no_grad():
        loss.w2.fill_(0.6)
    expected = loss(logits, target)
    assert set(loss.state_dict()) == {"weight", "w2", "log_b1", "epoch"}
    other = losses.MixEntLoss(torch.rand(5), w2=0.1, transform="square_decay", learnable=("w2", "b1"), label_smoothing=0.1)
    other.load_state_dict(loss.state_dict())
    file = io.BytesIO()
    torch.save(loss, file)
    file.seek(0)
    loaded = torch.load(file, **({"weights_only": False} if torch.__version__ >= "2" else {}))
    for copied in (other, copy.deepcopy(loss), pickle.loads(pickle.dumps(loss)), loaded):
        assert copied(logits, target) == expected and repr(copied) == repr(loss)
        with torch.no_grad():
            copied.w2.fill_(0.7)
        assert copied(logits, target) != expected
    assert loss(logits, target) == expected


def test_repr_and_signature(monkeypatch):
    monkeypatch.setitem(losses.Loss.__init__.__kwdefaults__, "backend", "auto")
    loss = losses.MinEntLoss(w2=0.3, b2=2.0, learnable=("w1", "w2"), reduction="sum")
    assert repr(loss) == "MinEntLoss(w1=1, w2=0.3, b2=2, reduction='sum', learnable=('w1', 'w2'))"
    assert repr(losses.CrossEntropyLoss()) == "CrossEntropyLoss()"
    import inspect
    parameters = inspect.signature(losses.ConfidencePenaltyLoss).parameters
    assert parameters["w2"].default == -0.1 and "w3" not in parameters and "gamma" not in parameters
    assert inspect.signature(losses.FocalLoss).parameters["gamma"].default == 2


def test_options_can_be_changed():
    """As fastai changes the reduction, and who anneals a weight."""
    logits, target = problem(6, 5)
    loss, options = losses.MinEntLoss(learnable=("w1",)), {}
    for name, value in (("reduction", "sum"), ("w2", 0.5), ("label_smoothing", 0.1), ("ignore_index", 3), ("reduction", "none"), ("b2", 2)):
        setattr(loss, name, value)
        options[name] = value
        assert getattr(loss, name) == value
        assert torch.equal(loss(logits, target), losses.MinEntLoss(learnable=("w1",), **options)(logits, target))
    with torch.no_grad():
        loss.w1.fill_(2)
    assert loss.weights() == {"w1": 2, "w2": 0.5, "b1": math.e, "b2": 2}
    for name, value, error in (("reduction", "average", ValueError), ("w2", math.nan, ValueError), ("label_smoothing", 2, ValueError),
                               ("w2", "much", TypeError), ("transform", "square", AttributeError), ("backend", "compose", ValueError),
                               ("w1", 0.5, TypeError)):
        with pytest.raises(error, match=name):
            setattr(loss, name, value)
    assert loss.w2 == 0.5 and loss.reduction == "none"
    with pytest.raises(TypeError, match="b1 is learned: .* log_b1"):
        losses.MinEntLoss(learnable=("b1",)).b1 = 2


def test_the_names_of_others_can_be_changed_too():
    logits, target = problem(6, 5)
    for cls, ours in ((losses.FocalLoss, {"alpha": "w1"}), (losses.SymmetricCELoss, {"alpha": "w1", "beta": "w2"}),
                      (losses.Poly1Loss, {"epsilon": "w2"}), (losses.LinearFocalLoss, {"alpha": "w1"})):
        loss = cls(5, 5) if cls is losses.LinearFocalLoss else cls()
        for name, own in ours.items():
            setattr(loss, name, 0.25)
            assert getattr(loss, name) == getattr(loss, own) == loss.weights()[own] == 0.25
    assert torch.equal(losses.FocalLoss(alpha=0.5)(logits, target), 0.5 * losses.FocalLoss()(logits, target))


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


# torch.compile

compiles = pytest.mark.skipif(not hasattr(torch.library, "custom_op"), reason="this PyTorch has no torch.library.custom_op")


@compiles
@pytest.mark.parametrize("compiler", ["aot_eager", pytest.param("inductor", marks=pytest.mark.long)])
@pytest.mark.parametrize("options", [
    dict(), dict(reduction="none"), dict(learnable=("w1", "w2", "b1", "b2"), transform="softplus"),
    dict(learnable=("w2",), transform="square_decay"), dict(reduction="none", learnable=("w2",)),
], ids=str)
def test_compiled_without_a_break(compiler, options):
    torch._dynamo.reset()
    if compiler == "inductor":
        try:
            torch.compile(torch.sin)(torch.ones(3))
        except Exception as error:  # a compiler or setuptools is missing
            pytest.skip(f"torch.compile does not work here: {' '.join(str(error).split())[:200]}")
    torch.manual_seed(0)
    layer = torch.nn.Linear(4, 5)
    data, target = torch.randn(6, 4), torch.arange(6) % 5
    loss = losses.MinEntLoss(torch.linspace(0.5, 2, 5), **options)

    def step(data, target):
        return loss(layer(data), target).sum() / 3

    compiled = torch.compile(step, fullgraph=True, backend=compiler)
    parameters = [*layer.parameters(), *loss.parameters()]
    for epoch in range(3):
        if loss.epoch is not None:
            loss.set_epoch(50 * epoch)
        expected = torch.autograd.grad(step(data, target), parameters)
        value = compiled(data, target)
        torch.testing.assert_close(value, step(data, target))
        torch.testing.assert_close(torch.autograd.grad(value, parameters), expected)
        with torch.no_grad():
            torch.testing.assert_close(compiled(data, target), value)
            for parameter in parameters:
                parameter.mul_(0.9)


@compiles
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_compiled_types_and_shapes(dtype):
    torch._dynamo.reset()
    for shape, soft in (((6, 5), False), ((6, 5), True), ((2, 5, 3), False), ((5,), False)):
        logits, target = problem(*(shape if len(shape) > 1 else (1, 5)), soft=soft, dtype=dtype)
        if len(shape) == 1:
            logits, target = logits.detach()[0].requires_grad_(), target[0]
        loss = losses.MinEntLoss()
        compiled = torch.compile(lambda z, y: 2 * loss(z, y), fullgraph=True, backend="aot_eager")
        expected, found = both(lambda z, y: 2 * loss(z, y), logits, target), both(compiled, logits, target)
        torch.testing.assert_close(found[0], expected[0])
        torch.testing.assert_close(found[1], expected[1], rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


@compiles
def test_compiled_once_for_all_batch_sizes():
    torch._dynamo.reset()
    loss = losses.MinEntLoss(learnable=("w2",))
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager", dynamic=True)
    with torch._dynamo.config.patch(error_on_recompile=True):
        for rows in (6, 7, 9):
            logits, target = problem(rows, 5)
            torch.testing.assert_close(both(compiled, logits, target), both(loss, logits, target))


@compiles
def test_compiled_bounds_hold():
    torch._dynamo.reset()
    logits, target = problem(6, 5)
    loss = losses.MinEntLoss(learnable=("w2",))
    with torch.no_grad():
        loss.w2.fill_(-25)
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    expected = losses.MinEntLoss(w2=-20)(logits, target)
    torch.testing.assert_close(compiled(logits, target), expected)
    assert loss.w2.item() == -20


@compiles
@pytest.mark.skipif([int(part) for part in torch.__version__.split(".")[:2]] < [2, 7],
                    reason="PyTorch 2.6 does not compile the making of a loss")
def test_made_within_what_is_compiled():
    torch._dynamo.reset()
    logits, target = problem(6, 5)
    for w2 in (0.3, 0.4):
        compiled = torch.compile(lambda z, y: losses.MinEntLoss(w2=w2)(z, y) + losses.functional.focal(z, y, gamma=w2), fullgraph=True,
                                 backend="aot_eager")
        expected = losses.MinEntLoss(w2=w2)(logits, target) + losses.functional.focal(logits, target, gamma=w2)
        torch.testing.assert_close(compiled(logits, target), expected)


@compiles
def test_the_operator_keeps_the_rules(native):
    logits, target = problem(6, 5)
    scalars = [torch.tensor(0.5, requires_grad=True)]
    arguments = (logits, target, None, scalars, None, "min-ent", "free", 2, -100, [1., .5, 1., *[math.e] * 3, 200, 0, 1e-6,
                                                                                  2, .7, .8, 1.2], 0, True)
    torch.library.opcheck(torch.ops.mixent.evaluate.default, arguments,
                          test_utils=("test_schema", "test_autograd_registration", "test_faketensor"))


def test_class_weights_may_be_replaced():
    loss = losses.MinEntLoss([1.0, 2.0, 3.0])
    loss.weight = [1.0, 1.0, 1.0]
    assert loss.weight.dtype is torch.float32
    with pytest.raises(TypeError, match="weight must be floating"):
        loss.weight = torch.ones(3, dtype=torch.int64)


def test_a_tensor_of_functional_call_is_not_written_to():
    call = torch.func.functional_call if hasattr(torch, "func") else torch.nn.utils.stateless.functional_call
    loss, far = losses.MinEntLoss(learnable=("w2",)), torch.tensor(25.0)
    call(loss, {"w2": far}, (torch.randn(4, 3), torch.tensor([0, 1, 2, 0])))
    assert far == 25
