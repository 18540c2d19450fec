"""A variational autoencoder with transposed convolutions; its noise comes from outside."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import optim


class VAE(nn.Module):
    def __init__(self, latent=6):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 8, 3, stride=2, padding=1),
            nn.ELU(),
            nn.Conv2d(8, 16, 3, stride=2, padding=1),
            nn.ELU(),
            nn.Flatten(),
        )
        self.mu = nn.Linear(16 * 2 * 2, latent)
        self.logvar = nn.Linear(16 * 2 * 2, latent)
        self.decoder = nn.Sequential(
            nn.Linear(latent, 16 * 2 * 2),
            nn.ELU(),
            nn.Unflatten(1, (16, 2, 2)),
            nn.ConvTranspose2d(16, 8, 3, stride=2, padding=1, output_padding=1),
            nn.ELU(),
            nn.ConvTranspose2d(8, 1, 4, stride=2, padding=1),
            nn.Sigmoid(),
        )

    def reparameterize(self, mu, logvar, noise):
        std = torch.exp(0.5 * logvar)
        return mu + noise * std

    def forward(self, x, noise):
        h = self.encoder(x)
        mu, logvar = self.mu(h), self.logvar(h)
        return self.decoder(self.reparameterize(mu, logvar, noise)), mu, logvar


def build():
    return VAE()


def loss_function(reconstruction, x, mu, logvar):
    bce = F.binary_cross_entropy(reconstruction, x, reduction="sum")
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return (bce + kld) / x.size(0)


def train(model, images, noise):
    x, noise = torch.from_numpy(images), torch.from_numpy(noise)
    optimizer = optim.Adam(model.parameters(), lr=3e-3)
    history = {"loss": []}
    for step in range(20):
        optimizer.zero_grad()
        reconstruction, mu, logvar = model(x, noise[step, : len(x)])
        loss = loss_function(reconstruction, x, mu, logvar)
        loss.backward()
        optimizer.step()
        history["loss"].append(loss.item())
    return history
