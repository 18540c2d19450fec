"""Training that is saved, taken up by new objects, and evaluated on the way."""

import copy
import io

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import optim


def build():
    return nn.Sequential(
        nn.Conv2d(1, 6, 3),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(216, 10),
    )


def evaluate(model, x, y):
    model.eval()
    with torch.inference_mode():
        return F.cross_entropy(model(x), y).item()


def train_epoch(model, optimizer, x, y):
    model.train()
    model[4].eval()  # the two libraries would drop different units
    losses = []
    for i in range(0, 64, 16):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x[i : i + 16]), y[i : i + 16])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def train(model, images, labels):
    x, y = torch.from_numpy(images), torch.from_numpy(labels)
    optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    history = {"loss": train_epoch(model, optimizer, x, y)}
    history["evaluated"] = [evaluate(model, x, y)]

    file = io.BytesIO()
    checkpoint = {
        "epoch": 1,
        "model_state_dict": model.state_dict(),
        "optimizer_state_dict": optimizer.state_dict(),
        "history": history,
    }
    torch.save(checkpoint, file)
    best = copy.deepcopy(model.state_dict())
    train_epoch(model, optimizer, x, y)  # would spoil what was saved if it were shared

    file.seek(0)
    checkpoint = torch.load(file, map_location="cpu", weights_only=True)
    resumed = build()
    resumed.load_state_dict(checkpoint["model_state_dict"])
    optimizer = optim.SGD(resumed.parameters(), lr=1.0)
    optimizer.load_state_dict(checkpoint["optimizer_state_dict"])
    history = checkpoint["history"]
    history["evaluated"].append(evaluate(resumed, x, y))
    for _ in range(checkpoint["epoch"], 3):
        history["loss"] += train_epoch(resumed, optimizer, x, y)
        history["evaluated"].append(evaluate(resumed, x, y))
    missing, unexpected = resumed.load_state_dict(best, strict=False)
    assert not missing and not unexpected
    history["evaluated"].append(evaluate(resumed, x, y))
    return history
