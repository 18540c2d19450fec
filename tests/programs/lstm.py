"""A character model: an nn.LSTM of two layers, whose state goes from chunk to chunk."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import optim


class CharLSTM(nn.Module):
    def __init__(self, vocabulary=27, embedding=12, hidden=24):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, embedding)
        self.lstm = nn.LSTM(embedding, hidden, num_layers=2, batch_first=True)
        self.head = nn.Linear(hidden, vocabulary)

    def forward(self, tokens, state=None):
        output, state = self.lstm(self.embedding(tokens), state)
        return self.head(output), state


def build():
    return CharLSTM()


def train(model, tokens):
    tokens = torch.from_numpy(tokens)
    optimizer = optim.Adam(model.parameters(), lr=1e-2)
    history = {"loss": []}
    for epoch in range(4):
        state = None
        for i in range(0, 24, 8):
            x, y = tokens[:, i : i + 8], tokens[:, i + 1 : i + 9]
            if state is not None:
                state = tuple(s.detach() for s in state)
            logits, state = model(x, state)
            loss = F.cross_entropy(logits.transpose(1, 2), y)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_value_(model.parameters(), 0.1)
            optimizer.step()
            history["loss"].append(loss.item())
    return history
