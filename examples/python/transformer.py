"""A small transformer reads a word letter by letter and says its language: four losses, each tuned with the same budget, then paired runs.

    tools/make-data words                              # words.csv
    python3 examples/python/transformer.py words.csv
    mixent compare runs/words-transformer --baseline ce
    mixent report runs/words-transformer

Each of the 32 trials and 20 runs takes two minutes on one core with PyTorch 2, nine with 1.13. `mixent.lab.record` keeps it when it ends:
stop the program as you like, and call it again. Two processes may share the work: --losses ce min-ent, --losses mix-ent label-smoothing.
"""
import argparse
import csv
import hashlib
import json
import random
import re
from pathlib import Path

import torch

from mixent import torch as losses
from mixent.lab import record

LOSSES = {  # the loss with its own option, and the range of that
    "ce": (lambda _: losses.CrossEntropyLoss(), (1, 2)),
    "min-ent": (lambda w2: losses.MinEntLoss(w2=w2), (0.01, 3)),
    "mix-ent": (lambda w2: losses.MixEntLoss(w2=w2), (0.01, 3)),
    "label-smoothing": (lambda smoothing: losses.LabelSmoothingLoss(smoothing=smoothing), (0.01, 0.4)),
}
RATES, BATCH, LONGEST, WIDTH = (5e-4, 1e-2), 100, 20, 64
FIRST_TRIAL = 1_000_000_000  # seeds that no run has


class Reader(torch.nn.Module):
    """Tokens 1 to 26 are letters, 27 begins the word and gathers what decides, 0 fills up."""

    def __init__(self, classes):
        super().__init__()
        self.letters, self.places = torch.nn.Embedding(28, WIDTH), torch.nn.Embedding(LONGEST + 1, WIDTH)
        layer = torch.nn.TransformerEncoderLayer(WIDTH, nhead=4, dim_feedforward=2 * WIDTH, dropout=0.1, batch_first=True, norm_first=True)
        self.encoder = torch.nn.TransformerEncoder(layer, num_layers=2, enable_nested_tensor=False)
        self.head = torch.nn.Sequential(torch.nn.LayerNorm(WIDTH), torch.nn.Linear(WIDTH, classes))

    def forward(self, tokens):
        tokens = tokens[:, :int((tokens > 0).sum(1).max())]  # no longer than the longest word of the batch
        values = self.letters(tokens) + self.places.weight[:tokens.shape[1]]
        return self.head(self.encoder(values, src_key_padding_mask=tokens == 0)[:, 0])


def read_words(path):
    """{part: (tokens, labels)}, and the languages."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if not all(re.fullmatch(f"[a-z]{{1,{LONGEST}}}", row["word"]) for row in rows):
        raise SystemExit(f"{path}: expected words of 1 to {LONGEST} letters from a to z, as tools/make-data writes them")
    languages = sorted({row["language"] for row in rows})
    parts = {}
    for part in "train", "test":
        mine = [row for row in rows if row["part"] == part]
        tokens = [[27, *(ord(letter) - 96 for letter in row["word"])] + [0] * (LONGEST - len(row["word"])) for row in mine]
        parts[part] = torch.tensor(tokens), torch.tensor([languages.index(row["language"]) for row in mine])
    return parts, languages


def train(criterion, rate, seed, data, classes, epochs):
    """The network, and the rows that its seed holds out: a tenth."""
    torch.manual_seed(seed)  # weights, batches and dropout
    tokens, labels = data
    held_out, rows = torch.randperm(len(labels)).split([len(labels) // 10, len(labels) - len(labels) // 10])
    model = Reader(classes)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=epochs * (len(rows) // BATCH))
    for _ in range(epochs):
        for batch in rows[torch.randperm(len(rows))].split(BATCH)[:len(rows) // BATCH]:
            optimizer.zero_grad()
            criterion(model(tokens[batch]), labels[batch]).backward()
            optimizer.step()
            schedule.step()
    return model.eval(), held_out


@torch.no_grad()
def logits_of(model, tokens):
    return torch.cat([model(batch) for batch in tokens.split(1000)])


def tune(variant, number, data, classes, epochs, directory):
    """One trial of a loss: learning rate and own option by chance, judged on held-out words. Recorded as a run is."""
    trial = directory / f"{variant}-{number}"
    if not trial.exists():
        make, own = LOSSES[variant]
        chance = random.Random(f"{variant} {number}")
        rate, option = (low * (high / low) ** chance.random() for low, high in (RATES, own))
        model, held_out = train(make(option), rate, FIRST_TRIAL + number, data, classes, epochs)
        right = logits_of(model, data[0][held_out]).argmax(1) == data[1][held_out]
        record(directory, variant=variant, seed=number, metrics={"accuracy": right.float().mean(), "rate": rate, "option": option})
    return json.loads((trial / "record.json").read_text())["metrics"]


def keep(settings, path):
    """All runs of a directory have the same settings: with them, every run is as it was the last time."""
    if path.exists() and json.loads(path.read_text()) != settings:
        raise SystemExit(f"{path}: expected {settings}, as now, got {path.read_text()}; name another directory by --runs")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(settings))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", type=Path, help="words.csv of tools/make-data")
    parser.add_argument("--runs", type=Path, default=Path("runs/words-transformer"), help="where the runs go (default: %(default)s)")
    parser.add_argument("--losses", nargs="+", choices=LOSSES, default=list(LOSSES), metavar="LOSS", help="which of " + ", ".join(LOSSES))
    for name, default in ("seeds", 5), ("trials", 8), ("epochs", 8):
        parser.add_argument(f"--{name}", type=int, default=default, help="(default: %(default)s)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    parts, languages = read_words(options.words)
    trials = options.runs.with_name(options.runs.name + "-trials")
    words = hashlib.sha256(options.words.read_bytes()).hexdigest()
    keep({"epochs": options.epochs, "trials": options.trials, "words": words}, trials / "settings.json")
    for variant in options.losses:
        best = max((tune(variant, number, parts["train"], len(languages), options.epochs, trials) for number in range(options.trials)),
                   key=lambda trial: trial["accuracy"])
        for seed in range(options.seeds):
            run = options.runs / f"{variant}-{seed}"
            if run.exists():
                continue
            model, held_out = train(LOSSES[variant][0](best["option"]), best["rate"], seed, parts["train"], len(languages), options.epochs)
            test, held = logits_of(model, parts["test"][0]), logits_of(model, parts["train"][0][held_out])
            record(options.runs, variant=variant, seed=seed, test_logits=test, test_labels=parts["test"][1], val_logits=held,
                   val_labels=parts["train"][1][held_out], class_names=languages)
            print(f"{run}: {(test.argmax(1) == parts['test'][1]).float().mean():.2%} of the test words right", flush=True)


if __name__ == "__main__":
    main()
