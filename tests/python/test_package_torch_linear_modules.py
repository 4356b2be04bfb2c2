"""The losses over a linear layer as modules, beside PyTorch's own, and what they and their functions refuse."""
import copy
import inspect
import os
import pickle
import re
import sys

import pytest

torch = pytest.importorskip("torch")
sys.path.insert(0, os.path.dirname(__file__))
import mixent.torch as losses  # noqa: E402
from linear_torch import BACKENDS, LINEAR, function_of, one_thread, problem  # noqa: E402, F401
from losses_torch import CLASSES  # noqa: E402
from mixent.torch import functional  # noqa: E402
from torch.nn.functional import linear  # noqa: E402


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
