"""The perfusion network on every slice of a scan."""

import numpy as np
import torch
from jaxtyping import Bool, Float32

from stroke_ctp.common.errors import Excluded
from stroke_ctp.hemodynamics.bolus_detection import require_bolus
from stroke_ctp.hemodynamics.learned_analysis import LearnedAnalysis, LearnedLesion, LearnedMaps, LearnedQuality
from stroke_ctp.hemodynamics.readouts import Readouts
from stroke_ctp.hemodynamics.scan_analysis import RegisteredScan
from stroke_ctp.model.learned_reliability import judge_learned
from stroke_ctp.model.perfusion_network import PerfusionNetwork
from stroke_ctp.model.predicted_maps import brain_of, standard_maps
from stroke_ctp.scan.ctp_scan import CTPScan
from stroke_ctp.scan.quality import bolus_arrival_s
from stroke_ctp.scan.standard_grid import StandardSlices

Slices = Float32[np.ndarray, "slice 32 128 128"]


def learned_analysis(
    network: PerfusionNetwork, registered: RegisteredScan, deconvolved: Readouts | None = None
) -> LearnedAnalysis:
    """Map a scan with the network.

    The slices enter as the levels of one patient: the bolus is looked for in all of them.

    Args:
        network: With trained weights.
        registered: The scan.
        deconvolved: What deconvolution measures of it, to compare with; None if it cannot.

    Raises:
        Excluded: The scan shows no brain or no bolus.
    """
    scan = registered.scan
    slices = StandardSlices.of(scan)
    try:
        brain = brain_of(slices.hu)
        require_bolus(slices.hu.swapaxes(0, 1)[:, brain].mean(axis=1, dtype=np.float64))
    except Excluded as finding:
        raise Excluded(finding.stage, f"{finding.reason} (scan {registered.name})") from None
    maps = _maps(network, slices, brain)
    lesion = LearnedLesion.of(maps, scan.spacing)
    quality = _quality(scan, slices, brain)
    reliability = judge_learned(quality, lesion.readouts.network_core_ml, deconvolved)
    return LearnedAnalysis(scan, maps, lesion, quality, reliability)


def _maps(network: PerfusionNetwork, slices: StandardSlices, brain: Bool[np.ndarray, "slice 128 128"]) -> LearnedMaps:
    """Maps on the scan; slices without a brain hold nothing."""
    seen = brain.any(axis=(1, 2))
    found = standard_maps(network, torch.from_numpy(slices.hu[seen])[None], torch.from_numpy(brain[seen])[None])
    on_scan = {}
    for name in ("core", "hypoperfused", "cbv", "cbf", "delay"):
        volume = np.zeros(brain.shape, np.float32)
        volume[seen] = getattr(found, name)[0].numpy()
        on_scan[name] = slices.to_scan(volume)
    return LearnedMaps(**on_scan)


def _quality(scan: CTPScan, slices: StandardSlices, brain: Bool[np.ndarray, "slice 128 128"]) -> LearnedQuality:
    seen = np.flatnonzero(brain.any(axis=(1, 2)))
    times, noise = scan.times[:, 0], slices.noise_hu[seen]
    noise = noise[np.isfinite(noise)]
    edges = (brain[:, [0, -1]], brain[:, :, [0, -1]])
    return LearnedQuality(
        noise_hu=round(float(np.median(noise)), 2) if noise.size else None,
        frame_interval_s=round(float(np.median(np.diff(times))), 3),
        duration_s=round(float(times[-1]), 3),
        arrival_s=bolus_arrival_s(slices.hu[seen]),
        slices=len(seen),
        slab_mm=round(float(np.ptp(scan.positions[seen])), 3),
        cut_by_field=any(bool(edge.any()) for edge in edges),
    )
