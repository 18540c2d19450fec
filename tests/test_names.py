"""The names of the op set: each stands where PyTorch has it, and takes PyTorch's arguments.

The lists are what a course or a small network needs. PyTorch says of each of its functions which
arguments it takes, in which order, which of them by name alone, and with which defaults; a call
that is right there must be right here.
"""

from __future__ import annotations

import inspect
from typing import NamedTuple

import pytest

import tinygrad_edu as tg

try:
    import torch
except ImportError:
    torch = None

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")

NAMES = {
    "pointwise": """
        add sub subtract rsub mul multiply div divide true_divide floor_divide remainder pow neg
        negative abs absolute sign exp exp2 expm1 log log2 log10 log1p sqrt rsqrt square reciprocal
        sin cos tan asin acos atan atan2 sinh cosh tanh sigmoid logit erf floor ceil round trunc
        maximum minimum clamp clip clamp_min clamp_max where lerp addcmul addcdiv logaddexp xlogy
        nan_to_num isnan isinf isfinite isclose allclose equal eq ne lt le gt ge logical_and
        logical_or logical_not logical_xor bitwise_and bitwise_or bitwise_xor bitwise_not""",
    "reductions and scans": """
        sum mean prod var std var_mean std_mean amax amin max min argmax argmin median nansum
        nanmean logsumexp norm all any count_nonzero cumsum cumprod diff softmax log_softmax""",
    "linear algebra": """
        matmul mm bmm mv dot inner outer addmm baddbmm einsum tensordot trace cdist linalg.norm
        linalg.vector_norm linalg.matrix_norm linalg.inv linalg.solve linalg.det linalg.slogdet
        linalg.cholesky linalg.svd linalg.svdvals linalg.eigh linalg.eigvalsh""",
    "shapes and indices": """
        reshape view view_as reshape_as flatten unflatten ravel squeeze unsqueeze transpose swapaxes
        swapdims movedim moveaxis permute t T mT expand expand_as broadcast_to broadcast_tensors cat
        concat concatenate stack hstack vstack split chunk unbind narrow select flip roll repeat
        repeat_interleave tile meshgrid index_select gather scatter scatter_add index_add
        take_along_dim masked_fill masked_select tril triu diagonal diag nonzero sort argsort topk
        unique bincount clone contiguous atleast_1d atleast_2d""",
    "activations": """
        relu relu6 leaky_relu prelu elu selu gelu silu softplus softsign hardtanh logsigmoid glu
        softmin softmax log_softmax normalize cosine_similarity""",
    "layers": """
        linear conv1d conv2d conv_transpose1d conv_transpose2d fold max_pool1d max_pool2d avg_pool1d
        avg_pool2d adaptive_avg_pool2d adaptive_max_pool2d pad interpolate batch_norm instance_norm
        layer_norm group_norm rms_norm dropout dropout2d embedding one_hot
        scaled_dot_product_attention nn.functional.unfold""",
    "losses": """
        cross_entropy nll_loss mse_loss l1_loss smooth_l1_loss huber_loss binary_cross_entropy
        binary_cross_entropy_with_logits kl_div multi_margin_loss hinge_embedding_loss
        margin_ranking_loss cosine_embedding_loss triplet_margin_loss""",
}
ALL = [name for names in NAMES.values() for name in names.split()]
PLACES = ["", "Tensor", "nn.functional", "linalg"]

# What PyTorch has there as well, with other arguments, and without a word in its documents.
INSIDE_PYTORCH = {
    "batch_norm", "instance_norm", "embedding", "dropout", "binary_cross_entropy_with_logits",
    "kl_div", "cosine_embedding_loss", "hinge_embedding_loss", "margin_ranking_loss",
    "triplet_margin_loss",
}  # fmt: skip
ELSEWHERE = {"linalg.diagonal", "linalg.matmul"}  # the same as `diagonal` and `matmul`


def found(library, place: str, name: str):
    """What a library has under that name, or None."""
    for part in [*place.split("."), name] if place else [name]:
        library = getattr(library, part, None)
    return library


def pairs():
    """Every name with each place where it stands in PyTorch."""
    for full in dict.fromkeys(ALL) if torch is not None else ():
        place, _, name = full.rpartition(".")
        for at in [place] if place else PLACES:
            hidden = (not at and name in INSIDE_PYTORCH) or f"{at}.{name}" in ELSEWHERE
            if found(torch, at, name) is not None and not hidden:
                yield pytest.param(at, name, id=f"{at}.{name}".strip("."))


every_name = pytest.mark.parametrize("place, name", list(pairs()))


@pytest.mark.parametrize("full", list(dict.fromkeys(ALL)))
def test_every_name_is_there(full):
    place, _, name = full.rpartition(".")
    assert any(found(tg, at, name) is not None for at in ([place] if place else PLACES))


@pytest.mark.parity
@needs_torch
@every_name
def test_every_name_stands_where_pytorchs_does(place, name):
    assert found(tg, place, name) is not None


# Names in place that change a shape: see the page of differences.
SHAPES = {"squeeze_", "unsqueeze_", "t_", "transpose_", "swapaxes_", "swapdims_"}


@pytest.mark.parity
@needs_torch
@pytest.mark.parametrize("name", list(dict.fromkeys(ALL)))
def test_every_form_in_place_is_there(name):
    form = f"{name}_"
    if hasattr(torch.Tensor, form) and form not in SHAPES:
        assert hasattr(tg.Tensor, form)


# --- arguments ----------------------------------------------------------------------------------

# Arguments that are not there, see the page of differences, or that have no meaning here.
LEFT_OUT = {
    "out", "out_dtype", "memory_format", "driver", "sparse_grad", "cudnn_enabled", "cudnn_enable",
    "size_average", "reduce", "max_norm", "norm_type", "scale_grad_by_freq", "sparse", "enable_gqa",
    "antialias", "implicit",
}  # fmt: skip
# Forms of a call that are told apart by what is given, not by its place.
BY_KIND = {
    ("std", "unbiased"), ("var", "unbiased"), ("std_mean", "unbiased"), ("var_mean", "unbiased"),
    ("max", "other"), ("min", "other"), ("scatter", "value"), ("view", "size"), ("view", "dtype"),
    ("where", "input"),
}  # fmt: skip
FREER = {("cholesky", "upper")}  # `torch.cholesky` takes by place what `linalg.cholesky` does not
LOSSES = NAMES["losses"].split()  # what stands behind old arguments is given by name


class Argument(NamedTuple):
    name: str
    place: int
    by_name: bool
    default: object


def arguments(function) -> list[Argument]:
    """The arguments of a function of Python: all but the first, and those before `*tensors`."""
    found = []
    for p in inspect.signature(function).parameters.values():
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            break
        default = None if p.default is p.empty else p.default
        if p.name not in ("_stacklevel", "out"):
            found.append(Argument(p.name, len(found), p.kind is p.KEYWORD_ONLY, default))
    return found[1:]


def overloads(place: str, name: str) -> list[list[Argument]]:
    """The arguments of PyTorch's function, for each form of its call."""
    function = found(torch, place, name)
    if inspect.isfunction(function):
        return [arguments(function)]
    full = f"aten::linalg_{name}" if place == "linalg" else f"aten::{name}"
    forms = []
    for schema in torch._C._jit_get_schemas_for_operator(full):
        given = schema.arguments
        # Others are functions of lists and numbers, which only its own language calls.
        of_tensors = given and (str(given[0].type) == "Tensor" or given[0].name == "tensors")
        by_dim_names = any(a.name == "dim" and "str" in str(a.type) for a in given)
        if of_tensors and not by_dim_names and not any(a.is_out for a in given):
            forms.append([
                Argument({"self": "input"}.get(a.name, a.name), i, a.kwarg_only, a.default_value)
                for i, a in enumerate(given)
            ][1:])  # fmt: skip
    return forms


def plain(default):
    """A default that may be written in two ways: 0 or [0, 0], None or []."""
    if isinstance(default, (list, tuple)):
        return plain(default[0]) if len(set(default)) == 1 else tuple(default) or None
    return default


@pytest.mark.parity
@needs_torch
@every_name
def test_arguments_are_pytorchs(place, name):
    if isinstance(vars(tg.Tensor).get(name), property):
        return
    mine = {a.name: a for a in arguments(found(tg, place, name))}
    theirs = [a for form in overloads(place, name) for a in form if a.name not in LEFT_OUT]
    placed = {a.name for a in theirs if not a.by_name}
    for a in theirs:
        if (name, a.name) in BY_KIND or a.name.startswith("axis"):  # the older name of dim
            continue
        assert a.name in mine, f"{a.name} is missing among {list(mine)}"
        b = mine[a.name]
        if a.name not in placed:
            assert b.by_name or (name, a.name) in FREER, f"{a.name} is given by name alone"
        elif not a.by_name:
            assert b.place == a.place or (b.by_name and name in LOSSES), (a, b)
        if a.default is not None and b.default is not None:
            assert plain(b.default) in [plain(x.default) for x in theirs if x.name == a.name]


def test_what_is_given_by_name_has_no_place():
    x = tg.ones(2, 3)
    with pytest.raises(TypeError, match="sum: expected at most 3 arguments, got 4; give dtype by"):
        tg.sum(x, 0, True, tg.float64)
    with pytest.raises(TypeError, match="addcmul: expected at most 3 arguments, got 4; give value"):
        x.addcmul(x, x, 2)
    assert tg.sum(x, 0, True, dtype=tg.float64).dtype == tg.float64
    assert tg.swapaxes(x, axis0=0, axis1=1).shape == (3, 2)
