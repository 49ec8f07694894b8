"""Attacks on a study: each is carried out on the files of a small one, as who cheats or errs would, and must be caught.

Digests are always recomputed, so that no check of bytes helps.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import noise
import numpy as np
import pandas as pd
import pytest
import torch
from cohorts import write_cohort, write_noise_cohort
from commands import run_module
from noise import MeansEncoder, train_quickly
from studies import write_study

from stroke_ctp.cohort.folds import Split
from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import write_json
from stroke_ctp.common.provenance import machine
from stroke_ctp.model import article
from stroke_ctp.model.conventional_scale import Scale
from stroke_ctp.model.data_modules import Batch, FoldDataModule
from stroke_ctp.model.provenance import Provenance
from stroke_ctp.study.audit import evidence, first_epochs
from stroke_ctp.study.audit.conventional import examine_conventional
from stroke_ctp.study.audit.evidence import AuditEvidence, cohort_evidence, gather_evidence
from stroke_ctp.study.audit.findings import Finding, Verdict
from stroke_ctp.study.audit.leakage_audit import audit
from stroke_ctp.study.audit.networks import examine_networks
from stroke_ctp.study.audit.roles import examine_roles
from stroke_ctp.study.ensemble_folder import EnsembleFolder
from stroke_ctp.study.predictions import read_study
from stroke_ctp.study.run_folder import Elsewhere, RunFolder, RunPatients
from stroke_ctp.study.study_folder import StudyFolder
from stroke_ctp.study.training_summary import training_summaries

TRAIN = ("cohort=cohorts/train", "name=s", "trainer.max_epochs=2")


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A network and a conventional core of three folds each, with their ensembles, on cohorts of noise."""
    folder = tmp_path_factory.mktemp("honest")
    for name, n, seed in (("train", 12, 1), ("external", 6, 2)):
        columns = {
            "patient": [f"{name[0]}{number}" for number in range(n)],
            "core_ml": np.arange(float(n)) * 12 / n,
            "scan_cbv_ml": (np.arange(float(n)) * 7 + 3) % n,
        }
        write_noise_cohort(folder / "cohorts" / name, columns, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(article, "Encoder", MeansEncoder)
        train_quickly(*TRAIN, "fold=0..2")
        run_module("train", *TRAIN, *noise.NOISE, "fold=0..2", "model=cbv_scan")
        run_module("ensemble", "external=cohorts/external", "name=s")
        yield folder


@pytest.fixture(scope="module")
def honest_perfusion(honest: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with the perfusion network in place of the other models."""
    folder = tmp_path_factory.mktemp("honest")
    (folder / "cohorts").symlink_to(honest / "cohorts")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run_module("train", *TRAIN, *noise.NOISE, "fold=0..2", "model=perfusion")
        run_module("ensemble", "external=cohorts/external", "name=s")
    return folder


@pytest.fixture
def study(honest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StudyFolder:
    """A copy to be attacked."""
    return _copied(honest, tmp_path, monkeypatch)


@pytest.fixture
def perfusion(honest_perfusion: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StudyFolder:
    """A copy to be attacked."""
    return _copied(honest_perfusion, tmp_path, monkeypatch)


def _copied(honest: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> StudyFolder:
    shutil.copytree(honest / "outputs", folder / "outputs")
    (folder / "cohorts").symlink_to(honest / "cohorts")
    monkeypatch.chdir(folder)
    return StudyFolder(Path("outputs"), "s", Elsewhere(cohorts=(Path("cohorts/train"), Path("cohorts/external"))))


def _audit(folder: StudyFolder, partial: bool = False, epochs: bool = False) -> list[Finding]:
    """Audit a study; first epochs, which take longest, are repeated only in the tests that are about them."""
    study = read_study(folder, partial)
    with pytest.MonkeyPatch.context() as patch:
        if not epochs:
            patch.setattr(evidence, "examine_first_epochs", lambda *_: [])
        return audit(study, training_summaries(study), gather_evidence(folder, study))


def _rewrite(folder: StudyFolder, run: RunFolder, predictions: pd.DataFrame | None = None, **changed: Any) -> None:
    """Write a run with other content and right digests, and let its ensemble know the new digest."""
    record = {name: getattr(run.record(), name) for name in asdict(run.record()) if name not in ("auc", "predictions")}
    run.write(record | changed, run.predictions() if predictions is None else predictions, run.provenance())
    model = run.record().model
    ensemble = folder.ensemble(model)
    members = [one.record().digest for one in folder.complete_runs(model).values()]
    write_json(ensemble.path / "metrics.json", asdict(ensemble.record()) | {"members": members})


def _nudge(run: RunFolder, by: float) -> pd.DataFrame:
    """Predictions of which every large core's is a little higher."""
    table = run.predictions()
    return table.assign(probability=(table["probability"] + by * table["label"]).clip(0, 1))


def test_an_honest_study_passes_every_check_that_a_file_allows(study: StudyFolder):
    found = _audit(study, epochs=True)
    assert {finding.verdict for finding in found} == {Verdict.PASSED, Verdict.BEYOND}
    details = {finding.check: finding.detail for finding in found if finding.verdict is Verdict.PASSED}
    # 3 folds of 4 validation and 4 test patients, and 3 members with 6 external patients
    assert details["Networks give the recorded predictions again"].startswith("42 probabilities")
    assert details["Networks were trained on the recorded training patients"].startswith("first epoch of 3 trainings")
    assert details["Scales of conventional cores are fitted on training patients"].startswith("24 probabilities")
    assert details["Conventional cores are those of the series"] == "18 measurements repeated"


def test_predictions_of_a_network_that_were_rewritten_are_caught(study: StudyFolder):
    run = study.run("full", 1)
    _rewrite(study, run, _nudge(run, 0.001))
    with pytest.raises(UserError, match=r"full, fold 1: the probability of patient .* is not that of its weights"):
        _audit(study)


def test_predictions_of_a_conventional_core_that_were_rewritten_are_caught(study: StudyFolder):
    run = study.run("cbv_scan", 2)
    _rewrite(study, run, _nudge(run, 0.001))
    with pytest.raises(UserError, match=r"cbv_scan, fold 2: the probability of patient .* not that of a scale fitted"):
        _audit(study)


def _rewrite_external(study: StudyFolder, model: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    """Write an ensemble with other predictions and right digests."""
    ensemble, runs = study.ensemble(model), list(study.complete_runs(model).values())
    record = {name: getattr(ensemble.record(), name) for name in asdict(ensemble.record())}
    del record["auc"], record["predictions"]
    ensemble.write(record, change(ensemble.predictions(runs)), ensemble.provenance())


def _improved(table: pd.DataFrame) -> pd.DataFrame:
    """Higher probabilities of large cores in the external cohort, of all members and of their mean."""
    wide = table.assign(probability=(table["probability"] + 0.01 * table["label"]).clip(0, 1))
    mean = wide[wide["fold"] != "mean"].groupby("patient")["probability"].mean()
    is_mean = wide["fold"] == "mean"
    wide.loc[is_mean, "probability"] = wide.loc[is_mean, "patient"].map(mean)
    return wide


@pytest.mark.parametrize(("model", "source"), [("full", "its weights"), ("cbv_scan", "its core and scale")])
def test_predictions_of_external_patients_that_were_rewritten_are_caught(study: StudyFolder, model: str, source: str):
    _rewrite_external(study, model, _improved)
    with pytest.raises(UserError, match=f"{model}, member 0: the probability of patient .* is not that of {source}"):
        _audit(study)


def test_external_patients_who_were_left_out_are_caught(study: StudyFolder):
    for model in ("full", "cbv_scan"):
        _rewrite_external(study, model, lambda table: table[table["patient"] != "e1"])
    with pytest.raises(UserError, match=r"full: patient e1 of the external cohort not predicted; cbv_scan: patient e1"):
        _audit(study)


def test_an_external_patient_who_is_not_of_the_cohort_is_caught(study: StudyFolder):
    for model in ("full", "cbv_scan"):
        _rewrite_external(study, model, lambda table: table.replace({"patient": {"e1": "x9"}}))
    with pytest.raises(UserError, match="full: patient x9 predicted, but not in the cohort"):
        _audit(study)


def test_predictions_of_the_perfusion_network_for_external_patients_that_were_rewritten_are_caught(
    perfusion: StudyFolder,
):
    measured, left = (one for one in _audit(perfusion) if one.check.startswith("Areas"))
    # 3 of 12 training patients, and all 6 external patients
    assert (measured.verdict, measured.detail) == (Verdict.PASSED, "9 patients measured again")
    assert left.detail == "perfusion: 9 of 12 patients, to save time"
    _rewrite_external(perfusion, "perfusion", _improved)
    with pytest.raises(UserError, match=r"perfusion, member 0: .* patient .* is not that of its areas and heads"):
        _audit(perfusion)


def test_heads_that_were_rewritten_for_external_patients_are_caught(perfusion: StudyFolder):
    for run in perfusion.complete_runs("perfusion").values():
        fitted = run.record().fitted
        line = fitted["heads"]["classification"]
        better = fitted["heads"] | {"classification": line | {"intercept": line["intercept"] + 1}}
        _rewrite(perfusion, run, fitted=fitted | {"heads": better})
    shutil.rmtree(perfusion.ensemble("perfusion").path)
    run_module("ensemble", "external=cohorts/external", "name=s")
    with pytest.raises(UserError, match=r"perfusion, member 0: .* patient .* is not that of its areas and heads"):
        _audit(perfusion)


def test_heads_that_only_new_patients_would_meet_are_caught(perfusion: StudyFolder):
    """Rewritten in the record alone: predictions of the study stay as they are."""
    run = perfusion.run("perfusion", 0)
    fitted = run.record().fitted
    line = fitted["heads"]["classification"]
    better = fitted["heads"] | {"classification": line | {"intercept": line["intercept"] + 1}}
    _rewrite(perfusion, run, fitted=fitted | {"heads": better})
    with pytest.raises(UserError, match=r"perfusion, fold 0: its heads are not heads fitted on its patients"):
        _audit(perfusion)


def test_a_scale_that_only_new_patients_would_meet_is_caught(study: StudyFolder):
    run = study.run("cbv_scan", 0)
    fitted = run.record().fitted
    _rewrite(study, run, fitted=fitted | {"scale": fitted["scale"] | {"intercept": 0.0}})
    with pytest.raises(UserError, match=r"cbv_scan, fold 0: its scale is not a scale fitted on its training patients"):
        _audit(study)


def test_areas_of_the_perfusion_network_that_were_replaced_are_caught(perfusion: StudyFolder):
    for run in perfusion.complete_runs("perfusion").values():
        fitted = run.record().fitted
        others = {patient: (np.array(areas) + 5).tolist() for patient, areas in fitted["areas"].items()}
        _rewrite(perfusion, run, fitted=fitted | {"areas": others})
    with pytest.raises(UserError, match=r"perfusion: the areas of patient t0, .* are not those of the series"):
        _audit(perfusion)


def test_predictions_and_core_volumes_of_the_perfusion_network_that_were_rewritten_are_caught(perfusion: StudyFolder):
    first, second = (perfusion.run("perfusion", fold) for fold in (0, 1))
    _rewrite(perfusion, first, _nudge(first, 0.001))
    table = second.predictions()
    _rewrite(perfusion, second, table.assign(predicted_ml=0.9 * table["predicted_ml"] + 0.1 * table["core_ml"]))
    with pytest.raises(UserError) as refused:
        _audit(perfusion)
    assert re.search(r"perfusion, fold 0: the probability of patient .* is not that of heads", str(refused.value))
    assert re.search(r"perfusion, fold 1: the core volume of patient .* is not that of heads", str(refused.value))


def _rescaled(study: StudyFolder, run: RunFolder, values: dict[str, float], fitted_on: list[str]) -> None:
    """Fit the scale of a conventional core to some patients, and score with it."""
    label = {row.patient: row.label for row in read_study(study).models["cbv_scan"].test.itertuples()}
    scale = Scale.fit(np.array([values[name] for name in fitted_on]), np.array([label[name] for name in fitted_on]))
    table = run.predictions()
    scored = scale.probability(np.array([values[name] for name in table["patient"]]))
    fitted = run.record().fitted | {"scale": asdict(scale), "values": values}
    _rewrite(study, run, table.assign(probability=scored), fitted=fitted)


def test_a_scale_that_was_fitted_on_everybody_is_caught(study: StudyFolder):
    run = study.run("cbv_scan", 0)
    values = run.record().fitted["values"]
    _rescaled(study, run, values, list(values))
    with pytest.raises(UserError, match=r"cbv_scan, fold 0: .* not that of a scale fitted on its training patients"):
        _audit(study)


def test_scales_that_were_rewritten_for_external_patients_are_caught(study: StudyFolder):
    for run in study.complete_runs("cbv_scan").values():
        fitted = run.record().fitted
        _rewrite(study, run, fitted=fitted | {"scale": fitted["scale"] | {"intercept": 0.0}})
    shutil.rmtree(study.ensemble("cbv_scan").path)
    run_module("ensemble", "external=cohorts/external", "name=s", "models=[cbv_scan]")
    with pytest.raises(UserError, match=r"cbv_scan, member 0: .* patient .* is not that of its core and scale"):
        _audit(study)


def test_measurements_that_were_replaced_by_better_ones_are_caught(study: StudyFolder):
    cohort = Cohort("cohorts/train")
    better = dict(zip(cohort.patients, cohort.column("core_ml").tolist(), strict=True))
    for run in study.complete_runs("cbv_scan").values():
        _rescaled(study, run, better, run.record().patients.train)
    with pytest.raises(UserError, match=r"cbv_scan: the core of patient t0, .* is not that of its series"):
        _audit(study)


def test_classes_that_were_rewritten_are_caught(study: StudyFolder):
    run = study.run("full", 0)
    table = run.predictions()
    first = table.index == 0
    _rewrite(study, run, table.assign(core_ml=table["core_ml"].mask(first, table["core_ml"] + 0.1)))
    with pytest.raises(UserError, match=r"full: the core_ml of patient t\d+ is not the cohort's"):
        _audit(study)


def test_patients_who_exchanged_their_folds_are_caught(study: StudyFolder):
    first, second = (study.run("full", fold).predictions().query("split == 'test'") for fold in (0, 1))
    one = first.iloc[0]
    other = second[second["label"] == one["label"]].iloc[0]
    exchanged = {one["patient"]: other["patient"], other["patient"]: one["patient"]}
    for model in ("full", "cbv_scan"):
        for run in study.complete_runs(model).values():
            used = {name: [exchanged.get(p, p) for p in part] for name, part in asdict(run.record().patients).items()}
            table = run.predictions()
            names = table["patient"].map(lambda patient: exchanged.get(patient, patient))
            _rewrite(study, run, table.assign(patient=names), patients=RunPatients(**used))
    with pytest.raises(UserError, match=r"full, fold 0: patient .* recorded in another role than the settings give"):
        _audit(study)


def test_folds_of_another_seed_in_the_settings_of_a_run_are_caught(study: StudyFolder):
    run = study.run("full", 2)
    settings = run.settings()
    run.write_settings(replace(settings, folds=replace(settings.folds, seed=1)))
    with pytest.raises(UserError, match=r"full, fold 2: its settings\.json is not that of the study"):
        _audit(study)


def test_settings_of_a_study_that_were_rewritten_are_caught(study: StudyFolder):
    write_json(study.path / "settings.json", study.settings() | {"learning_rate": 0.5})
    with pytest.raises(UserError, match=r"full, fold 0: it was trained with other settings than those of the study"):
        _audit(study)


def test_a_patient_who_is_not_of_the_cohort_is_caught(study: StudyFolder):
    for model in ("full", "cbv_scan"):
        for run in study.complete_runs(model).values():
            used = {
                name: ["x9" if p == "t4" else p for p in part] for name, part in asdict(run.record().patients).items()
            }
            table = run.predictions()
            fitted = run.record().fitted
            if "values" in fitted:
                fitted = fitted | {"values": fitted["values"] | {"x9": fitted["values"]["t4"]}}
            _rewrite(study, run, table.replace({"patient": {"t4": "x9"}}), patients=RunPatients(**used), fitted=fitted)
    read = read_study(study)
    found = examine_roles(read, study, Cohort("cohorts/train"), "not here")
    assert "full: patient x9 predicted, but not in the cohort" in {finding.detail for finding in found}
    with pytest.raises(UserError, match="patient x9"):
        _audit(study)


def test_measurements_that_differ_between_folds_are_caught(study: StudyFolder):
    run = study.run("cbv_scan", 1)
    fitted = run.record().fitted
    test = run.record().patients.test[0]
    _rewrite(study, run, fitted=fitted | {"values": fitted["values"] | {test: 99.0}})
    with pytest.raises(UserError, match="cbv_scan: measurements differ between its folds"):
        _audit(study)


def _shown_as_another_seed(study: StudyFolder) -> list[RunFolder]:
    """Copies of the trainings of seed 0 in the folders of seed 1."""
    shutil.rmtree(study.ensemble("full").path)
    for run in study.complete_runs("full").values():
        shutil.copytree(run.path, study.run("full", run.fold, seed=1).path)
    return [study.run("full", fold, seed=1) for fold in range(3)]


def test_trainings_shown_as_those_of_another_seed_are_caught_by_their_settings(study: StudyFolder):
    _shown_as_another_seed(study)
    with pytest.raises(UserError, match="full, fold 0-seed-1: it was trained with seed 0 in fold 0, its folder says"):
        _audit(study)


def test_the_same_with_rewritten_records_is_caught_by_the_first_epoch(study: StudyFolder):
    for run in _shown_as_another_seed(study):
        run.write_settings(replace(run.settings(), seed=1))
        record = {key: value for key, value in vars(run.record()).items() if key not in ("auc", "predictions")}
        run.write(record | {"seed": 1}, run.predictions(), run.provenance())
    with pytest.raises(UserError, match=r"full, fold 0-seed-1 was trained on other patients or settings than recorded"):
        _audit(study, epochs=True)


def test_weights_of_another_fold_are_caught_by_the_logged_loss(study: StudyFolder):
    mine, other = study.run("full", 0), study.run("full", 1)
    shutil.copy(other.training.best, mine.training.best)
    with pytest.raises(UserError, match=r"full, fold 0: its weights have the validation loss .*, its log says"):
        _audit(study)


def _train_again(study: StudyFolder) -> list[Finding]:
    """Train fold 0 anew, and audit it."""
    shutil.rmtree(study.path / "full")
    train_quickly(*TRAIN, "fold=0")
    shutil.rmtree(study.path / "cbv_scan")
    return _audit(study, partial=True, epochs=True)


def _with_test_patients(parts: Split) -> Split:
    return Split(np.sort(np.concatenate([parts.train, parts.test])), parts.validation, parts.test)


def _one_exchanged(parts: Split) -> Split:
    return Split(np.sort(np.append(parts.train[1:], parts.test[0])), parts.validation, parts.test)


def test_the_same_training_without_an_attack_passes(study: StudyFolder):
    assert Verdict.FAILED not in {finding.verdict for finding in _train_again(study)}


@pytest.mark.parametrize("leak", [_with_test_patients, _one_exchanged])
def test_a_network_that_was_trained_on_its_own_test_patients_is_caught(
    study: StudyFolder, monkeypatch: pytest.MonkeyPatch, leak: Callable[[Split], Split]
):
    def leaky(self: FoldDataModule) -> object:
        return self._loader(leak(self.split).train, shuffle=True)

    with monkeypatch.context() as patch:
        patch.setattr(FoldDataModule, "train_dataloader", leaky)
        shutil.rmtree(study.path / "full")
        train_quickly(*TRAIN, "fold=0")
    shutil.rmtree(study.path / "cbv_scan")
    with pytest.raises(UserError, match=r"full, fold 0 was trained on other patients or settings than recorded"):
        _audit(study, partial=True, epochs=True)


def test_statistics_that_were_fitted_with_one_more_test_patient_are_caught(
    study: StudyFolder, monkeypatch: pytest.MonkeyPatch
):
    def leaky(self: FoldDataModule, device: torch.device) -> Iterator[Batch]:
        for loaded in self._loader(np.append(self.split.train, self.split.test[0])):
            batch = self.transfer_batch_to_device(loaded, device, 0)
            yield batch._replace(input=self.inputs(batch.row, batch.input, None))

    with monkeypatch.context() as patch:
        patch.setattr(FoldDataModule, "unaugmented_training", leaky)
        shutil.rmtree(study.path / "full")
        train_quickly(*TRAIN, "fold=0")
    shutil.rmtree(study.path / "cbv_scan")
    with pytest.raises(UserError, match=r"feature statistics of full, fold 0 are not those of its training patients"):
        _audit(study, partial=True)


def _series(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(30, 3, (2, 32, 128, 128))


def _disguised(series: np.ndarray, how: str) -> np.ndarray:
    added = np.random.default_rng(9).normal(0, 1, series.shape)
    return {
        "0.01 HU of noise": series + 0.01 * added,
        "as much noise as the scan": series + 3 * added,
        "mirrored": series[..., ::-1],
        "other offset": series * 1.02 + 1,
    }[how]


@pytest.mark.parametrize("how", ["0.01 HU of noise", "as much noise as the scan", "mirrored", "other offset"])
@pytest.mark.parametrize("where", ["within", "across"])
def test_a_disguised_copy_of_a_scan_is_caught_within_a_cohort_and_across_cohorts(tmp_path: Path, how: str, where: str):
    copy = _disguised(_series(1), how)
    series = {"a.npy": _series(1), "b.npy": copy if where == "within" else _series(2)}
    train = write_cohort(tmp_path / "train", {"series": list(series)}, series)
    elsewhere = {"c.npy": copy if where == "across" else _series(3)}
    external = write_cohort(tmp_path / "external", {"patient": ["e0"], "series": ["c.npy"]}, elsewhere)
    evidence = AuditEvidence(cohort_evidence(Cohort(train)), cohort_evidence(Cohort(external)))
    other = "p1 \\(training" if where == "within" else "e0 \\(external"
    with pytest.raises(UserError, match=f"p0 \\(training cohort\\) and {other} cohort\\) share the noise of one scan"):
        audit(read_study(write_study(tmp_path / "outputs")), (), evidence)


def _unchecked(folder: StudyFolder, check: str, **how: bool) -> str:
    """Why a check was not made, or was made in part."""
    return "".join(
        one.detail for one in _audit(folder, **how) if (one.check, one.verdict) == (check, Verdict.UNCHECKED)
    )


NETWORKS, EPOCHS = (
    "Networks give the recorded predictions again",
    "Networks were trained on the recorded training patients",
)


def test_a_lost_checkpoint_leaves_its_predictions_unchecked_and_no_others(study: StudyFolder):
    study.run("full", 1).training.best.unlink()
    found = {finding.verdict: finding.detail for finding in _audit(study) if finding.check == NETWORKS}
    assert found[Verdict.UNCHECKED] == "full: a checkpoint is missing"
    assert found[Verdict.PASSED].startswith("28 probabilities")


def test_a_lost_log_leaves_the_first_epoch_unchecked_and_no_prediction(study: StudyFolder):
    shutil.rmtree(study.run("full", 1).path / "logs")
    assert _unchecked(study, EPOCHS, epochs=True) == "full: no log of the first epoch"
    assert _unchecked(study, NETWORKS) == ""


def test_external_patients_who_were_scored_on_another_device_or_are_gone_are_not_scored_again(
    study: StudyFolder, monkeypatch: pytest.MonkeyPatch
):
    read, training = read_study(study), Cohort("cohorts/train")
    (_, left) = examine_networks(read, study, training, "its folder was removed")
    assert (left.verdict, left.detail) == (Verdict.UNCHECKED, "external cohort: its folder was removed (3 runs)")
    there = study.ensemble("full").provenance()
    monkeypatch.setattr(EnsembleFolder, "provenance", lambda _: replace(there, device="H100"))
    (_, left) = examine_networks(read, study, training, Cohort("cohorts/external"))
    assert left.detail.startswith("full, external cohort: the features that it scored are not cached")


@pytest.mark.parametrize(
    ("attribute", "value", "reason"),
    [
        ("training_features", lambda *_: None, "the features that it was trained on are not cached as recorded"),
        ("TOLERANCE", -1.0, "only CPUs repeat an epoch exactly"),
    ],
)
def test_an_epoch_that_cannot_be_repeated_exactly_is_no_failure(
    study: StudyFolder, monkeypatch: pytest.MonkeyPatch, attribute: str, value: object, reason: str
):
    monkeypatch.setattr(first_epochs, attribute, value)
    monkeypatch.setattr(first_epochs, "machine", lambda: replace(machine(), device="H100"))
    assert _unchecked(study, EPOCHS, epochs=True) == f"full: {reason} (3 runs)"


def test_an_epoch_of_another_version_or_of_weights_that_are_gone_is_not_repeated(
    study: StudyFolder, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(article, "__version__", "0.0")
    assert _unchecked(study, EPOCHS, epochs=True).startswith("full: its draws are not cached for this kind of device")

    def gone(_: str) -> Provenance:
        raise UserError("encoder.weights=vgg.pth is neither a name nor a file")

    monkeypatch.setattr(article, "provenance_of", gone)
    assert (
        _unchecked(study, EPOCHS, epochs=True) == "full: encoder.weights=vgg.pth is neither a name nor a file (3 runs)"
    )


def test_a_scale_is_not_fitted_again_without_the_classes_of_its_training_patients(study: StudyFolder):
    for fold in (1, 2):
        shutil.rmtree(study.run("cbv_scan", fold).path)
    shutil.rmtree(study.ensemble("cbv_scan").path)
    (left,) = [one for one in examine_conventional(read_study(study, True), "moved", "none") if "Scales" in one.check]
    assert left.detail == "cbv_scan: folds that test the training patients are missing"
