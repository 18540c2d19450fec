"""Blocks of convolution, batch norm and pooling: Adam, StepLR, clipped gradients, evaluation."""

import torch
from torch import nn, optim
from torch.optim.lr_scheduler import StepLR


def conv_block(in_channels, out_channels):
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ELU(),
        nn.MaxPool2d(2),
    )


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(conv_block(1, 8), conv_block(8, 16))
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(16 * 2 * 2, 32, bias=False),
            nn.BatchNorm1d(32),
            nn.SiLU(),
            nn.Linear(32, 10),
        )

    def forward(self, x):
        return self.classifier(self.features(x))


def build():
    return Net()


def evaluate(model, x, y, criterion):
    model.eval()
    with torch.no_grad():
        return criterion(model(x), y).item()


def train(model, images, labels):
    x, y = torch.from_numpy(images), torch.from_numpy(labels)
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.Adam(model.parameters(), lr=3e-3)
    scheduler = StepLR(optimizer, step_size=2, gamma=0.5)
    history = {"loss": [], "norm": [], "lr": [], "evaluated": []}
    for epoch in range(4):
        model.train()
        for i in range(0, len(x), 16):
            loss = criterion(model(x[i : i + 16]), y[i : i + 16])
            optimizer.zero_grad()
            loss.backward()
            norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
            optimizer.step()
            history["loss"].append(loss.item())
            history["norm"].append(norm.item())
        scheduler.step()
        history["lr"] += scheduler.get_last_lr()
        history["evaluated"].append(evaluate(model, x, y, criterion))
    return history
