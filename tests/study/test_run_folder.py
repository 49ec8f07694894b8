"""A run's folder: what is written is read back, and damage is one sentence."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from studies import PROVENANCE

from stroke_ctp.cohort.endpoint import Endpoint
from stroke_ctp.common.errors import UserError
from stroke_ctp.model.provenance import Provenance
from stroke_ctp.model.settings import AblationSettings, TrainSettings
from stroke_ctp.study.run_folder import CohortReference, RunFolder, RunPatients, RunRecord

PREDICTIONS = pd.DataFrame(
    {
        "patient": ["001", "NA", "003", "004"],
        "fold": 3,
        "split": ["validation", "validation", "test", "test"],
        "label": [1, 0, 1, 1],
        "core_ml": [50.0, 3.0, 60.0, None],
        "probability": [0.9, 0.2, 0.7, 0.1],
    }
)


def record(**changed: Any) -> dict[str, Any]:
    made = {
        "model": "full",
        "seed": 0,
        "fold": 3,
        "n_folds": 10,
        "endpoint": Endpoint("core_ml", "median", 32.4),
        "encoder": Provenance("oxford", "6c7336"),
        "cohort": CohortReference("c0ffee", 6, 0, {"DWI": 6}),
        "settings": "0123",
        "patients": RunPatients(["005", "006"], ["001", "NA"], ["003", "004"]),
        "fitted": {"epochs": 9, "best_epoch": 4, "feature_cache": "a", "features": "b", "feature_statistics": "c"},
    }
    return made | changed


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "study" / "full" / "fold-3")
    folder.write(record(), PREDICTIONS, PROVENANCE)
    return folder


def test_what_is_written_is_read_back(run: RunFolder) -> None:
    read = run.record()
    assert read.patients.train == ["005", "006"]
    assert read.endpoint == Endpoint("core_ml", "median", 32.4)
    assert read.auc == {"test": None, "validation": 1.0}  # both test patients are large
    assert run.provenance() == PROVENANCE
    assert run.predictions()["patient"].tolist() == ["001", "NA", "003", "004"]


def test_settings_are_read_back_as_they_were(tmp_path: Path) -> None:
    settings = TrainSettings(fold=3, learning_rate=0.01, outputs=Path("elsewhere"))
    folder = RunFolder(tmp_path / "fold-3")
    folder.write_settings(settings)
    assert folder.settings() == settings


def test_a_run_of_other_pathways_is_refused_under_the_same_name(run: RunFolder) -> None:
    run.write_settings(TrainSettings(fold=3))
    run.refuse_other_pathways(TrainSettings(fold=3))
    with pytest.raises(UserError, match=r"fold-3 was trained with the pathways local, global, not local; choose"):
        run.refuse_other_pathways(TrainSettings(fold=3, ablation=AblationSettings("full", ("local",))))


def test_settings_that_contradict_each_other_are_named_with_their_file(run: RunFolder) -> None:
    run.write_settings(TrainSettings(fold=3))
    path = run.path / "settings.json"
    path.write_text(path.read_text().replace('"fold": 3', '"fold": 12'))
    with pytest.raises(UserError, match=r"fold-3/settings.json is damaged \(fold must .* got 12.*\); remove its"):
        run.settings()


def test_a_run_is_complete_only_with_both_results(run: RunFolder) -> None:
    assert run.is_complete
    (run.path / "metrics.json").unlink()
    assert not run.is_complete


def test_the_digest_changes_with_every_part_of_the_record(run: RunFolder) -> None:
    digests = {run.record().digest}
    longer = record()["fitted"] | {"epochs": 10}
    for changed in ({"fold": 4}, {"settings": "4567"}, {"fitted": longer}, {"encoder": None}):
        other = RunFolder(run.path.parents[1] / "other" / "fold-3")
        other.write(record(**changed), PREDICTIONS, PROVENANCE)
        digests.add(other.record().digest)
    assert len(digests) == 5


SCALED = {"scale": {"slope": 1.0, "intercept": 0.0, "missing": 1.0}, "not_measurable": 0}
MEASURED = dict.fromkeys(["001", "003", "004", "005", "006", "NA"], 1.0)


@pytest.mark.parametrize(
    ("model", "fitted", "reason"),
    [
        ("full", {}, "fitted.epochs: Field required"),
        ("full", SCALED | {"values": {}}, "fitted.epochs: Field required"),
        ("cbv", {"not_measurable": 0}, "fitted.scale: Field required"),
        ("cbv", SCALED | {"values": {"001": 2.0}}, "fitted: a patient of the run has no measurement"),
        ("perfusion", {"weights": "4567", "not_measurable": 0}, "fitted.heads: Field required"),
    ],
)
def test_a_record_without_the_fit_of_its_model_is_damaged(
    tmp_path: Path, model: str, fitted: dict[str, Any], reason: str
) -> None:
    run = RunFolder(tmp_path / "study" / "cbv" / "fold-3")
    run.write(record(model="cbv", fitted=SCALED | {"values": MEASURED}), PREDICTIONS, PROVENANCE)
    assert run.record().fitted["values"] == MEASURED
    path = run.path / "metrics.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model": model, "fitted": fitted}))
    with pytest.raises(UserError, match=rf"metrics\.json is damaged \(Value error, {reason}\); remove its folder"):
        run.record()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "metrics.json is damaged (Invalid JSON"),
        (b"{}", "metrics.json is damaged (model: "),
        (b"[" * 100_000, "metrics.json is damaged (Invalid JSON: recursion limit"),
        (b"\xff\xfe", "metrics.json is damaged (Invalid JSON"),
    ],
)
def test_a_damaged_record_is_named_with_the_reason(run: RunFolder, content: bytes, sentence: str) -> None:
    (run.path / "metrics.json").write_bytes(content)
    with pytest.raises(UserError) as caught:
        run.record()
    assert sentence in str(caught.value)
    assert "remove its folder and train the fold again" in str(caught.value)


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("n_folds", "two"),
        ("n_folds", None),
        ("endpoint", "large"),
        ("endpoint", {"column": 3}),
        ("cohort", 1),
        ("patients", {"train": "all"}),
    ],
)
def test_a_record_of_wrong_types_is_refused_by_name(run: RunFolder, where: str, value: object) -> None:
    path = run.path / "metrics.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {where: value}))
    with pytest.raises(UserError, match=f"metrics.json is damaged \\({where}"):
        run.record()


def test_predictions_that_were_changed_after_the_run_are_refused(run: RunFolder) -> None:
    path = run.path / "predictions.csv"
    path.write_text(path.read_text().replace("0.9", "0.8"))
    with pytest.raises(UserError, match=r"predictions\.csv was changed after it was written"):
        run.predictions()


def test_a_record_lists_every_file_that_a_run_leaves(run: RunFolder) -> None:
    run.write_settings(TrainSettings(fold=3))
    with run.lock():
        pass
    assert {path.name for path in run.path.iterdir()} == {
        *("predictions.csv", "metrics.json", "run.json", "settings.json", ".lock")
    }
    assert set(RunRecord.__dataclass_fields__) == set(json.loads((run.path / "metrics.json").read_text()))
