"""Whom the embedded study recruits: volumes, classes, exclusions, and what a seed determines."""

import numpy as np
import pytest

from stroke_ctp.phantom.recruitment import external_cohort, training_cohort

SEEDS = range(20)


def volumes(recruits):
    return np.array([recruit.core_ml for recruit in recruits if recruit.fault is None])


@pytest.fixture(scope="module")
def cohorts():
    return {seed: (training_cohort(217, seed), external_cohort(23, seed)) for seed in SEEDS}


def test_training_median_is_32_4_ml(cohorts):
    for training, _ in cohorts.values():
        assert np.median(volumes(training)) == pytest.approx(32.4, abs=0.05)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 10, 20, 21, 50])
def test_training_median_is_32_4_ml_in_small_cohorts_too(n):
    for seed in range(5):
        assert np.median(volumes(training_cohort(n, seed))) == pytest.approx(32.4, abs=0.05)


def test_108_of_217_training_patients_are_above_their_median(cohorts):
    for training, _ in cohorts.values():
        measured = volumes(training)
        assert measured.size == 217
        assert (measured > np.median(measured)).sum() == 108


def test_12_external_patients_are_large_and_11_small(cohorts):
    for _, external in cohorts.values():
        measured = volumes(external)
        assert ((measured > 32.4).sum(), (measured < 32.4).sum()) == (12, 11)
        # Voxels of 0.016 mL and a median that is known to 0.05 mL must not change the class.
        assert np.abs(measured - 32.4).min() > 0.2


@pytest.mark.parametrize("index", [0, 1], ids=["training", "external"])
def test_volumes_are_log_normal_of_log_sd_1(cohorts, index):
    logs = np.log(np.concatenate([volumes(pair[index]) for pair in cohorts.values()]) / 32.4)
    # Three standard errors: of the SD 1/√(2n), of a quartile 1.36/√n.
    assert logs.std() == pytest.approx(1, abs=3 / np.sqrt(2 * logs.size))
    quartiles = np.percentile(logs, (25, 75))
    np.testing.assert_allclose(quartiles, (-0.6745, 0.6745), atol=3 * 1.36 / np.sqrt(logs.size) + 0.03)


def test_every_training_cohort_has_a_log_sd_of_about_1(cohorts):
    for training, _ in cohorts.values():
        assert np.log(volumes(training)).std() == pytest.approx(1, abs=4 / np.sqrt(2 * 217))


def test_17_of_234_and_40_of_63_cannot_be_included(cohorts):
    for training, external in cohorts.values():
        assert (len(training), sum(r.fault is not None for r in training)) == (234, 17)
        assert (len(external), sum(r.fault is not None for r in external)) == (63, 40)


def test_scans_fail_by_length_by_interval_and_by_truncation(cohorts):
    for training, external in cohorts.values():
        assert {r.fault for r in training} == {None, "short", "coarse", "truncated"}
        assert {r.fault for r in external} == {None, "short"}


def test_included_scans_last_48_s_at_most_3_s_apart_and_faulty_ones_do_not(cohorts):
    for cohort in cohorts.values():
        for recruit in [r for recruits in cohort for r in recruits]:
            for slab in recruit.slabs:
                p = slab.protocol
                short, coarse = p.n_frames * p.interval < 48, p.interval > 3
                assert short == (recruit.fault == "short")
                assert coarse == (recruit.fault == "coarse")


def test_faulty_scans_lie_among_the_others(cohorts):
    positions = [k for pair in cohorts.values() for k, r in enumerate(pair[0]) if r.fault]
    assert np.mean(positions) == pytest.approx(233 / 2, abs=3 * 234 / np.sqrt(12 * len(positions)))


def test_patients_cannot_be_told_by_their_number_how_large_they_are(cohorts):
    correlation = [
        np.corrcoef(np.arange(volumes(r).size), np.log(volumes(r)))[0, 1] for pair in cohorts.values() for r in pair
    ]
    assert abs(np.mean(correlation)) < 0.12


def test_every_patient_has_both_levels_20_mm_apart(cohorts):
    for cohort in list(cohorts.values())[:5]:
        for recruit in [r for recruits in cohort for r in recruits]:
            heights = [[], []]
            for slab in recruit.slabs:
                for found, index in zip(heights, slab.level_slices, strict=True):
                    if index is not None:
                        found.append(slab.protocol.slices[index])
            (lower,), (upper,) = heights
            assert upper - lower == pytest.approx(20)
            assert abs(lower) < 10


def test_training_scans_take_1_5_s_by_32_frames(cohorts):
    for training, _ in cohorts.values():
        for recruit in training:
            assert len(recruit.slabs) == 1
            if recruit.fault in (None, "truncated"):
                assert (recruit.slabs[0].protocol.n_frames, recruit.slabs[0].protocol.interval) == (32, 1.5)


@pytest.mark.parametrize("duration", [48.0, 60.0, 75.0])
def test_longer_scans_have_more_frames_and_nothing_else_changes(duration):
    for cohort, interval in ((training_cohort, 1.5), (external_cohort, 1.0)):
        longer, usual = cohort(23, 0, duration), cohort(23, 0)
        for a, b in zip(longer, usual, strict=True):
            assert (a.patient, a.seed, a.core_ml, a.fault) == (b.patient, b.seed, b.core_ml, b.fault)
            more = 0 if a.fault in ("short", "coarse") else round((duration - 48) / interval)
            for slab, usual_slab in zip(a.slabs, b.slabs, strict=True):
                assert slab.protocol.n_frames == usual_slab.protocol.n_frames + more
                assert slab.protocol.slices == usual_slab.protocol.slices
                assert slab.protocol.noise == usual_slab.protocol.noise


def test_external_cohort_is_shifted(cohorts):
    training = [r for pair in cohorts.values() for r in pair[0]]
    external = [r for pair in cohorts.values() for r in pair[1]]
    slabs = [slab for r in external for slab in r.slabs]
    assert {slab.protocol.interval for slab in slabs} == {1.0}
    fewer = max(sum(len(s.protocol.slices) for s in r.slabs) for r in external)
    assert fewer < min(len(r.slabs[0].protocol.slices) for r in training)
    noise = [np.mean([s.protocol.noise for r in cohort for s in r.slabs]) for cohort in (training, external)]
    assert noise[1] > noise[0] + 0.5
    assert all(r.segmented for r in external)
    assert not any(r.segmented for r in training)
    assert np.mean([len(r.slabs) == 2 for r in external]) == pytest.approx(0.5, abs=0.05)


def test_noise_is_2_to_5_hu(cohorts):
    noise = [s.protocol.noise for pair in cohorts.values() for recruits in pair for r in recruits for s in r.slabs]
    assert min(noise) >= 2
    assert max(noise) <= 5


def test_one_seed_gives_one_cohort_and_another_seed_another(cohorts):
    training, external = cohorts[3]
    assert training_cohort(217, 3) == training
    assert external_cohort(23, 3) == external
    shared = np.intersect1d(volumes(cohorts[4][0]), volumes(training))
    np.testing.assert_allclose(shared, 32.4)  # nothing but the median
    assert np.intersect1d(volumes(cohorts[4][1]), volumes(external)).size == 0


def test_no_two_patients_share_a_name_or_a_random_stream(cohorts):
    recruits = [r for seed in (0, 1) for cohort in cohorts[seed] for r in cohort]
    streams = {tuple(np.random.default_rng(r.seed).integers(1 << 32, size=2)) for r in recruits}
    assert len(streams) == len(recruits)
    for cohort in cohorts[0]:
        assert len({r.patient for r in cohort}) == len(cohort)


def test_adding_patients_changes_nobodys_random_stream():
    small, large = training_cohort(20, 0), training_cohort(60, 0)
    assert [r.seed for r in large[: len(small)]] == [r.seed for r in small]
    assert [r.patient for r in large[: len(small)]] == [r.patient for r in small]


def test_no_patients_are_a_cohort_too():
    assert training_cohort(0, 0) == external_cohort(0, 0) == []
