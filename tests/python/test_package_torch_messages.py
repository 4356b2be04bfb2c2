"""What mixent.torch says to mistakes: which argument, what was expected, what to write in its place."""
import inspect
import re

import numpy
import pytest

torch = pytest.importorskip("torch")

import mixent  # noqa: E402
import mixent.torch as losses  # noqa: E402
from mixent.torch import functional  # noqa: E402

LOGITS, LABELS = torch.randn(4, 3), torch.arange(4) % 3
IMAGES, PIXELS = torch.randn(2, 3, 4, 5), torch.zeros(2, 4, 5, dtype=torch.int64)
PIXELS[1, 2, 3] = 255


@pytest.mark.parametrize("make, name, value, error, message", [
    (losses.MinEntLoss, "gamma", 1, AttributeError, "MinEntLoss has no gamma (it has w1, w2, b1, b2, max_interval, label_smoothing)"),
    (losses.MinEntLoss, "alpha", 1, AttributeError, "MinEntLoss has no alpha (it has w1, "),
    (lambda: losses.LinearMinEntLoss(3, 3), "q", 1, AttributeError, "LinearMinEntLoss has no q (it has w1, "),
    (losses.MinEntLoss, "learnable", ("w2",), AttributeError, "learnable is fixed when the loss is made: make another MinEntLoss"),
    (losses.MinEntLoss, "inplace", "yes", TypeError, "inplace takes True or False, got 'yes'"),
    (losses.EntropyLoss, "reduction", "men", ValueError, "reduction must be one of mean, sum, none, not 'men'"),
    (losses.EntropyLoss, "weight", [1, 2], TypeError, "weight takes a number, got [1, 2]; class weights are not for the entropy"),
    (losses.EntropyLoss, "backend", "x", ValueError, "backend must be one of"),
])
def test_wrong_assignments_are_refused(make, name, value, error, message):
    with pytest.raises(error, match=re.escape(message)):
        setattr(make(), name, value)


def test_a_class_of_a_user_may_have_what_a_loss_has_not():
    class Own(losses.MinEntLoss):
        def __init__(self):
            super().__init__()
            self.gamma = 2
    assert Own().gamma == 2


def test_the_entropy_loss_takes_what_is_assigned():
    criterion = losses.EntropyLoss()
    criterion.weight, criterion.reduction = -2, "sum"
    torch.testing.assert_close(criterion(LOGITS), -2 * functional.entropy(LOGITS, reduction="sum"))


class _Learned:
    """A loss whose learned weight has become NaN."""

    def __new__(cls):
        criterion = losses.MinEntLoss(learnable=("w2",))
        criterion.w2.data.fill_(float("nan"))
        return criterion


@pytest.mark.parametrize("call, error, message", [
    (lambda: functional.focal(LOGITS, LABELS, gamma=torch.tensor(2.0)), TypeError, "gamma cannot be learned: pass a number"),
    (lambda: functional.cross_entropy(LOGITS, LABELS, label_smoothing=torch.tensor(0.1)), TypeError, "label_smoothing cannot be learned"),
    (lambda: functional.min_ent(LOGITS, LABELS, w2=[1]), TypeError, "w2 takes a number, got [1]"),
    (lambda: losses.MinEntLoss(label_smooting=0.1), TypeError, "; did you mean label_smoothing?"),
    (lambda: losses.MinEntLoss(label_smooting=0.1), TypeError, "MinEntLoss has no label_smooting (it has weight, ignore_index, "),
    (lambda: losses.LinearMinEntLoss(3, 3, label_smooting=0.1), TypeError, "LinearMinEntLoss has no label_smooting (it has in_features, "),
    (lambda: functional.min_ent(LOGITS, LABELS, label_smooting=0.1), TypeError, "; did you mean label_smoothing?"),
    (lambda: functional.min_ent(LOGITS, LABELS, gamma=1), TypeError, "(it has w1, w2, b1, b2, label_smoothing)"),
    (lambda: functional.min_ent(LOGITS, LABELS, max_interval=1), TypeError, "has no max_interval"),
    (lambda: functional.min_ent(LOGITS, [1]), TypeError, "target: expected a tensor, got list; pass torch.as_tensor(target)"),
    (lambda: losses.MinEntLoss()(LOGITS.numpy(), LABELS), TypeError, "input: expected a tensor, got ndarray"),
    (lambda: functional.entropy([1.0]), TypeError, "input: expected a tensor, got list"),
    (lambda: functional.entropy(LOGITS, mask=[True]), TypeError, "mask: expected a tensor, got list"),
    (lambda: functional.linear_min_ent(LOGITS, LOGITS[:3], LABELS, linear_bias=[1]), TypeError, "linear_bias: expected a tensor, got list"),
    (lambda: losses.MinEntLoss()(LABELS, LOGITS.clone().requires_grad_()), TypeError, "the order is (input, target)"),
    (lambda: losses.MinEntLoss(backend="composed")(LABELS, LOGITS), TypeError, "the order is (input, target)"),
    (lambda: losses.MinEntLoss(0.1), ValueError,
     "expected weight of shape (classes,), got the number 0.1; for the weight of a term write w1=0.1"),
    (lambda: losses.MinEntLoss(w2=torch.ones(8)), TypeError, "w2 takes a number, got tensor("),
    (lambda: _Learned()(LOGITS, LABELS), ValueError, "w2 is learned and has become nan"),
    (lambda: functional.min_ent(IMAGES, PIXELS), ValueError, "index (1, 2, 3) has label 255"),
    (lambda: functional.min_ent(IMAGES, PIXELS, backend="composed"), ValueError, "label 255 at index (1, 2, 3) is out of range"),
    (lambda: losses.MinEntLoss(transform="square_decay").set_epoch("3"), ValueError, "expected an epoch >= 0, got '3'"),
    (lambda: losses.MinEntLoss(transform="square_decay").set_epoch(-1), ValueError, "expected an epoch >= 0, got -1"),
    (lambda: losses.MinEntLoss(transform="softpluss"), ValueError, "softplus, uncertainty; did you mean softplus?"),
    (lambda: mixent.evaluate("min-ent", LOGITS.numpy(), LABELS.numpy()), TypeError, "the order is evaluate(logits, target, loss)"),
])
def test_mistakes_are_named(call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call()


def test_signatures_tell_what_may_be_a_tensor():
    parameters = inspect.signature(functional.focal).parameters
    assert "Tensor" in parameters["w1"].annotation and "Tensor" in parameters["alpha"].annotation
    assert "Tensor" not in parameters["gamma"].annotation and "Tensor" not in parameters["label_smoothing"].annotation


@pytest.mark.skipif(not hasattr(torch, "uint16"), reason="this PyTorch has no torch.uint16")
@pytest.mark.parametrize("kind", ["uint16", "uint32", "uint64"])
@pytest.mark.parametrize("backend", ["native", "composed"])
def test_labels_of_all_unsigned_types(kind, backend):
    labels, weight = LABELS.to(getattr(torch, kind)), torch.rand(3, 3)
    torch.testing.assert_close(functional.min_ent(LOGITS, labels, backend=backend), functional.min_ent(LOGITS, LABELS))
    torch.testing.assert_close(functional.linear_min_ent(LOGITS, weight, labels, backend=backend),
                               functional.linear_min_ent(LOGITS, weight, LABELS))
    assert mixent.evaluate(LOGITS.numpy(), LABELS.numpy().astype(numpy.dtype(kind)), "min-ent").value == pytest.approx(
        functional.min_ent(LOGITS, LABELS).item(), rel=1e-6)
