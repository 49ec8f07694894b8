"""The configuration against the signatures that it fills."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra.errors import ConfigCompositionException
from hydra.utils import get_class, instantiate
from omegaconf import DictConfig, OmegaConf

from stroke_ctp.cohort.augmentation import Augmentation
from stroke_ctp.cohort.endpoint import Endpoint
from stroke_ctp.cohort.folds import split
from stroke_ctp.cohort.inputs import Attenuation, Enhancement, Window
from stroke_ctp.cohort.standardization import BatchStandardization, FixedStandardization
from stroke_ctp.config.command_line import CONF
from stroke_ctp.model.classifier import CoreClassifier
from stroke_ctp.model.data_modules import CTPDataModule
from stroke_ctp.model.encoder import Encoder

PRIMARY = sorted(path.stem for path in CONF.glob("*.yaml") if path.stem != "command")
GROUPS = sorted(path.parent.name + "=" + path.stem for path in CONF.glob("*/*.yaml"))


def _content(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text())


def _targets(content: Any, where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every mapping with a `_target_`, and where it stands."""
    if isinstance(content, dict):
        if "_target_" in content:
            yield where, content
        for key, value in content.items():
            yield from _targets(value, f"{where}:{key}")


TARGETS = {
    where: mapping
    for path in sorted(CONF.rglob("*.yaml"))
    for where, mapping in _targets(_content(path), str(path.relative_to(CONF)))
}


LAUNCHERS = "hydra/launcher/"  # registered under names that Hydra accepts, which are no modules


def _compose(name: str, *overrides: str) -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose(name, list(overrides))


def _parameters(target: Any) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(target).parameters)


def _is_reference(value: Any) -> bool:
    return isinstance(value, str) and ("${" in value or value == "???")


def test_there_are_targets_to_check():
    assert {"augmentation", "network", "trainer"} <= {where.split(":")[-1] for where in TARGETS}
    assert len(TARGETS) >= 11


@pytest.mark.parametrize("where", [where for where in TARGETS if not where.startswith(LAUNCHERS)])
def test_every_target_can_be_imported_and_takes_the_keys_beside_it(where: str):
    parameters = _parameters(get_class(TARGETS[where]["_target_"]))
    assert set(TARGETS[where]) - {"_target_"} <= set(parameters)


@pytest.mark.parametrize("where", [where for where in TARGETS if TARGETS[where]["_target_"].startswith("stroke_ctp.")])
def test_values_beside_our_own_targets_are_the_defaults_of_their_signatures(where: str):
    parameters = _parameters(get_class(TARGETS[where]["_target_"]))
    for key, value in TARGETS[where].items():
        if key == "_target_" or _is_reference(value) or (isinstance(value, dict) and "_target_" in value):
            continue
        assert value == parameters[key].default, f"{where}: {key}"
        assert isinstance(value, type(parameters[key].default)), f"{where}: {key}"


@pytest.mark.parametrize(
    ("section", "keys", "target"),
    [
        ("endpoint", ("column", "threshold"), Endpoint.of),
        ("folds", ("n", "seed"), split),
        ("encoder", ("weights", "trainable_blocks"), Encoder),
        ("", ("learning_rate", "weight_decay", "standardize_features", "seed"), CoreClassifier),
        ("", ("batch_size", "num_workers", "seed"), CTPDataModule),
    ],
)
def test_settings_that_the_command_passes_on_are_the_defaults_of_their_signatures(
    section: str, keys: tuple[str, ...], target: Any
):
    config = OmegaConf.create(_content(CONF / "train.yaml"))
    settings = config[section] if section else config
    for key in keys:
        assert settings[key] == _parameters(target)[key].default, key
    if section:
        assert set(settings) == set(keys)


def test_the_logger_is_given_its_folder_under_a_name_that_every_one_of_them_knows():
    for where, mapping in TARGETS.items():
        if where.startswith("logger/"):
            assert "save_dir" in _parameters(get_class(mapping["_target_"])), where


@pytest.mark.parametrize("name", PRIMARY)
def test_every_commands_configuration_composes(name: str):
    config = _compose(name)
    assert isinstance(config, DictConfig)
    package = Path(CONF).parent / "stroke_ctp"
    assert (package / f"{name}.py").exists() or (package / name / "__main__.py").exists()


@pytest.mark.parametrize("choice", GROUPS)
def test_every_choice_of_every_group_composes_with_train_and_resolves(choice: str):
    config = _compose("train", choice, "cohort=here", "fold=0")
    assert OmegaConf.to_container(config, resolve=True, throw_on_missing=True)


@pytest.mark.parametrize(
    ("choice", "made"),
    [("enhancement", Enhancement()), ("window", Window()), ("hu", Attenuation())],
)
def test_inputs_are_made_as_named_and_fixed_standardization_takes_their_constants(choice: str, made: Any):
    config = _compose("train", f"input={choice}")
    assert instantiate(config.input) == made
    standardization = instantiate(config.standardization)
    assert isinstance(standardization, FixedStandardization)
    assert (standardization.mean, standardization.scale) == (made.mean, made.scale)


@pytest.mark.parametrize(
    ("ablation", "pathways"), [("full", ["local", "global"]), ("local", ["local"]), ("global", ["global"])]
)
def test_ablations_are_values_of_the_networks_pathways(ablation: str, pathways: list[str]):
    config = _compose("train", f"ablation={ablation}")
    assert config.ablation.name == ablation
    assert config.network.pathways == pathways


def test_by_default_training_is_the_articles_but_for_input_standardization_and_route():
    config = _compose("train")
    assert isinstance(instantiate(config.input), Enhancement)
    assert isinstance(instantiate(config.standardization), FixedStandardization)
    assert (config.route, config.standardize_features, config.encoder.weights) == ("bank", True, "oxford")
    assert instantiate(config.augmentation) == Augmentation(15.0, 10.0, 0.5)
    assert (config.trainer.max_epochs, config.patience, config.batch_size, config.folds.n) == (500, 200, 12, 10)


def _launcher(choice: str, *overrides: str) -> DictConfig:
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
    paper, usual = _compose("train", "experiment=paper"), _compose("train")
    assert isinstance(instantiate(paper.input), Attenuation)
    assert isinstance(instantiate(paper.standardization), BatchStandardization)
    assert paper.route == "direct"
    assert paper.standardize_features is False
    ours, theirs = (OmegaConf.to_container(config) for config in (paper, usual))
    changed = {key for key in theirs if ours[key] != theirs[key]}
    assert changed == {"input", "standardization", "route", "standardize_features"}
