"""The pages of the project: links that lead somewhere, one line width, an opening for the reader, commands that exist."""
import re
import subprocess

import pytest
import yaml

from support import ROOT

PAGES = sorted(path for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*.md")])
NAMES = [str(path.relative_to(ROOT)) for path in PAGES]


def without_code(text):
    """A page without its blocks of code and its code in backticks."""
    return re.sub(r"`[^`]*`", "", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S))


def anchors_of(path):
    """The anchors of a page's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text())):
        place, _, anchor = link.partition("#")
        if re.match(r"https?:", link):
            continue
        target = page.parent / place if place else page
        assert target.exists(), f"{page.name} links to {link}"
        assert not anchor or anchor in anchors_of(target), f"{page.name}: {link} has no such heading"


def test_prose_has_one_width():
    done = subprocess.run([ROOT / "tools/format-prose", "--check", *PAGES], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_line_that_is_too_long_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Title\n\n" + "word " * 30 + "\n\n- item `" + "x" * 120 + "`\n\n    " + "code " * 40 + "\n\n| " + "cell " * 40 + "|\n")
    tool = ROOT / "tools/format-prose"
    done = subprocess.run([tool, "--check", page], capture_output=True, text=True)
    assert done.returncode == 1 and "page.md:3: " in done.stderr and ":5: " in done.stderr and done.stderr.count("\n") == 2
    before = page.read_text().split()
    assert subprocess.run([tool, page]).returncode == 0 and page.read_text().split() == before
    assert subprocess.run([tool, "--check", page], capture_output=True, text=True).returncode == 0


def test_code_that_went_over_a_line_keeps_its_words_one_space_apart(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("- " + "word " * 30 + "`--invert\n  auto` and on\n")
    assert subprocess.run([ROOT / "tools/format-prose", page]).returncode == 0
    assert "`--invert auto` and on" in page.read_text()


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_named_files_exist(page):
    """Files of the project that a page names in code or prose."""
    for name in re.findall(r"(?<![\w/.$~-])((?:tests|tools|src|bench|recipes|docs|include|examples|python)/[\w./-]*\w\.(?:c|h|py|md|yaml|gz|svg|png))\b",
                           page.read_text()):
        assert "NAME" in name or (ROOT / name).exists(), f"{page.name} names {name}"


def test_every_statistic_answers_a_question():
    """docs/STATISTICS.md lists the functions of the header, and no others."""
    header = re.sub(r"/\*.*?\*/", "", (ROOT / "include/mixent/statistics.h").read_text(), flags=re.S)
    listed = re.findall(r"`(mixent_\w+)`", "\n".join(re.findall(r"^\| .*\?.*\|$", (ROOT / "docs/STATISTICS.md").read_text(), re.M)))
    assert sorted(listed) == sorted(re.findall(r"^mixent_status (mixent_\w+)\(", header, re.M))


def test_the_citation_file_is_valid():
    """By the rules of the Citation File Format 1.2.0 for the keys that stand in it, and of this version."""
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= cited.keys() <= {
        "abstract", "authors", "cff-version", "date-released", "doi", "identifiers", "keywords", "license", "message",
        "preferred-citation", "references", "repository-code", "title", "type", "url", "version"}
    assert cited["cff-version"] == "1.2.0" and cited["type"] == "software" and cited["license"] == "MIT"
    assert cited["version"] == re.search(r"project\(mixent VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text())[1]
    for work in (cited, *cited["references"]):
        assert {"authors", "title", "type"} <= work.keys() and work["authors"] and all(isinstance(work[key], str) for key in ("title", "type"))
        for author in work["authors"]:
            assert author.keys() in ({"name"}, {"family-names", "given-names"})
        for identifier in work.get("identifiers", []):
            assert identifier.keys() <= {"type", "value", "description"} and identifier["type"] in ("doi", "url", "swh", "other")
    assert len(set(cited["keywords"])) == len(cited["keywords"]) and all(isinstance(word, str) for word in cited["keywords"])
    assert any("2501.13709" in reference["url"] for reference in cited["references"])


def test_messages_quote_by_apostrophes():
    """Texts of the program: what is quoted has one form. The man pages' own escape and the note in a plan file, whose bytes stay, are apart."""
    found = []
    for path in (ROOT / "src").rglob("*.c"):
        for text in re.findall(r'/\*.*?\*/|"((?:\\.|[^"\\\n])*)"', path.read_text(), re.S):
            if "`" in text and path.name != "manual.c" and "mixent train --plan FILE" not in text:
                found.append(f"{path}: {text}")
    assert not found
