"""docs/RELIABILITY.md names tests that exist."""
import re

from support import ROOT

TEXT = (ROOT / "docs" / "RELIABILITY.md").read_text()
NAMED = re.findall(r"`(tests/[\w/]+\.(?:c|py))(?:: ([\w, ]+))?`", TEXT)


def test_named_tests_exist():
    for path, names in NAMED:
        text = (ROOT / path).read_text()
        for name in filter(None, names.split(", ")):
            assert re.search(rf"(def|void) {name}\(", text), f"{path} has no {name}"


def test_every_row_names_a_test():
    rows = [line for line in TEXT.splitlines() if line.count("|") == 4 and not re.match(r"\| (kind of fault|what happens) |\|---", line)]
    assert len(rows) > 50 and all("`tests/" in row for row in rows)
