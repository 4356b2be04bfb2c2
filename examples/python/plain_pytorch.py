"""A training loop in plain PyTorch: MIN-ENT in place of cross entropy, its entropy weight annealed, under autocast.

    python3 plain_pytorch.py

The data are made here: five clusters in ten dimensions. They show how it is done, not how good a loss is.
"""
import torch

from mixent.torch import MinEntLoss

EPOCHS = 20


def make_data(count, centres):
    labels = torch.randint(0, len(centres), (count,))
    return centres[labels] + torch.randn(count, centres.shape[1]), labels


def main():
    torch.manual_seed(0)
    centres = torch.randn(5, 10)
    (data, labels), (held_out, held_out_labels) = make_data(1000, centres), make_data(2000, centres)
    model = torch.nn.Sequential(torch.nn.Linear(10, 64), torch.nn.ReLU(), torch.nn.Linear(64, 5))
    criterion = MinEntLoss(w2=0.0)  # L = w1 CE(p, q) + w2 H(q)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for epoch in range(EPOCHS):
        criterion.w2 = 0.2 * epoch / (EPOCHS - 1)  # cross entropy at first
        for rows in torch.randperm(len(data)).split(100):
            optimizer.zero_grad()
            with torch.autocast("cpu", dtype=torch.bfloat16):
                loss = criterion(model(data[rows]), labels[rows])  # computed in float32, whatever the logits are
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        logits = model(held_out)
        accuracy = (logits.argmax(1) == held_out_labels).float().mean()
        terms = criterion.terms(logits, held_out_labels)
    print(f"held-out accuracy {accuracy:.3f}, cross entropy {terms['ce1']:.3f}, entropy {terms['h']:.3f} nats; {criterion}")


if __name__ == "__main__":
    main()
