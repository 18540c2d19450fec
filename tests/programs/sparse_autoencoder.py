"""An autoencoder whose hidden units are active rarely: a KL penalty, weight decay, RMSprop."""

import torch
from torch import nn, optim


class SparseAutoencoder(nn.Module):
    def __init__(self, inputs, hidden):
        super().__init__()
        self.encoder = nn.Linear(inputs, hidden)
        self.decoder = nn.Linear(hidden, inputs)
        for layer in (self.encoder, self.decoder):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x):
        hidden = torch.sigmoid(self.encoder(x))
        return torch.sigmoid(self.decoder(hidden)), hidden


def build():
    return SparseAutoencoder(64, 25)


def kl_divergence(rho, activation):
    rho_hat = activation.mean(dim=0)
    return (rho * torch.log(rho / rho_hat) + (1 - rho) * torch.log((1 - rho) / (1 - rho_hat))).sum()


def train(model, images, weight_decay=5e-4, beta=8e-3, rho=0.2):
    x = torch.from_numpy(images).flatten(1)
    optimizer = optim.RMSprop(model.parameters(), lr=3e-3)
    history = {"loss": []}
    for epoch in range(20):
        reconstruction, hidden = model(x)
        loss = 0.5 * ((reconstruction - x) ** 2).sum(dim=1).mean()
        weights = [p for name, p in model.named_parameters() if name.endswith("weight")]
        loss = loss + 0.5 * weight_decay * sum(w.pow(2).sum() for w in weights)
        loss = loss + beta * kl_divergence(rho, hidden)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history["loss"].append(loss.item())
    return history
