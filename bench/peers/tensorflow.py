"""TensorFlow: the whole step in one tf.function, by its own kernels (oneDNN's among them) or compiled by XLA."""
import os


class Peer:
    name = "TensorFlow"
    common_start = True

    def __init__(self, threads):
        os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        self.version = tf.__version__
        self.settings = {"TF_ENABLE_ONEDNN_OPTS": 1, "intra_op_parallelism_threads": threads, "inter_op_parallelism_threads": 1}
        self.configurations = [(precision, "NHWC", mode) for precision in ("fp32", "bf16") for mode in ("graph", "graph, XLA")]
        self.lacks = ["NCHW: TensorFlow's kernels for processors take NHWC only"]

    def make_step(self, net, layers, batch, precision, layout, mode):
        return Step(layers, batch, precision, "XLA" in mode)


class Operations:
    """One function per kind of layer, maps in NHWC. Batch norms update `statistics`, tf.Variables."""

    def __init__(self, tf, parameters, statistics, half):
        self.tf, self.parameters, self.statistics = tf, parameters, statistics
        self.type = tf.bfloat16 if half else tf.float32

    def of(self, number, name):
        return self.tf.cast(self.parameters[number][name], self.type)

    def conv2d(self, number, layer, x):
        pad, step = layer["padding"], layer["stride"]
        same = pad == (layer["parameters"]["weight"][2] - 1) // 2 and step == 1  # oneDNN pads by itself
        padding = "SAME" if same else [[0, 0], [pad, pad], [pad, pad], [0, 0]]
        y = self.tf.nn.conv2d(x, self.of(number, "weight"), [1, step, step, 1], padding)
        return self.tf.nn.bias_add(y, self.of(number, "bias")) if "bias" in self.parameters[number] else y

    def batch_norm(self, number, layer, x):
        maps = x if len(x.shape) == 4 else x[:, None, None, :]
        parameters, running = self.parameters[number], self.statistics[number]
        y, mean, variance = self.tf.compat.v1.nn.fused_batch_norm(
            maps, parameters["weight"], parameters["bias"], epsilon=1e-5, data_format="NHWC", is_training=True)
        running["mean"].assign(0.9 * running["mean"] + 0.1 * mean)
        running["variance"].assign(0.9 * running["variance"] + 0.1 * variance)
        return y if len(x.shape) == 4 else y[:, 0, 0, :]

    def relu(self, number, layer, x):
        return self.tf.nn.relu(x)

    def max_pool(self, number, layer, x):
        if layer["size"] == 1:
            return x[:, :: layer["stride"], :: layer["stride"]]
        return self.tf.nn.max_pool2d(x, layer["size"], layer["stride"], "VALID")

    def global_pool(self, number, layer, x):
        return self.tf.reduce_mean(x, (1, 2))

    def flatten(self, number, layer, x):
        return x if len(x.shape) == 2 else self.tf.reshape(self.tf.transpose(x, (0, 3, 1, 2)), (x.shape[0], -1))

    def dropout(self, number, layer, x):
        return self.tf.nn.dropout(x, layer["rate"])

    def linear(self, number, layer, x):
        return self.tf.nn.bias_add(self.tf.matmul(x, self.of(number, "weight")), self.of(number, "bias"))

    def split(self, number, layer, x):
        return x[:, layer["begin"] : layer["end"]]

    def concat(self, number, layer, *inputs):
        return self.tf.concat(inputs, 1)

    def add(self, number, layer, *inputs):
        padded = [self.tf.pad(x, [[0, 0], [0, 0], [0, 0], [pad, pad]]) if pad else x for x, pad in zip(inputs, layer["pads"])]
        return self.tf.add_n(padded)


class Step:
    def __init__(self, layers, batch, precision, xla):
        import numpy
        import tensorflow as tf

        from peers import network

        half = precision == "bf16"

        def stored(value):
            """PyTorch's layout to TensorFlow's."""
            return value.transpose(2, 3, 1, 0) if value.ndim == 4 else value.T

        weights = [{name: tf.Variable(stored(value)) for name, value in one.items()} for one in network.draw(layers, numpy)]
        statistics = {number: {"mean": tf.Variable(tf.zeros(layer["shape"][0])), "variance": tf.Variable(tf.ones(layer["shape"][0]))}
                      for number, layer in enumerate(layers) if layer["kind"] == "batch_norm"}
        variables = [value for one in weights for value in one.values()]
        momenta = [tf.Variable(tf.zeros_like(value)) for value in variables]
        images, labels = network.draw_batch(layers, batch, numpy)
        images, labels = tf.cast(images.transpose(0, 2, 3, 1), tf.bfloat16 if half else tf.float32), tf.constant(labels)

        @tf.function(jit_compile=xla)
        def step(images, labels):
            with tf.GradientTape() as tape:
                logits = network.forward(layers, Operations(tf, weights, statistics, half), images)
                self.output = tuple(logits.shape)
                loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, tf.cast(logits, tf.float32)))
            for value, momentum, gradient in zip(variables, momenta, tape.gradient(loss, variables)):
                gradient = gradient + 5e-4 * value
                momentum.assign(0.9 * momentum + gradient)
                value.assign_sub(1e-3 * (gradient + 0.9 * momentum))
            return loss

        self.step, self.images, self.labels, self.loss = step, images, labels, None
        self.parameters = sum(int(tf.size(value)) for value in variables)
        self.output = None

    def run(self):
        self.loss = self.step(self.images, self.labels)

    def finish(self):
        return float(self.loss)
