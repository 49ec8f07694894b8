"""The article's model: training on both routes, interruption, loading and scoring; mostly with a one-layer backbone."""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from cohorts import write_cohort
from trainings import UNAUGMENTED, InMemory, TinyEncoder, fit, fold_of, train_settings, write_responsive_weights

from stroke_ctp.cohort import store
from stroke_ctp.cohort.folds import Split
from stroke_ctp.cohort.frames import load_series
from stroke_ctp.cohort.patients import Patients
from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.errors import UserError
from stroke_ctp.model import article, loggers
from stroke_ctp.model.article import ArticleModel
from stroke_ctp.model.checkpoints import TrainingFiles, read_checkpoint
from stroke_ctp.model.classifier import CoreClassifier
from stroke_ctp.model.fitted_article import FittedArticle

pytestmark = pytest.mark.usefixtures("one_thread")

N = 12
SHAPE = (2, 32, 32, 32)
BANK: dict[str, Any] = {"route": "bank"}
DIRECT: dict[str, Any] = {"route": "direct"}
BATCH: dict[str, Any] = DIRECT | {"standardization": {"kind": "batch"}}
TRAINABLE: dict[str, Any] = DIRECT | {"encoder": {"trainable_blocks": 1}}

tiny = pytest.mark.usefixtures("tiny_encoder")
every_route = pytest.mark.parametrize(
    "route", [BANK, DIRECT, BATCH, TRAINABLE], ids=["bank", "direct", "batch", "trainable"]
)


@pytest.fixture(autouse=True)
def _small_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small enough for VGG19's backbone to encode them in seconds."""
    monkeypatch.setattr(store, "SERIES_SHAPE", SHAPE)


@pytest.fixture
def tiny_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(article, "Encoder", TinyEncoder)


def _cohort(folder: Path, mean: float = -300, deviation: float = 300) -> Cohort:
    generator = np.random.default_rng(0)
    series = {f"{row}.npy": generator.normal(mean, deviation, SHAPE).astype(np.float32) for row in range(N)}
    return Cohort(write_cohort(folder, {"series": list(series), "core_ml": generator.permutation(N) + 0.5}, series))


@pytest.fixture
def cohort(tmp_path: Path) -> Cohort:
    """Twelve patients of noise."""
    return _cohort(tmp_path / "cohort")


def _scored(fitted: FittedArticle, cohort: Cohort) -> np.ndarray:
    """Probability of the validation and test patients."""
    parts = fold_of(cohort, fitted.model.settings).split
    return fitted.score(cohort, np.concatenate([parts.validation, parts.test]))


def _weights(folder: Path, name: str = "last") -> dict[str, torch.Tensor]:
    return torch.load(folder / f"{name}.ckpt", weights_only=True)["state_dict"]


def _losses(folder: Path) -> pd.DataFrame:
    losses = TrainingFiles(folder).losses()
    assert losses is not None
    return losses.set_index("epoch")


def _in_memory(cohort: Cohort, *rows: int) -> InMemory:
    return InMemory(np.stack([np.array(cohort.series(row)) for row in rows]))


@tiny
def test_with_one_draw_and_no_augmentation_the_bank_gives_the_losses_and_predictions_of_the_direct_route(
    cohort: Cohort, tmp_path: Path
):
    banked = _scored(fit(cohort, tmp_path / "bank", bank={"draws": 1}, **UNAUGMENTED), cohort)
    direct = _scored(fit(cohort, tmp_path / "direct", **DIRECT, **UNAUGMENTED), cohort)
    np.testing.assert_allclose(banked, direct, rtol=1e-3)
    banked_losses, direct_losses = _losses(tmp_path / "bank"), _losses(tmp_path / "direct")
    assert len(banked_losses) == 4
    np.testing.assert_allclose(banked_losses, direct_losses, rtol=1e-3)
    assert banked_losses["train_loss"].nunique() == 4


def test_with_the_real_backbone_the_cache_holds_the_features_of_the_direct_route(cohort: Cohort, tmp_path: Path):
    cohort.table = cohort.table.iloc[:5]  # a chunk and a part of one
    encoder = {"weights": str(write_responsive_weights(tmp_path / "weights.pth"))}
    direct = ArticleModel(train_settings(cohort, **DIRECT, encoder=encoder))
    classifier, rows = direct.core_network(0), [4, 1]
    features = classifier.encoder(direct.pipeline(classifier.input_standardization)(load_series(cohort, rows)))
    cached_route = ArticleModel(train_settings(cohort, encoder=encoder))
    (cached,) = cached_route.features(cohort)
    contrast = float(features.std(dim=2).mean())
    assert float((torch.from_numpy(cached[rows]) - features).abs().max()) < 1e-3 * contrast
    assert float((torch.from_numpy(cached[[0, 2]]) - features).abs().max()) > contrast  # other patients, other features
    np.testing.assert_array_equal(cached_route.features(_in_memory(cohort, 3))[0], cached[[3]])


class _PowerCutError(Exception):
    pass


@tiny
@pytest.mark.parametrize("route", [BANK, BATCH, TRAINABLE], ids=["bank", "batch", "trainable"])
def test_a_training_that_ended_and_continues_equals_one_that_never_ended(
    cohort: Cohort, tmp_path: Path, route: dict[str, Any]
):
    expected = fit(cohort, tmp_path / "one", **route)
    fit(cohort, tmp_path / "two", **route, trainer={"max_epochs": 2})
    continued = fit(cohort, tmp_path / "two", **route)
    assert continued.epochs == 4
    _assert_same(tmp_path, _scored(expected, cohort), _scored(continued, cohort))


@tiny
@pytest.mark.parametrize("route", [BANK, DIRECT], ids=["bank", "direct"])
def test_a_training_cut_off_within_an_epoch_and_continued_equals_an_uninterrupted_one(
    cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, route: dict[str, Any]
):
    expected = _scored(fit(cohort, tmp_path / "one", **route, batch_size=2), cohort)
    with monkeypatch.context() as patch:
        step = CoreClassifier.training_step

        def cut_off(self: CoreClassifier, batch: Any, batch_idx: int) -> Any:
            if self.current_epoch == 2 and batch_idx == 1:
                raise _PowerCutError
            return step(self, batch, batch_idx)

        patch.setattr(CoreClassifier, "training_step", cut_off)
        with pytest.raises(_PowerCutError):
            fit(cohort, tmp_path / "two", **route, batch_size=2)
    _assert_same(tmp_path, expected, _scored(fit(cohort, tmp_path / "two", **route, batch_size=2), cohort))


@tiny
def test_a_training_whose_folder_was_moved_keeps_the_best_of_its_weights_and_shows_its_loss(
    cohort: Cohort, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    expected = fit(cohort, tmp_path / "one", learning_rate=0.05, seed=1, trainer={"max_epochs": 8})
    assert expected.best_epoch < 6  # what comes after the move is worse
    fit(cohort, tmp_path / "first", learning_rate=0.05, seed=1, trainer={"max_epochs": 6})
    (tmp_path / "first").rename(tmp_path / "two")
    moved = fit(cohort, tmp_path / "two", learning_rate=0.05, seed=1, trainer={"max_epochs": 8})
    assert moved.record() == expected.record()
    _assert_same(tmp_path, _scored(expected, cohort), _scored(moved, cohort))
    assert not (tmp_path / "first").exists()
    assert f"≥ {_losses(tmp_path / 'one')['val_loss'].min():.3f}]" in capsys.readouterr().err.split("\r")[-1]


def _assert_same(folder: Path, expected: np.ndarray, probability: np.ndarray) -> None:
    for name in ("last", "best"):
        one, two = _weights(folder / "one", name), _weights(folder / "two", name)
        assert one.keys() == two.keys()
        for key in one:
            assert torch.equal(one[key], two[key]), key
    np.testing.assert_array_equal(expected, probability)


@tiny
def test_a_training_that_ended_by_patience_is_not_prolonged_when_its_results_are_written_later(
    cohort: Cohort, tmp_path: Path
):
    changes: dict[str, Any] = {"learning_rate": 0.05, "patience": 2, "trainer": {"max_epochs": 60}}
    first = fit(cohort, tmp_path / "run", **changes)
    assert first.epochs < 60
    again = fit(cohort, tmp_path / "run", **changes)  # as after a kill before metrics.json
    assert again.record() == first.record()
    np.testing.assert_array_equal(_scored(first, cohort), _scored(again, cohort))


@tiny
def test_mixed_precision_is_the_encoders_alone(cohort: Cohort, tmp_path: Path):
    mixed_precision = {"precision": "bf16-mixed"}
    single = _scored(fit(cohort, tmp_path / "single"), cohort)
    mixed = _scored(fit(cohort, tmp_path / "mixed", trainer=mixed_precision), cohort)
    np.testing.assert_array_equal(mixed, single)
    direct = _scored(fit(cohort, tmp_path / "direct", **DIRECT, trainer=mixed_precision), cohort)
    assert len(np.unique(direct.astype(np.float32))) == len(direct)
    assert (torch.from_numpy(direct).bfloat16().double().numpy() != direct).any()


@tiny
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@every_route
def test_scoring_the_validation_patients_gives_the_lowest_validation_loss_of_the_training(
    tmp_path: Path, route: dict[str, Any], precision: str
):
    soft_tissue = _cohort(tmp_path / "soft", mean=35, deviation=10)  # enhancement is that of the brain
    fitted = fit(
        soft_tissue, tmp_path / "run", **route, input={"kind": "enhancement"}, trainer={"precision": precision}
    )
    fold = fold_of(soft_tissue, fitted.model.settings)
    probability = torch.from_numpy(fitted.score(soft_tissue, fold.split.validation))
    loss = F.binary_cross_entropy(probability, torch.from_numpy(fold.labels[fold.split.validation]).double())
    assert float(loss) == pytest.approx(_losses(tmp_path / "run")["val_loss"].min(), rel=1e-5)


@tiny
def test_best_weights_are_those_of_the_lowest_validation_loss_and_score_the_patients(cohort: Cohort, tmp_path: Path):
    fitted = fit(cohort, tmp_path / "run", learning_rate=0.01)
    assert fitted.best_epoch == _losses(tmp_path / "run")["val_loss"].idxmin()
    classifier = fitted.model.core_network(0)
    classifier.load_weights(_weights(tmp_path / "run", "best"))
    classifier.eval()
    parts = fold_of(cohort, fitted.model.settings).split
    rows = np.concatenate([parts.validation, parts.test])
    with torch.no_grad():
        expected = torch.sigmoid(classifier(torch.from_numpy(fitted.model.features(cohort)[0][rows])))
    np.testing.assert_allclose(_scored(fitted, cohort), expected.numpy(), rtol=1e-5)


@tiny
@pytest.mark.parametrize(("blocks", "kept"), [(0, False), (1, True)])
def test_checkpoints_leave_out_a_frozen_backbone_and_keep_a_trained_one(
    cohort: Cohort, tmp_path: Path, blocks: int, kept: bool
):
    fit(cohort, tmp_path / "run", **DIRECT, encoder={"trainable_blocks": blocks}, trainer={"max_epochs": 1})
    for name in ("best", "last"):
        assert any(key.startswith("encoder.") for key in _weights(tmp_path / "run", name)) == kept
    trained = _weights(tmp_path / "run")
    assert trained["network.head.weight"].shape == (1, 32)
    if kept:
        assert not torch.equal(trained["encoder.backbone.0.weight"], TinyEncoder().backbone[0].weight)


@tiny
@pytest.mark.parametrize("kept", [0, 100, 20000])
def test_a_damaged_checkpoint_is_named_with_the_way_out(cohort: Cohort, tmp_path: Path, kept: int):
    files = TrainingFiles(tmp_path / "run")
    fitted = fit(cohort, files.folder, trainer={"max_epochs": 1})
    for path in (files.last, files.best):
        path.write_bytes(path.read_bytes()[:kept])
    sentence = r"\.ckpt cannot be read \(.+\); remove its folder and train that fold again$"
    with pytest.raises(UserError, match="best" + sentence):
        read_checkpoint(files.best)
    with pytest.raises(UserError, match="best" + sentence):
        fitted.model.load(files, fitted.record())
    with pytest.raises(UserError, match="last" + sentence):
        fit(cohort, files.folder)


@tiny
def test_two_fits_of_one_model_do_not_share_the_statistics_of_their_batches(cohort: Cohort, tmp_path: Path):
    settings = train_settings(cohort, **BATCH)
    model, first_fold = ArticleModel(settings), fold_of(cohort, settings)
    first = model.fit(first_fold, TrainingFiles(tmp_path / "first"))
    probability = first.score(cohort)
    model.fit(fold_of(cohort, dataclasses.replace(settings, fold=1)), TrainingFiles(tmp_path / "other"))
    np.testing.assert_array_equal(first.score(cohort), probability)
    again = model.fit(first_fold, TrainingFiles(tmp_path / "again"))
    np.testing.assert_array_equal(again.score(cohort), probability)


@tiny
@every_route
def test_a_patient_in_memory_gets_the_probability_of_the_same_patient_in_a_cohort_bit_for_bit(
    cohort: Cohort, tmp_path: Path, route: dict[str, Any]
):
    fitted = fit(cohort, tmp_path / "run", **route)
    expected = fitted.score(cohort)
    assert len(np.unique(expected)) == N
    for row in range(N):
        patient = _in_memory(cohort, row)
        assert isinstance(patient, Patients)
        assert fitted.score(patient).tolist() == [expected[row]]
    np.testing.assert_array_equal(fitted.score(_in_memory(cohort, 7, 2, 5)), expected[[7, 2, 5]])


@tiny
def test_rows_are_scored_in_the_order_in_which_they_are_given(cohort: Cohort, tmp_path: Path):
    fitted = fit(cohort, tmp_path / "run")
    rows = np.array([8, 0, 3])
    np.testing.assert_array_equal(fitted.score(cohort, rows), fitted.score(cohort)[rows])


@tiny
def test_scoring_needs_no_labels_and_encodes_nothing_but_the_unaugmented_draw(cohort: Cohort, tmp_path: Path):
    fitted = fit(cohort, tmp_path / "run")
    expected = fitted.score(cohort)
    table = pd.read_csv(cohort.folder / "cohort.csv").drop(columns="core_ml")
    table.to_csv(cohort.folder / "cohort.csv", index=False)
    unlabelled = Cohort(cohort.folder)
    np.testing.assert_array_equal(fitted.score(unlabelled), expected)
    cache = fitted.model.cache(unlabelled)
    assert cache is not None
    assert fitted.trained_on is not None
    assert cache.name != fitted.trained_on.name
    assert [path.name for path in cache.folder.glob("draw-*.npy")] == ["draw-000.npy"]


@tiny
@every_route
def test_a_model_that_is_loaded_with_its_record_scores_as_the_one_that_was_fitted(
    cohort: Cohort, tmp_path: Path, route: dict[str, Any]
):
    fitted = fit(cohort, tmp_path / "run", **route)
    record = json.loads(json.dumps(fitted.record()))
    loaded = ArticleModel(fitted.model.settings).load(TrainingFiles(tmp_path / "run"), record)
    assert loaded.record() == record
    np.testing.assert_array_equal(loaded.score(cohort), fitted.score(cohort))


@tiny
def test_the_record_names_the_feature_cache_and_the_epochs(cohort: Cohort, tmp_path: Path):
    record = fit(cohort, tmp_path / "run").record()
    draws = (tmp_path / "outputs" / "bank" / record["feature_cache"]).glob("draw-*.npy")
    first, second = sorted(draws)
    assert (first.name, second.name) == ("draw-000.npy", "draw-001.npy")
    assert record["features"] == hashlib.sha256(first.read_bytes()).hexdigest()
    assert (record["epochs"], record["best_epoch"]) == (4, _losses(tmp_path / "run")["val_loss"].idxmin())
    direct = fit(cohort, tmp_path / "direct", **DIRECT, standardize_features=False).record()
    assert direct["feature_cache"] is None
    assert direct["features"] is None
    assert direct["feature_statistics"] is None


@tiny
@pytest.mark.parametrize("route", [BANK, DIRECT], ids=["bank", "direct"])
def test_the_digest_of_the_fitted_statistics_changes_when_a_test_patient_is_added_to_the_training(
    cohort: Cohort, tmp_path: Path, route: dict[str, Any]
):
    settings = train_settings(cohort, **route, trainer={"max_epochs": 1})
    fold = fold_of(cohort, settings)
    parts = fold.split
    leaking = Split(np.sort(np.append(parts.train, parts.test[0])), parts.validation, parts.test)

    def digest(name: str, split: Split) -> str:
        fitted = ArticleModel(settings).fit(dataclasses.replace(fold, split=split), TrainingFiles(tmp_path / name))
        return fitted.record()["feature_statistics"]

    expected = digest("one", parts)
    assert digest("same", parts) == expected
    assert digest("other test patients", Split(parts.train, parts.validation, parts.test[:1])) == expected
    assert digest("leaking", leaking) != expected


def test_the_identity_is_the_pathways_and_the_weights(cohort: Cohort):
    model = ArticleModel(train_settings(cohort, ablation={"name": "mine", "pathways": ["local"]}))
    assert model.name == "mine"
    assert model.identity() == {"pathways": ["local"], "encoder": dataclasses.asdict(model.encoder_provenance())}
    assert model.encoder_provenance().is_random


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"encoder": {"weights": "nowhere.pth"}}, r"^encoder\.weights=nowhere\.pth is neither a name nor a file"),
        ({"trainer": {"accelerator": "mps"}}, "^trainer settings do not fit this machine: .*MPS"),
        ({"logger": "tensorboard"}, r"^logger=tensorboard needs a package: .*, or choose logger=csv$"),
        ({"logger": "mlflow"}, r"^logger=mlflow needs a package: pip install '\.\[mlflow\]', or choose logger=csv$"),
        ({}, None),
    ],
    ids=["weights", "hardware", "tensorboard", "mlflow", "nothing"],
)
def test_what_is_missing_is_refused_before_anything_is_written(
    cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], refusal: str | None
):
    def missing(*_: Any, **__: Any) -> None:
        raise ModuleNotFoundError("not here")

    monkeypatch.setattr(loggers, "TensorBoardLogger", missing)
    monkeypatch.setattr(loggers, "MLFlowLogger", missing)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.chdir(tmp_path)
    model = ArticleModel(train_settings(cohort, **changes))
    if refusal is None:
        model.check(cohort)
    else:
        with pytest.raises(UserError, match=refusal):
            model.check(cohort)
    assert list(tmp_path.iterdir()) == [cohort.folder]


@tiny
def test_progress_fits_a_terminal_and_bounds_the_time_of_all_trainings_to_come(
    cohort: Cohort, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    settings = train_settings(cohort, fold=2)
    ArticleModel(settings).fit(fold_of(cohort, settings), TrainingFiles(tmp_path / "run"), runs_to_come=999)
    line = capsys.readouterr().err.rstrip("\n").split("\r")[-1]
    assert line.startswith("train full 3/3 |")
    assert "| 4/4 [<00:00, all <" in line
    assert len(line) <= 79
    lowest = _losses(tmp_path / "run")["val_loss"].min()
    assert f"≥ {lowest:.3f}]" in line


@tiny
def test_trainings_in_several_processes_show_no_progress(
    cohort: Cohort, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    settings = train_settings(cohort)
    ArticleModel(settings).fit(fold_of(cohort, settings), TrainingFiles(tmp_path / "run"), runs_to_come=None)
    assert "train full" not in capsys.readouterr().err


@tiny
def test_networks_with_an_encoder_of_their_own_do_not_explain_themselves(cohort: Cohort, tmp_path: Path):
    fitted = fit(cohort, tmp_path / "run", **DIRECT, trainer={"max_epochs": 1})
    assert fitted.model.explain(_in_memory(cohort, 0), [fitted]) is None
