from functools import partial
from pathlib import Path

from stroke_ctp.common.files import exclusive_lock
from stroke_ctp.common.parallel import shared_map


def square(number: int, *, folder: Path, wait: bool) -> int | None:
    """Work that lets others know of itself."""
    with exclusive_lock(folder / str(number), wait) as mine:
        return number**2 if mine else None


def test_what_others_are_at_comes_last_and_nothing_is_lost(tmp_path):
    results = shared_map(partial(square, folder=tmp_path), range(4), jobs=1)
    with exclusive_lock(tmp_path / "1", wait=False):
        seen = [next(results) for _ in range(3)]
        assert seen == [(0, 0), (2, 4), (3, 9)]
    assert list(results) == [(1, 1)]
