"""A study of ours, exported as CSV and read back as anybody's results, has the same verdicts."""
import json

import pytest

from events import read_last
from support import ROOT

STUDIES = ["paper-claim-half", "default-weights-noise"]


def verdicts_of(comparison):
    """{(data set, variant): what is concluded from it}."""
    return {(data["name"], pair["variant"]): (pair["verdict"], pair["reason"])
            for data in comparison["data"] for pair in data["comparisons"]}


@pytest.mark.parametrize("study", STUDIES)
def test_the_same_verdicts_from_a_csv(mixent, tmp_path, study):
    assert mixent("study", "import", ROOT / "docs" / "studies" / f"{study}.jsonl.gz").code == 0
    own = read_last(mixent("compare", study, "--no-train", "--json").out)["comparison"]
    exported = mixent("runs", f"study={study}", "status=finished", "--columns", "variant,seed,data,test.accuracy,test.nll,test.ece", "--csv")
    assert exported.code == 0
    (tmp_path / "runs.csv").write_text(exported.out)
    done = mixent("compare", "--results", "runs.csv", "--baseline", own["baseline"], "--difference", own["difference"] / 100, "--json")
    assert done.code == 0, done.err
    again = read_last(done.out)["comparison"]
    own_verdicts, verdicts = verdicts_of(own), verdicts_of(again)
    assert len(own_verdicts) >= 1 and set(own_verdicts) == set(verdicts)
    for key, (verdict, reason) in own_verdicts.items():
        # what the test of images like these alone hints at, or knows of each image, a table of accuracies cannot tell
        assert verdicts[key] == (verdict, {"hint": "open"}.get(reason, reason)), key
    for data, other in zip(own["data"], again["data"]):
        theirs = {pair["variant"]: pair["measures"]["test.accuracy"] for pair in other["comparisons"]}
        for pair in data["comparisons"]:
            ours = pair["measures"]["accuracy"]
            assert theirs[pair["variant"]] == pytest.approx(ours, rel=1e-9, abs=1e-12), json.dumps(ours)
