"""A Wasserstein GAN with gradient penalty: the critic is trained on a gradient of its own."""

import torch
import torch.nn as nn
from torch import autograd, optim


def build():
    generator = nn.Sequential(nn.Linear(6, 32), nn.Softplus(), nn.Linear(32, 64), nn.Sigmoid())
    critic = nn.Sequential(
        nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, 16), nn.SiLU(), nn.Linear(16, 1)
    )
    return nn.ModuleDict({"generator": generator, "critic": critic})


def gradient_penalty(critic, real, fake, alpha, weight=10.0):
    interpolates = alpha * real + (1 - alpha) * fake
    interpolates = interpolates.detach().requires_grad_(True)
    scores = critic(interpolates)
    gradients = autograd.grad(
        outputs=scores,
        inputs=interpolates,
        grad_outputs=torch.ones_like(scores),
        create_graph=True,
        retain_graph=True,
        only_inputs=True,
    )[0]
    gradients = gradients.view(gradients.size(0), -1)
    return ((gradients.norm(2, dim=1) - 1) ** 2).mean() * weight


def train(model, images, noise):
    generator, critic = model["generator"], model["critic"]
    real = torch.from_numpy(images).flatten(1)
    noise = torch.from_numpy(noise)
    optimizer_g = optim.Adam(generator.parameters(), lr=2e-3, betas=(0.5, 0.9))
    optimizer_d = optim.Adam(critic.parameters(), lr=2e-3, betas=(0.5, 0.9))
    history = {"loss": [], "generator": []}
    for step in range(12):
        z = noise[step]
        for p in critic.parameters():
            p.requires_grad = True
        optimizer_d.zero_grad()
        with torch.no_grad():
            fake = generator(z)
        alpha = torch.sigmoid(z[:, :1])
        loss_d = critic(fake).mean() - critic(real).mean()
        loss_d = loss_d + gradient_penalty(critic, real, fake, alpha)
        loss_d.backward()
        optimizer_d.step()
        history["loss"].append(loss_d.item())
        if step % 3 == 2:
            for p in critic.parameters():
                p.requires_grad = False
            optimizer_g.zero_grad()
            loss_g = -critic(generator(z)).mean()
            loss_g.backward()
            optimizer_g.step()
            history["generator"].append(loss_g.item())
    return history
