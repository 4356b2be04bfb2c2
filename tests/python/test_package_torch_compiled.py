"""mixent.torch under torch.compile and torch.jit.trace: how many graphs are made, and what is warned of."""
import warnings

import pytest

torch = pytest.importorskip("torch")

import mixent  # noqa: E402
import mixent.torch as losses  # noqa: E402
from mixent.torch import functional  # noqa: E402

compiles = pytest.mark.skipif(not hasattr(torch.library, "custom_op"), reason="this PyTorch has no torch.library.custom_op")
LOGITS, LABELS = torch.randn(16, 5, generator=torch.Generator().manual_seed(1)), torch.arange(16) % 5


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
