#!/usr/bin/env python3
"""Writes tests/golden/encoder.json: tables as text, and what pandas and scikit-learn make of them (SimpleImputer with its indicator,
OneHotEncoder), fitted on the train rows. tests/python/test_tables.py compares our reader with it."""

import io
import json
import random
from pathlib import Path

import numpy
import pandas
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder

PATH = Path(__file__).with_name("encoder.json")
WORDS = ["red", "green", "blue", "dark blue", 'a "b"', "Ärger", "z, y"]
MISSING = ["", "NA", "nan", "null", "N/A"]


def draw_table(generator, rows, kinds, gaps):
    table = []
    for _ in range(rows):
        row = [round(generator.gauss(0, 50) * 4) / 4 if kind == "number" else generator.choice(WORDS[:kind]) for kind in kinds]
        table.append([None if generator.random() < gaps else value for value in row])
    return table


def write_csv(generator, names, table, labels):
    def cell(value):
        text = generator.choice(MISSING) if value is None else repr(value) if isinstance(value, float) else str(value)
        return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in ',"') else text

    lines = [[*names, "class"], *([*map(cell, row), label] for row, label in zip(table, labels))]
    return "".join(",".join(line) + "\n" for line in lines)


def encode(train, test, names):
    """(names of features, features of train, of test); of a column its features, then its indicator."""
    frames = [pandas.read_csv(io.StringIO(text))[names] for text in (train, test)]
    found, parts = [], ([], [])
    for name in names:
        columns = [frame[[name]] for frame in frames]
        number = columns[0][name].dtype.kind == "f"
        imputer = SimpleImputer(strategy="median" if number else "most_frequent", add_indicator=True).fit(columns[0])
        filled = [imputer.transform(column) for column in columns]
        indicators = [values[:, 1:].astype(float) for values in filled]
        values = [column[:, :1].astype(float if number else object) for column in filled]
        labels = [name]
        if not number:
            encoder = OneHotEncoder(sparse_output=False, handle_unknown="ignore").fit(values[0])
            values = [encoder.transform(column) for column in values]
            labels = [f"{name}={word}" for word in encoder.categories_[0]]
        found += labels + [f"{name} is missing"] * indicators[0].shape[1]
        for part in range(2):
            parts[part].append(numpy.concatenate([values[part], indicators[part]], 1))
    return found, *(numpy.concatenate(part, 1).tolist() for part in parts)


def main():
    cases = []
    for seed in range(6):
        generator = random.Random(seed)
        kinds = [generator.choice(["number", 2, 4, 7]) for _ in range(4)] + ["number", 3]
        names = [f"column {k}" for k in range(len(kinds))]
        sizes = (40 + seed, 15)
        tables = [draw_table(generator, rows, kinds, 0.15) for rows in sizes]
        texts = [write_csv(generator, names, table, [["a", "b", "c"][i % 3] for i in range(len(table))]) for table in tables]
        features, train, test = encode(*texts, names)
        cases.append({"train.csv": texts[0], "test.csv": texts[1], "names": features, "train": train, "test": test})
    PATH.write_text(json.dumps(cases, ensure_ascii=False, indent=None, separators=(",", ":")).replace('{"train.csv"', '\n{"train.csv"') + "\n")


main()
