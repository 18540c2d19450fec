"""Data sets, samplers and the loader that makes batches of them, under PyTorch's names."""

from __future__ import annotations

from . import transforms
from .cifar import CIFAR10, cifar10_split
from .collate import default_collate, default_convert
from .dataset import (
    ChainDataset,
    ConcatDataset,
    Dataset,
    IterableDataset,
    StackDataset,
    Subset,
    TensorDataset,
    random_split,
)
from .digits import digits
from .loader import DataLoader
from .mnist import MNIST, FashionMNIST
from .patches import cut_patches, patches, preprocess_patches, read_patches
from .sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from .synthetic import SYNTHETIC_CLASSES, synthetic_cifar10
from .worker import get_worker_info

__all__ = [
    "BatchSampler",
    "CIFAR10",
    "ChainDataset",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "FashionMNIST",
    "IterableDataset",
    "MNIST",
    "RandomSampler",
    "Sampler",
    "SYNTHETIC_CLASSES",
    "SequentialSampler",
    "StackDataset",
    "Subset",
    "SubsetRandomSampler",
    "TensorDataset",
    "WeightedRandomSampler",
    "cifar10_split",
    "cut_patches",
    "default_collate",
    "default_convert",
    "digits",
    "get_worker_info",
    "patches",
    "preprocess_patches",
    "random_split",
    "read_patches",
    "synthetic_cifar10",
    "transforms",
]
