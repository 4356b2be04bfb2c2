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


def test_every_row_stands_in_a_table():
    """A table is a header line, a line of dashes and rows of as many cells, with no line of text against it."""
    block = []
    for line in [*TEXT.splitlines(), ""]:
        if line.startswith("|"):
            block.append(line)
            continue
        if block:
            assert line == "" and re.fullmatch(r"(\|---)+\|", block[1]), block[0]
            assert not [row for row in block if row.count(" | ") != block[0].count(" | ") and row != block[1]], block[0]
            assert not any(re.fullmatch(r"(\|---)+\|", row) for row in block[2:]), block[0]
        block = []
