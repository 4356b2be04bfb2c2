"""The library writes and reads numbers by core/locale.h alone: a host may have set a locale with a decimal comma. The program itself
sets none, so src/cli may print as it likes. Letters are compared by core/locale.h everywhere."""
import re
from pathlib import Path

SOURCES = Path(__file__).resolve().parent.parent.parent / "src"
CALL = re.compile(r'\b(s?n?printf|asprintf|sscanf)\s*\(((?:"(?:\\.|[^"\\])*"|[^"();]|\((?:"(?:\\.|[^"\\])*"|[^"()]|\([^()]*\))*\))*)\)')
NUMBER = re.compile(r"%[-+ #0-9.*]*l?[aefgAEFG]")
ALWAYS = re.compile(r"\b(strtod|strtof|atof|vs?n?printf|vasprintf|vsscanf)\s*\(")
LETTERS = re.compile(r"\b(strn?casecmp|strcasestr|strcoll|tolower|toupper|"
                     r"is(?:alnum|alpha|blank|cntrl|digit|graph|lower|print|punct|space|upper|xdigit))\s*\(")


def offences(path, numbers=True):
    text = re.sub(r"/\*.*?\*/", lambda comment: re.sub(r"[^\n]", " ", comment.group()), path.read_text(), flags=re.DOTALL)
    found = [match for match in CALL.finditer(text) if NUMBER.search(match.group(2))] + [*ALWAYS.finditer(text)] if numbers else []
    return [f"{path.name}:{text.count(chr(10), 0, match.start()) + 1}: {match.group(1)}" for match in [*found, *LETTERS.finditer(text)]]


def test_numbers_and_letters_go_through_the_locale_room():
    files = [path for path in SOURCES.rglob("*.[ch]") if path.name not in ("locale.c", "locale.h")]
    assert len(files) > 100 and any(path.parent.name == "cli" for path in files)
    assert [line for path in files for line in offences(path, numbers=path.parent.name != "cli")] == []


def test_the_rule_can_fail(tmp_path):
    bad = tmp_path / "bad.c"
    bad.write_text('x = strtod(t, &e);\nsnprintf(a, sizeof a, "%d %.3g",\n  f(1, g(2)), x); /* strtod( */\nc = tolower(c);\n')
    assert offences(bad) == ["bad.c:2: snprintf", "bad.c:1: strtod", "bad.c:4: tolower"]
    assert offences(bad, numbers=False) == ["bad.c:4: tolower"]
