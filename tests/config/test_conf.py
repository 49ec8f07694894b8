"""What Hydra composes against the settings classes, which own every default."""

from typing import Any

import pytest
from commands import settings_of
from hydra import compose, initialize_config_dir
from hydra.errors import ConfigCompositionException
from omegaconf import DictConfig, OmegaConf

from stroke_ctp.cohort.inputs import Attenuation, Enhancement, Window
from stroke_ctp.cohort.layouts import LAYOUTS
from stroke_ctp.cohort.standardization import (
    BatchStandardization,
    FixedStandardization,
    build_standardization,
)
from stroke_ctp.cohort.standardization_settings import BatchSettings, FixedSettings
from stroke_ctp.common.schemas import fields, keys, parts, plain, rule
from stroke_ctp.config.composition import CONF, groups
from stroke_ctp.config.help import help_page
from stroke_ctp.config.schemas.benchmark import BenchmarkSettings
from stroke_ctp.config.schemas.core_accuracy import CoreAccuracySettings
from stroke_ctp.config.schemas.ensemble import EnsembleSettings
from stroke_ctp.config.schemas.estimate import EstimateSettings
from stroke_ctp.config.schemas.explanations import ExplanationsSettings
from stroke_ctp.config.schemas.export import ExportSettings
from stroke_ctp.config.schemas.held_out_patients import HeldOutSettings
from stroke_ctp.config.schemas.perfusion import PerfusionSettings
from stroke_ctp.config.schemas.permute import PermuteSettings
from stroke_ctp.config.schemas.predict import PredictSettings
from stroke_ctp.config.schemas.preprocess import PreprocessSettings
from stroke_ctp.config.schemas.pretrain import PretrainSettings
from stroke_ctp.config.schemas.replications import ReplicationsSettings
from stroke_ctp.config.schemas.report import ReportSettings
from stroke_ctp.config.schemas.simulate import SimulateSettings
from stroke_ctp.config.schemas.stress import StressSettings
from stroke_ctp.hemodynamics.lesion_definitions import DEFINITIONS
from stroke_ctp.model.settings import AblationSettings, TrainSettings
from stroke_ctp.model.temporal_network import KERNEL_SIZES

SCHEMAS: dict[str, Any] = {
    "benchmark": BenchmarkSettings,
    "benchmarks.core_accuracy": CoreAccuracySettings,
    "benchmarks.explanations": ExplanationsSettings,
    "benchmarks.held_out_patients": HeldOutSettings,
    "benchmarks.replications": ReplicationsSettings,
    "ensemble": EnsembleSettings,
    "export": ExportSettings,
    "estimate": EstimateSettings,
    "perfusion": PerfusionSettings,
    "permute": PermuteSettings,
    "predict": PredictSettings,
    "preprocess": PreprocessSettings,
    "pretrain": PretrainSettings,
    "report": ReportSettings,
    "simulate": SimulateSettings,
    "stress": StressSettings,
    "train": TrainSettings,
}
GIVEN = {
    "benchmarks.replications": {"names": ["a", "b"]},
    "ensemble": {"external": "e"},
    "export": {"out": "o"},
    "perfusion": {"out": "o", "scan": "s"},
    "permute": {"permutations": 1},
    "predict": {"out": "o", "scan": "s"},
    "preprocess": {"out": "o", "manifest": "m"},
    "pretrain": {"out": "o"},
    "report": {"name": "n"},
    "simulate": {"out": "o"},
    "train": {"fold": 0},
}
"""What a command cannot do without."""
GROUPS = [
    f"{group}={choice}"
    for group, choices in groups("train", TrainSettings).items()
    for choice in choices
    if not group.startswith("hydra/")
]


def _nested(schema: type) -> list[type]:
    return [schema, *(one for field in fields(schema).values() for part in parts(field) for one in _nested(part))]


def test_there_is_a_schema_for_every_primary_configuration():
    assert set(SCHEMAS) == {path.stem for path in CONF.glob("*.yaml")} - {"command"}


@pytest.mark.parametrize("name", SCHEMAS)
def test_what_hydra_composes_without_overrides_is_the_default_of_the_schema(name: str):
    given = GIVEN.get(name, {})
    composed = settings_of(name, SCHEMAS[name], *(f"{key}={value}" for key, value in given.items()))
    assert composed == SCHEMAS[name](**given)


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_setting_has_a_description_and_a_rule(name: str):
    for schema in _nested(SCHEMAS[name]):
        for key, field in fields(schema).items():
            assert field.description, f"{schema.__name__}.{key}"
            assert rule(field), f"{schema.__name__}.{key}"


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_help_page_lists_every_setting_in_80_columns(name: str):
    lines = help_page(name, SCHEMAS[name], sweeps=True).splitlines()
    assert max(map(len, lines)) <= 80
    listed = {line.partition("=")[0].strip() for line in lines if line.startswith("  ")}
    groups_of_settings = {key.rpartition(".")[0] for key in keys(SCHEMAS[name])}
    single = {key for key in keys(SCHEMAS[name]) if not key.endswith(".kind")} - groups_of_settings
    assert single - {"standardization"} <= listed


@pytest.mark.parametrize("choice", GROUPS)
def test_every_choice_of_every_group_composes_and_validates(choice: str):
    assert settings_of("train", TrainSettings, choice, "fold=0", "route=direct")


def test_what_a_literal_allows_is_what_there_is():
    assert rule(fields(PreprocessSettings)["layout"]) == f"{' or '.join(LAYOUTS)} or null"
    assert rule(fields(PreprocessSettings)["label"]) == f"{' or '.join(DEFINITIONS)} or null"
    assert rule(fields(AblationSettings)["pathways"]) == f"a list of {' or '.join(KERNEL_SIZES)}, each once"


@pytest.mark.parametrize(
    ("choice", "made"),
    [("enhancement", Enhancement()), ("window", Window()), ("hu", Attenuation())],
)
def test_inputs_are_made_as_named_and_fixed_standardization_takes_their_constants(choice: str, made: Any):
    settings = settings_of("train", TrainSettings, f"input={choice}", "fold=0")
    assert settings.input == made
    standardization = build_standardization(settings.standardization, settings.input)
    assert isinstance(standardization, FixedStandardization)
    assert (standardization.mean, standardization.scale) == (made.mean, made.scale)


def test_batch_standardization_is_made_with_its_momentum():
    made = build_standardization(BatchSettings(momentum=0.2), Attenuation())
    assert isinstance(made, BatchStandardization)
    assert made.momentum == 0.2


@pytest.mark.parametrize(
    ("ablation", "pathways"), [("full", ("local", "global")), ("local", ("local",)), ("global", ("global",))]
)
def test_ablations_name_the_networks_pathways(ablation: str, pathways: tuple[str, ...]):
    settings = settings_of("train", TrainSettings, f"ablation={ablation}", "fold=0")
    assert settings.ablation.name == ablation
    assert settings.ablation.pathways == pathways


def test_by_default_training_is_the_articles_but_for_input_standardization_and_route():
    settings = TrainSettings(fold=0)
    assert settings.input == Enhancement()
    assert settings.standardization == FixedSettings()
    assert (settings.route, settings.standardize_features, settings.encoder.weights) == ("bank", True, "oxford")
    augmentation = settings.augmentation
    assert (augmentation.max_angle, augmentation.max_shift, augmentation.flip_probability) == (15.0, 10.0, 0.5)
    assert (settings.trainer.max_epochs, settings.patience, settings.batch_size, settings.folds.n) == (500, 200, 12, 10)


def test_the_feature_cache_lies_with_the_studies_unless_a_folder_is_given():
    given = ("fold=0", "outputs=here")
    assert str(settings_of("train", TrainSettings, *given).cache) == "here/bank"
    assert str(settings_of("train", TrainSettings, *given, "bank.folder=there").cache) == "there"
    assert str(settings_of("train", TrainSettings, *given, "bank.folder=${outputs}/x").cache) == "here/x"


def _launcher(choice: str, *overrides: str) -> DictConfig:
    settings_of("train", TrainSettings, "fold=0")  # registers the defaults
    with initialize_config_dir(str(CONF), version_base="1.3"):
        given = [f"hydra/launcher={choice}", *overrides]
        return compose("train", given, return_hydra_config=True).hydra.launcher


def test_the_parallel_launcher_takes_all_cores_or_gpus_by_default():
    assert _launcher("parallel").n_jobs is None
    assert _launcher("parallel", "hydra.launcher.n_jobs=3").n_jobs == 3


def test_slurm_takes_partition_time_memory_and_gpus_and_queues_a_job_again_whose_time_is_over():
    given = ["partition=gpu", "timeout_min=60", "mem_gb=16", "gpus_per_node=1", "account=stroke"]
    launcher = _launcher("slurm", *(f"hydra.launcher.{setting}" for setting in given))
    assert [launcher[setting.split("=")[0]] for setting in given] == ["gpu", 60, 16, 1, "stroke"]
    assert launcher.max_num_timeout >= 100
    with pytest.raises(ConfigCompositionException, match="memory"):
        _launcher("slurm", "hydra.launcher.memory=3")


def test_the_paper_experiment_is_hu_each_batch_standardized_on_the_direct_route_with_features_as_they_come():
    paper, usual = settings_of("train", TrainSettings, "experiment=paper", "fold=0"), TrainSettings(fold=0)
    assert paper.input == Attenuation()
    assert paper.standardization == BatchSettings()
    assert paper.route == "direct"
    assert paper.standardize_features is False
    ours, theirs = plain(paper), plain(usual)
    assert {key for key in theirs if ours[key] != theirs[key]} == {
        "input",
        "standardization",
        "route",
        "standardize_features",
    }


def test_only_launchers_name_code_because_hydra_finds_them_by_it():
    naming = {str(path.relative_to(CONF)) for path in CONF.rglob("*.yaml") if "_target_" in OmegaConf.load(path)}
    assert naming == {"hydra/launcher/parallel.yaml", "hydra/launcher/slurm.yaml"}
