"""The losses against PyTorch's autograd in float64: the terms and the gradient of every mixture of them."""

import os
import subprocess

import pytest

numpy = pytest.importorskip("numpy")
torch = pytest.importorskip("torch")

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("MIXENT_BUILD", os.path.join(ROOT, "build", "release"))
TOOL = os.path.join(BUILD, "tests", "loss_dump")


def torch_loss(logits, labels, targets, coefficients, eps):
    """Terms (arXiv 2501.13709) as means over the rows counted, and the gradient of their mixture."""
    z = torch.tensor(logits, requires_grad=True)
    if targets is None:
        counted = torch.tensor(labels >= 0)
        p = torch.nn.functional.one_hot(torch.tensor(labels).clamp_min(0), z.shape[1]).double()
    else:
        counted, p = torch.ones(len(logits), dtype=torch.bool), torch.tensor(targets)
    # masked classes take part as a logit so low that its q is 0: PyTorch itself gives NaN for 0 * (-inf)
    log_q = torch.log_softmax(z.clamp_min(-1e30), 1)[counted]
    p, q = p[counted], log_q.exp()
    ce1 = -(p * log_q).sum(1).mean()
    h = -(q * log_q).sum(1).mean()
    ce2 = -(q * p.clamp_min(eps).log()).sum(1).mean()
    terms = torch.stack([ce1, h, ce2, ce2 - h])
    (terms * torch.tensor(coefficients)).sum().backward()
    return terms.detach().numpy(), z.grad.numpy()


def hex_text(array):
    return " ".join(float(x).hex() for x in numpy.ravel(array))


def draw_batches():
    random = numpy.random.default_rng(5)
    for i in range(120):
        rows, classes = int(random.integers(1, 12)), int(random.integers(1, 60))
        logits = random.normal(0, 10.0 ** random.uniform(-1, 1.5), (rows, classes)).astype("float32")
        labels = targets = None
        if i % 2:
            targets = random.dirichlet([0.1] * classes, rows).astype("float32")
            targets[targets < 1e-3] = 0
            needed = targets > 0
        else:
            labels = random.integers(-1 if i % 3 else 0, classes, rows)
            labels[0] = 0
            needed = numpy.arange(classes) == labels[:, None].clip(0)
        if i % 4 < 2:
            logits[(random.random(logits.shape) < 0.2) & ~needed] = -numpy.inf
        coefficients = random.normal(0, 1, 4) if i % 5 else numpy.eye(4)[i // 5 % 4]
        yield logits.astype("float64"), labels, targets, coefficients, [1e-6, 1e-4][i % 2]


def test_terms_and_gradients_are_pytorchs():
    batches = list(draw_batches())
    lines = []
    for logits, labels, targets, coefficients, eps in batches:
        rows, classes = logits.shape
        lines.append(f"{rows} {classes} {int(targets is not None)} {hex_text(eps)} {hex_text(coefficients)}")
        lines += [hex_text(logits), hex_text(labels if targets is None else targets)]
    run = subprocess.run([TOOL], input="\n".join(lines), capture_output=True, text=True, check=True)
    output = [numpy.array([float.fromhex(word) for word in line.split()]) for line in run.stdout.splitlines()]
    assert len(output) == 2 * len(batches)
    for i, (logits, labels, targets, coefficients, eps) in enumerate(batches):
        wide_targets = None if targets is None else targets.astype("float64")
        terms, gradient = torch_loss(logits, labels, wide_targets, coefficients, eps)
        for values, tolerance in ((output[2 * i], 3e-6), (output[2 * i + 1], 1e-12)):
            numpy.testing.assert_allclose(values[:4], terms, rtol=tolerance, atol=tolerance)
            numpy.testing.assert_allclose(values[4:], gradient.ravel(), rtol=0, atol=2 * tolerance)
