"""mixent.torch's losses as modules: weights and bases that are learned, state, copies, and options that are changed. Each test runs over
both back ends."""
import copy
import io
import math
import os
import pickle
import sys

import pytest

torch = pytest.importorskip("torch")
sys.path.insert(0, os.path.dirname(__file__))
import loss_reference  # noqa: E402
import mixent  # noqa: E402
import mixent.torch as losses  # noqa: E402
from losses_torch import CLASSES, backend, learnable_names, problem  # noqa: E402, F401

pytestmark = pytest.mark.usefixtures("backend")


# What is learned

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
