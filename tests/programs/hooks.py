"""A look inside: activations and gradients by hooks, saliency, gradients of several batches."""

import torch
from torch import nn, optim


def build():
    return nn.Sequential(nn.Conv2d(1, 6, 3), nn.Tanh(), nn.Flatten(), nn.Linear(216, 10))


def train(model, images, labels):
    x, y = torch.from_numpy(images), torch.from_numpy(labels)
    seen = {}

    def remember(module, inputs, output):
        seen["activation"] = output.detach().mean().item()

    handle = model[1].register_forward_hook(remember)
    model[3].weight.register_hook(lambda grad: grad.clamp(-0.05, 0.05))
    criterion = nn.MultiMarginLoss()
    optimizer = optim.SGD(model.parameters(), lr=0.2, momentum=0.9, dampening=0.1)
    history = {"loss": [], "activation": []}
    for step in range(10):
        optimizer.zero_grad()
        for i in range(0, 64, 16):  # four small batches make a large one
            loss = criterion(model(x[i : i + 16]), y[i : i + 16]) / 4
            loss.backward()
        optimizer.step()
        history["loss"].append(loss.item())
        history["activation"].append(seen["activation"])
    handle.remove()
    image = x[:4].clone().requires_grad_()
    scores = model(image).gather(1, y[:4].view(-1, 1)).squeeze()
    scores.backward(torch.ones_like(scores))
    saliency, _ = image.grad.abs().max(dim=1)
    assert saliency.shape == (4, 8, 8)
    history["saliency"] = [saliency.sum().item()]
    return history
