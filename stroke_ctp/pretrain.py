"""Train the perfusion network on simulated patients: `python -m stroke_ctp.pretrain out=FILE`."""

import shutil
from pathlib import Path

from stroke_ctp.common.devices import device_of
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import claim, differing
from stroke_ctp.common.locks import only_command
from stroke_ctp.config.command_line import run
from stroke_ctp.config.schemas.pretrain import PretrainSettings
from stroke_ctp.model.perfusion_weights import read_pretraining, write_weights
from stroke_ctp.pretraining.training import Training

_WAY_OUT = (
    "give the same, or choose another out=FILE (device is cuda where there is a GPU; accelerator=cpu makes it cpu)"
)


def pretrain(settings: PretrainSettings) -> None:
    """Write `FILE`; until then, samples and checkpoint lie beside it in `FILE.training/`."""
    out, device = settings.out, device_of(settings.accelerator).type
    training = Training(training_folder(out), settings.seed, settings.patients, settings.steps, device)
    if out.is_dir():
        raise UserError(f"out must be a file, got the folder {out}; choose another out=FILE")
    is_complete = out.exists()
    if is_complete:
        others = differing(training.settings, read_pretraining(out))
        if others:
            raise UserError(f"{out} was trained with other settings: {', '.join(others)}; {_WAY_OUT}")
    else:
        claim(training.folder, training.settings, f"{_WAY_OUT}, or remove the folder")
    if training.folder.exists():  # also that of a command that was killed when all was done
        with only_command(training.folder):
            if not out.exists():  # another process may have finished it in the meantime
                write_weights(out, training.run(settings.jobs), training.settings)
            shutil.rmtree(training.folder)
    print(f"pretrain: {out} is complete" if is_complete else out)


def training_folder(out: Path) -> Path:
    """Folder of what a training needs to continue."""
    return out.with_name(f"{out.name}.training")


if __name__ == "__main__":
    run(pretrain, PretrainSettings, "pretrain")
