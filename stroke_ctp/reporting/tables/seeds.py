"""Several trainings of one study with different seeds: one mean, and what makes the trainings differ."""

from collections.abc import Mapping, Sequence
from math import sqrt

import numpy as np

from stroke_ctp.model.registry import display_name
from stroke_ctp.reporting.results.model_aucs import ModelAucs
from stroke_ctp.reporting.tables.table import Row, Table
from stroke_ctp.statistics.delong import delong, variance
from stroke_ctp.statistics.repeated_training import repeated_training

_CAPTION = """Trainings that differ in their seed alone are one study. Mean ROC-AUC over seeds and test folds, with the
corrected resampled t interval (95 %) of the folds' means over seeds. SD: components of variance between seeds, between
folds, and what is left. "Patients": the SD that the choice of a fold's test patients alone gives its AUC (DeLong), part
of the SD between folds. "Another seed": SD by which the mean over folds changes if everything is trained again with
another seed."""


def seeds_table(studies: Mapping[str, Mapping[str, ModelAucs]]) -> Table | None:
    """Models that all studies have, whose AUC is defined in all folds; None if there are none.

    Args:
        studies: AUCs of the models of every study; the studies differ in their seed alone.
    """
    first, *others = studies.values()
    shared = [name for name in first if all(name in other for other in others)]
    rows = [row for name in shared for row in _rows(name, [models[name] for models in studies.values()])]
    return Table("seeds", "Seeds", _CAPTION, rows) if rows else None


def _rows(name: str, trainings: Sequence[ModelAucs]) -> list[Row]:
    values = [[auc.value for auc in training.test_folds.aucs] for training in trainings]
    if any(value is None for row in values for value in row):
        return []
    found = repeated_training(np.array(values, float), trainings[0].predictions.test_to_train)
    return [
        {
            "Model": display_name(name),
            "Seeds": len(trainings),
            "ROC-AUC": found.mean.interval(within=(0.0, 1.0)),
            "SD seeds": found.sd_seeds,
            "SD folds": found.sd_folds,
            "Patients": _sd_of_patients(trainings),
            "SD rest": found.sd_rest,
            "Another seed": found.sd_of_change,
        }
    ]


def _sd_of_patients(trainings: Sequence[ModelAucs]) -> float | str:
    """SD of a fold's AUC by the choice of its test patients: root of DeLong's mean variance within folds."""
    variances = [
        variance(delong(patients.labels[here], patients.scores[here][None])[1], int(patients.labels[here].sum()))[0]
        for patients in (training.test.patients for training in trainings)
        for here in patients.members_of_folds()
        if min(patients.labels[here].sum(), (1 - patients.labels[here]).sum()) > 1
    ]
    return sqrt(float(np.mean(variances))) if variances else "undefined"
