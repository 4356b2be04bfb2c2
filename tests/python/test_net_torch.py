"""Whole networks against PyTorch: the same parameters and images give the same logits, loss, gradients and updated weights."""

import os
import subprocess
import sys

import pytest

numpy = pytest.importorskip("numpy")
torch = pytest.importorskip("torch")
sys.path.insert(0, os.path.dirname(__file__))
import networks_torch  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("MIXENT_BUILD", os.path.join(ROOT, "build", "release"))
TOOL = os.path.join(BUILD, "tests", "net_step")
LEARNING_RATE = 0.01


def loss_of(name, logits, labels):
    """The losses of arXiv 2501.13709 with their default weights, 1 and 0.1 in natural logarithms, eps 1e-6."""
    cross_entropy = torch.nn.functional.cross_entropy(logits, labels)
    log_q = torch.log_softmax(logits, 1)
    q = log_q.exp()
    if name == "ce":
        return cross_entropy
    if name == "min-ent":
        return cross_entropy - 0.1 * (q * log_q).sum(1).mean()
    p = torch.nn.functional.one_hot(labels, logits.shape[1]).to(q.dtype)
    return cross_entropy - 0.1 * (q * p.clamp_min(1e-6).log()).sum(1).mean()


def make(name, channels, classes, seed):
    torch.manual_seed(seed)
    network = getattr(networks_torch, name.replace("-", "_"))(channels, classes, 0.0)
    for module in network.modules():  # other than the initial 0 and 1
        if isinstance(module, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.uniform_(module.bias, -0.2, 0.2)
            torch.nn.init.uniform_(module.running_mean, -0.2, 0.2)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
    return network


def parameters_of(network):
    return torch.cat([p.detach().reshape(-1) for p in network.parameters()]).numpy().copy()


def statistics_of(network):
    kept = [b for n, b in network.named_buffers() if not n.endswith("num_batches_tracked")]
    return torch.cat([b.reshape(-1) for b in kept]).numpy().copy()


def run_ours(name, channels, side, classes, precision, loss, network, images, labels):
    rows = len(labels)
    arguments = [TOOL, name, channels, side, classes, rows, precision, loss, LEARNING_RATE]
    data = b"".join(
        [
            parameters_of(network).tobytes(),
            statistics_of(network).tobytes(),
            images.permute(0, 2, 3, 1).contiguous().numpy().tobytes(),
            labels.to(torch.int32).numpy().tobytes(),
        ]
    )
    done = subprocess.run([str(a) for a in arguments], input=data, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    count, statistics = parameters_of(network).size, statistics_of(network).size
    sizes = [rows * classes, rows * classes, count, count, statistics]
    values = numpy.frombuffer(done.stdout[:-8], numpy.float32)
    assert values.size == sum(sizes)
    loss_value = numpy.frombuffer(done.stdout[-8:], numpy.float64)[0]
    return (*numpy.split(values, numpy.cumsum(sizes)[:-1]), loss_value)


def relative(ours, theirs):
    return numpy.abs(ours - theirs).max() / max(numpy.abs(theirs).max(), 1e-12)


def step_errors(name, channels, side, classes, rows, loss, seed, precision, tolerance):
    """Runs a step in both; checks logits, loss and statistics; returns each gradient's and updated weight's error relative
    to its largest element. The truth is PyTorch in float64."""
    network = make(name, channels, classes, seed)
    images = torch.randn(rows, channels, side, side)
    labels = torch.randint(0, classes, (rows,))
    ours = run_ours(name, channels, side, classes, precision, loss, network, images, labels)
    evaluated, trained, gradients, updated, statistics, value = ours

    network.eval()
    with torch.no_grad():
        assert relative(evaluated, network(images).numpy().reshape(-1)) < tolerance
    exact = make(name, channels, classes, seed).double().train()
    logits = exact(images.double())
    exact_loss = loss_of(loss, logits, labels)
    exact_loss.backward()
    assert abs(value - exact_loss.item()) < 0.1 * tolerance * max(1, abs(exact_loss.item()))
    assert relative(trained, logits.detach().numpy().reshape(-1)) < tolerance
    assert relative(statistics, statistics_of(exact)) < tolerance

    errors, offset = {}, 0
    for label, parameter in exact.named_parameters():
        here = slice(offset, offset + parameter.numel())
        offset += parameter.numel()
        gradient = parameter.grad.numpy().reshape(-1)
        if numpy.abs(gradient).max() < 1e-7:  # a bias before a batch norm: the true gradient is 0, what is seen is rounding
            assert numpy.abs(gradients[here]).max() < 1e-4, label
            continue
        stepped = (parameter.detach() - LEARNING_RATE * parameter.grad).numpy().reshape(-1)
        errors[label] = relative(gradients[here], gradient)
        errors[label + " updated"] = relative(updated[here], stepped)
    return errors


# fp32 is with Winograd's convolutions, whose rounding decides a few of the ReLUs otherwise in every draw; tests/unit/winograd.c
# and backends.c hold their arithmetic to more.
@pytest.mark.parametrize("precision, tolerance, nearest", [("direct", 1e-4, 1e-4), ("fp32", 1e-3, 0.05)])
@pytest.mark.parametrize(
    "name, channels, side, classes, rows, loss",
    [
        ("vgg5", 1, 28, 26, 4, "ce"),
        ("vgg5-half", 3, 32, 10, 4, "mix-ent"),
        ("spinal-vgg5", 1, 28, 26, 8, "min-ent"),  # batch norm over 4 rows alone would blow rounding up
        ("resnet9", 1, 28, 26, 8, "ce"),
        ("resnet9-pool-first", 1, 28, 26, 8, "ce"),
        ("resnet20", 3, 32, 10, 4, "ce"),
        ("resnet10", 3, 50, 7, 8, "mix-ent"),
        ("mlp", 17, 1, 5, 32, "min-ent"),
    ],
)
def test_step_equals_pytorch(name, channels, side, classes, rows, loss, precision, tolerance, nearest):
    if not os.path.exists(TOOL):
        pytest.skip("tests/tools/net_step is not built")
    # Millions of ReLUs and maxima decide on a sign: now and then two float32 computations decide differently, and the
    # gradients then differ by more than rounding (PyTorch's own from float64 too). A right step is equal wherever no
    # decision differs, so in the best of four draws; a wrong one in none.
    runs = [step_errors(name, channels, side, classes, rows, loss, seed, precision, tolerance) for seed in range(4)]
    for label in runs[0]:
        errors = sorted(run[label] for run in runs)
        assert errors[0] < nearest, (label, errors)
        assert errors[2] < 0.1, (label, errors)


def cosine(a, b):
    return a @ b / numpy.linalg.norm(a) / numpy.linalg.norm(b)


def test_bf16_is_as_near_as_pytorch():
    """bfloat16 keeps 8 bits, so its gradients are rough: PyTorch's autocast is the measure."""
    if not os.path.exists(TOOL):
        pytest.skip("tests/tools/net_step is not built")
    network = make("vgg5", 1, 26, seed=1)
    images, labels = torch.randn(50, 1, 28, 28), torch.randint(0, 26, (50,))
    exact = run_ours("vgg5", 1, 28, 26, "fp32", "ce", network, images, labels)
    rough = run_ours("vgg5", 1, 28, 26, "bf16", "ce", network, images, labels)
    network = network.train().to(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        logits = network(images)
    loss_of("ce", logits.float(), labels).backward()
    theirs = torch.cat([p.grad.contiguous().reshape(-1) for p in network.parameters()]).numpy()
    # where oneDNN's direct convolutions do not run, or Winograd's are faster, F(3,3) rounds more than these
    assert cosine(rough[2], exact[2]) > cosine(theirs, exact[2]) - 0.08
    their_logits = logits.detach().float().numpy().reshape(-1)
    assert relative(rough[1], exact[1]) < 2 * relative(their_logits, exact[1])
    assert abs(rough[5] - exact[5]) < 0.02
