"""Tools for tests: `strategies`, which draw tensors and networks with hypothesis."""
