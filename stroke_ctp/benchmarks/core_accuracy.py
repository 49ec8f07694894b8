"""`python -m stroke_ctp.benchmarks.core_accuracy`: measured against true core, over clinical scan conditions."""

import functools
from statistics import median

import pandas as pd

from stroke_ctp.benchmarks.accuracy_table import agreement_table, bracket_sentence, flag_table
from stroke_ctp.benchmarks.scan_conditions import scan_conditions
from stroke_ctp.benchmarks.simulated_scans import measured_scan
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import atomic_write
from stroke_ctp.common.parallel import parallel_map, with_progress
from stroke_ctp.config.command_line import run
from stroke_ctp.config.schemas.core_accuracy import CoreAccuracySettings
from stroke_ctp.hemodynamics.lesion_definitions import DEFINITIONS, HYPOPERFUSED_TMAX


def core_accuracy(settings: CoreAccuracySettings) -> None:
    """Simulate and analyse the scans, print agreement with the truth by each method, write the table of scans."""
    if settings.out.is_dir():
        raise UserError(f"out must be a CSV file, got the folder {settings.out}; choose another out=FILE")
    conditions = scan_conditions(settings.scans, settings.seed)
    measure = functools.partial(measured_scan, seed=settings.seed)
    results = parallel_map(measure, conditions, min(settings.jobs, len(conditions)))
    scans = pd.DataFrame(with_progress(results, "core accuracy", "scans", len(conditions)))
    for name, definition in DEFINITIONS.items():
        print(f"\n{definition}\n\n{agreement_table(scans, name)}")
    hypoperfused = agreement_table(scans, "hypoperfused", true="true_hypoperfused_ml")
    print(f"\nTmax>{HYPOPERFUSED_TMAX:g} s\n\n{hypoperfused}")
    core_by_network = agreement_table(scans, "network_core", reliability="network_reliability")
    print(f"\nCore of the perfusion network\n\n{core_by_network}")
    late_by_network = agreement_table(
        scans, "network_hypoperfused", "true_hypoperfused_ml", reliability="network_reliability"
    )
    print(f"\nHypoperfused tissue of the perfusion network\n\n{late_by_network}")
    print(f"\n{bracket_sentence(scans)}\n\nFlags\n\n{flag_table(scans)}")
    print(f"\n{median(scans['seconds']):.1f} s per scan (median, one core)")
    with atomic_write(settings.out) as partial:
        scans.round(3).to_csv(partial, index=False)
    print(settings.out)


if __name__ == "__main__":
    run(core_accuracy, CoreAccuracySettings, "benchmarks.core_accuracy")
