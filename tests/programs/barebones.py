"""A two-layer network of bare tensors: its own layers, its own loss, its own updates."""

import torch


def build():
    w1 = torch.randn(64, 32) * (2 / 64) ** 0.5
    w2 = torch.randn(32, 10) * (2 / 32) ** 0.5
    parameters = {"w1": w1, "b1": torch.zeros(32), "w2": w2, "b2": torch.zeros(10)}
    for p in parameters.values():
        p.requires_grad_()
    return parameters


def flatten(x):
    return x.view(x.shape[0], -1)


def network(x, parameters):
    w1, b1, w2, b2 = parameters.values()
    hidden = (flatten(x) @ w1 + b1).clamp(min=0)
    return hidden.mm(w2) + b2


def cross_entropy(scores, y):
    scores = scores - scores.max(dim=1, keepdim=True)[0]
    log_probabilities = scores - scores.exp().sum(dim=1, keepdim=True).log()
    return -log_probabilities[torch.arange(len(y)), y].mean()


def check_accuracy(x, y, parameters):
    with torch.no_grad():
        scores = network(x, parameters)
        _, predictions = scores.max(1)
        return (predictions == y).sum().item() / y.size(0)


def train(parameters, images, labels, learning_rate=0.1):
    x, y = torch.from_numpy(images), torch.from_numpy(labels)
    history = {"loss": [], "accuracy": []}
    for t in range(20):
        start = t % 4 * 16
        loss = cross_entropy(network(x[start : start + 16], parameters), y[start : start + 16])
        loss.backward()
        with torch.no_grad():
            for p in parameters.values():
                p -= learning_rate * p.grad
                p.grad.zero_()
        history["loss"].append(loss.item())
        if t % 10 == 9:
            history["accuracy"].append(check_accuracy(x, y, parameters))
    return history
