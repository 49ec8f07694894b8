"""What SimpleITK needs to be told: settings of this process, and names of files."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import SimpleITK as sitk  # noqa: N813


def itk_version() -> str:
    """Version of SimpleITK."""
    return str(sitk.Version_VersionString())


def use_one_thread() -> None:
    """Let ITK use one thread: the other cores process other patients."""
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)


def silence_warnings() -> None:
    """Keep ITK's warnings from the terminal: they show the whole path, which can name a person."""
    sitk.ProcessObject.GlobalWarningDisplayOff()


@contextmanager
def itk_name(path: Path) -> Iterator[str]:
    """A name by which ITK finds a NIfTI file; a path that is not UTF-8 would end the process."""
    if str(path).encode(errors="replace").decode() == str(path):
        yield str(path)
        return
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder, "scan.nii.gz" if path.name.lower().endswith(".gz") else "scan.nii")
        link.symlink_to(path.absolute())
        yield str(link)
