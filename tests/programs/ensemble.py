"""An ensemble of functions without state: gradients by torch.func, updates by hand."""

import torch
from torch.func import grad_and_value, jacrev, vjp


def build():
    return {
        f"{name}{i}": torch.randn(*shape) * scale
        for i in range(3)
        for name, shape, scale in (("w", (4, 8), 0.5), ("b", (8,), 0.1), ("v", (8, 1), 0.3))
    }


def member(parameters, x):
    return torch.tanh(x @ parameters["w"] + parameters["b"]) @ parameters["v"]


def loss_of(parameters, x, y):
    return torch.nn.functional.mse_loss(member(parameters, x), y)


def train(parameters, points, heights):
    x, y = torch.from_numpy(points), torch.from_numpy(heights)
    members = [{name: parameters[f"{name}{i}"] for name in "wbv"} for i in range(3)]
    step = grad_and_value(loss_of)
    history = {"loss": []}
    for _ in range(10):
        for i, one in enumerate(members):
            gradients, loss = step(one, x[i::3], y[i::3])
            members[i] = {name: p - 0.1 * gradients[name] for name, p in one.items()}
            history["loss"].append(loss.item())
    slope = jacrev(lambda x: member(members[0], x).sum())(x)
    output, pull = vjp(lambda x: member(members[0], x), x)
    (pulled,) = pull(torch.ones_like(output))
    assert torch.allclose(slope, pulled)
    history["slope"] = [slope.norm().item()]
    return history
