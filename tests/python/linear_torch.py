"""What tests of the losses over a linear layer share: a layer with targets, and the functions and modules by the kind of loss."""
import pytest
import torch

import mixent.torch as losses
from losses_torch import CLASSES
from mixent.torch import functional

LINEAR = {kind: getattr(losses, f"Linear{cls.__name__}") for kind, cls in CLASSES.items()}
BACKENDS = ("native", "composed")


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
