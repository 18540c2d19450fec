"""A loss on held-out data decides on the learning rate and on when to stop."""

import copy

import torch
from torch import nn, optim
from torch.utils.data import DataLoader, Subset, TensorDataset


def build():
    return nn.Sequential(nn.Linear(4, 16), nn.ReLU6(), nn.Linear(16, 1))


@torch.no_grad()
def validate(model, loader, criterion):
    model.eval()
    total = sum(criterion(model(x), y).item() * len(x) for x, y in loader)
    return total / len(loader.dataset)


def train(model, points, heights):
    dataset = TensorDataset(torch.from_numpy(points), torch.from_numpy(heights))
    training = DataLoader(Subset(dataset, range(32)), batch_size=8)
    held_out = DataLoader(Subset(dataset, range(32, 48)), batch_size=16)
    criterion = nn.SmoothL1Loss(beta=0.5)
    optimizer = optim.SGD(model.parameters(), lr=0.5)
    scheduler = optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.3, patience=0)
    best, best_loss, patience = None, float("inf"), 0
    history = {"loss": [], "validation": [], "lr": []}
    for epoch in range(12):
        model.train()
        for x, y in training:
            loss = criterion(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            history["loss"].append(loss.item())
        validation = validate(model, held_out, criterion)
        scheduler.step(validation)
        history["validation"].append(validation)
        history["lr"].append(optimizer.param_groups[0]["lr"])
        if validation < best_loss:
            best, best_loss, patience = copy.deepcopy(model.state_dict()), validation, 0
        elif (patience := patience + 1) == 4:
            break
    model.load_state_dict(best)
    assert validate(model, held_out, criterion) == best_loss
    return history
