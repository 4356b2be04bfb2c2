"""What help() says of a loss: each of its arguments with meaning, range and default; shapes, errors and source. The defaults and
parts come from the C library."""
from __future__ import annotations

import math
from collections.abc import Iterator

from . import _native, _options

#: The module of each kind of loss in mixent.torch and mixent.keras, and what it is.
MODULES = {
    "ce": ("CrossEntropyLoss", "Cross entropy, -sum p ln q, as in `torch.nn.CrossEntropyLoss`."),
    "min-ent": ("MinEntLoss", "MIN-ENT, w1 CE(p, q) + w2 H(q): also lowers the entropy of the prediction (arXiv 2501.13709)."),
    "mix-ent": ("MixEntLoss", "MIX-ENT, w1 CE(p, q) + w2 CE(q, p), with ln p held above ln eps (arXiv 2501.13709)."),
    "mix-ent-split": ("MixEntSplitLoss",
        "MIX-ENT with a weight each for the two halves of CE(q, p): w1 CE(p, q) + w2 H(q) + w3 KL(q || p) (arXiv 2501.13709)."),
    "kl": ("KLLoss", "The reversed Kullback-Leibler divergence, KL(q || p), with ln p held above ln eps (Kullback and Leibler 1951)."),
    "label-smoothing": ("LabelSmoothingLoss", "Cross entropy with label_smoothing 0.1 (Szegedy et al. 2016, arXiv 1512.00567)."),
    "focal": ("FocalLoss", "sum p (1 - q)^gamma (-ln q) (Lin et al. 2017, arXiv 1708.02002)."),
    "confidence-penalty": ("ConfidencePenaltyLoss",
        "CE(p, q) - 0.1 H(q): raises the entropy of the prediction (Pereyra et al. 2017, arXiv 1701.06548)."),
    "symmetric-ce": ("SymmetricCELoss", "0.1 CE(p, q) + CE(q, p), with p held above 1e-4 (Wang et al. 2019, arXiv 1908.06112)."),
    "gce": ("GCELoss", "Generalised cross entropy, sum p (1 - q^q) / q (Zhang and Sabuncu 2018, arXiv 1805.07836)."),
    "mae": ("MAELoss", "Mean absolute error, sum |p - q| (Ghosh et al. 2017, arXiv 1712.09482)."),
    "poly1": ("Poly1Loss", "CE(p, q) + 2 sum p (1 - q) (Leng et al. 2022, arXiv 2204.12511)."),
    "bi-tempered": ("BiTemperedLoss", "The bi-tempered logistic loss, with a softmax of its own (Amid et al. 2019, arXiv 1906.03361)."),
    "brier": ("BrierLoss", "sum (p - q)^2 (Brier 1950, Monthly Weather Review 78)."),
}

_TERMS = {
    "ce1": "the cross entropy CE(p, q) = -sum p ln q", "h": "the prediction's entropy H(q) = -sum q ln q",
    "ce2": "the reversed cross entropy CE(q, p) = -sum q ln p", "kl": "the divergence KL(q || p) = sum q ln(q / p)",
    "focal": "the focal term sum p (1 - q)^gamma (-ln q)", "gce": "the term sum p (1 - q^q) / q (whose exponent is the argument q)",
    "mae": "the distance sum |p - q|", "poly1": "the term sum p (1 - q)", "brier": "the distance sum (p - q)^2",
    "bi-tempered": "the bi-tempered logistic loss"}

_NUMBERS = {
    "max_interval": "epochs (> 0) until a transform that depends on the epoch has run its course.",
    "label_smoothing": "in [0, 1]: the target becomes (1 - label_smoothing) p + label_smoothing / classes before any term sees it, over "
                       "the classes whose logit is not -inf.",
    "eps": "in [1e-37, 1): ln p is held above ln eps, so that terms with ln p stay finite where p is 0.",
    "gamma": "in [0, 1000]: how much less a row counts the better it is predicted; 0 is cross entropy.",
    "q": "in (0, 1]: 1 is like the mean absolute error; towards 0 it becomes cross entropy.",
    "t1": "in [0, 1): temperature of the logarithm; below 1 the loss of a row is bounded.",
    "t2": "in [1, 7]: temperature of the softmax; above 1 its tails are heavy."}

_COMMON = {
    "weight": "tensor (or sequence of numbers) of shape (C,), finite and not negative: the classes' weights, as in "
              "`torch.nn.CrossEntropyLoss`.",
    "ignore_index": "rows with this label count for nothing, and their gradient is 0 (not looked at with floating targets).",
    "reduction": "\"mean\" (labels: divided by the sum of the class weights of the rows counted, as in PyTorch; floating targets: by the "
                 "number of rows), \"sum\", or \"none\" (a value per row).",
    "transform": "what makes weights of the raw w1, w2, …: \"free\" (as they are), \"square\", \"expo\", \"softmax\", \"softplus\", "
                 "\"square_tie\" (w1 = 1 - w2), \"uncertainty\" (exp(-t), and the loss gains t / 2 per term; reduction \"mean\" only), or "
                 "one that depends on the epoch (\"square_decay\", …), which `set_epoch` tells. `mixent.TRANSFORMS` lists them.",
    "learnable": "names of the weights and bases that are learned, such as (\"w2\",). Weights become parameters `w1`, … (raw values, "
                 f"held in [{_native.W_LOW:g}, {_native.W_HIGH:g}]), bases `log_b1`, … (ln b, held in "
                 f"[ln {math.exp(_native.LOG_B_LOW):.4g}, ln {math.exp(_native.LOG_B_HIGH):.4g}]); put them into the optimizer with the "
                 "model's. Learned on the training loss they mostly shrink: see docs/LOSSES.md.",
    "inplace": "writes the gradient over the logits where it can (reduction \"mean\" or \"sum\", not float16, not under torch.compile), "
               "which saves memory and time where there are many classes. The logits are lost then; if autograd needs them elsewhere, the "
               "backward pass raises an error.",
    "backend": "\"native\" (the C library, for tensors in the CPU's memory), \"composed\" (PyTorch's operations, on any device), or "
               "\"auto\": native where it can, composed on other devices, under torch.compile and torch.func, and for second derivatives."}

#: Of the losses that hold the linear layer whose logits they judge.
_LAYER = {
    "in_features": "the number of features of a row of the input.",
    "num_classes": "C, the number of classes, of which the layer makes logits.",
    "bias": "whether the linear layer has a bias. Default: False.", "device": "the device of the parameters, as of `torch.nn.Linear`.",
    "dtype": "the type of the layer's parameters, as of `torch.nn.Linear`."}

_OF_LAYER = """
The logits are those of `self.linear`, a `torch.nn.Linear`: put this loss in place of the last layer and the loss of a classifier
with many classes. Rows are done in chunks, and the logits are never whole in memory. The parameters, linear.weight and
linear.bias, have the names and the initial values of `torch.nn.LinearCrossEntropyLoss`. To tie them to an embedding:
`criterion.linear.weight = embedding.weight`. Where operations are traced or transformed (torch.compile, torch.func,
create_graph=True), the logits are whole.
"""

_SHAPE = '''
    - logits: (C,), (N, C) or (N, C, d1, …), C classes; float16, bfloat16, float32 or float64, on any device. On the
      CPU no copy is made if the classes of a row are side by side; of (N, C, d1, …) that is memory format channels_last.
    - target: labels (), (N,) or (N, d1, …), whole numbers of 8 to 64 bits in [0, C); or floating targets of the logits'
      shape, whose rows are distributions.'''
_SHAPE_OF_LAYER = '''
    - input: (in_features,) or (N, in_features); flatten a sequence with input.flatten(0, -2).
    - target: labels () or (N,), whole numbers of 8 to 64 bits in [0, C); or floating targets (C,) or (N, C), whose rows are
      distributions.'''
_REST = '''
Shape:{}
    - output: a scalar, or the labels' shape with reduction "none"; in nats (a base of e); float64 for float64 logits,
      otherwise float32.

Differences from `torch.nn.CrossEntropyLoss`: if every row is ignored the mean is 0 with a gradient of 0, not NaN; labels need
not be int64; targets get no gradient; classes masked by a logit of -inf take no part.

Raises:
    ValueError: for shapes, labels, names and numbers out of range.
    TypeError: for types of elements, arguments that the loss does not have, and values of the wrong kind.
    RuntimeError: for tensors on several devices, and for targets that require a gradient.
    NotImplementedError: for torch.jit.script, torch.fx, and what backend="native" cannot read.

Where operations are traced or transformed (torch.compile, torch.func, vmap) or off the CPU, a label out of range gives NaN
in its row. In eager mode on the CPU it raises ValueError. The composed form does not look for class weights that are negative
or not finite.
'''


def _wrap(text: str, indent: int) -> Iterator[str]:
    line, width = "", 110 - indent
    for word in text.split():
        if line and len(line) + 1 + len(word) > width:
            yield line
            line = ""
        line += f" {word}" if line else word
    yield line


def _default(value: float) -> str:
    return "e" if value == math.e else f"{value:g}"


def _about(kind: str, name: str, numbers: dict[str, float], common: dict[str, str]) -> str:
    if name in numbers:
        if name in _NUMBERS:
            text = _NUMBERS[name]
        elif name[0] == "w":
            text = f"weight of {_TERMS[_native.parts(kind)[int(name[1]) - 1]]}; a finite number."
        else:
            text = f"base of the logarithms of the term that w{name[1]} weighs; positive and not 1; e gives natural ones."
        return f"{text} Default: {_default(numbers[name])}."
    own = _options.ALIASES.get(kind, {}).get(name)
    return f"the name that others use for {own}." if own else common[name]


def help_on(text: str, kind: str, names: list[str], linear: bool = False) -> str:
    """The docstring of a loss's class in mixent.torch. linear: of one that holds a linear layer."""
    return help_text(text.strip() + (f"\n{_OF_LAYER.rstrip()}" if linear else ""), kind, names, {**_COMMON, **_LAYER},
                     _REST.format(_SHAPE_OF_LAYER if linear else _SHAPE))


def help_text(text: str, kind: str, names: list[str], common: dict[str, str], rest: str) -> str:
    """The docstring of a loss's class: its own text, then each of its arguments, then the rest. common: what all losses have."""
    numbers = _options.numbers_of(kind)
    lines = [text, "", "p is the target, q = softmax(logits).", "", "Args:"]
    for name in names:
        first, *more = _wrap(f"{name}: {_about(kind, name, numbers, common)}", 8)
        lines += [f"    {first}", *(f"        {line}" for line in more)]
    return "\n".join(lines) + "\n" + rest
