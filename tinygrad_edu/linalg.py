"""Linear algebra under PyTorch's names: `tg.linalg.inv`, `solve`, `det`, `norm` and their kin.

>>> import tinygrad_edu as tg
>>> A = tg.tensor([[2.0, 0.0], [0.0, 4.0]])
>>> tg.linalg.det(A), tg.linalg.norm(tg.tensor([3.0, 4.0]))
(tensor(8.), tensor(5.))
"""

from tinygrad_edu.errors import LinAlgError
from tinygrad_edu.ops.norms import linalg_norm as norm
from tinygrad_edu.ops.norms import matrix_norm, vector_norm
from tinygrad_edu.ops.solve import cholesky, det, inv, slogdet, solve
from tinygrad_edu.ops.spectral import eigh, eigvalsh, svd, svdvals

__all__ = [
    "LinAlgError", "cholesky", "det", "eigh", "eigvalsh", "inv", "matrix_norm", "norm", "slogdet",
    "solve", "svd", "svdvals", "vector_norm",
]  # fmt: skip
