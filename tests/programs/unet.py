"""A U-net that cleans noisy images: upsampling, skips, instance norm, an average of the weights."""

import copy

import torch
import torch.nn as nn
import torch.optim as optim


class UNet(nn.Module):
    def __init__(self, c=8):
        super().__init__()
        self.down = nn.Sequential(
            nn.ReflectionPad2d(1), nn.Conv2d(1, c, 3), nn.InstanceNorm2d(c, affine=True), nn.PReLU()
        )
        self.pool = nn.AvgPool2d(2)
        self.middle = nn.Sequential(
            nn.Conv2d(c, 2 * c, 3, padding=1, padding_mode="circular"), nn.Mish()
        )
        self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
        self.out = nn.Conv2d(3 * c, 1, 3, padding="same")

    def forward(self, x):
        skip = self.down(x)
        x = self.up(self.middle(self.pool(skip)))
        return self.out(torch.cat([skip, x], dim=1))


def build():
    return UNet()


def train(model, images, noise):
    clean = torch.from_numpy(images)
    noisy = clean + 0.3 * torch.from_numpy(noise).flatten()[: clean.numel()].view_as(clean)
    criterion = nn.BCEWithLogitsLoss()
    optimizer = optim.Adamax(model.parameters(), lr=1e-2)
    average = copy.deepcopy(model)
    for p in average.parameters():
        p.requires_grad_(False)
    history = {"loss": [], "averaged": []}
    for step in range(12):
        loss = criterion(model(noisy), clean)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for slow, fast in zip(average.parameters(), model.parameters()):
                slow.mul_(0.8).add_(fast, alpha=0.2)
        history["loss"].append(loss.item())
        history["averaged"].append(criterion(average(noisy), clean).item())
    return history
