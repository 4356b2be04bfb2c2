"""A LightningModule with a loss whose entropy weight is learned: the loss is a part of the module, so that its weight is trained,
saved and moved with the network.

    python3 with_lightning.py      (needs lightning, or pytorch-lightning)

The data are made here: five clusters in ten dimensions. They show how it is done, not how good a loss is.
"""
import logging
import tempfile
import warnings

import torch
from torch.utils.data import DataLoader, TensorDataset

try:
    import lightning
except ImportError:
    import pytorch_lightning as lightning

from mixent.torch import MinEntLoss


class Classifier(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.network = torch.nn.Linear(10, 5)
        self.criterion = MinEntLoss(w2=0.5, learnable=("w2",), transform="softplus")  # the weight in force is softplus(w2) > 0

    def training_step(self, batch, _):
        data, labels = batch
        return self.criterion(self.network(data), labels)

    def validation_step(self, batch, _):
        data, labels = batch
        self.log("accuracy", (self.network(data).argmax(1) == labels).float().mean())

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=1e-2)  # parameters() has those of the loss


def main():
    warnings.simplefilter("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    torch.manual_seed(0)
    centres, labels = torch.randn(5, 10), torch.randint(0, 5, (3000,))
    data = centres[labels] + torch.randn(3000, 10)
    module = Classifier()
    before = module.criterion.weights()["w2"]
    trainer = lightning.Trainer(max_epochs=5, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
                                enable_model_summary=False, default_root_dir=tempfile.gettempdir())
    trainer.fit(module, DataLoader(TensorDataset(data[:1000], labels[:1000]), 50, shuffle=True),
                DataLoader(TensorDataset(data[1000:], labels[1000:]), 500))
    after = module.criterion.weights()["w2"]
    print(f"held-out accuracy {trainer.callback_metrics['accuracy']:.3f}; the entropy weight went from {before:.3f} to {after:.3f}")


if __name__ == "__main__":
    main()
