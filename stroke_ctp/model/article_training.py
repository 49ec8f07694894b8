"""One training of the article's network in Lightning."""

import tempfile
from pathlib import Path

from torch import nn

from stroke_ctp.model.article import ArticleModel
from stroke_ctp.model.cached_features import TrainingFeatures
from stroke_ctp.model.checkpoints import TrainingFiles
from stroke_ctp.model.classifier import CoreClassifier
from stroke_ctp.model.data_modules import CachedFeatureData, FoldDataModule, FrameData
from stroke_ctp.model.fitted_article import FittedArticle
from stroke_ctp.model.loggers import build_logger
from stroke_ctp.model.protocol import Fold
from stroke_ctp.model.settings import TrainSettings
from stroke_ctp.model.trainer import build_trainer, carry_out
from stroke_ctp.model.training_callbacks import training_callbacks


def check_trainer(settings: TrainSettings) -> None:
    """Build trainer and logger once.

    Raises:
        UserError: This machine or this installation lacks what the settings ask for.
    """
    with tempfile.TemporaryDirectory() as folder:
        build_trainer(settings.trainer, logger=build_logger(settings, Path(folder)))


def fit_article(model: ArticleModel, fold: Fold, files: TrainingFiles, runs_to_come: int | None) -> FittedArticle:
    """Train one fold; arguments as of `protocol.Model.fit`."""
    settings = model.settings
    title = f"train {model.name} {fold.number + 1}/{fold.n_folds}"
    classifier = _classifier(model, fold.number)
    trainer = build_trainer(
        settings.trainer,
        callbacks=training_callbacks(files, settings.patience, title, runs_to_come),
        logger=build_logger(settings, files.folder),
        default_root_dir=files.folder,
    )
    last = files.last if files.last.exists() else None
    if last is not None:
        classifier.load_checkpoint(last)  # refuses a damaged one
    data, cache = _data(model, fold, classifier.input_standardization), model.cache(fold.cohort)
    with model.threads():
        carry_out(trainer, classifier, data, last, fold)
    best_epoch = classifier.load_checkpoint(files.best)
    features = None if cache is None else TrainingFeatures(cache.name, cache.sha256(0))
    return FittedArticle(model, classifier, trainer.current_epoch, best_epoch, features)


def _classifier(model: ArticleModel, fold: int) -> CoreClassifier:
    settings = model.settings
    return CoreClassifier(
        **model.parts(fold),
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        seed=settings.seed,
    )


def _data(model: ArticleModel, fold: Fold, standardization: nn.Module) -> FoldDataModule:
    settings, common = model.settings, (fold.labels, fold.split)
    if not model.is_direct:
        features = model.features(fold.cohort, settings.bank.draws)
        return CachedFeatureData(features, *common, settings.batch_size, settings.seed)
    return FrameData(
        fold.cohort,
        *common,
        model.pipeline(standardization),
        settings.augmentation,
        batch_size=settings.batch_size,
        num_workers=settings.num_workers,
        seed=settings.seed,
    )
