"""PyTorch: eager and, from 2.0 on, torch.compile; default layout and channels_last; bfloat16 by autocast."""
import sys
from pathlib import Path


class Peer:
    name = "PyTorch"
    common_start = True

    def __init__(self, threads):
        sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/python"))
        import torch

        torch.set_num_threads(threads)
        self.version = torch.__version__.split("+")[0]
        self.settings = {"set_num_threads": threads}
        modes = ("eager", "compile") if int(self.version.split(".")[0]) >= 2 else ("eager",)
        self.configurations = [(precision, layout, mode) for precision in ("fp32", "bf16") for layout in ("default", "channels_last")
                               for mode in modes]
        self.lacks = [] if "compile" in modes else ["torch.compile: from PyTorch 2.0 on"]

    def make_step(self, net, layers, batch, precision, layout, mode):
        return Step(net, layers, batch, precision, layout, mode)


class Step:
    """The network of networks_torch, which the tests hold to mixent's, from the same start values as every peer."""

    def __init__(self, net, layers, batch, precision, layout, mode):
        import networks_torch
        import numpy
        import torch

        from peers import network

        torch.manual_seed(0)
        self.torch, self.precision = torch, precision
        form = torch.channels_last if layout == "channels_last" else torch.contiguous_format
        model = getattr(networks_torch, net.replace("-", "_"))(network.INPUT[0], layers[-1]["shape"][0], dropout=0.3)
        drawn = [value for one in network.draw(layers, numpy) for value in one.values()]
        with torch.no_grad():
            for parameter, value in zip(model.parameters(), drawn):
                parameter.copy_(torch.from_numpy(value))
        model = model.to(memory_format=form).train()
        self.parameters = sum(parameter.numel() for parameter in model.parameters())
        self.forward = torch.compile(model) if mode == "compile" else model
        self.optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9, nesterov=True, weight_decay=5e-4)
        self.loss_of = torch.nn.CrossEntropyLoss()
        images, labels = map(torch.from_numpy, network.draw_batch(layers, batch, numpy))
        self.images, self.labels = images.to(memory_format=form), labels.long()
        self.output = self.loss = None

    def run(self):
        self.optimizer.zero_grad(set_to_none=True)
        with self.torch.autocast("cpu", dtype=self.torch.bfloat16, enabled=self.precision == "bf16"):
            logits = self.forward(self.images)
            self.loss = self.loss_of(logits, self.labels)
        self.output = logits.shape
        self.loss.backward()
        self.optimizer.step()

    def finish(self):
        return self.loss.item()
