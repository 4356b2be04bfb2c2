"""MNN: its Python modules and optimiser, the graph rebuilt in every step as its training examples do."""
import math


class Peer:
    name = "MNN"
    common_start = False

    def __init__(self, threads):
        import MNN

        MNN.expr.lazy_eval(True)  # gradients are of a graph
        MNN.expr.set_thread_number(threads)
        self.version = MNN.version()
        self.settings = {"set_thread_number": threads}
        self.configurations = [("fp32", "NC4HW4", "graph anew each step")]
        self.lacks = ["bf16: training computes in float32 at every precision that can be set",
                      "Nesterov momentum: its SGD has plain momentum",
                      "the common start values: its modules draw their own"]

    def make_step(self, net, layers, batch, precision, layout, mode):
        return Step(layers, batch)


class Operations:
    """One function per kind of layer; each with parameters is a module of MNN's own."""

    def __init__(self, expr, modules):
        self.expr, self.modules = expr, modules

    def module(self, number, layer, x):
        return self.modules[number].forward(x)

    conv2d = linear = batch_norm = dropout = module

    def relu(self, number, layer, x):
        return self.expr.relu(x)

    def max_pool(self, number, layer, x):
        return self.expr.max_pool(x, [layer["size"]] * 2, [layer["stride"]] * 2)

    def global_pool(self, number, layer, x):  # reduce_mean has no gradient
        side = layer["from"][0][1]
        return self.expr.avg_pool(x, [side] * 2, [side] * 2) if side > 1 else x

    def flatten(self, number, layer, x):
        return self.expr.reshape(self.expr.convert(x, self.expr.NCHW), [0, -1])

    def split(self, number, layer, x):
        length = layer["from"][0][0]
        parts = [layer["begin"], layer["end"] - layer["begin"], length - layer["end"]]
        return self.expr.split(x, [part for part in parts if part], 1)[1 if parts[0] else 0]

    def concat(self, number, layer, *inputs):
        return self.expr.concat(list(inputs), 1)

    def add(self, number, layer, *inputs):
        def padded(x, pad, shape):
            if not pad:
                return x
            zeros = self.expr.const([0.0] * (x.shape[0] * pad * shape[1] * shape[2]), [x.shape[0], pad, *shape[1:]], self.expr.NCHW)
            return self.expr.concat([zeros, self.expr.convert(x, self.expr.NCHW), zeros], 1)
        return self.expr.add(*(padded(x, pad, layer["shape"]) for x, pad in zip(inputs, layer["pads"])))


def make_module(nn, expr, layer):
    """MNN's module for a layer that has parameters or a state, or None. It draws the start values itself."""
    kind, shape = layer["kind"], layer["shape"]
    if kind == "conv2d":
        return nn.conv(layer["from"][0][0], shape[0], [layer["kernel"]] * 2, [layer["stride"]] * 2, [layer["padding"]] * 2,
                       bias="bias" in layer["parameters"], padding_mode=expr.Padding_Mode.CAFFE)  # VALID would ignore the padding
    if kind == "linear":
        return nn.linear(layer["from"][0][0], shape[0])
    if kind == "batch_norm":
        return nn.batch_norm(shape[0], 4 if len(shape) == 3 else 2, 0.9, 1e-5)
    return nn.dropout(layer["rate"]) if kind == "dropout" else None


class Step:
    def __init__(self, layers, batch):
        import MNN
        import numpy

        from peers import network

        nn, expr = MNN.nn, MNN.expr

        class Net(nn.Module):
            def __init__(net):
                super().__init__()
                net.modules = {number: module for number, layer in enumerate(layers) if (module := make_module(nn, expr, layer))}
                for number, module in net.modules.items():
                    setattr(net, f"layer{number}", module)  # so MNN learns of its parameters

            def forward(net, x):
                return network.forward(layers, Operations(expr, net.modules), x)

        self.net, self.expr, self.loss_of = Net(), expr, nn.loss.cross_entropy
        self.net.train(True)
        self.optimizer = MNN.optim.SGD(self.net, 1e-3, 0.9, 5e-4)
        images, labels = network.draw_batch(layers, batch, numpy)
        self.images = expr.const(images, list(images.shape), expr.NCHW)
        self.classes = layers[-1]["shape"][0]
        self.labels = expr.const(labels, [batch], expr.NCHW, expr.int)
        self.loss = self.output = None
        running = sum(2 * layer["shape"][0] for layer in layers if layer["kind"] == "batch_norm")  # statistics count as parameters there
        self.parameters = sum(math.prod(value.shape) for value in self.net.parameters) - running
        self.check_gradients()

    def check_gradients(self):
        """MNN passes over operations that have no gradient without a word, and what lies before them then does not train."""
        before = [value.read().copy() for value in self.net.parameters]
        self.run()
        if any((old == value.read()).all() for old, value in zip(before, self.net.parameters) if old.ndim > 1):
            raise ValueError("some weights have no gradient")

    def run(self):
        logits = self.net.forward(self.expr.convert(self.images, self.expr.NC4HW4))
        self.output = logits.shape
        target = self.expr.one_hot(self.labels, self.classes, 1.0, 0.0)
        self.loss = self.loss_of(self.expr.softmax(logits, 1), target)
        self.optimizer.step(self.loss)

    def finish(self):
        return float(self.loss.read())
