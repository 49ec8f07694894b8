from pathlib import Path

import pandas as pd
from stroke_ctp.study.runs import read_runs


def test_a_training_that_was_continued_has_the_epochs_of_all_its_logs(tmp_path: Path):
    run = tmp_path / "full" / "fold-0"
    for version, epochs in enumerate(([0, 1, 2], [2, 3])):
        log = run / "logs" / f"version_{version}" / "metrics.csv"
        log.parent.mkdir(parents=True)
        rows = [{"epoch": e, "train_loss": None, "val_loss": 10 * version + e} for e in epochs]
        rows += [{"epoch": e, "train_loss": e, "val_loss": None} for e in epochs]
        pd.DataFrame(rows).to_csv(log, index=False)
    (run / "metrics.json").write_text('{"training": {"epochs": 4, "best_epoch": 3}}')
    (one,) = read_runs(tmp_path, "full")
    assert one.curve is not None
    assert list(one.curve["epoch"]) == [0, 1, 2, 3]
    assert list(one.curve["val_loss"]) == [0, 1, 12, 13]
    assert one.best_epoch == 3
