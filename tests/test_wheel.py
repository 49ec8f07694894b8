"""The package as it is installed without its checkout."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel's contents."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT]
    subprocess.run(build, check=True, capture_output=True, timeout=300)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(folder / "site")
    return folder / "site"


def test_wheel_holds_every_configuration_file(installed: Path) -> None:
    expected = {path.relative_to(ROOT / "conf") for path in (ROOT / "conf").rglob("*.yaml")}
    shipped = {
        path.relative_to(installed / "stroke_ctp/conf") for path in (installed / "stroke_ctp/conf").rglob("*.yaml")
    }
    assert shipped == expected


def test_wheel_holds_what_the_report_is_made_of(installed: Path) -> None:
    for pattern in ("reporting/templates/*", "reporting/checklists/*"):
        expected = {path.name for path in (ROOT / "stroke_ctp").glob(pattern)}
        assert {path.name for path in (installed / "stroke_ctp").glob(pattern)} == expected != set()


def test_wheel_holds_the_weights_of_the_perfusion_network_and_their_card(installed: Path) -> None:
    expected = {path.name: path.read_bytes() for path in (ROOT / "stroke_ctp/model/weights").iterdir()}
    assert set(expected) == {"perfusion.safetensors", "perfusion.md"}
    assert {path.name: path.read_bytes() for path in (installed / "stroke_ctp/model/weights").iterdir()} == expected


def test_installed_command_runs_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "stroke_ctp.simulate", "out=scans", "n_train=0", "n_external=0"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.split()[-1] == "scans"
    assert (tmp_path / "scans/settings.json").exists()
