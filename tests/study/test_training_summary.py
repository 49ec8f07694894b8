"""How the runs of a study were fitted, read from their records and logs."""

from pathlib import Path

import pandas as pd
from studies import OXFORD, PROVENANCE, write_model

from stroke_ctp.study.predictions import read_study
from stroke_ctp.study.study_folder import StudyFolder
from stroke_ctp.study.training_summary import training_summaries


def test_a_training_that_was_continued_has_the_epochs_of_all_its_logs(tmp_path: Path):
    study = StudyFolder(tmp_path, "demo")
    write_model(study, "full", 0, OXFORD)
    for version, epochs in enumerate(([0, 1, 2], [2, 3])):
        log = study.run("full", 0).path / "logs" / f"version_{version}" / "metrics.csv"
        log.parent.mkdir(parents=True)
        rows = [{"epoch": e, "train_loss": None, "val_loss": 10 * version + e} for e in epochs]
        rows += [{"epoch": e, "train_loss": e, "val_loss": None} for e in epochs]
        pd.DataFrame(rows).to_csv(log, index=False)
    one, *others = training_summaries(read_study(study))
    assert one.losses is not None
    assert list(one.losses["epoch"]) == [0, 1, 2, 3]
    assert list(one.losses["val_loss"]) == [0, 1, 12, 13]
    assert all(other.losses is None for other in others)


def test_summaries_hold_what_the_runs_recorded_in_the_order_of_models_and_folds(tmp_path: Path):
    study = StudyFolder(tmp_path, "demo")
    write_model(study, "cbv", 2, None, fitted={"not_measurable": 3})
    write_model(study, "full", 0, OXFORD)
    found = training_summaries(read_study(study))
    assert [(one.model, one.fold) for one in found] == [(m, fold) for m in ("full", "cbv") for fold in range(5)]
    network, conventional = found[0], found[5]
    assert (network.epochs, network.best_epoch, network.not_measurable) == (9, 4, 0)
    assert (conventional.epochs, conventional.best_epoch, conventional.not_measurable) == (None, None, 3)
    assert network.provenance == PROVENANCE
