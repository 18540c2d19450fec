"""Silence at the edge of a domain: log 0, 1/0 and 0/0 give inf and nan without a word.

As in PyTorch. NumPy would warn; the decorator costs half a microsecond, so only kernels that can
reach such an edge have it.
"""

import numpy as np

quiet: np.errstate = np.errstate(all="ignore")
