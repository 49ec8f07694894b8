"""The cached features that a network was trained on, or that its ensemble scored, if they are still there."""

from functools import cache
from pathlib import Path

from stroke_ctp.cohort.store import Cohort
from stroke_ctp.model.feature_cache import FeatureCache
from stroke_ctp.study.ensemble_folder import EnsembleFolder
from stroke_ctp.study.members import Features, settings_here
from stroke_ctp.study.run_folder import RunFolder


def training_features(run: RunFolder, n_patients: int) -> Features | None:
    """Features of the training cohort; None if the run had none, or they are gone or were made anew.

    Another processor rounds differently, so features that were encoded again prove nothing.
    """
    fitted = run.record().fitted
    if not fitted["feature_cache"]:
        return None
    return _unchanged(settings_here(run).cache, fitted["feature_cache"], fitted["features"], n_patients)


def external_features(run: RunFolder, ensemble: EnsembleFolder, external: Cohort, n_patients: int) -> Features | None:
    """Features of the external cohort, made as those of the training cohort; None if they are not cached.

    Args:
        run: A member.
        ensemble: The ensemble that scored the cohort.
        external: The cohort.
        n_patients: Size of the training cohort.
    """
    root, fitted = settings_here(run).cache, run.record().fitted
    trained = FeatureCache.recorded(root, fitted["feature_cache"], n_patients) if fitted["feature_cache"] else None
    if trained is None or ensemble.provenance().device != run.provenance().device:
        return None
    same = FeatureCache(root, trained.key | {"cohort": external.hash}, len(external))
    found = FeatureCache.recorded(root, same.name, len(external))
    return None if found is None else found.read(0)


@cache
def _unchanged(root: Path, name: str, sha256: str, n: int) -> Features | None:
    found = FeatureCache.recorded(root, name, n)
    return found.read(0) if found is not None and found.sha256(0) == sha256 else None
