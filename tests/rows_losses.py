"""Rows of the losses that are not against classes, and of what measures vectors."""

from __future__ import annotations

import numpy as np
import scipy.spatial
import scipy.special
from op_cases import Family, broadcast, case, row

# fmt: off

# --- differences and probabilities --------------------------------------------------------------

REDUCTIONS = [case((2, 3), (2, 3)), case((2, 3), (2, 3), reduction="sum"),
              case((2, 3), (2, 3), reduction="none"), case((), ())]
UNKNOWN = [case((2, 3), (2, 3), reduction="all")]
WEIGHT = np.array([[0.5, 1.0, 2.0], [1.0, 0.0, 3.0]])
ANSWERS = np.array([[1.0, 0.0, 1.0], [0.25, 1.0, 0.0]])
SIDES = np.array([[1.0, -1.0, 1.0], [-1.0, -1.0, 1.0]])
LABELS = np.array([2, 0, 1, 2])


def reduce(losses, reduction, divisor=None):
    if reduction == "mean":
        return losses.sum() / (losses.size if divisor is None else divisor)
    return losses.sum() if reduction == "sum" else losses


def numpy_l1(x, y, reduction="mean", weight=None):
    if weight is None:
        return reduce(np.abs(x - y), reduction)
    return reduce(weight * np.abs(x - y), reduction, weight.sum())


def numpy_huber(x, y, reduction="mean", delta=1.0, weight=1.0):
    return reduce(scipy.special.huber(delta, x - y) * weight, reduction)


def numpy_smooth_l1(x, y, reduction="mean", beta=1.0):
    if not beta:
        return numpy_l1(x, y, reduction)
    return reduce(scipy.special.huber(beta, x - y) / beta, reduction)


def numpy_bce(x, y, weight=1.0, reduction="mean"):
    return reduce(-(y * np.log(x) + (1 - y) * np.log(1 - x)) * weight, reduction)


def numpy_bce_with_logits(x, target, weight=1.0, reduction="mean", pos_weight=1.0):
    log_p, log_q = scipy.special.log_expit(x), scipy.special.log_expit(-x)
    return reduce(-(pos_weight * target * log_p + (1 - target) * log_q) * weight, reduction)


def numpy_kl(x, target, reduction="mean", log_target=False):
    chances = np.exp(target) if log_target else target
    losses = scipy.special.rel_entr(chances, np.exp(x))
    if reduction == "batchmean":
        return losses.sum() / len(x)
    return reduce(losses, reduction)


def numpy_poisson(x, y, log_input=True, full=False, eps=1e-8, reduction="mean"):
    losses = np.exp(x) - y * x if log_input else x - y * np.log(x + eps)
    if full:
        many = np.maximum(y, 1)
        stirling = many * np.log(many) - many + 0.5 * np.log(2 * np.pi * many)
        losses = losses + np.where(y > 1, stirling, 0)
    return reduce(losses, reduction)


def numpy_gaussian(x, y, var, full=False, eps=1e-6, reduction="mean"):
    var = np.maximum(np.reshape(var, (*np.shape(var), 1) if np.ndim(var) < x.ndim else
                                np.shape(var)), eps)
    constant = 0.5 * np.log(2 * np.pi) if full else 0
    return reduce(0.5 * (np.log(var) + (x - y) ** 2 / var) + constant, reduction)


row("l1_loss", [*REDUCTIONS, case((2, 3), (2, 3), weight=WEIGHT),
                case((2, 3), (2, 3), weight=WEIGHT, reduction="sum")], numpy_l1,
    bad=[*UNKNOWN, case((2, 3), (2, 3), weight=WEIGHT[0])])
row("smooth_l1_loss", [*REDUCTIONS, case((2, 3), (2, 3), beta=0.5), case((2, 3), (2, 3), beta=0)],
    numpy_smooth_l1, bad=[*UNKNOWN, case((2,), (2,), beta=-1)])
row("huber_loss", [*REDUCTIONS, case((2, 3), (2, 3), delta=0.5),
                   case((2, 3), (2, 3), weight=WEIGHT)], numpy_huber,
    bad=[*UNKNOWN, case((2,), (2,), delta=0), case((2, 3), (2, 3), weight=WEIGHT[0])])
CHANCES = Family([*REDUCTIONS, case((2, 3), (2, 3), weight=WEIGHT),
                  case((2, 3), (2, 3), weight=WEIGHT[0], reduction="none")],
                 [*UNKNOWN, case((2, 3), (3,))])
row("bernoulli_loss", Family([case((2, 3), (2, 3)), case((), ())], (), broadcast(2)),
    lambda x, y: numpy_bce(x, y, reduction="none"), domain="probability", torch=None)
row("score_loss", [case((2, 3), (2, 3)), case((), ()), case((0, 2), (0, 2))],
    lambda x, y: numpy_bce_with_logits(x, y, reduction="none"), torch=None)
row("binary_cross_entropy", CHANCES, numpy_bce, domain="probability")
row("binary_cross_entropy_with_logits",
    CHANCES.with_cases(case((2, 3), (2, 3), pos_weight=WEIGHT[0]),
                       case((2, 3), target=ANSWERS, pos_weight=WEIGHT[0])),
    numpy_bce_with_logits, torch="nn.functional.binary_cross_entropy_with_logits")
row("kl_div", [*REDUCTIONS, case((2, 3), (2, 3), reduction="batchmean"),
               case((2, 3), target=ANSWERS), case((2, 3), (2, 3), log_target=True)], numpy_kl,
    domain="probability", torch=None, bad=UNKNOWN)

row("poisson_nll_loss",
    [*REDUCTIONS, case((2, 3), (2, 3), log_input=False), case((2, 3), (2, 3), full=True),
     case((2, 3), (2, 3), log_input=False, eps=0.5, full=True)], numpy_poisson,
    domain="positive", torch="nn.functional.poisson_nll_loss", bad=UNKNOWN)
row("gaussian_nll_loss",
    [case((2, 3), (2, 3), (2, 3)), case((2, 3), (2, 3), (2, 1), reduction="sum"),
     case((2, 3), (2, 3), (2,), reduction="none", full=True), case((2, 3), (1, 3), (2, 3)),
     case((2, 3), (2, 3), var=0.5)], numpy_gaussian,
    domain="positive", torch="nn.functional.gaussian_nll_loss",
    bad=[case((2, 3), (2, 3), (2, 3), reduction="all"), case((2, 3), (2, 3), (3,)),
         case((2, 3), (2, 3), var=-1.0), case((2, 3), (3, 2), (2, 3))])

# --- margins ------------------------------------------------------------------------------------


def loop_multi_margin(x, target, p=1, margin=1.0, weight=None, reduction="mean"):
    rows, labels = np.atleast_2d(x), np.atleast_1d(target)
    K = rows.shape[1]
    losses = np.zeros(len(rows))
    for n, (scores, y) in enumerate(zip(rows, labels, strict=True)):
        for k in range(K):
            if k != y:
                share = 1 if weight is None else weight[y]
                losses[n] += share * max(0, margin - scores[y] + scores[k]) ** p / K
    return reduce(losses.reshape(target.shape), reduction)


def numpy_hinge(x, target, margin=1.0, reduction="mean"):
    return reduce(np.where(target == 1, x, np.maximum(0, margin - x)), reduction)


def numpy_ranking(x, y, target, margin=0.0, reduction="mean"):
    return reduce(np.maximum(0, -target * (x - y) + margin), reduction)


def numpy_cosine(x, y, axis=1, eps=1e-8):
    x, y = np.broadcast_arrays(x, y)
    sizes = [np.maximum(np.sqrt((v * v).sum(axis)), eps) for v in (x, y)]
    return (x * y).sum(axis) / (sizes[0] * sizes[1])


def numpy_cosine_loss(x, y, target, margin=0.0, reduction="mean"):
    cosine = numpy_cosine(x, y, -1)
    return reduce(np.where(target == 1, 1 - cosine, np.maximum(0, cosine - margin)), reduction)


def numpy_norm(x, p, axis, keepdims=False):
    return np.asarray(np.linalg.norm(x, p, axis, keepdims) if x.ndim else np.abs(x))


def numpy_triplet(a, b, c, margin=1.0, p=2, eps=1e-6, swap=False, reduction="mean"):
    near, far, other = (numpy_norm(v + eps, p, -1) for v in (a - b, a - c, b - c))
    far = np.minimum(far, other) if swap else far
    return reduce(np.maximum(0, near - far + margin), reduction)


row("multi_margin_loss",
    [case((4, 3), target=LABELS), case((4, 3), target=LABELS, reduction="sum", margin=0.5),
     case((4, 3), target=LABELS, p=2), case((3,), target=np.array(1)),
     case((4, 3), target=LABELS, weight=WEIGHT[0], reduction="none")], loop_multi_margin,
    torch="nn.functional.multi_margin_loss",
    bad=[case((4, 3), target=LABELS + 1), case((4, 3), target=LABELS, p=3),
         case((3, 3), target=LABELS), case((2, 4, 3), target=LABELS),
         case((4, 3), target=LABELS, weight=WEIGHT), case((4, 3), target=LABELS, reduction="all")])
# PyTorch rounds hinge losses of integers to integers.
row("hinge_embedding_loss",
    [case((2, 3), target=SIDES), case((2, 3), target=SIDES, margin=0.5, reduction="none"),
     case((2, 3), target=SIDES, reduction="sum")], numpy_hinge,
    integers=False, torch="nn.functional.hinge_embedding_loss",
    bad=[case((2, 3), target=SIDES, reduction="all")])
row("soft_margin_loss",
    [case((2, 3), target=SIDES), case((2, 3), target=SIDES, reduction="none"),
     case((2, 3), target=SIDES, reduction="sum")],
    lambda x, target, reduction="mean": reduce(np.log1p(np.exp(-target * x)), reduction),
    torch="nn.functional.soft_margin_loss",
    bad=[case((2, 3), target=SIDES, reduction="all"), case((2, 2), target=SIDES)])
row("margin_ranking_loss",
    [case((2, 3), (2, 3), target=SIDES), case((3,), (3,), target=SIDES[0], margin=0.5),
     case((2, 3), (1, 3), target=SIDES, reduction="none")], numpy_ranking,
    torch="nn.functional.margin_ranking_loss",
    bad=[case((2, 3), (3,), target=SIDES), case((2, 3), (2, 3), target=SIDES, reduction="all")])
row("cosine_embedding_loss",
    [case((2, 4), (2, 4), target=SIDES[0, :2]), case((3,), (3,), target=np.array(-1)),
     case((3, 4), (3, 4), target=SIDES[0], margin=0.25, reduction="none")], numpy_cosine_loss,
    torch="nn.functional.cosine_embedding_loss",
    bad=[case((2, 3), (2, 3), target=SIDES), case((2, 3), (3,), target=SIDES[0, :2])])
row("triplet_margin_loss",
    [case((4, 3), (4, 3), (4, 3)), case((4, 3), (4, 3), (4, 3), swap=True, reduction="none"),
     case((3,), (3,), (3,), p=1, margin=2.0), case((2, 3), (2, 3), (2, 3), p=3, reduction="sum"),
     case((2, 3), (1, 3), (2, 3), p=np.inf)], numpy_triplet,
    torch="nn.functional.triplet_margin_loss",
    bad=[case((2, 3), (3,), (2, 3)), case((3,), (3,), (3,), margin=0),
         case((3,), (3,), (3,), reduction="all")])
row("normalize", [case((2, 3)), case((2, 3), dim=0, p=1), case((2, 3), p=np.inf),
                  case((2, 3, 2), dim=-1, p=3.0), case((2, 3), eps=10.0), case((0, 3))],
    lambda x, p=2, axis=1, eps=1e-12: x / np.maximum(numpy_norm(x, p, axis, True), eps),
    bad=[case((2, 3), dim=2)])
row("cosine_similarity", [case((2, 3), (2, 3)), case((2, 3), (2, 3), dim=0),
                          case((2, 1, 4), (3, 4), dim=-1), case((3,), (2, 3)),
                          case((0, 3), (0, 3))], numpy_cosine,
    bad=[case((2, 3), (2, 4)), case((2, 3), (2, 3), dim=2)])
row("pairwise_distance", [case((2, 3), (2, 3)), case((2, 1, 4), (3, 4), p=1.0, keepdim=True),
                          case((3,), (2, 3), eps=0.5), case((2, 3), (2, 3), p=np.inf)],
    lambda x, y, p=2, eps=1e-6, keepdims=False: numpy_norm(x - y + eps, p, -1, keepdims),
    bad=[case((2, 3), (2, 4))])
