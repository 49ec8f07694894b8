import errno
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from stroke_ctp.common import unfinished
from stroke_ctp.common.arrays import mapped_array
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.records import read_json
from stroke_ctp.model import feature_cache
from stroke_ctp.model.encoder import Encoder
from stroke_ctp.model.feature_cache import FeatureCache, encoding_precision

CPU = torch.device("cpu")
N, DRAWS = 10, 3
KEY: dict[str, Any] = {"cohort": "c0ffee", "input": {"scale": 6.0}, "seed": 0}


class _Counting(Encoder):
    """512 features of a frame by one product, counting patients and failing when asked to."""

    def __init__(self) -> None:
        nn.Module.__init__(self)
        self.backbone = nn.Sequential(nn.Linear(16, 512, bias=False))
        self.patients = 0
        self.fail_after: int | None = None
        nn.init.normal_(self.backbone[0].weight, generator=torch.Generator().manual_seed(0))

    def forward(self, frames: Tensor) -> Tensor:
        if self.fail_after is not None and self.patients >= self.fail_after:
            raise KeyboardInterrupt
        self.patients += len(frames)
        return self.backbone(frames.flatten(-2)).float()


FRAMES = torch.randn(DRAWS, N, 2, 32, 4, 4, generator=torch.Generator().manual_seed(1))


def _cache(root: Path, key: dict[str, Any] = KEY) -> FeatureCache:
    return FeatureCache(root, key, N)


def _features(root: Path, encoder: Encoder, draws: int = DRAWS, precision: torch.dtype = torch.float32) -> np.ndarray:
    sources = [lambda rows, number=number: FRAMES[number, rows] for number in range(draws)]
    encoder.backbone.to(precision)
    return np.stack(_cache(root).features(sources, lambda: encoder, precision, CPU))


def _expected() -> np.ndarray:
    with torch.inference_mode():
        return _Counting().backbone(FRAMES.flatten(-2)).numpy()


def test_features_are_those_of_every_patient_in_every_draw(tmp_path: Path):
    features = _features(tmp_path, _Counting())
    assert features.shape == (DRAWS, N, 2, 32, 512)
    np.testing.assert_allclose(features, _expected(), atol=1e-5)


def test_each_draw_is_encoded_once_and_a_second_call_encodes_nothing(tmp_path: Path):
    encoder = _Counting()
    first = _features(tmp_path, encoder)
    assert encoder.patients == DRAWS * N
    again = _features(tmp_path, encoder)
    assert encoder.patients == DRAWS * N
    np.testing.assert_array_equal(first, again)


def test_a_full_cache_does_not_even_make_the_encoder(tmp_path: Path):
    _features(tmp_path, _Counting())
    made = []

    def make() -> Encoder:
        made.append(_Counting())
        return made[0]

    sources = [lambda rows: FRAMES[0, rows]]
    _cache(tmp_path).features(sources, make, torch.float32, CPU)
    assert not made


def test_more_draws_later_encode_only_what_is_new(tmp_path: Path):
    encoder = _Counting()
    first = _features(tmp_path, encoder, draws=1)
    assert encoder.patients == N
    np.testing.assert_array_equal(_features(tmp_path, encoder)[:1], first)
    assert encoder.patients == DRAWS * N
    assert len(_features(tmp_path, encoder, draws=2)) == 2


@pytest.mark.parametrize("after", [0, 4, 8, 14, 22])
def test_a_cache_interrupted_anywhere_continues_with_the_same_numbers(tmp_path: Path, after: int):
    uninterrupted = _features(tmp_path / "one", _Counting())
    broken, second = _Counting(), _Counting()
    broken.fail_after = after
    with pytest.raises(KeyboardInterrupt):
        _features(tmp_path / "two", broken)
    features = _features(tmp_path / "two", second)
    np.testing.assert_array_equal(features, uninterrupted)
    assert broken.patients + second.patients == DRAWS * N
    (folder,) = (tmp_path / "two").iterdir()
    left = {path.name for path in folder.iterdir()} - {".locks"}
    assert left == {"key.json", *(f"draw-{draw:03d}{kind}" for draw in range(DRAWS) for kind in (".npy", ".sha256"))}


def test_two_processes_that_fill_one_cache_share_the_work_and_get_the_same_features(tmp_path: Path):
    """Like jobs of a sweep, or machines that share a folder."""

    inside, second = Event(), _Counting()

    class First(_Counting):
        def forward(self, frames: Tensor) -> Tensor:
            inside.set()
            while second.patients < DRAWS * N - 4:  # all but the part that is being encoded here
                time.sleep(0.01)
            return super().forward(frames)

    with ThreadPoolExecutor(1) as pool:
        one = pool.submit(_features, tmp_path, first := First())
        assert inside.wait(60)
        other = _features(tmp_path, second)
    assert (first.patients, second.patients) == (4, DRAWS * N - 4)
    np.testing.assert_array_equal(one.result(), other)
    np.testing.assert_allclose(other, _expected(), atol=1e-5)


def test_parts_worked_on_at_a_time_give_the_same_features(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """As on a GPU, which encodes one part while others are read and written."""
    monkeypatch.setattr(feature_cache, "_PARTS_IN_WORK", {"cpu": 3})
    together = Barrier(3, timeout=60)

    class Meeting(_Counting):
        def forward(self, frames: Tensor) -> Tensor:
            together.wait()
            return super().forward(frames)

    np.testing.assert_array_equal(_features(tmp_path / "three", Meeting()), _features(tmp_path / "one", _Counting()))


def test_an_interruption_ends_all_parts_in_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(feature_cache, "_PARTS_IN_WORK", {"cpu": 3})
    broken = _Counting()
    broken.fail_after = 8
    with pytest.raises(KeyboardInterrupt):
        _features(tmp_path, broken)
    assert broken.patients < DRAWS * N
    np.testing.assert_allclose(_features(tmp_path, _Counting()), _expected(), atol=1e-5)


def test_what_a_killed_process_left_is_removed(tmp_path: Path):
    _features(tmp_path, _Counting(), draws=1)
    folder = _cache(tmp_path).folder
    (folder / "draw-000").mkdir()  # killed before the parts were removed
    (folder / "draw-000" / "000000.npy").write_bytes(b"part")
    (folder / ".partial-killed.npy").write_bytes(b"half")  # or while a file was written
    unfinished._remove_leftovers_once.cache_clear()  # as in another process
    _features(tmp_path, _Counting(), draws=2)
    left = {path.name for path in folder.iterdir()}
    draws = {f"draw-{draw:03d}{kind}" for draw in range(2) for kind in (".npy", ".sha256")}
    assert left == {".locks", "key.json", *draws}


DAMAGES = ["cut", "empty", "other cohort", "one bit", "no digest", "other digest"]


def _damage(path: Path, how: str) -> None:
    content = bytearray(path.read_bytes())
    if how == "other cohort":
        np.save(path, np.load(path)[:3])
    elif how == "one bit":
        content[-1000] ^= 1
        path.write_bytes(content)
    elif how == "no digest":
        path.with_suffix(".sha256").unlink()
    elif how == "other digest":
        path.with_suffix(".sha256").write_text("0" * 64)
    else:
        path.write_bytes(content[: {"cut": 1000, "empty": 0}[how]])


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_draw_is_named_and_encoded_again_and_the_others_are_kept(
    tmp_path: Path, damage: str, capsys: pytest.CaptureFixture
):
    undamaged = _features(tmp_path, _Counting(), draws=2)
    path = _cache(tmp_path).folder / "draw-001.npy"
    _damage(path, damage)
    encoder = _Counting()
    np.testing.assert_array_equal(_features(tmp_path, encoder, draws=2), undamaged)
    assert encoder.patients == N
    assert f"{path} is damaged: it is encoded again" in capsys.readouterr().out


def test_a_damaged_draw_that_another_process_has_encoded_in_the_meantime_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    undamaged, encoder = _features(tmp_path, _Counting(), draws=1), _Counting()
    seen = iter([False, True])
    monkeypatch.setattr(feature_cache, "is_intact", lambda _: next(seen, True))
    np.testing.assert_array_equal(_features(tmp_path, encoder, draws=1), undamaged)
    assert encoder.patients == 0
    assert "damaged" not in capsys.readouterr().out


def test_what_keeps_a_draw_from_being_read_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: Any) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    _features(tmp_path, _Counting(), draws=1)
    for part in ("file_digest", "np.memmap"):
        with monkeypatch.context() as patch:
            patch.setattr(f"stroke_ctp.common.arrays.{part}", fail)
            with pytest.raises(OSError, match="Too many open files"):
                _features(tmp_path, _Counting(), draws=1)
    encoder = _Counting()
    _features(tmp_path, encoder, draws=1)
    assert encoder.patients == 0


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_part_of_an_interrupted_draw_is_encoded_again(tmp_path: Path, damage: str):
    broken, second = _Counting(), _Counting()
    broken.fail_after = 8
    with pytest.raises(KeyboardInterrupt):
        _features(tmp_path, broken, draws=1)
    _damage(_cache(tmp_path).folder / "draw-000" / "000004.npy", damage)
    np.testing.assert_allclose(_features(tmp_path, second, draws=1), _expected()[:1], atol=1e-5)
    assert second.patients == N - 4


def test_a_damaged_draw_is_no_longer_the_one_that_a_run_recorded(tmp_path: Path):
    _features(tmp_path, _Counting(), draws=1)
    assert FeatureCache.recorded(tmp_path, _cache(tmp_path).name, N) is not None
    _damage(_cache(tmp_path).folder / "draw-000.npy", "one bit")
    assert FeatureCache.recorded(tmp_path, _cache(tmp_path).name, N) is None


def test_features_are_mapped_from_disk_and_writing_to_them_does_not_change_it(tmp_path: Path):
    source = [lambda rows: FRAMES[0, rows]]
    (features,) = _cache(tmp_path).features(source, _Counting, torch.float32, CPU)
    assert isinstance(features, np.memmap)
    features[:] = 0
    np.testing.assert_allclose(_features(tmp_path, _Counting(), draws=1), _expected()[:1], atol=1e-5)


def test_a_cache_interrupted_while_its_file_is_written_does_not_take_a_part_for_the_whole(tmp_path: Path, monkeypatch):
    read = []

    def interrupted(path: Path, *arguments: Any) -> np.ndarray:
        if read:
            raise KeyboardInterrupt
        read.append(path)
        return mapped_array(path, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(feature_cache, "mapped_array", interrupted)
        with pytest.raises(KeyboardInterrupt):
            _features(tmp_path, _Counting())
    np.testing.assert_allclose(_features(tmp_path, _Counting()), _expected(), atol=1e-5)


def test_a_draw_takes_room_as_it_is_written_so_that_a_full_disk_can_refuse_it(tmp_path, monkeypatch):
    """Where the disk has no room for mapped memory, the process ends without a message."""
    sizes = []

    def spying(path: Path, *arguments: Any, **options: Any) -> np.ndarray:
        sizes.extend(partial.stat().st_size for partial in path.parent.parent.glob(".partial-*.npy"))
        return mapped_array(path, *arguments, **options)

    monkeypatch.setattr(feature_cache, "mapped_array", spying)
    _features(tmp_path, _Counting(), draws=1)
    patient = 4 * 2 * 32 * 512
    assert len(sizes) == 3
    assert all(size <= 128 + 4 * number * patient for number, size in enumerate(sizes))


@pytest.mark.parametrize(
    "other", [KEY | {"seed": 1}, KEY | {"input": {"scale": 6.1}}, KEY | {"cohort": "bead"}, KEY | {"more": None}]
)
def test_another_key_is_another_folder(tmp_path: Path, other: dict[str, Any]):
    assert _cache(tmp_path, other).folder != _cache(tmp_path).folder
    assert _cache(tmp_path, other).folder.parent == tmp_path


def test_the_order_of_a_key_does_not_matter(tmp_path: Path):
    assert _cache(tmp_path, dict(reversed(KEY.items()))).folder == _cache(tmp_path).folder


def test_a_cache_keeps_its_key_beside_the_features(tmp_path: Path):
    _features(tmp_path, _Counting(), draws=1)
    assert read_json(_cache(tmp_path).folder / "key.json") == KEY


@pytest.mark.parametrize("content", [None, "{", '{"cohort": "bead"}'])
def test_a_key_that_is_lost_or_damaged_names_no_cache_and_is_written_again(tmp_path: Path, content: str | None):
    _features(tmp_path, _Counting(), draws=1)
    cache = _cache(tmp_path)
    key = cache.folder / "key.json"
    key.unlink()
    if content is not None:
        key.write_text(content)
    assert FeatureCache.recorded(tmp_path, cache.name, N) is None
    encoder = _Counting()
    _features(tmp_path, encoder, draws=1)
    assert encoder.patients == 0
    assert FeatureCache.recorded(tmp_path, cache.name, N) is not None


def test_frames_are_encoded_in_the_precision_asked_for_and_features_are_single(tmp_path: Path):
    encoder = _Counting()
    features = _features(tmp_path, encoder, draws=1, precision=torch.bfloat16)
    assert encoder.backbone[0].weight.dtype == torch.bfloat16
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, _expected()[:1], atol=0.2)
    assert np.abs(features - _expected()[:1]).max() > 1e-4


@pytest.mark.parametrize(
    ("capabilities", "survives", "expected"),
    [
        ({"avx512_bf16": True}, True, torch.bfloat16),
        ({"amx_bf16": True}, True, torch.bfloat16),
        ({"avx512_bf16": True, "amx_bf16": True}, False, torch.float32),  # a rise of 2 HU disappears in eight bits
        ({"avx512_bf16": False}, True, torch.float32),  # emulated: slower than single
        ({}, True, torch.float32),
    ],
)
def test_bfloat16_is_used_where_it_is_native_and_the_contrast_survives(
    monkeypatch, capabilities: dict[str, bool], survives: bool, expected: torch.dtype
):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert encoding_precision(CPU, survives) == expected


@pytest.mark.parametrize("native", [True, False])
def test_a_gpu_encodes_in_bfloat16_where_it_has_that(monkeypatch: pytest.MonkeyPatch, native: bool):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: native)
    expected = torch.bfloat16 if native else torch.float32
    assert encoding_precision(torch.device("cuda"), survives_bfloat16=True) == expected


def test_a_cache_is_found_again_by_the_name_that_a_run_recorded(tmp_path: Path):
    features, made = _features(tmp_path, _Counting(), draws=1), _cache(tmp_path)
    found = FeatureCache.recorded(tmp_path, made.name, N)
    assert found is not None
    assert (found.name, found.key) == (made.name, KEY)
    np.testing.assert_array_equal(found.read(0), features[0])
    assert FeatureCache.recorded(tmp_path, "0" * 16, N) is None


def test_a_draw_that_is_not_in_the_cache_is_refused(tmp_path: Path):
    _features(tmp_path, _Counting(), draws=1)
    with pytest.raises(UserError, match=r"draw-001\.npy cannot be read"):
        _cache(tmp_path).read(1)
