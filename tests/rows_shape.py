"""Rows of the ops that rearrange, cut, repeat and join tensors."""

from __future__ import annotations

import numpy as np
from op_cases import ONE, case, listed, row

PLANE = np.arange(1.0, 7).reshape(2, 3)


# fmt: off

# --- shapes -----------------------------------------------------------------------------------

row("reshape_as", [case((2, 3), other=PLANE.T), case((), other=np.ones((1, 1)))],
    lambda x, other: x.reshape(other.shape), torch="Tensor.reshape_as",
    bad=[case((2, 3), other=np.ones(4))])
row("ravel", [case((2, 3)), case(()), case((0, 3))], np.ravel)
row("unflatten", [case((2, 6), 1, sizes=(2, 3)), case((2, 6), -1, sizes=(2, -1)),
                  case((2, 6), 0, sizes=(1, 2)), case((0, 2), 0, sizes=(0, 3))],
    lambda x, axis, sizes: x.reshape(*x.shape[: axis % 2], *sizes, *x.shape[axis % 2 + 1 :]),
    bad=[case((2, 6), 1, sizes=(4, 2)), case((2, 6), 1, sizes=(4, -1)),
         case((2, 6), 2, sizes=(6,)), case((2, 6), 1, sizes=(-1, -1)), case((), 0, sizes=(1,))])
row("movedim", [case((2, 3, 4), source=0, destination=-1),
                case((2, 3, 4), source=(0, 1), destination=(2, 0)),
                case((), source=0, destination=0)],
    lambda x, source, destination: np.moveaxis(x, source, destination) if x.ndim else x,
    bad=[case((2, 3), source=2, destination=0), case((2, 3), source=(0, 0), destination=(0, 1)),
         case((2, 3), source=(0, 1), destination=0)])
row("flip", [case((2, 3), dims=(0,)), case((2, 3, 4), dims=(-1, 0)), case((2, 0), dims=(0,)),
             case((), dims=(0,)), case((2, 3), dims=())],
    lambda x, dims: np.flip(x, dims) if x.ndim else x,
    bad=[case((2, 3), dims=(2,)), case((2, 3), dims=(0, 0))])
row("roll", [case((2, 3), shifts=4), case((2, 3), shifts=-1, dims=1),
             case((0, 3), shifts=1, dims=0), case((2, 3, 4), shifts=(1, -2), dims=(0, -1)),
             case((), shifts=1), case((2, 3), shifts=(1, 1), dims=(0, 0))],
    lambda x, shifts, dims=None: np.roll(x, shifts, dims),
    bad=[case((2, 3), shifts=(1, 2), dims=0), case((2, 3), shifts=1, dims=2),
         case((2, 3), shifts=(1, 2))])


# --- parts ------------------------------------------------------------------------------------


def numpy_split(x, split_size_or_sections, axis=0):
    """As PyTorch: into parts of one size, or of several."""
    sizes = split_size_or_sections
    if isinstance(sizes, int):
        return np.split(x, range(sizes, x.shape[axis], sizes), axis) if x.shape[axis] else [x]
    return np.split(x, np.cumsum(sizes)[:-1], axis)


def numpy_narrow(x, axis, start, length):
    return np.take(x, np.arange(start, start + length), axis)


row("narrow", [case((4, 3), dim=0, start=1, length=2), case((4, 3), dim=-1, start=-2, length=2),
               case((4,), dim=0, start=4, length=0), case((4,), dim=0, start=0, length=4)],
    numpy_narrow,
    bad=[case((4, 3), dim=0, start=3, length=2), case((4, 3), dim=2, start=0, length=1),
         case((4,), dim=0, start=-5, length=1), case((4,), dim=0, start=0, length=-1),
         case((), dim=0, start=0, length=1)])
row("select", [case((2, 3), dim=0, index=1), case((2, 3, 4), dim=1, index=-1),
               case((3,), dim=0, index=0)],
    lambda x, axis, index: np.take(x, index, axis),
    bad=[case((2, 3), dim=0, index=2), case((2, 3), dim=2, index=0), case((), dim=0, index=0)])
row("all_of", ONE, np.copy, torch=None)
row("part_of", [case((5, 3), index=(slice(1, 3),), whole=None),
                case((2, 3), index=(slice(None), 1), whole=None)],
    lambda x, index, whole: x[index], torch=None)
row("split", [case((5, 3), 2), case((5, 3), 3, dim=1), case((5, 3), 7), case((0, 3), 2),
              case((5, 2), split_size_or_sections=[1, 0, 4]),
              case((2, 5), split_size_or_sections=[2, 3], dim=-1)],
    numpy_split,
    bad=[case((5, 3), 0), case((5, 3), -1), case((5, 3), [2, 2]), case((5, 3), 2, dim=2),
         case((5,), split_size_or_sections=[6, -1]), case((), 1)])
row("chunk", [case((5, 3), 2), case((4, 3), 3, dim=-1), case((3,), 5), case((0, 2), 2)],
    lambda x, n, axis=0: numpy_split(x, -(-x.shape[axis] // n), axis) if x.size else [x] * n,
    bad=[case((5, 3), 0), case((5, 3), 2, dim=2), case((), 1)])
row("unbind", [case((2, 3)), case((2, 3, 2), dim=-2), case((3,)), case((2, 0))],
    lambda x, axis=0: tuple(np.moveaxis(x, axis, 0)), bad=[case((2, 3), dim=2), case(())])


# --- repetition -------------------------------------------------------------------------------

row("repeat", [case((2, 3), repeats=(2, 1)), case((3,), repeats=(2, 2)), case((), repeats=(3,)),
               case((2, 3), repeats=(1, 1)), case((2, 3), repeats=(0, 2)), case((), repeats=())],
    lambda x, repeats: np.tile(x, repeats), torch="Tensor.repeat",
    bad=[case((2, 3), repeats=(2,)), case((2,), repeats=(-1,))])
row("tile", [case((2, 3), dims=(2,)), case((3,), dims=(2, 2)), case((2, 3), dims=()),
             case((), dims=(2, 1))],
    lambda x, dims: np.tile(x, dims), bad=[case((2,), dims=(-1,))])
row("repeat_interleave", [case((2, 3), 2), case((2, 3), 2, dim=1), case((2, 3), 0, dim=0),
                          case((2, 3), repeats=np.array([2, 1, 0]), dim=-1),
                          case((2, 3), repeats=np.array([3]), dim=0), case((), 3),
                          case((2, 3), repeats=np.array([1, 2]), dim=0, output_size=3)],
    lambda x, repeats, axis=None, output_size=None: np.repeat(x, repeats, axis),
    bad=[case((2, 3), -1), case((2, 3), repeats=np.array([1, 2]), dim=1), case((2, 3), 2, dim=2),
         case((2, 3), 2, dim=0, output_size=3)])
row("repeated_places", [case(np.array([2, 0, 1])), case(np.array([], np.int64))],
    lambda n: np.repeat(np.arange(len(n)), n), torch="repeat_interleave", gradient=False,
    bad=[case(np.array([-1])), case((2,))])
row("broadcast_tensors", [case((2, 1), (3,)), case((), (2,)), case((2, 0), (1, 1)), case((2,))],
    np.broadcast_arrays, bad=[case((2, 3), (4,))])
row("meshgrid", [case((2,), (3,), indexing="ij"), case((2,), (3,), (), indexing="xy"),
                 case((2,), indexing="xy"), case((2,), (0,), indexing="ij")],
    lambda *x, indexing: np.meshgrid(*x, indexing=indexing),
    bad=[case((2, 3), (2,)), case((2,), (3,), indexing="yx")])


# --- joins ------------------------------------------------------------------------------------

for _name, _function in {"atleast_1d": np.atleast_1d, "atleast_2d": np.atleast_2d}.items():
    row(_name, [case((3,), ()), case(()), case((2, 3), (3,)), case((2, 3, 4))],
        _function)
row("hstack", [case((2, 3), (2, 1)), case((3,), (2,)), case((), ())],
    np.hstack, call=listed, bad=[case((2, 3), (3, 3))])
row("vstack", [case((2, 3), (1, 3)), case((3,), (3,)), case((), ()), case((2, 3), (3,))],
    np.vstack, call=listed, bad=[case((2, 3), (2, 2))])
