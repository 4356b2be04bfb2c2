"""What training loops do with a loss: several processes, a scaler under autocast, each example's gradient, an exported batch of any
size. Each over both back ends where both can."""
import os
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
import mixent.torch as losses  # noqa: E402

CLASSES = {cls.kind: cls for cls in losses.Loss.__subclasses__() if cls.__module__ == "mixent.torch._losses"}
BACKENDS = ("native", "composed")
TARGET = torch.tensor([0, 3, 1, 1])


def logits():
    return torch.linspace(-1, 2, 20, dtype=torch.float64).sin().view(4, 5)


# Several processes

class Whole(torch.nn.Module):
    """A network with its loss, whose weights are learned with it: DistributedDataParallel sees all that is to be kept equal."""

    def __init__(self, backend):
        super().__init__()
        torch.manual_seed(0)
        self.layer = torch.nn.Linear(6, 5)
        self.criterion = losses.MinEntLoss(w2=0.3, learnable=("w1", "w2", "b2"), transform="softplus", backend=backend)

    def forward(self, data, target):
        return self.criterion(self.layer(data), target)


def train(module, data, target):
    """All parameters after three steps."""
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        module(data, target).backward()
        optimizer.step()
    return {name.replace("module.", "", 1): value.detach() for name, value in module.named_parameters()}


def batch():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(8, 6, generator=generator), torch.randint(0, 5, (8,), generator=generator)


def be_one_of_two(rank, folder):
    """The half of a batch that is of this process's rank."""
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    rows = slice(4 * rank, 4 * rank + 4)
    found = {backend: train(torch.nn.parallel.DistributedDataParallel(Whole(backend)), *(part[rows] for part in batch()))
             for backend in BACKENDS}
    torch.save(found, f"{folder}/{rank}")
    torch.distributed.destroy_process_group()


@pytest.mark.skipif(not torch.distributed.is_available(), reason="this PyTorch has no torch.distributed")
def test_two_processes_learn_as_one(tmp_path):
    program = f"import sys; sys.path[:0] = {[os.path.dirname(__file__), *sys.path]!r}; import test_package_torch_loops as loops; loops."
    both = [subprocess.Popen([sys.executable, "-c", f"{program}be_one_of_two({rank}, {str(tmp_path)!r})"],
                             env=dict(os.environ, GLOO_SOCKET_IFNAME="lo"), stderr=subprocess.PIPE, text=True) for rank in (0, 1)]
    try:
        for process in both:
            _, errors = process.communicate(timeout=500)
            assert process.returncode == 0, errors
    finally:
        for process in both:
            process.kill()
    first, second = (torch.load(tmp_path / str(rank)) for rank in (0, 1))
    for backend in BACKENDS:
        alone = train(Whole(backend), *batch())
        assert set(first[backend]) == set(alone) and {"criterion.w1", "criterion.w2", "criterion.log_b2"} < set(alone)
        for name, value in alone.items():
            assert torch.equal(first[backend][name], second[backend][name]), name
            torch.testing.assert_close(first[backend][name], value, rtol=1e-5, atol=1e-7)
        assert alone["criterion.w2"] != 0.3


# Mixed precision

class Scaler:
    """torch.amp.GradScaler on the CPU; PyTorch before 2.3 scales on CUDA alone, and the same is done by hand."""

    def __init__(self, factor):
        self.factor = factor
        self.scaler = torch.amp.GradScaler("cpu", init_scale=factor) if hasattr(torch.amp, "GradScaler") else None

    def scale(self, value):
        return self.scaler.scale(value) if self.scaler else value * self.factor

    def step(self, optimizer):
        if self.scaler:
            self.scaler.step(optimizer)
            self.scaler.update()
            return
        gradients = [value.grad for group in optimizer.param_groups for value in group["params"]]
        for gradient in gradients:
            gradient.div_(self.factor)
        if all(gradient.isfinite().all() for gradient in gradients):
            optimizer.step()


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_scaler_under_autocast_changes_nothing(backend):
    """A factor that is a power of two leaves no trace in the parameters, learned weights among them."""
    found = []
    for factor in (None, 2.0 ** 12):
        model = Whole(backend)
        optimizer, scaler = torch.optim.SGD(model.parameters(), lr=0.1), factor and Scaler(factor)
        for _ in range(3):
            optimizer.zero_grad()
            with torch.autocast("cpu", dtype=torch.bfloat16):
                value = model(*batch())
            assert value.dtype is torch.float32
            (scaler.scale(value) if scaler else value).backward()
            (scaler or optimizer).step(*([optimizer] if scaler else []))
        found.append(dict(model.named_parameters()))
    for name, value in found[0].items():
        torch.testing.assert_close(found[1][name], value, rtol=1e-6, atol=1e-7)
    assert found[0]["criterion.w2"] != 0.3


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_scaler_leaves_out_a_step_that_overflows(backend):
    """Logits that are not a number spoil the gradients, and so the scaler must see it; the weights stay."""
    model, (data, target) = Whole(backend), batch()
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    optimizer, scaler = torch.optim.SGD(model.parameters(), lr=0.1), Scaler(1024.0)
    data[0, 0] = float("inf")
    scaler.scale(model(data, target)).backward()
    assert not model.layer.weight.grad.isfinite().all()
    scaler.step(optimizer)
    assert all(torch.equal(value, before[name]) for name, value in model.named_parameters())
    assert scaler.scaler is None or scaler.scaler.get_scale() == 512


# Transformations of every loss

@pytest.mark.parametrize("kind", CLASSES)
def test_every_loss_under_torch_func(kind):
    """jvp, jacrev and each example's gradient, against the C library's gradient of the batch."""
    func = torch.func if hasattr(torch, "func") else pytest.importorskip("functorch")
    rows, native = CLASSES[kind](reduction="none"), CLASSES[kind](reduction="none", backend="native")
    z = logits().requires_grad_()
    value = native(z, TARGET)
    gradient, = torch.autograd.grad(value.sum(), z)  # row i depends on logits i alone
    direction = logits().cos()
    found, slope = func.jvp(lambda z: rows(z, TARGET), (logits(),), (direction,))
    torch.testing.assert_close(found, value)
    torch.testing.assert_close(slope, (gradient * direction).sum(1))
    torch.testing.assert_close(func.jacrev(lambda z: rows(z, TARGET))(logits()).sum(1), gradient)
    each = func.vmap(func.grad(lambda z, y: CLASSES[kind]()(z, y)))(logits(), TARGET)
    torch.testing.assert_close(each, gradient)


@pytest.mark.skipif(not hasattr(torch, "func"), reason="PyTorch 1 has no torch.func.functional_call")
@pytest.mark.parametrize("transform", [None, "jacrev", "jacfwd"])
def test_slopes_of_what_is_learned_row_by_row(transform):
    """d(w1 CE + w2 H)/dw2 of each row is its entropy."""
    loss = losses.MinEntLoss(reduction="none", learnable=("w2",))

    def rows(w2):
        return torch.func.functional_call(loss, {"w2": w2}, (logits(), TARGET))
    _, terms = losses.functional.min_ent(logits(), TARGET, return_terms=True)
    if transform is None:
        assert torch.equal(rows(torch.tensor(0.1)), loss(logits(), TARGET))
        return
    found = getattr(torch.func, transform)(rows)(torch.tensor(0.1))
    torch.testing.assert_close(found.double(), terms["h"], rtol=1e-6, atol=1e-6)


@pytest.mark.skipif([int(part) for part in torch.__version__.split(".")[:2]] < [2, 7],
                    reason="this PyTorch exports no bounds of what is learned")
@pytest.mark.parametrize("options", [
    dict(learnable=("w2",)), dict(reduction="none", ignore_index=1), dict(weight=torch.ones(5), label_smoothing=0.1)], ids=str)
def test_an_exported_loss_takes_batches_of_any_size(options):
    loss, rows = losses.MinEntLoss(**options), torch.export.Dim("rows", min=2)
    program = torch.export.export(loss, (logits(), TARGET), dynamic_shapes=({0: rows}, {0: rows}))
    z, target = logits().flip(0).repeat(3, 1)[:11], TARGET.repeat(3)[:11]
    torch.testing.assert_close(program.module()(z, target), loss(z, target))


# Others' loops (with the library: test_integrations_transformers.py)

@pytest.mark.parametrize("module, message", [
    ("None", "needs transformers: pip install 'mixent[transformers]'"),
    ("types.SimpleNamespace(__version__='4.46.3')", "needs transformers 4.50 or later, whose Trainer counts the labels of all batches of a "
                                                    "step, got 4.46.3: pip install --upgrade transformers")])
def test_a_library_that_does_not_do_is_named(module, message):
    program = (f"import sys, types; sys.path[:0] = {sys.path!r}; sys.modules['transformers'] = {module}; "
               "import mixent.integrations.transformers")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"ImportError: mixent.integrations.transformers {message}"
