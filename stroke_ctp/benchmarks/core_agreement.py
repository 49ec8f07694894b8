"""`python -m stroke_ctp.benchmarks.core_agreement`: what the analysis finds in simulated patients against the truth.

Without motion, three slices, 2.5 HU; by duration and sampling interval of the scan. A table in Markdown for
docs/perfusion-bias.md.
"""

import dataclasses
from collections import defaultdict
from collections.abc import Iterator
from functools import partial

import numpy as np
from jaxtyping import Bool, Float
from tqdm import tqdm

from stroke_ctp.hemodynamics.bolus_passage import find_bolus_passage
from stroke_ctp.hemodynamics.core_and_penumbra import segment_lesion
from stroke_ctp.hemodynamics.maps import perfusion_maps
from stroke_ctp.phantom.digital_patient import DigitalPatient, PaintedHead
from stroke_ctp.phantom.enhancement import enhancement
from stroke_ctp.phantom.scanner import SCANNER_PIXEL_MM, Protocol, acquire, rendering_grid
from stroke_ctp.phantom.tissue import Compartment

_SLICES_MM, _THICKNESS_MM = (0.0, 10.0, 20.0), 10.0
_PIXEL_MM = (SCANNER_PIXEL_MM, SCANNER_PIXEL_MM)
_VOXEL_ML = SCANNER_PIXEL_MM**2 * _THICKNESS_MM / 1000
_DURATIONS_S = {1.5: (30.0, 36.0, 42.0, 48.0, 60.0), 1.0: (48.0,), 2.0: (48.0,), 3.0: (48.0,)}
"""Of scans, by the interval between their frames [s]; a shorter scan is the beginning of the longest."""
_CORES_ML = np.geomspace(3.0, 200.0, 12)
"""Of the whole brain; a patient each."""


@dataclasses.dataclass(frozen=True)
class Findings:
    """Of one scan, measured less true, or measured over true."""

    core_cbv_ml: float
    core_rcbf_ml: float
    hypoperfused_ml: float
    cbv: float
    """Median ratio in healthy tissue."""
    white_cbf: float
    """Median ratio in healthy white matter."""
    white_mtt: float
    """Median ratio in healthy white matter."""


def scanned(digital: DigitalPatient, head: PaintedHead, protocol: Protocol, seed: int) -> np.ndarray:
    """Frames of a patient who does not move, `[time, slice, height, width]` [HU]."""
    delay = digital.perfusion[Compartment.GREY_PENUMBRA].delay
    curves, amounts = enhancement(digital.bolus, head.perfusion, head.label, delay, protocol.times)
    return acquire(head.baseline, amounts, curves, protocol, None, np.random.default_rng(seed)).astype(np.float32)


def findings(hu: Float[np.ndarray, "time slice height width"], head: PaintedHead, protocol: Protocol) -> Findings:
    """What the analysis makes of a scan against what is in its slices."""
    in_slices = partial(_in_slices, protocol=protocol)
    passage = find_bolus_passage(hu, protocol.times[: len(hu)], _PIXEL_MM)
    maps = perfusion_maps(passage, _PIXEL_MM)
    lesion = segment_lesion(maps, _PIXEL_MM)
    healthy = maps.healthy & (in_slices(head.perfusion.tissue) > 0.95)
    white = maps.healthy & (in_slices(head.label == Compartment.WHITE) > 0.95)

    def error_ml(found: Bool[np.ndarray, "slice height width"], true: Bool[np.ndarray, "z y x"]) -> float:
        return float(found.sum() - in_slices(true).sum()) * _VOXEL_ML

    def ratio(found: np.ndarray, true: np.ndarray, where: np.ndarray) -> float:
        return float(np.median(found[where] / in_slices(true)[where]))

    return Findings(
        core_cbv_ml=error_ml(lesion.core["cbv"], head.core),
        core_rcbf_ml=error_ml(lesion.core["rcbf"], head.core),
        hypoperfused_ml=error_ml(lesion.hypoperfused, head.hypoperfused),
        cbv=ratio(maps.cbv, head.perfusion.cbv, healthy),
        white_cbf=ratio(maps.cbf, head.perfusion.cbf, white),
        white_mtt=ratio(maps.mtt, head.perfusion.mtt, white),
    )


def table() -> Iterator[str]:
    """Mean and standard deviation over patients, a line for each kind of scan."""
    volumes = ("core by CBV [mL]", "core by relative CBF [mL]", "hypoperfused [mL]")
    yield _row("interval [s]", "duration [s]", *volumes, "CBV, healthy", "CBF, white", "MTT, white")
    yield _row(*["---"] * 8)
    found = defaultdict(list)
    for number, core_ml in enumerate(tqdm(_CORES_ML, desc="patients", ncols=79)):
        digital = DigitalPatient.draw(float(core_ml), np.random.default_rng([7, number]))
        protocols = [
            Protocol(_SLICES_MM, _THICKNESS_MM, round(max(durations) / interval), interval, noise=2.5)
            for interval, durations in _DURATIONS_S.items()
        ]
        head = digital.painted(rendering_grid(protocols[0]))
        for protocol, durations in zip(protocols, _DURATIONS_S.values(), strict=True):
            hu = scanned(digital, head, protocol, number)
            for duration in durations:
                part = hu[: round(duration / protocol.interval)]
                found[protocol.interval, duration].append(findings(part, head, protocol))
    for (interval, duration), patients in found.items():
        columns = np.array([dataclasses.astuple(patient) for patient in patients]).T
        forms = ["+.1f"] * 3 + [".2f"] * 3
        yield _row(f"{interval:g}", f"{duration:g}", *map(_spread, columns, forms))


def _spread(values: Float[np.ndarray, " patient"], form: str) -> str:
    """Mean and standard deviation."""
    return f"{values.mean():{form}} ± {values.std(ddof=1):{form.lstrip('+')}}"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _in_slices(values: Float[np.ndarray, "z y x"] | Bool[np.ndarray, "z y x"], protocol: Protocol) -> np.ndarray:
    """Mean over the thickness of each slice."""
    z = rendering_grid(protocol).z
    return np.stack([values[np.abs(z - centre) < _THICKNESS_MM / 2].mean(axis=0) for centre in _SLICES_MM])


if __name__ == "__main__":
    print("\n".join(table()))
