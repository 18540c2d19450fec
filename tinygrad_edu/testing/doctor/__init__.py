"""The doctor: what is wrong with a gradient written by hand, where, and why.

`pair` runs the two functions on copies, `numerical` measures the true gradient, `case` holds the
two side by side, and each function of `causes` asks whether one kind of mistake explains the
difference; `trace` lets it ask the forward function itself. `report` puts the answer into words.
"""
