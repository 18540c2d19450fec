"""Skip-gram with negative samples: two embeddings and a batched product."""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim


class SkipGram(nn.Module):
    def __init__(self, vocabulary=27, dimensions=8):
        super().__init__()
        self.center = nn.Embedding(vocabulary, dimensions)
        self.context = nn.Embedding(vocabulary, dimensions)
        nn.init.uniform_(self.center.weight, -0.5, 0.5)
        nn.init.normal_(self.context.weight, std=0.1)

    def forward(self, center, positive, negative):
        v = self.center(center)
        score = (v * self.context(positive)).sum(1)
        noise = torch.bmm(self.context(negative), v.unsqueeze(2)).squeeze(2)
        return -(F.logsigmoid(score) + F.logsigmoid(-noise).sum(1)).mean()


def build():
    return SkipGram()


def train(model, tokens):
    tokens = torch.from_numpy(tokens)
    center = tokens[:, 1:-1].reshape(-1)
    positive = tokens[:, 2:].reshape(-1)
    negative = torch.stack([center.roll(7), center.roll(31)], dim=1)
    optimizer = optim.Adadelta(model.parameters(), lr=5.0)
    history = {"loss": []}
    for _ in range(15):
        optimizer.zero_grad()
        loss = model(center, positive, negative)
        loss.backward()
        optimizer.step()
        history["loss"].append(loss.item())
    similar = F.cosine_similarity(model.center.weight[:1], model.center.weight)
    assert similar.argmax().item() == 0
    return history
