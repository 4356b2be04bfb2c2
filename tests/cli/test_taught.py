"""distill.members: one command trains teachers and the network that they teach."""
import json

import pytest

from events import read_last


def test_one_deployable_network(mixent, tmp_path, tiny):
    done = mixent("train", *tiny, "--epochs", "3", "members=3", "distill.members=2", "distill.augmented=true", "--run", "r")
    assert done.code == 0, done.err
    one = mixent("info", "r/best.safetensors").out.splitlines()[-1]
    assert one == mixent("info", "r/member-3.safetensors").out.splitlines()[-1] and "ensemble" not in one
    answers = [json.loads(mixent("eval", path, "--json").out) for path in ("r", "r/member-3.safetensors")]
    assert answers[0]["nll"] == answers[1]["nll"] == json.loads((tmp_path / "r/summary.json").read_text())["test"]["nll"]
    assert len((tmp_path / "r/metrics.jsonl").read_text().splitlines()) == 3
    (tmp_path / "r/member-2.safetensors").write_bytes(b"")
    assert mixent("eval", "r").code == 0  # teachers are not needed any more


def test_a_study_of_it_travels(mixent, tmp_path, bars, tiny_net):
    (tmp_path / "s.yaml").write_text("name: taught\nrecipe: demo\nseeds: 2\nbaseline: alone\nvariants:\n  alone: {}\n"
                                     "  taught: {members: 2, distill: {members: 1}}\n  several: {members: 4, distill: {members: 2}}\n"
                                     f"set: {{data: {bars}, net: {tiny_net}, epochs: 4, batch: 20, precision: fp32, "
                                     "validation: {fraction: 0.2}}\n")
    assert mixent("compare", "s.yaml").code == 0
    before = read_last(mixent("compare", "taught", "--no-train", "--json").out)
    assert mixent("study", "export", "taught", "out.jsonl").code == 0
    done = mixent("study", "import", "out.jsonl", "--runs", "elsewhere")
    assert done.code == 0, done.err
    after = read_last(mixent("compare", "taught", "--no-train", "--json", "--runs", "elsewhere").out)
    assert after["finished"] == 6 and after["comparison"] == before["comparison"]


@pytest.mark.parametrize("words, said", [
    (["members=2", "distill.members=2"], "distill.members: expected fewer than the run's members (members=2), got 2"),
    (["distill.members=1"], "distill.members: expected fewer than the run's members (members=1), got 1"),
    (["members=2", "distill.members=1", "distill.teacher=x.safetensors"], "distill.teacher names the teachers already"),
    (["members=2", "distill.members=1", "distill.augmented=true", "progressive.side=12"], "teachers read images of their own size"),
])
def test_complaints(mixent, tiny, words, said):
    done = mixent("train", *tiny, "--epochs", "2", *words, "--run", "r")
    assert done.code == 2 and said in done.message, done
