"""The contact sheet of a small cohort whose curves and motion are known."""

import base64
import json
import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from patient_cases import QUALITY
from PIL import Image

from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.files import file_digest, write_json
from stroke_ctp.reporting.contact_sheet import write_contact_sheet

CONCERNS = {
    "A&B": ({}, ""),
    "Cleo": ({"levels_chosen_by": "ventricles", "levels_confidence": 0.81}, "levels were proposed, confirm them"),
    "Dan": ({"bolus_arrival_s": None}, "no bolus arrives"),
    "Eve": ({"valid_frames": 20, "frames_dropped": 3}, "only 20 of 32 frames are valid; 3 frames dropped for motion"),
    "NA": (
        {"orientation": "assumed"},
        "the file does not state the orientation, confirm that anterior is up, the patient&#39;s right on the left",
    ),
    "Fay": ({"max_translation_mm": 7.25}, "head moved by 7.2 mm"),
    "Hal": (
        {"max_translation_mm": 2.0, "motion_in_space": False},
        "moved by 2.0 mm in the planes; motion out of the few planes is not corrected",
    ),
    "Ida": ({"brain_peak_hu": 2.0}, "little contrast: the brain rises by 2.0 HU, noise is 3.4 HU"),
    "Joe": ({"brain_left": 0.8}, "the series ends when the brain still has 80% of its highest enhancement"),
    "Kim": (
        {"perfusion_reliability": "caution", "perfusion_reason": "the scan ends early"},
        "perfusion analysis, caution: the scan ends early",
    ),
}


def series(patient: int = 0) -> np.ndarray:
    """Tissue that peaks with 8 HU at 24 s, an artery with 160 HU at 18 s; the patient's number in a corner."""
    time = np.arange(32)
    hu = np.full((2, 32, 128, 128), -1000.0)
    hu[..., 0, 0] += patient
    hu[:, :, 20:108, 30:98] = 35 + 8 * np.exp(-0.5 * ((time - 16) / 3) ** 2)[None, :, None, None]
    hu[0, :, 60:64, 60:64] = 40 + 160 * np.exp(-0.5 * ((time - 12) / 2) ** 2)[:, None, None]
    return hu.astype(np.float16)


@pytest.fixture
def cohort(write_cohort: Callable[..., Path]) -> Path:
    """All included, and one excluded."""
    names = [f"{n:05d}.npy" for n in range(len(CONCERNS))]
    rows = [{"patient": patient, **QUALITY, **changes} for patient, (changes, _) in CONCERNS.items()]
    motion = [
        {"patient": patient, "level": level, "frame": frame, "time_s": 1.5 * frame, "translation_mm": 0.1 * frame}
        | {"rotation_deg": 0.02 * frame, "residual_hu": 9.0, "used": True}
        for patient in CONCERNS
        for level in ("basal_ganglia", "supraganglionic")
        for frame in range(32)
    ]
    excluded = [{"patient": "Gus", "stage": "timing", "reason": "scan must last ≥ 48 s <got 30 s>"}]
    columns = {"patient": list(CONCERNS), "series": names}
    shown = {name: series(number) for number, name in enumerate(names)}
    return write_cohort(columns, shown, quality=rows, motion=motion, excluded=excluded)


@pytest.fixture
def page(cohort: Path) -> str:
    write_contact_sheet(Cohort(cohort))
    return (cohort / "contact_sheet.html").read_text()


def test_who_deserves_a_look_stands_first_with_the_reason(page):
    listed = re.findall(r'<li><a href="#(patient-\d)">([^<]+)</a>: ([^<]+)</li>', page)
    assert listed == [(f"patient-{n}", name, why) for n, (name, (_, why)) in enumerate(CONCERNS.items()) if why]
    for anchor, _, _ in listed:
        assert f'id="{anchor}"' in page


def test_curves_and_motion_are_told_in_words_too(page):
    assert page.count("artery to 160 HU at 18 s, tissue to 8.") == 2 * len(CONCERNS)  # caption and label
    assert page.count("head moved by at most 3.1 mm and 0.6°") == 2 * len(CONCERNS)
    assert "confidence 0.81" in page


def test_pictures_show_both_levels_at_baseline_and_at_peak(page):
    data = re.findall(r'src="data:image/jpeg;base64,([^"]+)" alt="([^"]+)"', page)
    assert len(data) == len(CONCERNS)
    assert data[0][1].startswith("A&amp;B: ")
    grey = np.asarray(Image.open(BytesIO(base64.b64decode(data[0][0])))).astype(float)
    assert grey.shape == (128, 512)
    tissue = [grey[40:50, 128 * k + 40 : 128 * k + 60].mean() for k in range(4)]
    expected = [35 / 80 * 255, 8 / 30 * 255] * 2
    np.testing.assert_allclose(tissue, expected, atol=12)  # smoothed over time, and JPEG
    assert grey[60:64, 128 + 60 : 128 + 64].mean() > tissue[1] + 20  # the artery


def test_the_counts_and_reasons_of_inclusion_are_there_and_escaped(page):
    assert f"Cohort: {len(CONCERNS) + 1} patients; excluded: 1 (frame interval or duration did not comply); " in page
    assert "&lt;got 30 s&gt;" in page
    assert "<got" not in page


def test_a_series_that_two_patients_share_is_told(cohort):
    np.save(cohort / "series" / "00001.npy", series(0))
    description = json.loads((cohort / "cohort.json").read_text())
    description["series"]["00001.npy"] = file_digest(cohort / "series" / "00001.npy")
    write_json(cohort / "cohort.json", description)
    write_contact_sheet(Cohort(cohort))
    assert "Cleo</a>: the same series as A&amp;B: one brain" in (cohort / "contact_sheet.html").read_text()


def test_nothing_is_fetched(page):
    for address in re.findall(r'(?:src|href)="([^"]{1,40})', page):
        assert address.startswith(("data:", "#")), address


def test_a_sheet_of_this_very_cohort_is_not_made_again(cohort):
    write_contact_sheet(Cohort(cohort))
    before = (cohort / "contact_sheet.html").stat().st_mtime_ns
    write_contact_sheet(Cohort(cohort))
    assert (cohort / "contact_sheet.html").stat().st_mtime_ns == before
    description = json.loads((cohort / "cohort.json").read_text())
    write_json(cohort / "cohort.json", description | {"hash": "cd34"})
    write_contact_sheet(Cohort(cohort))
    assert "cd34" in (cohort / "contact_sheet.html").read_text()
