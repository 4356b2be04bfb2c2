"""mixent.torch under torch.compile and torch.jit.trace: the same values and gradients, how many graphs are made, and what is warned
of."""
import math
import os
import sys
import warnings

import pytest

torch = pytest.importorskip("torch")
sys.path.insert(0, os.path.dirname(__file__))
import mixent  # noqa: E402
import mixent.torch as losses  # noqa: E402
from losses_torch import TOLERANCE, backend, both, native, problem  # noqa: E402, F401
from mixent.torch import functional  # noqa: E402

compiles = pytest.mark.skipif(not hasattr(torch.library, "custom_op"), reason="this PyTorch has no torch.library.custom_op")
over_both = pytest.mark.usefixtures("backend")
LOGITS, LABELS = torch.randn(16, 5, generator=torch.Generator().manual_seed(1)), torch.arange(16) % 5


@compiles
@over_both
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
@over_both
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
@over_both
def test_compiled_once_for_all_batch_sizes():
    torch._dynamo.reset()
    loss = losses.MinEntLoss(learnable=("w2",))
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager", dynamic=True)
    with torch._dynamo.config.patch(error_on_recompile=True):
        for rows in (6, 7, 9):
            logits, target = problem(rows, 5)
            torch.testing.assert_close(both(compiled, logits, target), both(loss, logits, target))


@compiles
@over_both
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
@over_both
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
@over_both
def test_the_operator_keeps_the_rules(native):
    logits, target = problem(6, 5)
    scalars = [torch.tensor(0.5, requires_grad=True)]
    arguments = (logits, target, None, scalars, None, "min-ent", "free", 2, -100, [1., .5, 1., *[math.e] * 3, 200, 0, 1e-6,
                                                                                  2, .7, .8, 1.2], 0, True)
    torch.library.opcheck(torch.ops.mixent.evaluate.default, arguments,
                          test_utils=("test_schema", "test_autograd_registration", "test_faketensor"))


def count_graphs(criterion, name, values):
    """How many graphs torch.compile makes of a loss while an attribute takes these values."""
    from torch._dynamo.testing import CompileCounter
    torch._dynamo.reset()
    counter = CompileCounter()
    compiled = torch.compile(criterion, fullgraph=True, backend=counter)
    for value in values:
        setattr(criterion, name, value)
        torch.testing.assert_close(compiled(LOGITS, LABELS), criterion(LOGITS, LABELS))
    return counter.frame_count


@compiles
@pytest.mark.parametrize("make, name", [
    (losses.MinEntLoss, "w2"), (losses.MinEntLoss, "b2"), (lambda: losses.MinEntLoss(backend="native"), "w2"),
    (lambda: losses.LinearMinEntLoss(5, 5), "w2"), (lambda: losses.MinEntLoss(transform="softplus"), "w2"), *(
        pytest.param(*given, marks=pytest.mark.long) for given in (
            (lambda: losses.MinEntLoss(learnable=("w1", "b2")), "w2"), (losses.FocalLoss, "alpha"), (losses.FocalLoss, "gamma"),
            (losses.GCELoss, "q"), (losses.MixEntLoss, "eps"), (losses.CrossEntropyLoss, "label_smoothing")))])
def test_an_annealed_number_makes_two_graphs_at_most(make, name):
    assert count_graphs(make(), name, [0.2 * (epoch + 1) / 12 for epoch in range(12)]) <= 2


@compiles
def test_annealing_from_zero_makes_two_graphs_at_most():
    assert count_graphs(losses.MinEntLoss(), "w2", [0.2 * epoch / 11 for epoch in range(12)]) <= 2


@compiles
@pytest.mark.long
@pytest.mark.parametrize("transform", [name for name in mixent.TRANSFORMS if name != "hypergradient"])
def test_an_annealed_raw_weight_makes_two_graphs_at_most(transform):
    assert count_graphs(losses.MinEntLoss(transform=transform), "w2", [0.1 + 0.02 * epoch for epoch in range(12)]) <= 2


@compiles
@pytest.mark.parametrize("prefix", ["", pytest.param("Linear", marks=pytest.mark.long)])
def test_all_losses_compiled_in_one_process(prefix):
    """More of them than torch.compile makes graphs of one code object."""
    torch._dynamo.reset()
    names = [name for name in losses.__all__ if name.startswith(prefix) and name.endswith("Loss") and name not in ("Loss", "EntropyLoss")
             and (prefix or not name.startswith("Linear"))]
    assert len(names) > torch._dynamo.config.recompile_limit if hasattr(torch._dynamo.config, "recompile_limit") else len(names) > 8
    for name in names:
        criterion = getattr(losses, name)(*((5, 5) if prefix else ()))
        compiled = torch.compile(criterion, fullgraph=True, backend="eager")
        torch.testing.assert_close(compiled(LOGITS, LABELS), criterion(LOGITS, LABELS))


@pytest.mark.parametrize("make", [
    losses.MinEntLoss, lambda: losses.MixEntLoss(torch.rand(5), ignore_index=3), lambda: losses.BiTemperedLoss(reduction="none"),
    lambda: losses.LinearMinEntLoss(5, 5, bias=True), losses.EntropyLoss])
def test_a_trace_warns_of_nothing_and_holds_for_other_batches(make):
    criterion = make()
    given = (LOGITS,) if isinstance(criterion, losses.EntropyLoss) else (LOGITS, LABELS)
    with warnings.catch_warnings():
        warnings.simplefilter("error", torch.jit.TracerWarning)
        traced = torch.jit.trace(criterion, given)
        with torch.no_grad():
            for rows in (16, 7):
                torch.testing.assert_close(traced(*(one[:rows] for one in given)), criterion(*(one[:rows] for one in given)))


def test_a_trace_refuses_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match=r"logits of shape \(16, 5\) go with labels of shape \(16,\)"):
        torch.jit.trace(lambda z, y: functional.min_ent(z, y), (LOGITS, LABELS[:7]))
