"""The classifier on features that are given: no frames, no backbone."""

from typing import Any

import lightning as L
import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import nn
from trainings import TinyEncoder

from stroke_ctp.cohort.fold_settings import FoldSettings
from stroke_ctp.cohort.folds import Split, split
from stroke_ctp.cohort.standardization import FixedStandardization
from stroke_ctp.model.classifier import CoreClassifier, Diverged
from stroke_ctp.model.data_modules import CachedFeatureData
from stroke_ctp.model.feature_standardization import FeatureStandardization
from stroke_ctp.model.temporal_network import TemporalNetwork

pytestmark = pytest.mark.usefixtures("one_thread")


def _classifier(network: TemporalNetwork | None = None, **options: Any) -> CoreClassifier:
    return CoreClassifier(network or TemporalNetwork(), nn.Identity(), FixedStandardization(0.0, 1.0), **options)


def _given(features: np.ndarray, labels: np.ndarray, parts: Split) -> CachedFeatureData:
    return CachedFeatureData(list(features.astype(np.float32)), labels, parts)


def _fit(data: CachedFeatureData, epochs: int, **options: Any) -> CoreClassifier:
    torch.manual_seed(0)
    module = _classifier(**options)
    trainer = L.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(module, data)
    return module


def test_a_checkpoint_of_another_network_is_refused():
    module = _classifier(TemporalNetwork(pathways=("local",)))
    other = _classifier()
    with pytest.raises((ValueError, RuntimeError), match=r"pathways\.1|size mismatch"):
        module.load_weights(other.state_dict())


def test_feature_standardization_is_fitted_on_the_unaugmented_training_fold_alone():
    generator = np.random.default_rng(0)
    bank = generator.normal(3, 2, (2, 20, 2, 32, 512)) * np.linspace(0.5, 4, 512)
    parts = Split(np.arange(0, 12), np.arange(12, 16), np.arange(16, 20))
    bank[:, 12:] = 1e6
    bank[1] += 500
    module = _fit(_given(bank, np.arange(20) % 2, parts), epochs=1)
    fitted, expected = module.feature_standardization, FeatureStandardization()
    training = bank[0, :12].reshape(-1, 512)
    np.testing.assert_allclose(fitted.mean, training.mean(axis=0), rtol=1e-4)
    expected.fit([torch.from_numpy(bank[0, :12]).float()])
    np.testing.assert_allclose(fitted.scale, expected.scale, rtol=1e-4)


def _diverged_rows(bank: np.ndarray, **options: Any) -> list[int]:
    labels, parts = np.arange(20) % 2, Split(np.arange(0, 12), np.arange(12, 16), np.arange(16, 20))
    with pytest.raises(Diverged) as found:
        _fit(_given(bank, labels, parts), epochs=3, **options)
    return found.value.rows


def test_a_patient_whose_features_are_no_numbers_ends_the_training_and_is_named():
    bank = np.random.default_rng(0).normal(size=(1, 20, 2, 32, 512))
    bank[0, 5, 1, 3, 7] = np.nan
    assert _diverged_rows(bank) == [5]
    assert set(_diverged_rows(bank, standardize_features=False)) == set(range(12))  # one batch
    bank[0, 5, 1, 3, 7], bank[0, 13] = 0.0, np.inf
    assert set(_diverged_rows(bank)) == {12, 13, 14, 15}  # of validation


def test_a_training_that_diverges_ends_with_the_patients_of_its_batch():
    bank = np.random.default_rng(0).normal(size=(1, 20, 2, 32, 512))
    assert set(_diverged_rows(bank, learning_rate=1e30)) <= set(range(16))


def test_features_as_they_come_are_not_standardized():
    module = _classifier(standardize_features=False).eval()
    features = torch.randn(2, 2, 32, 512)
    assert module.feature_standardization is None
    assert torch.equal(module(features), module.network(features))


def test_the_optimizer_is_rmsprop_with_the_given_rate_on_everything_that_is_trained():
    module = CoreClassifier(
        TemporalNetwork(), TinyEncoder(), FixedStandardization(0.0, 1.0), learning_rate=3e-4, weight_decay=0.02
    )
    optimizer = module.configure_optimizers()
    assert isinstance(optimizer, torch.optim.RMSprop)
    (group,) = optimizer.param_groups
    assert (group["lr"], group["weight_decay"]) == (3e-4, 0.02)
    assert sum(parameter.numel() for parameter in group["params"]) == 43_469


def _strong_cohort(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Features that tell the classes apart at a glance, and each patient from all others."""
    generator = np.random.default_rng(1)
    labels = generator.permutation(np.arange(n) % 2)
    course = np.exp(-(((np.arange(32) - 16) / 4) ** 2))
    sign = generator.normal(size=512)
    bank = generator.normal(size=(1, n, 2, 1, 512)) + generator.normal(size=(1, n, 2, 32, 512))
    return bank + labels[:, None, None, None] * course[:, None] * sign, labels


def _test_aucs(features: np.ndarray, labels: np.ndarray, n_folds: int = 3) -> list[float]:
    aucs = []
    for fold in range(n_folds):
        parts = split(labels, fold, FoldSettings(n=n_folds))
        module = _fit(_given(features, labels, parts), epochs=4, learning_rate=3e-3).eval()
        with torch.no_grad():
            logit = module(torch.from_numpy(features[0, parts.test]).float())
        aucs.append(roc_auc_score(labels[parts.test], logit))
    return aucs


def test_true_labels_are_learned_and_permuted_ones_are_not():
    bank, labels = _strong_cohort(60)
    assert np.mean(_test_aucs(bank, labels)) > 0.9
    generator = np.random.default_rng(2)
    permuted = [np.mean(_test_aucs(bank, generator.permutation(labels))) for _ in range(20)]
    assert np.mean(permuted) == pytest.approx(0.5, abs=0.05)
