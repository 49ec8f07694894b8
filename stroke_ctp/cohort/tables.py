"""From the results of single patients to the tables of a cohort."""

import platform
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

import stroke_ctp
from stroke_ctp.cohort.cohort_folder import CohortFolder, CohortTables
from stroke_ctp.cohort.inclusion import Rules
from stroke_ctp.cohort.patient_series import Result
from stroke_ctp.scan.itk import itk_version


def write_cohort(folder: CohortFolder, results: Sequence[Result], rules: Rules) -> dict[str, Any]:
    """Write all tables of a cohort whose series are written, and remove what does not belong to it.

    Included patients are sorted by name: folds and batches do not depend on the manifest's order.

    Args:
        folder: The cohort.
        results: Of all patients of the manifest.
        rules: How the series were made.

    Returns:
        Counts for the flowchart: patients, included, excluded by stage.
    """
    included = sorted((result for result in results if result[1].included), key=lambda result: result[0].patient)
    tables = CohortTables(
        included=[
            {
                "patient": patient.patient,
                "series": folder.series_name(patient.number),
                "core_ml": record.core_ml,
                "label_definition": patient.label_definition,
                **patient.carried,
            }
            for patient, record in included
        ],
        excluded=excluded_rows(results),
        quality=[{"patient": patient.patient, **(record.quality or {})} for patient, record in included],
        motion=[{"patient": patient.patient, **row} for patient, record in included for row in record.motion or ()],
    )
    description = {"settings": asdict(rules), "versions": _versions()}
    counts = folder.write_tables(tables, [record.sha256 for _, record in included], description)
    series = [folder.series_name(patient.number) for patient, _ in included]
    folder.remove_leftovers([patient.number for patient, _ in results], series)
    return counts


def excluded_rows(results: Sequence[Result]) -> list[dict[str, Any]]:
    """Rows of `excluded.csv`: patient, stage, reason."""
    return [
        {"patient": patient.patient, "stage": record.stage, "reason": record.reason}
        for patient, record in results
        if not record.included
    ]


def _versions() -> dict[str, str]:
    return {
        "stroke_ctp": stroke_ctp.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "SimpleITK": itk_version(),
    }
