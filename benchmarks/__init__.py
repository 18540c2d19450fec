"""Measures this package beside PyTorch and other libraries: `python -m benchmarks`."""
