"""A peer's side of the line protocol: `python -m peers.serve NAME --threads N`, from bench/, in the peer's interpreter.

Lines of JSON. First, unasked, what the peer is: {"peer", "version", "settings", "configurations", "lacks", "common_start"}, or
{"error"}. Then for each request {"net", "layers", "batch", "precision", "layout", "mode", "steps", "seconds"} one answer:
{"images_per_second", "steps", "parameters", "output", "losses"}, or {"error"} where the configuration cannot be had.

peers/NAME.py has a class Peer, made with the number of threads. Its attributes are a name, a version, settings, configurations
(precision, layout, mode), what it lacks in words, and whether its steps start from network.draw's values (common_start).
make_step(net, layers, batch, precision, layout, mode) makes a training step: run() starts one, finish() waits for all and gives the
last loss, parameters is their number and output the shape of the logits.
"""
import argparse
import importlib
import json
import math
import os
import sys
import time


def measure(step, batch, steps, seconds):
    """As many steps as asked for, or as end within about so many seconds."""
    start = time.perf_counter()
    step.run()
    step.finish()
    count = max(1, min(steps, int(seconds / (time.perf_counter() - start))))
    start = time.perf_counter()
    for _ in range(count):
        step.run()
    loss = step.finish()
    speed = count * batch / (time.perf_counter() - start)
    if not math.isfinite(loss):
        raise ValueError(f"the loss is {loss}")
    return {"images_per_second": speed, "steps": count}


def first_line(error):
    text = str(error).strip() or type(error).__name__
    return text.split("\n")[0]


class Server:
    """Keeps the steps of one network and batch, since some hold all their memory for good."""

    def __init__(self, peer):
        self.peer, self.case, self.steps = peer, None, {}

    def make(self, request, configuration):
        """A step that has compiled, and what tells that it does the work of every other: it starts from the same values."""
        step = self.peer.make_step(request["net"], request["layers"], request["batch"], *configuration)
        losses = []
        for _ in range(2):  # some compile twice
            step.run()
            losses.append(step.finish())
        return step, {"losses": losses, "parameters": step.parameters, "output": list(step.output)}

    def answer(self, request):
        case, configuration = (request["net"], request["batch"]), tuple(request[key] for key in ("precision", "layout", "mode"))
        if case != self.case:
            self.case, self.steps = case, {}
        try:
            if configuration not in self.steps:
                self.steps[configuration] = self.make(request, configuration)
            step, told = self.steps[configuration]
            return {**measure(step, request["batch"], request["steps"], request["seconds"]), **told}
        except Exception as error:  # a compiler that is missing, an operation without bfloat16: that configuration has no speed
            self.steps.pop(configuration, None)
            return {"error": first_line(error)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("--threads", type=int, required=True)
    arguments = parser.parse_args()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries and compilers may talk

    def say(answer):
        print(json.dumps(answer), file=answers, flush=True)

    try:
        peer = importlib.import_module(f"peers.{arguments.name}").Peer(arguments.threads)
    except Exception as error:
        say({"error": first_line(error)})
        return 1
    say({"peer": peer.name, "version": peer.version, "settings": {"python": sys.version.split()[0], **peer.settings},
         "configurations": peer.configurations, "lacks": peer.lacks, "common_start": peer.common_start})
    server = Server(peer)
    for line in sys.stdin:
        say(server.answer(json.loads(line)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
