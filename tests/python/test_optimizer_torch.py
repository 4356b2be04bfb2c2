"""The optimisers against torch.optim: the same gradients lead parameters and states along the same way."""

import os
import subprocess

import pytest

numpy = pytest.importorskip("numpy")
torch = pytest.importorskip("torch")

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("MIXENT_BUILD", os.path.join(ROOT, "build", "release"))
TOOL = os.path.join(BUILD, "tests", "optimizer_dump")
COUNT, STEPS, EMA_DECAY = 37, 40, 0.9


def hex_text(array):
    return " ".join(float(x).hex() for x in numpy.ravel(array))


def torch_steps(make, start, gradients):
    parameter = torch.nn.Parameter(torch.tensor(start))
    optimizer, ema = make([parameter]), parameter.detach().double().clone()
    for gradient in gradients:
        parameter.grad = torch.tensor(gradient)
        optimizer.step()
        ema = EMA_DECAY * ema + (1 - EMA_DECAY) * parameter.detach().double()
        state = optimizer.state[parameter]
        names = [name for name in ("momentum_buffer", "exp_avg", "exp_avg_sq") if state.get(name) is not None]
        yield [parameter.detach().numpy(), ema.numpy()] + [state[name].numpy() for name in names]


@pytest.mark.parametrize("weight_decay", [0.0, 0.01])
@pytest.mark.parametrize("name, momentum, nesterov", [("sgd", 0.0, False), ("sgd", 0.9, False), ("sgd", 0.9, True),
                                                      ("adam", 0.0, False), ("adamw", 0.0, False)])
def test_trajectory_is_pytorchs(name, momentum, nesterov, weight_decay):
    random = numpy.random.default_rng(3)
    rate = 0.1 if name == "sgd" else 0.005
    start = random.normal(0, 1, COUNT).astype("float32")
    # over many orders of magnitude, and exact zeros
    gradients = (random.normal(0, 1, (STEPS, COUNT)) * 10.0 ** random.uniform(-6, 1, COUNT)).astype("float32")
    gradients[:, 0] = 0
    lines = [f"{name} {COUNT} {STEPS}", hex_text([rate, momentum, nesterov, weight_decay, EMA_DECAY]), hex_text(start),
             hex_text(gradients)]
    run = subprocess.run([TOOL], input="\n".join(lines), capture_output=True, text=True, check=True)
    ours = [numpy.array([float.fromhex(word) for word in line.split()]).reshape(-1, COUNT)
            for line in run.stdout.splitlines()]
    assert len(ours) == STEPS
    if name != "sgd":
        def make(parameters):
            return {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[name](parameters, lr=rate, weight_decay=weight_decay)
    else:
        def make(parameters):
            return torch.optim.SGD(parameters, lr=rate, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay)
    for step, wanted in enumerate(torch_steps(make, start, gradients)):
        assert len(wanted) >= 2 and (momentum == 0 and name == "sgd" or len(wanted) == len(ours[step]))
        for values, expected in zip(ours[step], wanted):
            numpy.testing.assert_allclose(values, expected, rtol=3e-6, atol=1e-6 * numpy.abs(expected).max())
