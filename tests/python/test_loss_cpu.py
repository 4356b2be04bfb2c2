"""MIXENT_CPU names the instruction set of the losses; one that is not there is an error that says what is."""
import os
import subprocess
from pathlib import Path

BUILD = Path(os.environ.get("MIXENT_BUILD", Path(__file__).resolve().parents[2] / "build" / "release"))


def run(cpu):
    done = subprocess.run([BUILD / "tests" / "test_loss_properties", "8"], env=dict(os.environ, MIXENT_CPU=cpu), capture_output=True,
                          text=True)
    return done.returncode, done.stdout + done.stderr


def test_an_unknown_one_is_an_error():
    code, text = run("sse9")
    assert code != 0
    assert "MIXENT_CPU=sse9: this processor and build have " in text and "name one of them or leave it unset" in text


def test_none_named_takes_the_best():
    code, text = run("")
    assert code == 0 and "random batches with the kernels for " in text
