"""Mistakes that calls show: random answers, leftovers of another call, arrays written to."""

from __future__ import annotations

import numpy as np

from tinygrad_edu.testing.doctor.case import Case, Finding, Sample, words

__all__ = [
    "dropout_drawn_anew", "input_modified", "left_over", "non_deterministic", "stale_cache",
    "values_modified", "worn_cache",
]  # fmt: skip


def non_deterministic(case: Case) -> Finding | None:
    """Forward gives something else when it is called again."""
    seen = case.observation
    if seen.repeatable:
        return None
    return Finding(
        "non-deterministic",
        "Two calls of forward with the same inputs and the random streams put back give different "
        "outputs, so there is no gradient to compare with. Seed the generator inside forward, or "
        "give it as a keyword.",
    )


def dropout_drawn_anew(case: Case) -> Finding | None:
    """Backward draws random numbers, and answers differently when asked again."""
    seen = case.observation
    if not seen.again[case.index] or not seen.drew_backward:
        return None
    if seen.drew_forward:
        return Finding(
            "dropout-mask",
            "Backward draws a mask of its own: asked twice with the same cache it gives two "
            "answers. The gradient must go through the elements that forward kept: put forward's "
            "mask into the cache.",
        )
    return Finding(
        "non-deterministic",
        "Backward draws random numbers: asked twice with the same cache it gives two answers.",
    )


def stale_cache(case: Case) -> Finding | None:
    """Another call of forward changes what an old cache gives."""
    seen = case.observation
    if seen.interleaved[case.index]:
        return Finding(
            "stale-cache",
            "Backward does not use the cache it is given: after another call of forward the old "
            "cache gives a different gradient. Something is kept outside the cache, in a global "
            "variable or an attribute, and the later call has overwritten it.",
        )
    return None


def left_over(case: Case) -> Finding | None:
    """The gradient is that of an earlier call of forward."""
    seen = case.observation
    if case.right_at(seen.elsewhere):
        return Finding(
            "stale-cache",
            "The gradient is the right one for the inputs of an earlier call of forward. Something "
            "was kept from that call and not renewed.",
        )
    return None


def worn_cache(case: Case) -> Finding | None:
    """A second backward with the same cache gives another answer."""
    seen = case.observation
    if not seen.again[case.index] or seen.drew_backward or any(seen.changed_by_backward):
        return None
    return Finding(
        "stale-cache",
        "Backward writes to what is in its cache: called again with the same cache it gives a "
        "different gradient. Work on copies (`a = a * b`, not `a *= b`).",
    )


def input_modified(case: Case) -> Finding | None:
    """The input, or the upstream gradient, is not what it was before the call."""
    seen = case.observation
    also = "" if not case.wrong else " The gradient is wrong as well."
    for changed, who in (
        (seen.changed_by_forward, "Forward"),
        (seen.changed_by_backward, "Backward"),
    ):
        if changed[case.index]:
            return Finding(
                "input-modified",
                f"{who} writes to its input {case.input}, which belongs to the caller: whoever "
                f"uses {case.input} afterwards gets other numbers. Work on a copy.{also}",
            )
    owner = seen.shares.index(True) if any(seen.shares) else 0
    if any(seen.dout_changed) and case.index == owner and seen.numbers_right:
        return Finding(
            "input-modified",
            "Backward writes to the upstream gradient it is given. The numbers of this gradient "
            "are right, but whoever uses the upstream gradient afterwards (a second branch of the "
            "network) gets other ones. Start with a copy: `dx = dout.copy()`, or `dx = dout * m`.",
        )
    return None


def values_modified(case: Case) -> Finding | None:
    """The gradient is the right one for arrays that were written to on the way."""
    seen = case.observation
    if any(seen.dout_changed) and case.shaped and case.complete:
        jacobian = case.slopes.jacobian
        ratio = seen.dout_after / seen.draws[0]

        def modified(sample: Sample) -> np.ndarray:
            return ((ratio * sample.dout) @ jacobian).reshape(case.x.shape)

        if case.explained(modified):
            return Finding(
                "input-modified",
                "Backward first writes to the upstream gradient, and then uses it for this "
                "gradient: with what it left there the numbers agree. Work on a copy (`d = dout * "
                "gamma`, not `dout *= gamma`).",
            )
    changed = [
        name
        for name, a, b in zip(
            case.pair.names, seen.changed_by_forward, seen.changed_by_backward, strict=True
        )
        if a or b
    ]
    if not changed or not case.shaped:
        return None
    after = seen.pair.run()
    if any(seen.changed_by_forward) and case.right_at(after.inputs):
        return Finding(
            "input-modified",
            f"Forward writes to its input {words(changed)} and the cache holds what was left "
            "there: with that the numbers agree. Work on a copy.",
        )
    return None
