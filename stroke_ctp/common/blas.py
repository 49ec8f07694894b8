"""Threads of the linear algebra of NumPy and SciPy."""

from threadpoolctl import threadpool_limits


def one_blas_thread() -> threadpool_limits:
    """A context in which products and decompositions of small matrices take one thread.

    Several threads wait for each other longer than such a product takes, and many times as long beside other programs.
    """
    return threadpool_limits(1, "blas")
