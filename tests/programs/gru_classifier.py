"""Sequences of different lengths, padded, embedded and read in both directions by a GRU."""

import torch
import torch.nn as nn
from torch.nn.utils.rnn import pad_sequence
from torch.optim import Adagrad


class Classifier(nn.Module):
    def __init__(self, vocabulary=28, embedding=10, hidden=12, classes=3):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, embedding, padding_idx=0)
        self.gru = nn.GRU(embedding, hidden, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(2 * hidden, classes)

    def forward(self, tokens):
        output, _ = self.gru(self.embedding(tokens))
        mask = (tokens != 0).unsqueeze(-1)
        output = output.masked_fill(~mask, float("-inf"))
        return self.fc(output.max(dim=1).values)


def build():
    return Classifier()


def collate(sentences):
    return pad_sequence([torch.tensor(s) for s in sentences], batch_first=True, padding_value=0)


def train(model, tokens):
    sentences = [(row[: 4 + i % 9] + 1).tolist() for i, row in enumerate(tokens)]
    labels = torch.tensor([sum(s) % 3 for s in sentences])
    criterion = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 0.5]))
    optimizer = Adagrad(model.parameters(), lr=0.05)
    history = {"loss": []}
    for epoch in range(6):
        for i in range(0, len(sentences), 8):
            scores = model(collate(sentences[i : i + 8]))
            loss = criterion(scores, labels[i : i + 8])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            history["loss"].append(loss.item())
    assert model.embedding.weight.grad[0].abs().sum() == 0
    return history
