"""Kernels: arrays in, arrays out, no Tensor anywhere; the ops in `ops/` add the gradient rules.

Read `reference.py` first: it says in plain loops what the fast files compute.
"""
