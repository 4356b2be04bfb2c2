"""What tests of mixent.torch's losses share: logits with targets, a loss's value and gradient, and the back end that losses are made
with. A file whose tests run over both back ends asks for it: pytestmark = pytest.mark.usefixtures("backend")."""
import loss_reference
import pytest
import torch

import mixent.torch as losses

CLASSES = {cls.kind: cls for cls in losses.Loss.__subclasses__()}
TOLERANCE = {torch.float64: 1e-11, torch.float32: 2e-5, torch.bfloat16: 1e-2, torch.float16: 2e-3}


@pytest.fixture(params=["native", "composed"])
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


def learnable_names(kind):
    parts = len(loss_reference.PARTS[kind])
    return [f"{letter}{i + 1}" for letter in "wb" for i in range(parts)]
