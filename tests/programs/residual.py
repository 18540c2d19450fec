"""Residual blocks with group norm and grouped convolutions, smoothed labels, cosine annealing."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD, lr_scheduler


class Block(nn.Module):
    def __init__(self, channels_in, channels, stride=1, groups=4):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 1, bias=False)
        self.norm1 = nn.GroupNorm(groups, channels)
        self.conv2 = nn.Conv2d(
            channels, channels, 3, stride=stride, padding=1, groups=groups, bias=False
        )
        self.norm2 = nn.GroupNorm(groups, channels)
        if stride != 1 or channels_in != channels:
            self.shortcut = nn.Conv2d(channels_in, channels, 1, stride=stride, bias=False)
        else:
            self.shortcut = nn.Identity()

    def forward(self, x):
        out = F.silu(self.norm1(self.conv1(x)))
        out = self.norm2(self.conv2(out))
        out += self.shortcut(x)
        return F.relu(out, inplace=True)


class ResNet(nn.Module):
    def __init__(self, width=16, depth=2):
        super().__init__()
        self.stem = nn.Conv2d(1, width, 3, padding=1)
        self.blocks = nn.ModuleList([Block(width, width) for _ in range(depth)])
        self.down = Block(width, 2 * width, stride=2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(2 * width, 10)

    def forward(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        x = self.pool(self.down(x))
        return self.fc(x.view(x.size(0), -1))


def build():
    return ResNet()


def train(model, images, labels):
    x, y = torch.from_numpy(images), torch.from_numpy(labels)
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    optimizer = SGD(model.parameters(), lr=0.02, momentum=0.9)
    scheduler = lr_scheduler.CosineAnnealingLR(optimizer, T_max=10)
    history = {"loss": []}
    for step in range(10):
        i = step % 2 * 32
        optimizer.zero_grad(set_to_none=True)
        loss = criterion(model(x[i : i + 32]), y[i : i + 32])
        loss.backward()
        optimizer.step()
        scheduler.step()
        history["loss"].append(loss.item())
    return history
