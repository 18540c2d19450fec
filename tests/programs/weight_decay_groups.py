"""AdamW in groups: decay for matrices alone, a slow backbone, a layer that is frozen."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import optim
from torch.optim.lr_scheduler import LambdaLR, LinearLR, SequentialLR


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Linear(64, 32), nn.LayerNorm(32), nn.GELU(), nn.Linear(32, 32), nn.Hardtanh()
        )
        self.head = nn.Linear(32, 10)

    def forward(self, x):
        return self.head(self.backbone(x))


def build():
    return Net()


def parameter_groups(model, lr, weight_decay):
    groups = {}
    for name, p in model.named_parameters():
        if not p.requires_grad:
            continue
        key = (name.startswith("backbone"), p.ndim > 1)
        groups.setdefault(key, []).append(p)
    return [
        {
            "params": params,
            "lr": lr * (0.3 if backbone else 1.0),
            "weight_decay": weight_decay if matrix else 0.0,
        }
        for (backbone, matrix), params in groups.items()
    ]


def train(model, images, labels):
    x, y = torch.from_numpy(images).flatten(1), torch.from_numpy(labels)
    for p in model.backbone[0].parameters():
        p.requires_grad_(False)
    before = model.backbone[0].weight.clone()
    optimizer = optim.AdamW(parameter_groups(model, lr=1e-2, weight_decay=0.1))
    warmup = LinearLR(optimizer, start_factor=0.1, total_iters=4)
    decay = LambdaLR(optimizer, lr_lambda=lambda step: 0.9**step)
    scheduler = SequentialLR(optimizer, [warmup, decay], milestones=[4])
    history = {"loss": []}
    for step in range(12):
        if step == 6:  # thaw what was frozen
            thawed = list(model.backbone[0].parameters())
            assert torch.equal(model.backbone[0].weight, before)
            for p in thawed:
                p.requires_grad_(True)
            optimizer.add_param_group({"params": thawed, "lr": 1e-3})
        optimizer.zero_grad()
        loss = F.nll_loss(F.log_softmax(model(x), dim=1), y)
        loss.backward()
        optimizer.step()
        if step < 6:
            scheduler.step()
        history["loss"].append(loss.item())
    history["lr"] = [group["lr"] for group in optimizer.param_groups]
    return history
