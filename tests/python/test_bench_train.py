"""bench/train.py: what it tells of a short run of ours adds up. (Speeds themselves are no test's business.)"""
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("MIXENT_BUILD") or ROOT / "build" / "release")


def test_a_short_run(tmp_path):
    done = subprocess.run([sys.executable, ROOT / "bench/train.py", "--program", BUILD / "bench/bench_train", "--no-torch", "--nets",
                           "resnet20", "--batches", "4", "--rounds", "2", "--images", "8", "--json", tmp_path / "out.json"],
                          capture_output=True, text=True, timeout=300, env=dict(os.environ, XDG_CACHE_HOME=str(tmp_path)))
    assert done.returncode == 0, done.stderr
    (case,) = json.loads((tmp_path / "out.json").read_text())["cases"]
    plans = {(one["precision"], one["plan"]) for one in case["mixent"]}
    assert {("fp32", "table"), ("fp32", "onednn")} <= plans and len(case["peaks"]) == 2
    for one in case["mixent"]:
        assert len(one["rounds"]) == 2
        for answer in one["rounds"]:
            passes = [layer for layer in answer["layers"] if layer["operations"]]
            assert sum(layer["operations"] for layer in passes) == 4 * answer["operations_per_image"]
            assert len(passes) == 20 * 3 - 1  # 20 layers with weights; the first needs no gradient of its input
            assert sum(layer["milliseconds"] for layer in answer["layers"]) <= 1.01 * (
                answer["milliseconds"]["forward"] + answer["milliseconds"]["backward"])
            if one["plan"] == "onednn":
                assert not any(layer["backend"].startswith("winograd") for layer in passes)
    for text in ("direct limit in fp32", "lie outside the convolutions", "layer3.0.conv1", "all batch_norm"):
        assert text in done.stdout
