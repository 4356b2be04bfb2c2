"""fastai's Learner: the loss as its loss_func. For the loss of each example fastai sets `loss_func.reduction = "none"`; so the
examples whose labels the network believes least are found.

    python3 with_fastai.py      (needs fastai)

The data are made here: five clusters in ten dimensions, 20 of 1,000 labels wrong. They show how it is done, not how good a loss is.
"""
import fastai.callback.progress  # gives Learner no_bar()
import torch
from fastai.data.core import DataLoaders
from fastai.data.load import DataLoader
from fastai.learner import Learner
from fastai.metrics import accuracy

from mixent.torch import MinEntLoss

COUNT, WRONG = 1000, 20


def main():
    torch.manual_seed(0)
    centres, labels = 2 * torch.randn(5, 10), torch.randint(0, 5, (COUNT,))
    data = centres[labels] + torch.randn(COUNT, 10)
    given = labels.clone()
    given[:WRONG] = (given[:WRONG] + 1) % 5
    pairs = list(zip(data, given))
    loaders = DataLoaders(DataLoader(pairs, bs=50, shuffle=True), DataLoader(pairs, bs=200))
    learner = Learner(loaders, torch.nn.Linear(10, 5), loss_func=MinEntLoss(w2=0.1), metrics=accuracy)
    with learner.no_bar(), learner.no_logging():
        learner.fit(5, lr=1e-2)
        _, _, losses = learner.get_preds(ds_idx=1, with_loss=True)  # a loss per example
    suspects = losses.topk(WRONG).indices
    print(f"of the {WRONG} examples with the largest loss, {(suspects < WRONG).sum()} have a wrong label; the loss is {learner.loss_func}")


if __name__ == "__main__":
    main()
