"""What the losses say: messages by the names of their own arguments, help on each argument, and terms that were computed."""
import inspect
import math
import os
import re
import sys
from pathlib import Path

import numpy
import pytest

torch = pytest.importorskip("torch")
sys.path.insert(0, os.path.dirname(__file__))
import mixent  # noqa: E402
import mixent.torch as losses  # noqa: E402
from losses_torch import CLASSES, problem  # noqa: E402


@pytest.mark.parametrize("make", CLASSES.values())
def test_terms_are_those_that_were_computed(make):
    """Four by which every loss is watched, and its own; none is told as 0 because nobody computed it."""
    logits, target = problem(6, 5)
    own = {"FocalLoss": "focal", "GCELoss": "gce", "MAELoss": "mae", "Poly1Loss": "poly1", "BrierLoss": "brier", "BiTemperedLoss": "bi-tempered"}
    terms = make().terms(logits, target)
    assert list(terms) == ["ce1", "h", "ce2", "kl", *([own[make.__name__]] if make.__name__ in own else [])]
    assert all(value > 0 for value in terms.values())
    assert mixent.evaluate(logits.detach().numpy(), target.numpy(), make.kind).terms == pytest.approx(terms, rel=1e-12)


# What C calls otherwise
C_NAMES = ("ignore_label", "set ignore and", "focal_gamma", "gce_q", "style", "class weights", "row weights", "class_weights", "row_weights", "kind")
WORDS = [
    ("ce", {}, 7, "row 2 has label 7; labels run from 0 to 4 (rows to leave out: set ignore_index to that label)"),
    ("ce", dict(label_smoothing=2), 0, "label_smoothing is 2"), ("focal", dict(gamma=-1), 0, " gamma is -1"), ("gce", dict(q=3), 0, " q is 3"),
    ("mix-ent", dict(eps=2), 0, "eps is 2"), ("bi-tempered", dict(t1=1), 0, "t1 is 1"), ("bi-tempered", dict(t2=0), 0, "t2 is 0"),
    ("kl", dict(transform="uncertainty"), 0, "transform uncertainty"), ("ce", dict(transform="expo", w1=1e9), 0, "of which transform expo"),
    ("ce", dict(max_interval=0), 0, "max_interval is 0"), ("ce", dict(w1=math.inf), 0, "w1 is inf"), ("ce", dict(b1=1), 0, "base b1 is 1"),
    ("ce", dict(w1=21, learnable=("w1",)), 0, "w1 starts at 21"), ("ce", dict(transform="x"), 0, "there is no transform 'x'; there are free, "),
    ("ce", dict(weight=[1., 1., 1., 1., -1.]), 0, "class 4 has weight -1"),
]


@pytest.mark.parametrize("kind, options, label, message", WORDS, ids=lambda value: value if isinstance(value, str) else "")
def test_messages_name_the_arguments(kind, options, label, message):
    """The same in NumPy and PyTorch; C's own names do not come through."""
    logits, target = problem(6, 5)
    target[2] = label
    for call in (lambda: CLASSES[kind](**options)(logits, target),
                 lambda: mixent.evaluate(logits.detach().numpy(), target.numpy(), kind, **options)):
        with pytest.raises(ValueError) as caught:
            call()
        assert message in str(caught.value) and not any(name in str(caught.value) for name in C_NAMES), caught.value


def test_every_name_of_c_has_one_here():
    """The strings of C's checks: a new one that names an argument otherwise must enter the table."""
    from mixent import _options
    root = Path(__file__).resolve().parents[2]
    source = (root / "src/loss/check.c").read_text() + (root / "src/loss/weights.c").read_text()
    names = re.findall(r'check_range\("(\w+)"', source) + re.findall(r'check_array\("([\w ]+)"', source)
    assert {_options._NAMES.get(name, name) for name in names} <= {
        *inspect.signature(mixent.evaluate).parameters, "labels", "gradients"}


@pytest.mark.parametrize("options, message", [
    (dict(learnable=True), "learnable takes a sequence of names, such as ('w1', 'w2'), got True"),
    (dict(learnable="w1 w2"), "such as ('w1', 'w2'), got 'w1 w2'"), (dict(learnable="w2,b1"), "such as ('w2', 'b1'), got"),
    (dict(learnable="weights"), "such as ('w1', 'w2'), got 'weights'"),
    (dict(learnable=1.5), "learnable takes a sequence of names"), (dict(learnable=None), "learnable takes a sequence of names"),
    (dict(w2="much"), "w2 takes a number, got 'much'"), (dict(b1=[2]), "b1 takes a number, got [2]"),
    (dict(w2=torch.nn.Parameter(torch.tensor(0.5))), "w2 takes a number, which is not learned; to learn it, pass the number and learnable=('w2',)"),
    (dict(transform=None), "transform takes a name, one of free, "), (dict(ignore_index=0.5), "ignore_index takes a whole number or None, got 0.5"),
    (dict(weight=["a", "b"]), "weight takes a tensor or sequence of numbers"), (dict(weight=True), "weight"), (dict(weight=object()), "weight takes a tensor"),
])
def test_what_to_pass_instead_is_said(options, message):
    with pytest.raises((TypeError, ValueError)) as caught:
        losses.MinEntLoss(**options)
    assert message in str(caught.value)


def test_an_unknown_loss_is_told_what_there_is():
    with pytest.raises(ValueError, match="there is no loss 'minent'; there are ce, min-ent, "):
        mixent.evaluate(numpy.zeros((2, 3), "f"), numpy.zeros(2, int), "minent")


@pytest.mark.parametrize("weight", [[1.0, 2.0, 0.5, 1.0, 3.0], (1, 2, 0.5, 1, 3), numpy.array([1, 2, .5, 1, 3])], ids=lambda value: type(value).__name__)
def test_class_weights_as_a_sequence(weight):
    logits, target = problem(6, 5)
    loss = losses.MinEntLoss(weight)
    assert loss.weight.dtype is torch.float32
    assert loss(logits, target) == losses.MinEntLoss(torch.tensor([1, 2, .5, 1, 3]))(logits, target)
    with pytest.raises(ValueError, match=r"weight must have shape \(classes,\), not \(1, 2\)"):
        losses.MinEntLoss([[1.0, 2.0]])


@pytest.mark.parametrize("make", CLASSES.values())
def test_help_explains_every_argument(make):
    text = inspect.getdoc(make)
    for name, parameter in inspect.signature(make).parameters.items():
        about = re.search(rf"^    {name}: (.+(\n        .+)*)", text, re.MULTILINE)
        assert about and len(about[1]) > 30, name
        if isinstance(parameter.default, float):
            shown = "e" if parameter.default == math.e else f"{parameter.default:g}"
            assert " ".join(about[1].split()).endswith(f"Default: {shown}."), name
    for part in ("Shape:", "Raises:", "(N, C, d1, …)", "float64", "nats"):
        assert part in text
    assert re.search(r"(19|20)\d\d|arXiv|torch.nn.CrossEntropyLoss", text.split("Args:")[0]), "no source"
    assert max(map(len, text.splitlines())) <= 130
