"""Segmentation: logits (N, C, H, W), labels (N, H, W) with 255 where nobody labelled, and class weights for a small class.

    python3 segmentation.py

The data are made here: images with a small bright disc in noise, the rim of each disc unlabelled. They show how it is done, not how
good a loss is.
"""
import torch

from mixent.torch import MinEntLoss

BACKGROUND, DISC, UNLABELLED = 0, 1, 255


def make_images(count, size=32):
    """Images (N, 1, H, W) and labels (N, H, W)."""
    centres = torch.randint(8, size - 8, (count, 2, 1, 1))
    rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    distance = ((rows - centres[:, 0]) ** 2 + (columns - centres[:, 1]) ** 2).sqrt()
    labels = torch.where(distance < 4, DISC, torch.where(distance < 5, UNLABELLED, BACKGROUND))
    return ((distance < 4.5) + torch.randn(count, size, size))[:, None], labels


def main():
    for name, weight in ("no class weights", None), ("class weights", [1.0, 10.0]):
        torch.manual_seed(0)
        (images, labels), (held_out, truth) = make_images(64), make_images(64)
        network = torch.nn.Sequential(torch.nn.Conv2d(1, 8, 7, padding=3), torch.nn.ReLU(), torch.nn.Conv2d(8, 2, 3, padding=1))
        criterion = MinEntLoss(weight, w2=0.1, ignore_index=UNLABELLED)
        optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
        for _ in range(6):
            for batch in torch.randperm(64).split(8):
                optimizer.zero_grad()
                criterion(network(images[batch]), labels[batch]).backward()
                optimizer.step()
        with torch.no_grad():
            found = network(held_out).argmax(1)
        recall = (found[truth == DISC] == DISC).float().mean()
        false = (found[truth == BACKGROUND] == DISC).float().mean()
        print(f"{name}: {recall:.1%} of the discs' pixels found, {false:.1%} of the background taken for a disc")


if __name__ == "__main__":
    main()
