"""What a process of its own is asked for, to see that its memory is measured; imports little, which would count too."""

import numpy as np

from stroke_ctp.benchmarks.measuring import Timing


def allocate(megabytes: int) -> list[Timing]:
    """Fill that much memory."""
    held = np.ones(megabytes * 2**20, np.uint8)
    return [Timing("allocate", [float(held[-1])])]
