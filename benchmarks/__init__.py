"""Scripts that measure the engine beside NumPy and PyTorch: `python -m benchmarks.overhead`."""
