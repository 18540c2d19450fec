"""Two LSTM cells, stepped by hand, learn to continue waves."""

import torch
import torch.nn as nn
import torch.optim as optim


class Sequence(nn.Module):
    def __init__(self, hidden=16):
        super().__init__()
        self.hidden = hidden
        self.lstm1 = nn.LSTMCell(1, hidden)
        self.lstm2 = nn.LSTMCell(hidden, hidden)
        self.linear = nn.Linear(hidden, 1)

    def forward(self, input, future=0):
        outputs = []
        n = input.size(0)
        h_t = torch.zeros(n, self.hidden, dtype=input.dtype, device=input.device)
        c_t = torch.zeros(n, self.hidden, dtype=input.dtype, device=input.device)
        h_t2, c_t2 = torch.zeros_like(h_t), torch.zeros_like(c_t)
        for input_t in input.split(1, dim=1):
            h_t, c_t = self.lstm1(input_t, (h_t, c_t))
            h_t2, c_t2 = self.lstm2(h_t, (h_t2, c_t2))
            output = self.linear(h_t2)
            outputs += [output]
        for _ in range(future):
            h_t, c_t = self.lstm1(output, (h_t, c_t))
            h_t2, c_t2 = self.lstm2(h_t, (h_t2, c_t2))
            output = self.linear(h_t2)
            outputs += [output]
        return torch.cat(outputs, dim=1)


def build():
    return Sequence()


def train(model, waves):
    waves = torch.from_numpy(waves)
    input, target = waves[:, :-1], waves[:, 1:]
    criterion = nn.MSELoss()
    optimizer = optim.Adam(model.parameters(), lr=0.02)
    history = {"loss": []}
    for step in range(15):
        optimizer.zero_grad()
        loss = criterion(model(input), target)
        loss.backward()
        optimizer.step()
        history["loss"].append(loss.item())
    with torch.no_grad():
        prediction = model(input[:, :10], future=10)
        history["future"] = [criterion(prediction, target[:, :20]).item()]
    return history
