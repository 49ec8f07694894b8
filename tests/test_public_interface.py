"""The public names of the package: loaded on first use, and documented by examples that run."""

import doctest
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cohorts import write_cohort
from heads import save_nifti
from noise import train_quickly, write_noise_cohort
from perfused_head import PIXEL_MM, head

import stroke_ctp
from stroke_ctp.common import masks
from stroke_ctp.common.geometry import SERIES_SHAPE


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the examples name: a scan, a manifest, a cohort and a trained study."""
    folder = tmp_path_factory.mktemp("examples")
    save_nifti(folder / "scan.nii.gz", head()[0], (10.0, *PIXEL_MM))
    (folder / "manifest.csv").write_text("scan,patient,basal_ganglia,supraganglionic,core_ml\nscan.nii.gz,A,0,2,12.5\n")
    write_cohort(folder / "cohort", {"core_ml": [12.5, 40.0]}, {"s.npy": np.zeros(SERIES_SHAPE)})
    write_noise_cohort(folder / "training")
    train_quickly(f"cohort={folder}/training", f"outputs={folder}/outputs", "fold=0..2", "trainer.max_epochs=1")
    return folder


@pytest.mark.parametrize(
    "documented",
    [stroke_ctp, masks.largest_component, *(getattr(stroke_ctp, name) for name in stroke_ctp.__all__)],
    ids=["stroke_ctp", "largest_component", *stroke_ctp.__all__],
)
def test_the_example_of_a_public_name_runs(documented: object, workplace: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(workplace)
    namespace = {"np": np, "largest_component": masks.largest_component}
    example = doctest.DocTestParser().get_doctest(documented.__doc__, namespace, str(documented), None, 0)
    assert example.examples
    assert doctest.DocTestRunner().run(example).failed == 0


def test_importing_the_package_loads_no_library():
    program = "import sys, stroke_ctp; print([name for name in ('numpy', 'torch', 'pandas') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout.strip() == "[]"


@pytest.mark.parametrize("command", ["train", "ensemble"])
def test_a_training_command_starts_without_pytorch(command: str):
    program = f"import sys, stroke_ctp.{command}; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout.strip() == "False"


@pytest.mark.parametrize("model", ["article", "perfusion_model"])
def test_a_prediction_waits_for_no_library_that_it_does_not_use(model: str):
    others = ("matplotlib", "statsmodels", "sklearn", "scipy.stats", "pydicom", "lightning", "torchvision")
    program = f"import sys, stroke_ctp.predict, stroke_ctp.model.{model}; print({set(others)} & {{*sys.modules}})"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout.strip() == "set()"


def test_an_unknown_name_is_refused():
    assert "Cohort" in dir(stroke_ctp)
    with pytest.raises(AttributeError, match="has no attribute 'Chort'"):
        _ = stroke_ctp.Chort
