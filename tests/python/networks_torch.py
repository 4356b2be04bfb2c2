"""The built-in networks as PyTorch modules, with exactly the state-dict names of our checkpoints.

Each function takes the input's channels, the number of classes and the dropout rate. Images are [rows, channels, side, side].
"""

import math

import torch
from torch import nn


def block(inputs, *widths):
    """Convolution, batch norm and ReLU for each width, then a maximum over 2x2."""
    layers = []
    for width in widths:
        layers += [nn.Conv2d(inputs, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
        inputs = width
    return nn.Sequential(*layers, nn.MaxPool2d(2))


def draw_convolutions(module):
    """Normal weights with standard deviation sqrt(2 / (kernel area x output channels)); the rest is PyTorch's default."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            area = layer.kernel_size[0] * layer.kernel_size[1]
            nn.init.normal_(layer.weight, 0, math.sqrt(2 / (area * layer.out_channels)))


class VGG5(nn.Module):
    """MNIST_VGG of the SpinalNet repository; `width` 64 gives VGG-5, 32 its half."""

    def __init__(self, channels, classes, dropout=0.5, width=64):
        super().__init__()
        self.l1 = block(channels, width, width)
        self.l2 = block(width, 2 * width, 2 * width)
        self.l3 = block(2 * width, 4 * width, 4 * width, 4 * width)
        self.l4 = block(4 * width, 4 * width, 4 * width, 4 * width)
        self.add_classifier(4 * width, classes, dropout)
        draw_convolutions(self)

    def add_classifier(self, features, classes, dropout):
        self.classifier = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(features, 2 * features),
            nn.BatchNorm1d(2 * features),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(2 * features, classes),
        )

    def features(self, images):
        maps = self.l4(self.l3(self.l2(self.l1(images))))
        return nn.functional.adaptive_avg_pool2d(maps, 1).flatten(1)

    def forward(self, images):
        return self.classifier(self.features(images))


class SpinalVGG5(VGG5):
    """SpinalVGG: four small layers, each reading half of the features and the layer before."""

    def add_classifier(self, features, classes, dropout):
        half, width = features // 2, 128

        def layer(inputs):
            return nn.Sequential(nn.Dropout(dropout), nn.Linear(inputs, width), nn.BatchNorm1d(width), nn.ReLU())

        self.fc_spinal_layer1 = layer(half)
        self.fc_spinal_layer2 = layer(half + width)
        self.fc_spinal_layer3 = layer(half + width)
        self.fc_spinal_layer4 = layer(half + width)
        self.fc_out = nn.Sequential(nn.Dropout(dropout), nn.Linear(4 * width, classes))

    def forward(self, images):
        first, second = self.features(images).chunk(2, dim=1)
        y1 = self.fc_spinal_layer1(first)
        y2 = self.fc_spinal_layer2(torch.cat([second, y1], 1))
        y3 = self.fc_spinal_layer3(torch.cat([first, y2], 1))
        y4 = self.fc_spinal_layer4(torch.cat([second, y3], 1))
        return self.fc_out(torch.cat([y1, y2, y3, y4], 1))


class BasicBlock(nn.Module):
    """Two convolutions and a shortcut without parameters: every second pixel, new channels zero (He et al. 2016)."""

    def __init__(self, inputs, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.stride, self.pad = stride, (width - inputs) // 2

    def forward(self, x):
        out = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        shortcut = nn.functional.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.pad, self.pad))
        return torch.relu(out + shortcut)


class ResNet20(nn.Module):
    def __init__(self, channels, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = nn.Sequential(*[BasicBlock(16, 16, 1) for _ in range(3)])
        self.layer2 = nn.Sequential(BasicBlock(16, 32, 2), BasicBlock(32, 32, 1), BasicBlock(32, 32, 1))
        self.layer3 = nn.Sequential(BasicBlock(32, 64, 2), BasicBlock(64, 64, 1), BasicBlock(64, 64, 1))
        self.linear = nn.Linear(64, classes)
        draw_convolutions(self)

    def forward(self, images):
        maps = self.layer3(self.layer2(self.layer1(torch.relu(self.bn1(self.conv1(images))))))
        return self.linear(maps.mean((2, 3)))


class ResNet10(nn.Module):
    """One block a stage, of twice the channels and half the side of the one before."""

    def __init__(self, channels, classes, dropout=0.1):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 32, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(32)
        for i, (inputs, width) in enumerate(((32, 32), (32, 64), (64, 128), (128, 256)), 1):
            self.add_module(f"layer{i}", BasicBlock(inputs, width, 1 if i == 1 else 2))
        self.drop = nn.Dropout(dropout)
        self.linear = nn.Linear(256, classes)
        draw_convolutions(self)

    def forward(self, images):
        maps = torch.relu(self.bn1(self.conv1(images)))
        maps = self.layer4(self.layer3(self.layer2(self.layer1(maps))))
        return self.linear(self.drop(maps.mean((2, 3))))


class ResNet9(nn.Module):
    """Three stages that halve the map, before or after their batch norm, each with a block of two convolutions that is added to it."""

    def __init__(self, channels, classes, dropout=0.1, widths=(32, 64, 128, 256), pool_first=False):
        super().__init__()

        def layer(inputs, width):
            return [nn.Conv2d(inputs, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]

        self.prep = nn.Sequential(*layer(channels, widths[0]))
        for i in (1, 2, 3):
            stage = layer(widths[i - 1], widths[i])
            stage.insert(1 if pool_first else 3, nn.MaxPool2d(2))
            self.add_module(f"stage{i}", nn.Sequential(*stage))
            self.add_module(f"block{i}", nn.Sequential(*layer(widths[i], widths[i]), *layer(widths[i], widths[i])))
        self.drop = nn.Dropout(dropout)
        self.linear = nn.Linear(widths[3], classes)
        draw_convolutions(self)

    def forward(self, images):
        maps = self.prep(images)
        for stage, block in ((self.stage1, self.block1), (self.stage2, self.block2), (self.stage3, self.block3)):
            maps = stage(maps)
            maps = maps + block(maps)
        return self.linear(self.drop(maps.mean((2, 3))))


class MLP(nn.Module):
    """Rows of features [rows, channels, 1, 1], or images as long rows."""

    def __init__(self, features, classes, dropout=0.1):
        super().__init__()

        def hidden(inputs, width):
            return [nn.Linear(inputs, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(dropout)]

        self.layers = nn.Sequential(*hidden(features, 256), *hidden(256, 128), nn.Linear(128, classes))

    def forward(self, images):
        return self.layers(images.flatten(1))


class Conv3(nn.Module):
    """Three convolutions and a hidden layer; for images of 28 pixels unless `side` says otherwise."""

    def __init__(self, channels, classes, dropout=0.1, side=28):
        super().__init__()
        widths = (channels, 16, 32, 64)
        for k in (1, 2, 3):
            self.add_module(f"c{k}", nn.Conv2d(widths[k - 1], widths[k], 3, padding=1))
            self.add_module(f"n{k}", nn.BatchNorm2d(widths[k]))
        self.d1 = nn.Dropout(dropout)
        self.f1 = nn.Linear(64 * (side // 8) ** 2, 128)
        self.n4 = nn.BatchNorm1d(128)
        self.out = nn.Linear(128, classes)
        draw_convolutions(self)

    def forward(self, images):
        maps = images
        for convolution, norm in ((self.c1, self.n1), (self.c2, self.n2), (self.c3, self.n3)):
            maps = nn.functional.max_pool2d(torch.relu(norm(convolution(maps))), 2)
        return self.out(torch.relu(self.n4(self.f1(self.d1(maps.flatten(1))))))


def conv3(channels, classes, dropout=0.1):
    return Conv3(channels, classes, dropout)


def mlp(channels, classes, dropout=0.1):
    return MLP(channels, classes, dropout)


def vgg5(channels, classes, dropout=0.5):
    return VGG5(channels, classes, dropout)


def vgg5_half(channels, classes, dropout=0.5):
    return VGG5(channels, classes, dropout, width=32)


def spinal_vgg5(channels, classes, dropout=0.5):
    return SpinalVGG5(channels, classes, dropout)


def resnet20(channels, classes, dropout=0.5):
    """Has no dropout; takes the rate for the sake of a common signature."""
    return ResNet20(channels, classes)


def resnet10(channels, classes, dropout=0.1):
    return ResNet10(channels, classes, dropout)


def resnet9(channels, classes, dropout=0.1):
    return ResNet9(channels, classes, dropout)


def resnet9_thin(channels, classes, dropout=0.1):
    return ResNet9(channels, classes, dropout, widths=(24, 48, 96, 192))


def resnet9_pool_first(channels, classes, dropout=0.1):
    return ResNet9(channels, classes, dropout, widths=(24, 48, 96, 192), pool_first=True)
