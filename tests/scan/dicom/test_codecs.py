"""Image codecs run in a process of their own: what happens there costs an image, and not the command."""

import json
import os
import signal
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import gdcm
import numpy as np
import pytest
from dicom_files import classic, recode, save_all
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEG2000Lossless

from stroke_ctp.common.errors import Excluded
from stroke_ctp.scan.dicom import codec_worker, codecs, deflated
from stroke_ctp.scan.dicom.codecs import CodecError, decoded_frames
from stroke_ctp.scan.read import read_scan

HU = np.random.default_rng(0).integers(0, 90, (3, 2, 16, 16)).astype(float)
TIMES = np.repeat(np.arange(3)[:, None] * 1.5, 2, axis=1)


@pytest.fixture
def compressed(tmp_path: Path) -> Path:
    """A scan in JPEG 2000."""
    folder = save_all(tmp_path / "scan", classic(HU, TIMES, "siemens"))
    for path in folder.iterdir():
        recode(path, gdcm.TransferSyntax.JPEG2000Lossless)
    return folder


def test_pixels_of_a_codec_are_those_that_were_compressed(compressed: Path):
    np.testing.assert_array_equal(read_scan(compressed).hu, HU)


def test_one_process_decodes_all_images(compressed: Path):
    read_scan(compressed)
    process = codecs._running[os.getpid()]
    read_scan(compressed)
    assert codecs._running[os.getpid()] is process


def test_a_codec_that_crashes_costs_the_image_and_the_next_one_is_decoded(
    compressed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = sorted(compressed.iterdir())[0]
    (before,) = decoded_frames(path, JPEG2000Lossless, [0])
    codecs._running.pop(os.getpid()).end()
    with monkeypatch.context() as patch:
        patch.setattr(codec_worker, "__file__", _script(tmp_path, "input(); import os; os.abort()"))
        with pytest.raises(CodecError):
            list(decoded_frames(path, JPEG2000Lossless, [0]))
    (after,) = decoded_frames(path, JPEG2000Lossless, [0])
    np.testing.assert_array_equal(after, before)


def test_a_codec_that_dies_once_costs_nothing(compressed: Path):
    path = sorted(compressed.iterdir())[0]
    (before,) = decoded_frames(path, JPEG2000Lossless, [0])
    os.kill(codecs._running[os.getpid()]._popen.pid, signal.SIGSEGV)
    (after,) = decoded_frames(path, JPEG2000Lossless, [0])
    np.testing.assert_array_equal(after, before)


def test_a_codec_that_loops_ends_though_nobody_waits_for_it(tmp_path: Path):
    loop = "worker.iter_pixels = lambda *_, **__: (None for _ in iter(int, 1) if False)"
    start = f"import sys; from stroke_ctp.scan.dicom import codec_worker as worker; worker._MOST_S = 1; {loop}"
    script = _script(tmp_path, f"{start}; worker.serve(sys.stdin.buffer, sys.stdout.buffer)")
    request = json.dumps({"path": "", "syntax": "1.2", "frames": [0]}) + "\n"
    assert subprocess.run([sys.executable, script], input=request, text=True, timeout=60).returncode == -signal.SIGALRM


def _script(folder: Path, code: str) -> str:
    (folder / "codec.py").write_text(code)
    return str(folder / "codec.py")


def test_a_codec_that_comes_to_no_end_is_given_up(compressed: Path, monkeypatch: pytest.MonkeyPatch):
    path = sorted(compressed.iterdir())[0]
    list(decoded_frames(path, JPEG2000Lossless, [0]))
    process = codecs._running[os.getpid()]
    os.kill(process._popen.pid, signal.SIGSTOP)
    monkeypatch.setattr(codecs, "_LIMIT_S", 0.2)
    with pytest.raises(CodecError, match=r"more than 0\.2 s"):
        next(decoded_frames(path, JPEG2000Lossless, [0]))
    assert process._popen.poll() is not None


@pytest.mark.parametrize("damage", ["cut", "garbage"])
def test_a_damaged_image_is_named_and_nothing_reaches_the_terminal(
    compressed: Path, damage: str, capfd: pytest.CaptureFixture
):
    path = sorted(compressed.iterdir())[1]
    ds = dcmread(path)
    codestream = ds.PixelData[16:]
    ds.PixelData = encapsulate([{"cut": codestream[:60], "garbage": b"\xff\x4f" + b"7" * 98}[damage]])
    ds.save_as(path)
    with pytest.raises(Excluded, match=rf"pixels of file {path.name} cannot be decoded"):
        read_scan(compressed)
    assert capfd.readouterr() == ("", "")


def test_a_deflated_file_is_read_and_one_that_unpacks_without_end_is_refused_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = save_all(tmp_path / "scan", classic(HU, TIMES, "ge"), syntax=DeflatedExplicitVRLittleEndian)
    np.testing.assert_array_equal(read_scan(folder).hu, HU)
    monkeypatch.setattr(deflated, "MOST_BYTES", 1 << 20)
    path = sorted(folder.iterdir())[0]
    content = path.read_bytes()
    start = 144 + struct.unpack("<I", content[140:144])[0]
    body = zlib.decompress(content[start:], -zlib.MAX_WBITS)
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    element = struct.pack("<HH2sHI", 0x0029, 0x1010, b"OB", 0, 8 << 20) + bytes(8 << 20)
    path.write_bytes(content[:start] + packer.compress(body[:-800] + element) + packer.flush())
    assert path.stat().st_size < 20_000
    with pytest.raises(Excluded, match=rf"{path.name} must unpack to ≤ 1 MiB, got more; export the scan uncompressed"):
        read_scan(folder)
