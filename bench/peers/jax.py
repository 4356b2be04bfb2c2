"""JAX: the whole step under jit, old parameters and momenta donated."""
import os


class Peer:
    name = "JAX"
    common_start = True

    def __init__(self, threads):
        os.environ["JAX_PLATFORMS"] = "cpu"
        os.environ["NPROC"] = str(threads)  # what XLA sizes its pool of threads by
        import jax
        import jaxlib

        self.version = jax.__version__
        self.settings = {"jaxlib": jaxlib.__version__, "NPROC": threads, "XLA_FLAGS": os.environ.get("XLA_FLAGS", "")}
        self.configurations = [(precision, layout, mode) for precision in ("fp32", "bf16") for layout, mode in
                               (("NHWC", "jit"), ("NCHW", "jit"), ("NHWC", "jit, matmul"))]
        self.lacks = []

    def make_step(self, net, layers, batch, precision, layout, mode):
        return Step(layers, batch, precision, layout, "matmul" in mode)


class Operations:
    """One function per kind of layer. `statistics` collects the batch norms' new running statistics."""

    def __init__(self, parameters, statistics, key, layout, half, products):
        from jax import lax, nn, numpy, random

        self.lax, self.nn, self.numpy, self.random = lax, nn, numpy, random
        self.parameters, self.old, self.statistics, self.key = parameters, statistics, {}, key
        self.layout, self.half, self.products = layout, half, products
        self.axis = 1 if layout == "NCHW" else 3

    def wide(self, vector, x):
        """A vector of channels, to be broadcast over x."""
        return vector.reshape([-1 if axis == (self.axis if x.ndim == 4 else 1) else 1 for axis in range(x.ndim)]).astype(x.dtype)

    def weight(self, number):
        weight = self.parameters[number]["weight"]
        return weight.astype(self.numpy.bfloat16) if self.half else weight

    def conv2d(self, number, layer, x):
        convolve = self.multiply if self.products else self.convolve
        y = convolve(x, self.weight(number), layer["stride"], layer["padding"])
        bias = self.parameters[number].get("bias")
        return y if bias is None else y + self.wide(bias, y)

    def convolve(self, x, weight, stride, padding):
        form = ("NCHW", "OIHW", "NCHW") if self.layout == "NCHW" else ("NHWC", "HWIO", "NHWC")
        return self.lax.conv_general_dilated(x, weight, (stride, stride), [(padding, padding)] * 2, dimension_numbers=form)

    def multiply(self, x, weight, stride, padding):
        """A convolution as one matrix product: XLA's own gradient of the weights is slow on CPUs."""
        kernel, rows, side = weight.shape[0], x.shape[0], (x.shape[1] + 2 * padding - weight.shape[0]) // stride + 1
        x = self.numpy.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
        reach = stride * (side - 1) + 1
        taps = [x[:, i : i + reach : stride, j : j + reach : stride] for i in range(kernel) for j in range(kernel)]
        columns = self.numpy.concatenate(taps, 3).reshape(rows * side * side, -1)
        return (columns @ weight.reshape(-1, weight.shape[3])).reshape(rows, side, side, -1)

    def batch_norm(self, number, layer, x):
        axes = tuple(axis for axis in range(x.ndim) if axis != (self.axis if x.ndim == 4 else 1))
        wide = x.astype(self.numpy.float32)
        mean = wide.mean(axes)
        variance = (wide * wide).mean(axes) - mean * mean  # in one pass, as Flax has it
        old = self.old[number]
        self.statistics[number] = {"mean": 0.9 * old["mean"] + 0.1 * mean, "variance": 0.9 * old["variance"] + 0.1 * variance}
        scale = self.parameters[number]["weight"] * self.lax.rsqrt(variance + 1e-5)
        shift = self.parameters[number]["bias"] - mean * scale
        return (wide * self.wide(scale, wide) + self.wide(shift, wide)).astype(x.dtype)

    def relu(self, number, layer, x):
        return self.nn.relu(x)

    def max_pool(self, number, layer, x):
        """Cuts the map into squares: XLA's gradient of windows is slower. The descriptions' windows do not overlap."""
        size, stride, first = layer["size"], layer["stride"], 1 if self.axis == 3 else 2
        if size == 1:
            return x[(slice(None),) * first + (slice(None, None, stride),) * 2]
        assert size == stride
        height, width = (side // size for side in x.shape[first : first + 2])
        x = x[(slice(None),) * first + (slice(height * size), slice(width * size))]
        return x.reshape(*x.shape[:first], height, size, width, size, *x.shape[first + 2 :]).max((first + 1, first + 3))

    def global_pool(self, number, layer, x):
        return x.mean((2, 3) if self.axis == 1 else (1, 2))

    def flatten(self, number, layer, x):
        return x if x.ndim == 2 else self.numpy.moveaxis(x, self.axis, 1).reshape(x.shape[0], -1)

    def dropout(self, number, layer, x):
        kept = self.random.bernoulli(self.random.fold_in(self.key, number), 1 - layer["rate"], x.shape)
        return self.numpy.where(kept, x / (1 - layer["rate"]), 0)

    def linear(self, number, layer, x):
        y = x @ self.weight(number)
        return y + self.wide(self.parameters[number]["bias"], y)

    def split(self, number, layer, x):
        return x[:, layer["begin"] : layer["end"]]

    def concat(self, number, layer, *inputs):
        return self.numpy.concatenate(inputs, 1)

    def add(self, number, layer, *inputs):
        def padded(x, pad):
            return self.numpy.pad(x, [(pad, pad) if axis == self.axis else (0, 0) for axis in range(4)]) if pad else x
        return sum(padded(x, pad) for x, pad in zip(inputs, layer["pads"]))


class Step:
    def __init__(self, layers, batch, precision, layout, products):
        import jax
        import numpy

        from peers import network

        half = precision == "bf16"

        def stored(name, value):
            """PyTorch's layout to the one that is fastest here."""
            if name == "weight" and value.ndim == 2:
                return value.T
            return value.transpose(2, 3, 1, 0) if value.ndim == 4 and layout == "NHWC" else value

        drawn = network.draw(layers, numpy)
        self.weights = jax.tree.map(jax.numpy.asarray, [{name: stored(name, value) for name, value in one.items()} for one in drawn])
        self.momenta = jax.tree.map(jax.numpy.zeros_like, self.weights)
        self.parameters = sum(value.size for value in jax.tree.leaves(self.weights))
        self.statistics = {number: {"mean": jax.numpy.zeros(layer["shape"][0]), "variance": jax.numpy.ones(layer["shape"][0])}
                           for number, layer in enumerate(layers) if layer["kind"] == "batch_norm"}
        images, labels = network.draw_batch(layers, batch, numpy)
        images = jax.numpy.asarray(images if layout == "NCHW" else images.transpose(0, 2, 3, 1))
        self.images, self.labels = images.astype(jax.numpy.bfloat16) if half else images, jax.numpy.asarray(labels)
        self.number, self.loss, self.output = 0, None, None

        def loss_of(parameters, statistics, images, labels, number):
            operations = Operations(parameters, statistics, jax.random.fold_in(jax.random.key(0), number), layout, half, products)
            logits = network.forward(layers, operations, images).astype(jax.numpy.float32)
            self.output = logits.shape
            losses = -jax.numpy.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], 1)
            return losses.mean(), operations.statistics

        def step(parameters, momenta, statistics, images, labels, number):
            (loss, statistics), gradients = jax.value_and_grad(loss_of, has_aux=True)(parameters, statistics, images, labels, number)
            gradients = jax.tree.map(lambda g, p: g + 5e-4 * p, gradients, parameters)
            momenta = jax.tree.map(lambda v, g: 0.9 * v + g, momenta, gradients)
            parameters = jax.tree.map(lambda p, g, v: p - 1e-3 * (g + 0.9 * v), parameters, gradients, momenta)
            return parameters, momenta, statistics, loss

        self.step = jax.jit(step, donate_argnums=(0, 1, 2))

    def run(self):
        self.weights, self.momenta, self.statistics, self.loss = self.step(
            self.weights, self.momenta, self.statistics, self.images, self.labels, self.number)
        self.number += 1

    def finish(self):
        return float(self.loss)
