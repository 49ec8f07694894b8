"""Settings that a user gives, refused in one sentence."""

import json
import os
from typing import Any

import pytest
from pydantic import ValidationError

from stroke_ctp.cohort.augmentation import Augmentation
from stroke_ctp.cohort.inputs import Attenuation, Enhancement, Window
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.schemas import keys, plain, validated
from stroke_ctp.config.schemas.predict import PredictSettings
from stroke_ctp.config.schemas.report import ReportSettings
from stroke_ctp.config.schemas.simulate import SimulateSettings
from stroke_ctp.model.settings import AblationSettings, TrainSettings


def _refused(schema: type, **values: Any) -> str:
    with pytest.raises(UserError) as refusal:
        validated(schema, values)
    return str(refusal.value)


@pytest.mark.parametrize("value", ["3", None, True, float("nan"), float("inf"), [1.0]])
def test_what_is_no_finite_number_is_refused_by_name(value: object):
    assert _refused(Window, low=value) == f"low must be a number, got {value!r}"


@pytest.mark.parametrize(
    ("schema", "values", "sentence"),
    [
        (Enhancement, {"reference": 0.0}, "reference must be a number > 0 or null, got 0.0"),
        (Enhancement, {"n_baseline": 0}, "n_baseline must be a whole number ≥ 1, got 0"),
        (Enhancement, {"smoothing_pixels": -1.0}, "smoothing_pixels must be a number ≥ 0, got -1.0"),
        (Enhancement, {"ceiling": 0.0}, "ceiling must be a number > 0, got 0.0"),
        (Enhancement, {"scale": 0.0}, "scale must be a number > 0, got 0.0"),
        (Window, {"low": 80.0, "high": 20.0}, "input.high must be a number > 80 (input.low), got 20.0"),
        (Attenuation, {"scale": -500.0}, "scale must be a number > 0, got -500.0"),
        (Augmentation, {"flip_probability": 2.0}, "flip_probability must be a number ≥ 0 and ≤ 1, got 2.0"),
        (Augmentation, {"max_angle": -1.0}, "max_angle must be a number ≥ 0, got -1.0"),
    ],
)
def test_a_number_out_of_range_is_refused_with_the_rule(schema: type, values: dict[str, Any], sentence: str):
    assert _refused(schema, **values) == sentence


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({}, "fold is required: add fold=…"),
        ({"fold": 10}, "fold must be 0 to 9 (folds.n=10), got 10"),
        ({"fold": 0, "cohort": ""}, "cohort must be a folder, got ''"),
        ({"fold": 0, "bank": {"folder": ""}}, "bank.folder must be a folder or null, got ''"),
        ({"fold": 0, "folds": {"n": 2}}, "folds.n must be a whole number ≥ 3 and ≤ 1000, got 2"),
        ({"fold": 0, "folds": {"m": 2}}, "there is no setting 'folds.m'; did you mean folds.n?"),
        ({"fold": 0, "input": {"kind": "hu", "scale": 0}}, "input.scale must be a number > 0, got 0"),
        ({"fold": 0, "input": {"kind": "ct"}}, "input.kind must be enhancement or window or hu, got 'ct'"),
        ({"fold": 0, "endpoint": {"threshold": "mean"}}, "endpoint.threshold must be median or a number, got 'mean'"),
        (
            {"fold": 0, "ablation": {"pathways": ["far"]}},
            "ablation.pathways must be a list of local or global, each once, got 'far'",
        ),
        ({"fold": 0, "trainer": 3}, "trainer must be a group of settings, got 3"),
        ({"fold": 0, "bank": {"folder": True}}, "bank.folder must be a folder or null, got True"),
    ],
)
def test_a_value_deep_in_the_settings_is_refused_by_its_dotted_key(values: dict[str, Any], sentence: str):
    assert _refused(TrainSettings, **values) == sentence


@pytest.mark.parametrize("value", ["3", None, True, 2.0, 2])
def test_what_is_no_whole_number_or_too_small_is_refused(value: object):
    assert (
        _refused(TrainSettings, fold=0, folds={"n": value})
        == f"folds.n must be a whole number ≥ 3 and ≤ 1000, got {value!r}"
    )


def test_one_level_of_two_is_refused_as_what_it_is():
    said = _refused(PredictSettings, out="p", scan="s", levels=[1])
    assert said.startswith("levels must be auto, or the slices of basal ganglia and supraganglionic level")
    assert said.endswith("got [1]")


def test_limits_that_are_included_are_allowed_and_whole_numbers_are_numbers():
    assert validated(Augmentation, {"max_angle": 0, "flip_probability": 1}) == Augmentation(0.0, 10.0, 1.0)
    assert isinstance(validated(Augmentation, {"max_angle": 0}).max_angle, float)


def test_jobs_of_minus_one_are_all_cores_that_this_process_may_use():
    assert validated(SimulateSettings, {"out": "o"}).jobs == len(os.sched_getaffinity(0))
    assert validated(SimulateSettings, {"out": "o", "jobs": 5}).jobs == 5
    sentence = "jobs must be a number of processes ≥ 1, or -1 for one per core, got 0"
    assert _refused(SimulateSettings, out="o", jobs=0) == sentence


def test_a_name_may_look_like_a_number_and_a_list_of_one_need_not_be_a_list():
    assert validated(TrainSettings, {"fold": 0, "name": 2024}).name == "2024"
    assert validated(ReportSettings, {"name": "mine"}).name == ("mine",)
    assert validated(ReportSettings, {"name": ["mine", 2024]}).name == ("mine", "2024")


def test_settings_are_read_back_as_they_were_recorded():
    settings = TrainSettings(fold=2, input=Window(high=80.0), ablation=AblationSettings("local", ("local",)))
    assert validated(TrainSettings, json.loads(json.dumps(plain(settings)))) == settings


def test_settings_made_in_python_are_held_to_the_same_rules_and_cannot_change():
    with pytest.raises(ValidationError):
        Augmentation(max_angle=-1.0)
    with pytest.raises(AttributeError):
        Augmentation().max_angle = 3.0  # type: ignore[misc]


def test_keys_are_dotted_and_can_be_those_of_one_choice():
    assert {"input.low", "input.ceiling", "standardization.momentum", "folds.n", "folds"} <= set(keys(TrainSettings))
    assert "input.low" not in keys(TrainSettings, {"input": "hu"})


@pytest.mark.parametrize("name", ["../x", "a/b", "a\\b", ".hidden", ""])
def test_a_name_that_leaves_its_folder_is_refused(name: str):
    with pytest.raises(UserError, match=r"ablation\.name must be a plain folder name, not starting with a dot, got"):
        validated(TrainSettings, {"fold": 0, "ablation": {"name": name}})


def test_an_ablation_cannot_take_the_name_of_another_model():
    with pytest.raises(UserError, match=r"ablation\.name must be another name than cbv"):
        validated(TrainSettings, {"fold": 0, "ablation": {"name": "cbv"}})


def test_an_ablation_cannot_take_the_name_of_a_seeds_folder():
    with pytest.raises(UserError, match=r"ablation\.name must not begin with seed- as folders of seeds do, got seed-3"):
        validated(TrainSettings, {"fold": 0, "ablation": {"name": "seed-3"}})
