"""Label noise: 40 % of the training labels are drawn anew at random. Cross entropy learns them by heart; MIX-ENT and GCE less so.

    python3 noisy_labels.py

The data are made here: five clusters in twenty dimensions, and a network that is large for them. The README's studies measure the
losses on real data.
"""
import torch

from mixent.torch import CrossEntropyLoss, GCELoss, MixEntLoss

SEEDS, NOISE = 3, 0.4


def held_out_accuracy(criterion, seed):
    torch.manual_seed(seed)
    centres, labels = torch.randn(5, 20), torch.randint(0, 5, (2500,))
    data = centres[labels] + 1.5 * torch.randn(2500, 20)
    given = torch.where(torch.rand(2500) < NOISE, torch.randint(0, 5, (2500,)), labels)
    model = torch.nn.Sequential(torch.nn.Linear(20, 200), torch.nn.ReLU(), torch.nn.Linear(200, 5))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(30):
        for rows in torch.randperm(500).split(50):  # the first 500 are trained on, the others held out
            optimizer.zero_grad()
            criterion(model(data[rows]), given[rows]).backward()
            optimizer.step()
    with torch.no_grad():
        return (model(data[500:]).argmax(1) == labels[500:]).float().mean().item()


def main():
    for criterion in CrossEntropyLoss(), MixEntLoss(w2=1.0), GCELoss():
        accuracy = sum(held_out_accuracy(criterion, seed) for seed in range(SEEDS)) / SEEDS
        print(f"held-out accuracy {accuracy:.3f} (mean of {SEEDS} seeds): {criterion}")


if __name__ == "__main__":
    main()
