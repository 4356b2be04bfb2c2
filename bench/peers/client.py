"""Our side of the line protocol of serve.py: peers in processes of their own, each answer within a bounded time."""
import contextlib
import json
import os
import select
import signal
import subprocess
import time
from pathlib import Path

BENCH = Path(__file__).resolve().parent.parent
KNOWN = ("pytorch", "tensorflow", "jax", "tinygrad", "mnn")  # peers/NAME.py
START_PATIENCE = 120  # seconds for an import


class GaveUp(Exception):
    """No answer in time."""


class Peer:
    """One peer in one interpreter. A process that ends or is given up is started anew for the next request."""

    def __init__(self, name, python, threads, patience, talk=False):
        if os.sep in python:
            python = os.path.abspath(python)  # the process works in bench/
        self.command = [python, "-m", "peers.serve", name, "--threads", str(threads)]
        self.patience, self.talk, self.process = patience, talk, None
        hello = self.start()
        self.error = hello.get("error")
        if not self.error:
            self.name = f"{hello['peer']} {hello['version']}"
            self.told = hello
            self.given_up = {}  # configuration -> why
            self.configurations = [tuple(configuration) for configuration in hello["configurations"]]

    def start(self):
        """What the new process says first."""
        try:
            self.process = subprocess.Popen(self.command, cwd=BENCH, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            start_new_session=True,  # so that what it started can be ended with it
                                            stderr=None if self.talk else subprocess.DEVNULL)
            return self.receive(max(self.patience, START_PATIENCE))
        except (OSError, GaveUp) as error:
            return {"error": str(error)}

    def receive(self, patience):
        """The next line, or {"error"} where the process ended instead."""
        deadline, line = time.monotonic() + patience, b""
        while not line.endswith(b"\n"):
            if not select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))[0]:
                self.close()
                raise GaveUp(f"gave up: no answer within {patience:g} s")
            read = os.read(self.process.stdout.fileno(), 65536)
            if not read:
                return {"error": self.ending()}
            line += read
        return json.loads(line)

    def ending(self):
        code = self.process.wait()
        self.close()
        return f"the process ended by {signal.Signals(-code).name}" if code < 0 else f"the process ended with exit code {code}"

    def measure(self, request):
        """The answer; raises GaveUp."""
        if self.process is None:
            hello = self.start()
            if "error" in hello:
                return hello
        try:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return {"error": self.ending()}
        return self.receive(self.patience)

    def close(self):
        """Ends the process and all that it started."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):  # all have ended
                os.killpg(self.process.pid, signal.SIGKILL)
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()
            self.process.stdout.close()
            self.process.wait()
            self.process = None


def find(names, pythons, threads, patience, talk=False):
    """The peers to be had, each in every interpreter that has it, and for each name that none has: why."""
    peers, missing = [], {}
    for name in names:
        tried = [Peer(name, python, threads, patience, talk) for python in pythons]
        found = [peer for peer in tried if not peer.error]
        peers += found
        for peer in tried:
            if peer.error:
                peer.close()
        if not found:
            missing[name] = "; ".join(dict.fromkeys(peer.error for peer in tried))
    for number, peer in enumerate(peers):
        if peer.name in (other.name for other in peers[:number]):
            peer.name += f" ({number + 1})"
    return peers, missing
