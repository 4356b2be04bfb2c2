"""PyTorch's transformations and tracers: the losses go through them as what is composed by hand does, or refuse in words that name
mixent; and views, subclasses and default types do not change what they compute."""
import pytest

torch = pytest.importorskip("torch")
from torch.autograd import forward_ad  # noqa: E402
from torch.fx.experimental.proxy_tensor import make_fx  # noqa: E402
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402

from mixent import torch as losses  # noqa: E402

NEW = hasattr(torch.library, "custom_op")  # PyTorch 2.4
TARGET = torch.tensor([0, 3, 1, 1])


def logits():
    return torch.linspace(-1, 2, 20, dtype=torch.float32).sin().view(4, 5)


def functional():
    if hasattr(torch, "func"):
        return torch.func
    return pytest.importorskip("functorch")


def make_dual(tensor):
    return forward_ad.make_dual(tensor, torch.ones_like(tensor))


def reference(reduction):
    """MIN-ENT as one writes it by hand, of operations that every transformation takes."""
    def loss(z, y):
        log_q = z - z.exp().sum(1, keepdim=True).log()
        rows = -(log_q * (torch.arange(z.shape[1]) == y[:, None])).sum(1) - 0.1 * (log_q.exp() * log_q).sum(1)
        return rows.mean() if reduction == "mean" else rows
    return loss


def traced_with_shapes_alone(loss):
    from torch._subclasses import FakeTensorMode
    with FakeTensorMode():
        return loss(torch.zeros(4, 5), torch.zeros(4, dtype=torch.long))


def forward_mode(change):
    with forward_ad.dual_level():
        return forward_ad.unpack_dual(change()).tangent


def over_the_gradient(loss, batched):
    z = logits().requires_grad_()
    value = loss(z, TARGET)
    size = (3, *value.shape) if batched else value.shape
    weight = torch.ones(size) * 2 if batched else make_dual(torch.ones(size))
    found, = torch.autograd.grad(value, z, weight, **({"is_grads_batched": True} if batched else {}))
    return found


def traced(loss):
    """Traced with some numbers, called with others."""
    return torch.jit.trace(lambda z: loss(z, TARGET), (torch.zeros(4, 5),))(logits())


#: What is done to a loss, which gives the same whether the loss is ours or composed by hand.
DONE = {
    "make_fx": lambda loss: make_fx(lambda z: loss(z, TARGET))(torch.zeros(4, 5))(logits()),
    "make_fx of the gradient": lambda loss: make_fx(lambda z: torch.autograd.grad(loss(z, TARGET).sum(), z))(
        torch.zeros(4, 5).requires_grad_())(logits().requires_grad_())[0],
    "jit.trace": traced,
    "vmap": lambda loss: functional().vmap(loss)(logits()[:, None], TARGET[:, None]),
    "vmap of targets": lambda loss: functional().vmap(loss, (None, 0))(logits(), TARGET.expand(3, 4)),
    "grad": lambda loss: functional().grad(lambda z: loss(z, TARGET).sum())(logits()),
    "vmap of grad": lambda loss: functional().vmap(functional().grad(lambda z, y: loss(z, y).sum()))(logits()[:, None], TARGET[:, None]),
    "jvp": lambda loss: functional().jvp(lambda z: loss(z, TARGET), (logits(),), (logits(),))[1],
    "jacrev": lambda loss: functional().jacrev(lambda z: loss(z, TARGET))(logits()),
    "hessian": lambda loss: functional().hessian(lambda z: loss(z, TARGET).sum())(logits()),
    "vmap of the gradient": lambda loss: over_the_gradient(loss, True),
    "forward mode": lambda loss: forward_mode(lambda: loss(make_dual(logits()), TARGET)),
    "forward mode of what needs a gradient": lambda loss: forward_mode(lambda: loss(make_dual(logits().requires_grad_()), TARGET)),
    "forward mode of the gradient": lambda loss: forward_mode(lambda: over_the_gradient(loss, False)),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("reduction", ["mean", "none"])
@pytest.mark.parametrize("name", DONE)
def test_transformations(name, reduction):
    found, expected = DONE[name](losses.MinEntLoss(reduction=reduction)), DONE[name](reference(reduction))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_shapes_alone():
    for value in (traced_with_shapes_alone(losses.MinEntLoss(reduction="none")),
                  losses.MinEntLoss(reduction="none")(torch.zeros(4, 5, device="meta"), torch.zeros(4, dtype=torch.long, device="meta"))):
        assert value.shape == (4,) and value.dtype is torch.float32


#: What cannot be done at all, and what the C library cannot read.
REFUSED = {
    "jit.script": torch.jit.script,
    "jit.script of what holds it": lambda loss: torch.jit.script(torch.nn.Sequential(loss)),
    "fx.symbolic_trace": lambda loss: torch.fx.symbolic_trace(loss),
    "terms in vmap": lambda loss: functional().vmap(lambda z: loss.terms(z, TARGET))(logits().expand(2, 4, 5)),
}
NATIVE = {name: DONE[name] for name in DONE if "of the gradient" not in name or name.startswith("make_fx")}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [*REFUSED, *NATIVE, "shapes alone"])
def test_what_cannot_be_transformed_is_refused(name):
    backend = "auto" if name in REFUSED else "native"
    with pytest.raises(NotImplementedError, match="mixent's losses|terms"):
        {**REFUSED, **NATIVE, "shapes alone": traced_with_shapes_alone}[name](losses.MinEntLoss(backend=backend))


@pytest.mark.skipif(not hasattr(torch, "func"), reason="PyTorch 1 has no torch.func")
def test_what_is_learned_in_a_transformation():
    loss = losses.MinEntLoss(w2=0.3, learnable=("w2", "b1"))

    def value(parameters):
        return torch.func.functional_call(loss, parameters, (logits(), TARGET))
    parameters = {name: value.detach().clone() for name, value in loss.named_parameters()}
    found = torch.func.grad(value)(parameters)
    loss(logits(), TARGET).backward()
    for name, parameter in loss.named_parameters():
        torch.testing.assert_close(found[name], parameter.grad)
    many = {name: torch.stack([value, value * 1.1]) for name, value in parameters.items()}
    each = torch.func.vmap(value)(many)
    torch.testing.assert_close(each[1], value({name: one[1] for name, one in many.items()}))


@pytest.mark.parametrize("backend", ["auto", "composed"])
def test_class_weights_in_a_transformation(backend):
    many = torch.rand(3, 5)

    def value(weight):
        return losses.functional.min_ent(logits(), TARGET, weight=weight, backend=backend)
    torch.testing.assert_close(functional().vmap(value)(many), torch.stack([value(weight) for weight in many]))


def test_plain_tensors_within_a_transformation():
    loss, found = losses.MinEntLoss(), []
    functional().vmap(lambda z: found.append(loss(logits(), TARGET)) or z)(torch.zeros(3))
    with forward_ad.dual_level():
        found.append(loss(logits(), TARGET))
    assert found == [loss(logits(), TARGET)] * 2


class NoReading(TorchDispatchMode):
    """Refuses whatever a device would have to be waited for: to tell a value, sizes that depend on values, and tensors made of numbers
    (lift_fresh), which are copied to the device."""

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        aten = torch.ops.aten
        assert function not in (aten._local_scalar_dense.default, aten.equal.default, aten.nonzero.default, aten.masked_select.default,
                                aten.lift_fresh.default), f"{function} waits for the device"
        return function(*arguments, **keywords or {})


@pytest.mark.parametrize("soft", [False, True])
def test_nothing_waits_for_the_device(soft, monkeypatch):
    """Labels are checked on the CPU alone."""
    from mixent.torch import _evaluate
    monkeypatch.setattr(_evaluate, "refuse_labels_out_of_range", lambda *_: None)
    for options in (dict(), dict(reduction="none", label_smoothing=0.1),
                    dict(learnable=("w1", "w2", "b2"), transform="square_decay", weight=torch.ones(5)),
                    dict(learnable=("w1", "w2"), transform="uncertainty"), dict(learnable=("w1",), transform="softmax")):
        loss, z = losses.MinEntLoss(backend="composed", **options), logits().requires_grad_()
        with NoReading():
            value = loss(z, torch.softmax(logits(), 1) if soft else TARGET)
            value.sum().backward()
        assert z.grad.abs().sum() > 0


def test_labels_out_of_range_are_not_a_number_where_they_cannot_be_refused(monkeypatch):
    from mixent.torch import _evaluate
    monkeypatch.setattr(_evaluate, "refuse_labels_out_of_range", lambda *_: None)
    z, target = logits().requires_grad_(), torch.tensor([0, 7, -3, 1])
    value = losses.MinEntLoss(backend="composed", reduction="none")(z, target)
    value.nansum().backward()
    assert value.isnan().tolist() == [False, True, True, False]


@pytest.mark.skipif(not NEW, reason="this PyTorch has no torch.library.custom_op")
def test_export_goes_on():
    old = [int(part) for part in torch.__version__.split(".")[:2]] < [2, 7]  # which exports no bounds of what is learned
    loss = losses.MinEntLoss(learnable=() if old else ("w2",))
    program = torch.export.export(loss, (logits(), TARGET))
    other = logits().flip(0)
    torch.testing.assert_close(program.module()(other, TARGET), loss(other, TARGET))


@pytest.mark.parametrize("call", [
    lambda loss: loss(logits().numpy(), TARGET), lambda loss: loss(logits(), TARGET.tolist()),
    lambda loss: loss.terms(logits().numpy(), TARGET)])
def test_what_is_no_tensor(call):
    with pytest.raises(TypeError, match="expected a tensor, got (ndarray|list)"):
        call(losses.MinEntLoss())


class Named(torch.Tensor):
    """As libraries of images make them."""


def test_subclasses_and_views_that_negate():
    loss = losses.MinEntLoss()
    expected = torch.autograd.grad(loss(z := logits().requires_grad_(), TARGET), z)[0]
    named = logits().as_subclass(Named).requires_grad_()
    assert torch.equal(torch.autograd.grad(loss(named, TARGET), named)[0].as_subclass(torch.Tensor), expected)
    complex_ = torch.complex(torch.zeros(4, 5), -logits()).requires_grad_()
    view = complex_.conj().imag
    assert view.is_neg()
    gradient, = torch.autograd.grad(loss(view, TARGET), view)
    assert torch.equal(gradient.resolve_neg(), expected)
    soft = torch.softmax(logits().flip(0), 1)
    negated = torch.complex(torch.zeros(4, 5), -soft).conj().imag
    assert loss(logits(), negated) == loss(logits(), soft)


# Types

@pytest.fixture(params=[torch.float64, torch.float16, torch.bfloat16])
def default_type(request):
    before = torch.get_default_dtype()
    torch.set_default_dtype(request.param)
    yield request.param
    torch.set_default_dtype(before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("soft", [False, True])
def test_empty_batches_have_the_types_of_others(dtype, soft):
    for shape in ((0, 5), (0, 5, 3), (2, 5, 0)):
        z = torch.zeros(shape, dtype=dtype, requires_grad=True)
        target = z.detach() if soft else torch.zeros(shape[:1] + shape[2:], dtype=torch.long)
        for reduction in ("mean", "sum", "none"):
            loss = losses.MinEntLoss(reduction=reduction, learnable=("w2",))
            value = loss(z, target)
            assert value.dtype is (torch.float64 if dtype is torch.float64 else torch.float32)
            assert value.shape == (shape[:1] + shape[2:] if reduction == "none" else ())
            gradient, slope = torch.autograd.grad(value.sum(), [z, loss.w2])
            assert gradient.shape == z.shape and gradient.dtype is dtype and slope == 0


@pytest.mark.parametrize("options", [
    dict(learnable=("w2",)), dict(learnable=("w1", "w2", "b1"), reduction="none"), dict(learnable=("w2",), transform="square_decay"),
    dict(reduction="sum")], ids=str)
def test_the_default_type_changes_nothing(default_type, options):
    found = []
    compiled = NEW and not torch._dynamo.reset()
    for default in (torch.float32, default_type):
        torch.set_default_dtype(default)
        for backend in ("auto", "composed"):
            loss = losses.MinEntLoss(backend=backend, **options)
            assert all(tensor.dtype is torch.float32 for tensor in loss.state_dict().values())
            if loss.epoch is not None:
                loss.set_epoch(70)
            for call in (loss, torch.compile(loss, backend="aot_eager")) if compiled and backend == "auto" else (loss,):
                z = logits().requires_grad_()
                value = call(z, TARGET)
                found.append([value, *torch.autograd.grad(value.sum(), [z, *loss.parameters()])])
    for other in found[1:]:
        for first, second in zip(found[0], other):
            assert first.dtype is second.dtype
            torch.testing.assert_close(first, second, rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize("convert", [
    lambda loss: loss.to(torch.bfloat16), lambda loss: loss.half(), lambda loss: loss.double(),
    lambda loss: torch.nn.Sequential(loss).to(torch.float16)[0]])
def test_no_type_rounds_the_epoch(convert):
    loss = losses.MinEntLoss(transform="square_decay", max_interval=1000)
    loss.set_epoch(257.25)
    expected = loss.weights()
    converted = convert(loss)
    assert converted is loss and loss.epoch.item() == 257.25 and loss.weights() == expected
    assert loss.state_dict()["epoch"].dtype is torch.float32
    loss.set_epoch(2049)
    assert loss.epoch.item() == 2049


# Classes made from ours

class Scaled(losses.MinEntLoss):
    def __init__(self, temperature=50.0):
        super().__init__(learnable=("w2", "b1"))
        self.temperature = torch.nn.Parameter(torch.tensor(temperature))
        self.register_buffer("calls", torch.tensor(0.0))

    def forward(self, z, y):
        return super().forward(z / self.temperature, y)


class Before(losses.MinEntLoss):
    """Its own parameter stands before those of the loss."""

    def __init__(self):
        torch.nn.Module.__init__(self)
        super().__init__(learnable=("w1",))
        first = torch.nn.Parameter(torch.tensor(-30.0))
        self._parameters = {"first": first, **self._parameters}


@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=pytest.mark.skipif(not NEW, reason="no torch.library.custom_op"))])
def test_a_class_with_parameters_of_its_own(compiled):
    plain, scaled = losses.MinEntLoss(learnable=("w2", "b1")), Scaled()
    if compiled:
        torch._dynamo.reset()
    z = logits().requires_grad_()
    expected = torch.autograd.grad(plain(z / 50, TARGET), [z, plain.w2, plain.log_b1])
    call = torch.compile(scaled, backend="aot_eager") if compiled else scaled
    value = call(z, TARGET)
    found = torch.autograd.grad(value, [z, scaled.w2, scaled.log_b1, scaled.temperature])
    for one, other in zip(expected, found):
        torch.testing.assert_close(one, other)
    assert found[3] != 0
    with torch.no_grad():
        assert call(z, TARGET) == value
        scaled.w2.fill_(-25)
        call(z, TARGET)
    assert scaled.temperature == 50 and scaled.w2 == -20  # each within its own bounds
    assert "temperature" not in repr(scaled) and "w2=-20" in repr(scaled) and scaled.weights()["w2"] == -20


def test_the_order_of_parameters_does_not_matter():
    loss = Before()
    value = loss(logits(), TARGET)
    value.backward()
    assert loss.first == -30 and loss.first.grad is None
    assert loss.w1.grad.item() == pytest.approx(loss.terms(logits(), TARGET)["ce1"], rel=1e-6)
    assert loss.weights()["w1"] == 1


def test_the_signature_of_a_class_made_from_ours():
    import inspect
    assert list(inspect.signature(Scaled).parameters) == ["temperature"]

    class Same(losses.FocalLoss):
        pass

    assert inspect.signature(Same) == inspect.signature(losses.FocalLoss)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(not NEW, reason="this PyTorch has no torch.library.custom_op")
@pytest.mark.parametrize("learnable", [(), ("w2",)])
def test_no_tangent_is_lost_in_what_is_compiled(learnable):
    torch._dynamo.reset()
    compiled = torch.compile(losses.MinEntLoss(learnable=learnable, backend="native"), backend="aot_eager")
    with forward_ad.dual_level(), pytest.raises(NotImplementedError):
        compiled(make_dual(logits()), TARGET)
