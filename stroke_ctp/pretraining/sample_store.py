"""Training samples on disk: simulated once, read whenever a step draws them."""

from pathlib import Path

import numpy as np

from stroke_ctp.common.files import atomic_write
from stroke_ctp.common.parallel import parallel_map, with_progress
from stroke_ctp.common.random_streams import Purpose, numpy_generator
from stroke_ctp.pretraining.rendering import TrainingSample, draw_sample

_IMAGES = ("frames", "inside", "truth", "tissue")


class SampleStore:
    """The only reader and writer of a folder of samples."""

    def __init__(self, folder: Path, seed: int) -> None:
        """Name a store; nothing is read or written yet.

        Args:
            folder: Of the samples.
            seed: A sample is a function of seed and number alone.
        """
        self.folder, self.seed = folder, seed

    def complete(self, n: int, jobs: int) -> None:
        """Simulate those of the first `n` samples that are not there yet, in `jobs` processes."""
        missing = [number for number in range(n) if not self._path(number).exists()]
        results = parallel_map(self.write, missing, jobs) if missing else []
        for _ in with_progress(results, "simulate", "patients", n, n - len(missing)):
            pass

    def __getitem__(self, number: int) -> TrainingSample:
        try:
            return self._read(number)
        except Exception:  # zipfile and NumPy raise errors of many types on a damaged file, which can be made again
            self.write(number)
            return self._read(number)

    def _read(self, number: int) -> TrainingSample:
        with np.load(self._path(number)) as stored:
            return TrainingSample(**{name: stored[name] for name in (*_IMAGES, "times")})

    def write(self, number: int) -> None:
        """Simulate one sample, in half precision: 0.03 HU at 50 HU."""
        sample = draw_sample(numpy_generator(self.seed, Purpose.PRETRAINING_PATIENT, number))
        images = {name: getattr(sample, name).astype(np.float16) for name in _IMAGES}
        with atomic_write(self._path(number)) as partial_file:
            np.savez(partial_file, **images, times=sample.times.astype(np.float32))

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:06d}.npz"
