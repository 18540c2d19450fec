"""A Sequential convolutional network, trained with Nesterov momentum and weight decay."""

from collections import OrderedDict

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim


def build():
    return nn.Sequential(
        OrderedDict(
            [
                ("conv1", nn.Conv2d(1, 16, kernel_size=3, padding=1)),
                ("relu1", nn.ReLU()),
                ("conv2", nn.Conv2d(16, 16, kernel_size=3, stride=2, padding=1)),
                ("relu2", nn.ReLU()),
                ("flatten", nn.Flatten()),
                ("fc", nn.Linear(16 * 4 * 4, 10)),
            ]
        )
    )


def train(model, images, labels):
    x, y = torch.from_numpy(images), torch.from_numpy(labels)
    optimizer = optim.SGD(
        model.parameters(), lr=1e-2, momentum=0.9, nesterov=True, weight_decay=1e-3
    )
    history = {"loss": []}
    for epoch in range(5):
        for batch, target in zip(x.split(16), y.split(16)):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(batch), target)
            loss.backward()
            optimizer.step()
            history["loss"].append(loss.item())
    features = model[:4](x)
    history["mean feature"] = [features.mean().item()]
    return history
