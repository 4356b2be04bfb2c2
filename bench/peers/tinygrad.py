"""tinygrad: the step captured by TinyJit, kernels compiled by clang or LLVM, as its rules or a search (BEAM) lay them out."""
import os


class Peer:
    name = "tinygrad"
    common_start = True

    def __init__(self, threads):
        os.environ["DEV"] = "CPU"
        os.environ["NUM_CPU_THREADS"] = str(threads)
        import importlib.metadata

        self.version = importlib.metadata.version("tinygrad")
        self.settings = {"NUM_CPU_THREADS": threads}
        self.configurations = [("fp32", "NCHW", mode) for mode in
                               ("CPU:CLANG", "CPU:LLVM", "CPU:CLANG, WINO=1", "CPU:CLANG, BEAM=1", "CPU:CLANG, WINO=1, BEAM=1")]
        self.lacks = ["bf16: its back ends for processors compute bfloat16 in float32, converting by shifts"]

    def make_step(self, net, layers, batch, precision, layout, mode):
        device, *settings = mode.split(", ")
        values = {name: int(value) for name, value in (setting.split("=") for setting in settings)}
        return Step(layers, batch, {"DEV": device, **values})


class Operations:
    """One function per kind of layer."""

    def __init__(self, parameters, norms):
        self.parameters, self.norms = parameters, norms

    def conv2d(self, number, layer, x):
        parameters = self.parameters[number]
        return x.conv2d(parameters["weight"], parameters.get("bias"), stride=layer["stride"], padding=layer["padding"])

    def batch_norm(self, number, layer, x):
        return self.norms[number](x)

    def relu(self, number, layer, x):
        return x.relu()

    def max_pool(self, number, layer, x):
        return x.max_pool2d((layer["size"],) * 2, layer["stride"])

    def global_pool(self, number, layer, x):
        return x.mean((2, 3))

    def flatten(self, number, layer, x):
        return x.flatten(1)

    def dropout(self, number, layer, x):
        return x.dropout(layer["rate"])

    def linear(self, number, layer, x):
        return x.linear(self.parameters[number]["weight"], self.parameters[number]["bias"])

    def split(self, number, layer, x):
        return x[:, layer["begin"] : layer["end"]]

    def concat(self, number, layer, *inputs):
        return inputs[0].cat(*inputs[1:], dim=1)

    def add(self, number, layer, *inputs):
        return sum(x.pad((0, 0, 0, 0, pad, pad)) if pad else x for x, pad in zip(inputs, layer["pads"]))


class Step:
    def __init__(self, layers, batch, context):
        import numpy
        from tinygrad import Context, Tensor, TinyJit, nn

        from peers import network

        self.context = lambda: Context(TRAINING=1, **context)
        with self.context():
            weights, norms = [], {}
            for number, drawn in enumerate(network.draw(layers, numpy)):
                if layers[number]["kind"] == "batch_norm":
                    norms[number] = nn.BatchNorm(layers[number]["shape"][0])
                    weights.append({"weight": norms[number].weight, "bias": norms[number].bias})
                else:  # linear multiplies by [in, out]
                    weights.append({name: Tensor(value.T.copy() if value.ndim == 2 else value) for name, value in drawn.items()})
            images, labels = map(Tensor, network.draw_batch(layers, batch, numpy))
            self.images, self.labels = images.realize(), labels.realize()
            values = [value for one in weights for value in one.values()]
            buffers = [buffer for norm in norms.values() for buffer in (norm.running_mean, norm.running_var, norm.num_batches_tracked)]
            self.parameters = sum(value.numel() for value in values)
            optimizer = nn.optim.SGD(values + buffers, lr=1e-3, momentum=0.9, weight_decay=5e-4, nesterov=True)

        @TinyJit
        def step(images, labels):
            optimizer.zero_grad()
            logits = network.forward(layers, Operations(weights, norms), images)
            self.output = logits.shape
            loss = logits.sparse_categorical_crossentropy(labels)
            loss.backward()
            return loss.realize(*optimizer.schedule_step())

        self.step, self.loss, self.output = step, None, None

    def run(self):
        with self.context():
            self.loss = self.step(self.images, self.labels)

    def finish(self):
        with self.context():
            return self.loss.item()
