"""A small trained study, and what a colleague of its author has: a scan, and manifests of it."""

import contextlib
import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from heads import save_nifti
from noise import MeansEncoder, train_quickly, write_noise_cohort
from perfused_head import PIXEL_MM, head

from stroke_ctp.config.command_line import run
from stroke_ctp.config.schemas.ensemble import EnsembleSettings
from stroke_ctp.config.schemas.export import ExportSettings
from stroke_ctp.config.schemas.predict import PredictSettings
from stroke_ctp.config.schemas.preprocess import PreprocessSettings
from stroke_ctp.ensemble import ensemble
from stroke_ctp.export import export
from stroke_ctp.model import article
from stroke_ctp.predict import predict
from stroke_ctp.preprocess import preprocess

COMMANDS = {
    "export": (export, ExportSettings),
    "predict": (predict, PredictSettings),
    "preprocess": (preprocess, PreprocessSettings),
    "ensemble": (ensemble, EnsembleSettings),
}


def call(name: str, *arguments: object) -> str:
    """Run a command in this process; what it prints."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [name, *map(str, arguments)])
        run(*COMMANDS[name], name)
    return said.getvalue()


@contextlib.contextmanager
def trained_study(folder: Path) -> Iterator[Path]:
    """A study of three folds, a scan, a manifest of it and of a file cut short, and a cohort made of the scan."""
    write_noise_cohort(folder / "outputs/cohort")
    train_quickly(f"cohort={folder}/outputs/cohort", f"outputs={folder}/outputs", "fold=0..2", "trainer.max_epochs=2")
    save_nifti(folder / "scan.nii.gz", head()[0], (10.0, *PIXEL_MM))
    (folder / "cut.nii.gz").write_bytes((folder / "scan.nii.gz").read_bytes()[:100_000])
    header = "scan,patient,basal_ganglia,supraganglionic"
    (folder / "manifest.csv").write_text(f"{header}\nscan.nii.gz,Ann,0,2\ncut.nii.gz,Bob,0,2\n")
    (folder / "labelled.csv").write_text(f"{header},core_ml\nscan.nii.gz,Ann,0,2,50\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(article, "Encoder", MeansEncoder)
        call("preprocess", f"manifest={folder}/labelled.csv", f"out={folder}/external", "jobs=1")
        call("ensemble", f"external={folder}/external", f"outputs={folder}/outputs")
        yield folder
