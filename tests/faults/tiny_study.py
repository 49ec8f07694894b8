"""The tiny study: its commands, what has to lie there before each, and what of their results is compared."""

from dataclasses import dataclass

SIZES = ("n_train=6", "n_external=1")
TRAIN = ("cohort=cohort", "fold=0..2", "folds.n=3", "trainer.max_epochs=4", "encoder.weights=none", "bank.draws=1")
STUDY = "outputs/s"


@dataclass(frozen=True)
class Kind:
    """A command, what has to lie there before, and what of its results is compared."""

    command: tuple[str, ...]
    needs: tuple[str, ...]
    results: tuple[str, ...]


RUNS = (f"{STUDY}/*/fold-*/predictions.csv", f"{STUDY}/*/fold-*/metrics.json")
KINDS = {
    "simulate": Kind(("simulate", "out=scans", *SIZES, "jobs=1"), (), ("scans/**/*.csv", "scans/**/*.nii.gz")),
    "preprocess": Kind(
        ("preprocess", "manifest=scans/train/manifest.csv", "out=cohort", "jobs=1"),
        ("scans",),
        ("cohort/*.csv", "cohort/*.json", "cohort/series/*", "cohort/*.html"),
    ),
    "external": Kind(
        ("preprocess", "manifest=scans/external/manifest.csv", "out=external", "jobs=1"),
        ("scans",),
        ("external/*.csv", "external/*.json", "external/series/*"),
    ),
    "encode": Kind(("train", *TRAIN, "name=s"), ("cohort",), (*RUNS, "outputs/bank/*/*.npy")),
    "train": Kind(("train", *TRAIN, "name=s"), ("cohort", "outputs/bank"), RUNS),
    "cbv": Kind(("train", *TRAIN, "name=s", "model=cbv"), ("cohort", f"{STUDY}/full"), RUNS),
    "parallel": Kind(
        ("train", *TRAIN, "name=s", "hydra/launcher=parallel", "hydra.launcher.n_jobs=2"),
        ("cohort", "outputs/bank"),
        RUNS,
    ),
    "ensemble": Kind(
        ("ensemble", "name=s", "external=external", "models=full,cbv"),
        ("cohort", "external", "outputs/bank", STUDY),
        (f"{STUDY}/*/ensemble/predictions.csv", f"{STUDY}/*/ensemble/metrics.json"),
    ),
    "permute": Kind(
        ("permute", "name=s", "models=cbv", "permutations=2", "cohorts=cohort", "jobs=1"),
        ("cohort", STUDY),
        (f"{STUDY}/cbv/permutations/*.json",),
    ),
    "stress": Kind(
        ("stress", "name=s", "models=cbv", "axes=noise", "levels=12", "patients=2", "jobs=1"),
        (STUDY,),
        (f"{STUDY}/stress/*",),
    ),
    "report": Kind(
        ("report", "name=s"),
        ("cohort", "external", "outputs/bank", STUDY),
        (f"{STUDY}/report/tables/*", f"{STUDY}/report/figures/*"),
    ),
    "perfusion": Kind(
        ("perfusion", "manifest=scans/external/manifest.csv", "out=maps", "jobs=1"),
        ("scans",),
        ("maps/*.csv", "maps/*/*"),
    ),
    "predict": Kind(
        ("predict", "manifest=scans/external/manifest.csv", "name=s", "out=prediction", "jobs=1"),
        ("scans", "outputs/bank", STUDY),
        ("prediction/*.csv",),
    ),
    "export": Kind(
        ("export", "name=s", "model=cbv", "cohort=cohort", "out=model.safetensors"), ("cohort", STUDY), ("model.*",)
    ),
    "pretrain": Kind(("pretrain", "out=weights", "patients=2", "steps=12", "jobs=1"), (), ("weights",)),
}
"""In the order in which an undisturbed study needs them."""
MADE_BY = {"cbv": f"{STUDY}/cbv", "ensemble": f"{STUDY}/*/ensemble", "permute": f"{STUDY}/*/permutations"}
MADE_BY |= {"stress": f"{STUDY}/stress", "report": f"{STUDY}/report"}
"""What a command makes inside of what it needs."""
