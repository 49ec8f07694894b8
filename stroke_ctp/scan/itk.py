"""Settings of SimpleITK for this process."""

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
