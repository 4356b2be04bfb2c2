"""Test-time adaptation by entropy alone (Tent, Wang et al. 2021): the data shift after training, there are no labels, and only the
normalisation layers are adapted.

    python3 entropy_at_test_time.py

The data are made here: five clusters in ten dimensions, later shifted, scaled and noisier. They show how it is done, not how good
it is.
"""
import torch
from torch import nn

from mixent.torch import CrossEntropyLoss, EntropyLoss

SEEDS = 4


def accuracy(network, data, labels):
    with torch.no_grad():
        return (network(data).argmax(1) == labels).float().mean().item()


def train(data, labels):
    network = nn.Sequential(nn.BatchNorm1d(10), nn.Linear(10, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 5))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for rows in torch.randint(0, len(data), (100, 100)):
        optimizer.zero_grad()
        CrossEntropyLoss()(network(data[rows]), labels[rows]).backward()
        optimizer.step()
    return network.eval()


def adapt(network, data):
    """Lowers the entropy of the predictions; takes no labels."""
    network.requires_grad_(False)
    layers = [layer for layer in network if isinstance(layer, nn.BatchNorm1d)]
    for layer in layers:
        layer.requires_grad_(True)
    entropy = EntropyLoss()
    optimizer = torch.optim.Adam([value for layer in layers for value in layer.parameters()], lr=1e-2)
    for rows in torch.arange(len(data)).split(100):
        optimizer.zero_grad()
        entropy(network(data[rows])).backward()
        optimizer.step()


def measure(seed):
    torch.manual_seed(seed)
    centres, labels = torch.randn(5, 10), torch.randint(0, 5, (4000,))
    data = centres[labels] + 0.7 * torch.randn(4000, 10)
    network = train(data[:2000], labels[:2000])
    data, labels = data[2000:], labels[2000:]
    shifted = data * (0.5 + torch.rand(10)) + torch.randn(10) + 0.8 * torch.randn(2000, 10)
    found = [accuracy(network, data, labels), accuracy(network, shifted, labels)]
    network.train()  # normalises by the batch at hand
    found.append(accuracy(network, shifted, labels))
    adapt(network, shifted)
    return found + [accuracy(network, shifted, labels)]


def main():
    before, shifted, by_batch, adapted = torch.tensor([measure(seed) for seed in range(SEEDS)]).mean(0).tolist()
    print(f"accuracy, mean of {SEEDS} seeds: as trained {before:.3f}; on shifted data {shifted:.3f}")
    print(f"normalised by the batch {by_batch:.3f}; entropy lowered, too {adapted:.3f}")


if __name__ == "__main__":
    main()
