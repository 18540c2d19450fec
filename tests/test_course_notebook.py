"""The course's PyTorch notebook: bare tensors, modules, Sequential, on files of CIFAR-10's format.

The code is written as for PyTorch: only the imports are other. That the numbers are PyTorch's too
is tested by the programs of `test_programs.py`.
"""

from __future__ import annotations

import pytest
from published import cifar_class, cifar_files, tar_of, write_folder

import tinygrad_edu as torch
import tinygrad_edu.nn as nn
import tinygrad_edu.nn.functional as F
import tinygrad_edu.optim as optim
from tinygrad_edu.datasets import transforms as T
from tinygrad_edu.utils.data import DataLoader, sampler

FILES = cifar_files(20)
CIFAR10 = cifar_class(FILES, tar_of(FILES))  # knows the MD5 sums of these small files
NUM_TRAIN = 80

device, dtype = torch.device("cpu"), torch.float32


@pytest.fixture
def loaders(tmp_path):
    """Batches of the first pictures to train with, and of the others to validate."""
    torch.manual_seed(0)
    write_folder(tmp_path, FILES)
    transform = T.Compose(
        [T.ToTensor(), T.Normalize((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010))]
    )
    data = CIFAR10(tmp_path, train=True, download=False, transform=transform)
    parts = range(NUM_TRAIN), range(NUM_TRAIN, len(data))
    return [
        DataLoader(data, batch_size=16, sampler=sampler.SubsetRandomSampler(part)) for part in parts
    ]


def flatten(x):
    return x.view(x.shape[0], -1)


# --- bare tensors ---------------------------------------------------------------------------------


def random_weight(shape):
    fan_in = shape[0] if len(shape) == 2 else torch.tensor(shape[1:]).prod().item()
    w = torch.randn(shape, device=device, dtype=dtype) * (2.0 / fan_in) ** 0.5
    w.requires_grad = True
    return w


def zero_weight(shape):
    return torch.zeros(shape, device=device, dtype=dtype, requires_grad=True)


def two_layer_fc(x, params):
    w1, w2 = params
    return F.relu(flatten(x).mm(w1)).mm(w2)


def three_layer_convnet(x, params):
    conv_w1, conv_b1, conv_w2, conv_b2, fc_w, fc_b = params
    x = F.conv2d(x, conv_w1, conv_b1, padding=2).clamp(min=0)
    x = F.conv2d(x, conv_w2, conv_b2, padding=1).clamp(min=0)
    return flatten(x).mm(fc_w) + fc_b


def accuracy_of_bare_tensors(loader, model_fn, params):
    num_correct, num_samples = 0, 0
    with torch.no_grad():
        for x, y in loader:
            x, y = x.to(device=device, dtype=dtype), y.to(device=device, dtype=torch.int64)
            _, preds = model_fn(x, params).max(1)
            num_correct += (preds == y).sum()
            num_samples += preds.size(0)
    return float(num_correct) / num_samples


@pytest.mark.parametrize("name", ["two_layer_fc", "three_layer_convnet"])
def test_bare_tensors(name, loaders):
    train, val = loaders
    if name == "two_layer_fc":
        model_fn, learning_rate = two_layer_fc, 1e-2
        params = [random_weight((3 * 32 * 32, 60)), random_weight((60, 10))]
    else:
        model_fn, learning_rate = three_layer_convnet, 1e-2
        params = [
            random_weight((6, 3, 5, 5)), zero_weight((6,)),
            random_weight((4, 6, 3, 3)), zero_weight((4,)),
            random_weight((4 * 32 * 32, 10)), zero_weight((10,)),
        ]  # fmt: skip
    assert model_fn(torch.zeros((64, 3, 32, 32), dtype=dtype), params).size() == (64, 10)
    for _ in range(6):
        for x, y in train:
            loss = F.cross_entropy(model_fn(x.to(device=device, dtype=dtype), params), y)
            loss.backward()
            with torch.no_grad():
                for w in params:
                    w -= learning_rate * w.grad
                    w.grad.zero_()
    assert accuracy_of_bare_tensors(train, model_fn, params) > 0.7
    assert 0 <= accuracy_of_bare_tensors(val, model_fn, params) < 0.5  # the labels are random


# --- modules --------------------------------------------------------------------------------------


class ThreeLayerConvNet(nn.Module):
    def __init__(self, in_channel, channel_1, channel_2, num_classes):
        super().__init__()
        self.conv_1 = nn.Conv2d(in_channel, channel_1, 5, padding=2)
        nn.init.kaiming_normal_(self.conv_1.weight)
        nn.init.constant_(self.conv_1.bias, 0)
        self.conv_2 = nn.Conv2d(channel_1, channel_2, 3, padding=1)
        nn.init.kaiming_normal_(self.conv_2.weight)
        nn.init.constant_(self.conv_2.bias, 0)
        self.fc = nn.Linear(channel_2 * 32 * 32, num_classes)

    def forward(self, x):
        return self.fc(flatten(F.relu(self.conv_2(F.relu(self.conv_1(x))))))


class Flatten(nn.Module):
    def forward(self, x):
        return flatten(x)


def nested():
    """Blocks of blocks, with a layer written by hand, and all weights drawn by a function."""
    blocks = [
        nn.Sequential(nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU(), nn.MaxPool2d(2))
        for a, b in ((3, 6), (6, 8))
    ]
    model = nn.Sequential(*blocks, Flatten(), nn.Linear(8 * 8 * 8, 10))

    def init_weights(m):
        if isinstance(m, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(m.weight)

    return model.apply(init_weights)


def check_accuracy(loader, model):
    num_correct, num_samples = 0, 0
    model.eval()
    with torch.no_grad():
        for x, y in loader:
            x = x.to(device=device, dtype=dtype)
            y = y.to(device=device, dtype=torch.long)
            _, preds = model(x).max(1)
            num_correct += (preds == y).sum()
            num_samples += preds.size(0)
    return float(num_correct) / num_samples


@pytest.mark.parametrize(
    "build, optimizer",
    [
        (lambda: ThreeLayerConvNet(3, 6, 4, 10), lambda p: optim.Adam(p, lr=3e-3)),
        (nested, lambda p: optim.SGD(p, lr=2e-2, momentum=0.9, nesterov=True)),
    ],
    ids=["module", "sequential"],
)
def test_modules(build, optimizer, loaders):
    train, val = loaders
    model = build().to(device=device)
    optimizer = optimizer(model.parameters())
    for _ in range(6):
        for x, y in train:
            model.train()
            x = x.to(device=device, dtype=dtype)
            y = y.to(device=device, dtype=torch.long)
            loss = F.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert check_accuracy(train, model) > 0.7
    assert 0 <= check_accuracy(val, model) < 0.5
