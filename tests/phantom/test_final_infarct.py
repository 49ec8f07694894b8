"""The final infarct against published agreement with the core, and against what its course implies."""

from dataclasses import replace

import numpy as np
import pytest

from stroke_ctp.phantom.digital_patient import BRAIN_GRID, DigitalPatient
from stroke_ctp.phantom.final_infarct import Course
from stroke_ctp.phantom.recruitment import training_cohort

TYPICAL = Course(
    collaterals=0.5,
    onset_to_scan_h=3.0,
    onset_to_reperfusion_h=4.5,
    tempo_h=6.0,
    delineation=1.0,
    reversal=0.5,
)
N = 3000


@pytest.fixture(scope="module")
def cohort():
    """Core and infarct [mL], and the courses, of many patients with penumbras as they are drawn."""
    random = np.random.default_rng(1)
    core = np.minimum(32.4 * np.exp(random.normal(size=N)), 240)
    penumbra = np.clip(70 * np.exp(0.5 * random.normal(size=N)), 10, 265 - core)
    courses = [Course.draw(ml, random) for ml in core]
    infarct = [course.infarct_ml(*ml) for course, *ml in zip(courses, core, penumbra, strict=True)]
    return core, np.array(infarct), courses


def absolute_agreement(a, b):
    """Intraclass correlation ICC(2,1) of two measurements (Shrout and Fleiss, 1979)."""
    pairs = np.stack([a, b], axis=1)
    n, mean = len(pairs), pairs.mean()
    rows = 2 * ((pairs.mean(axis=1) - mean) ** 2).sum() / (n - 1)
    columns = n * ((pairs.mean(axis=0) - mean) ** 2).sum()
    rest = ((pairs - pairs.mean(axis=1, keepdims=True) - pairs.mean(axis=0) + mean) ** 2).sum() / (n - 1)
    return (rows - rest) / (rows + rest + 2 * (columns - rest) / n)


def test_core_and_infarct_agree_as_published(cohort):
    """r about 0.45 for measured cores (PubMed 36285452), more for true ones; ICC 0.4 to 0.8 (PubMed 37367404)."""
    core, infarct, _ = cohort
    assert 0.45 < np.corrcoef(core, infarct)[0, 1] < 0.65
    assert 0.4 < absolute_agreement(core, infarct) < 0.8


def test_good_collaterals_go_with_small_cores_and_slow_growth(cohort):
    """Cores of 37 ± 25 mL with good and 117 ± 70 mL with poor collaterals (PMC8003946)."""
    core, _, courses = cohort
    collaterals, tempo = (np.array([getattr(c, name) for c in courses]) for name in ("collaterals", "tempo_h"))
    assert np.corrcoef(collaterals, np.log(core))[0, 1] == pytest.approx(-0.5, abs=0.07)
    assert np.median(core[collaterals < 0.33]) > 2 * np.median(core[collaterals > 0.67])
    assert np.median(tempo[collaterals > 0.67]) > 2 * np.median(tempo[collaterals < 0.33])
    assert 0 <= collaterals.min() < 0.05 < 0.95 < collaterals.max() <= 1
    assert np.percentile(collaterals, [25, 50, 75]) == pytest.approx([0.25, 0.5, 0.75], abs=0.04)


def test_85_percent_recanalize(cohort):
    assert np.mean([np.isfinite(c.onset_to_reperfusion_h) for c in cohort[2]]) == pytest.approx(0.85, abs=0.02)


def test_reperfusion_at_once_leaves_the_core_and_never_takes_most_of_the_penumbra():
    late = {"onset_to_scan_h": 20.0, "tempo_h": 6.0}
    assert replace(TYPICAL, onset_to_reperfusion_h=20.0, **late).infarct_ml(30.0, 70.0) == pytest.approx(30)
    never = replace(TYPICAL, onset_to_reperfusion_h=np.inf, **late).infarct_ml(30.0, 70.0)
    assert never == pytest.approx(30 + 70 * (1 - np.exp(-24 / 6)))


def test_every_hour_to_reperfusion_costs_penumbra_and_less_with_a_slow_tempo():
    hours = [replace(TYPICAL, onset_to_reperfusion_h=h).infarct_ml(30.0, 70.0) for h in (3.5, 4.5, 6.0, 9.0, 14.0)]
    assert (np.diff(hours) > 0).all()
    assert replace(TYPICAL, tempo_h=30.0).infarct_ml(30.0, 70.0) < replace(TYPICAL, tempo_h=3.0).infarct_ml(30.0, 70.0)


def test_an_early_reperfused_core_partly_survives_and_a_late_one_does_not():
    """The core exceeded the infarct by 10 mL in 17 of 31 patients, mostly those scanned early (Rotem et al., 2020)."""
    early = replace(TYPICAL, onset_to_scan_h=1.5, onset_to_reperfusion_h=2.0, tempo_h=1e6)
    assert early.infarct_ml(60.0, 70.0) == pytest.approx(30, abs=1)
    assert replace(early, onset_to_scan_h=12.0, onset_to_reperfusion_h=12.5).infarct_ml(60.0, 70.0) == pytest.approx(60)


def test_an_infarct_never_exceeds_what_was_hypoperfused(cohort):
    assert replace(TYPICAL, delineation=3.0).infarct_ml(30.0, 20.0) == 50
    core, infarct, _ = cohort
    assert infarct.min() >= 0
    assert (infarct <= 265 + 1e-6).all()
    assert (infarct < core).mean() > 0.15


def test_no_core_can_leave_an_infarct_or_none():
    assert TYPICAL.infarct_ml(0.0, 0.0) == 0
    assert 0 < TYPICAL.infarct_ml(0.0, 70.0) < 70


def test_a_digital_patients_infarct_is_of_its_own_core_and_penumbra():
    for recruit in training_cohort(4, 0):
        patient = DigitalPatient.draw(recruit.core_ml, np.random.default_rng(recruit.seed))
        head = patient.painted(BRAIN_GRID)
        hypoperfused = head.hypoperfused.sum() * BRAIN_GRID.voxel_ml
        all_lost = replace(TYPICAL, onset_to_reperfusion_h=np.inf, onset_to_scan_h=20.0, tempo_h=1e-6)
        assert replace(patient, course=all_lost).infarct_ml() == pytest.approx(hypoperfused)
        at_once = replace(all_lost, onset_to_reperfusion_h=20.0)
        assert replace(patient, course=at_once).infarct_ml() == pytest.approx(patient.core_ml())
