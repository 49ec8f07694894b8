"""The training: both routes through the very functions of the commands, with a trunk of one layer where that does."""

import errno
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import pandas as pd
import pytest
import torch
from commands import settings_of
from sklearn.metrics import roc_auc_score
from torch import nn

from stroke_ctp.cohort import store
from stroke_ctp.cohort.endpoint import Endpoint
from stroke_ctp.cohort.folds import Split, split
from stroke_ctp.cohort.frames import FramePipeline
from stroke_ctp.cohort.inputs import Attenuation
from stroke_ctp.cohort.standardization import FixedStandardization
from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import write_json
from stroke_ctp.model import training as networks
from stroke_ctp.model.callbacks import WholeCheckpoints
from stroke_ctp.model.checkpoint import read_checkpoint
from stroke_ctp.model.data import CTPDataModule
from stroke_ctp.model.encoder import Encoder
from stroke_ctp.model.feature_standardization import FeatureStandardization
from stroke_ctp.model.module import CoreClassifier
from stroke_ctp.model.network import TemporalNetwork
from stroke_ctp.model.settings import NetworkSettings, TrainSettings
from stroke_ctp.model.weights import Provenance, pretrained_trunk

N = 12
PATIENTS = np.arange(N)
BANK = ["route=bank", "bank.draws=2"]
DIRECT = ["route=direct"]
STILL = ["augmentation.max_angle=0.0", "augmentation.max_shift=0.0", "augmentation.flip_probability=0.0"]


class _TinyEncoder(Encoder):
    """A trunk of one layer."""

    def __init__(self, weights: str = "none", trainable_blocks: int = 0) -> None:
        nn.Module.__init__(self)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.trunk = nn.Sequential(nn.Conv2d(3, 512, 5, stride=8), nn.ReLU())
        self.trunk.requires_grad_(trainable_blocks > 0)
        self.trainable_blocks, self.provenance = trainable_blocks, Provenance(weights, "0" * 64)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Networks this small are slower on many threads, above all where others work too."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def cohort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cohort:
    """Twelve patients of noise on small frames, of 32 × 32 pixels for the sake of the real trunk."""
    monkeypatch.setattr(store, "SERIES_SHAPE", (2, 32, 32, 32))
    folder = tmp_path / "cohort"
    (folder / "series").mkdir(parents=True)
    generator = np.random.default_rng(0)
    names = [f"{row}.npy" for row in PATIENTS]
    for name in names:
        np.save(folder / "series" / name, generator.normal(-300, 300, (2, 32, 32, 32)).astype(np.float32))
    table = {"patient": [f"p{row}" for row in PATIENTS], "series": names, "core_ml": generator.permutation(N) + 0.5}
    pd.DataFrame(table).to_csv(folder / "cohort.csv", index=False)
    write_json(folder / "cohort.json", {"hash": "c0ffee"})
    return Cohort(folder)


def _config(cohort: Cohort, *overrides: str) -> TrainSettings:
    usual = [f"cohort={cohort.folder}", f"outputs={cohort.folder.parent}", "fold=0", "folds.n=3", "input=hu"]
    usual += ["encoder.weights=none", "trainer.accelerator=cpu", "trainer.max_epochs=4"]
    return settings_of("train", TrainSettings, *usual, *overrides)


def _parts(config: TrainSettings, cohort: Cohort) -> tuple[CoreClassifier, CTPDataModule]:
    labels = Endpoint.of(cohort, config.endpoint).labels(cohort)
    parts = split(labels, config.fold, config.folds)
    pipeline = networks.frame_pipeline(config)
    data = networks.build_data(config, cohort, labels, parts, pipeline, Provenance(config.encoder.weights, "0" * 64))
    return networks.build_module(config, pipeline), data


def _train(cohort: Cohort, folder: Path, *overrides: str) -> tuple[np.ndarray, dict[str, Any]]:
    config = _config(cohort, *overrides)
    module, data = _parts(config, cohort)
    probability, details = networks.trained(config, module, networks.build_trainer(config, folder), data, folder)
    return probability, details["training"]


def _weights(folder: Path, name: str = "last") -> dict[str, torch.Tensor]:
    return torch.load(folder / f"{name}.ckpt", weights_only=True)["state_dict"]


def _losses(folder: Path) -> pd.DataFrame:
    (log,) = folder.rglob("metrics.csv")
    return pd.read_csv(log).groupby("epoch")[["train_loss", "val_loss"]].first()


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "Encoder", _TinyEncoder)


@pytest.mark.usefixtures("tiny")
def test_with_one_draw_and_no_augmentation_the_bank_gives_the_losses_and_predictions_of_the_direct_route(
    cohort: Cohort, tmp_path: Path
):
    banked, _ = _train(cohort, tmp_path / "bank", "route=bank", "bank.draws=1", *STILL)
    direct, _ = _train(cohort, tmp_path / "direct", "route=direct", *STILL)
    np.testing.assert_allclose(banked, direct, rtol=1e-3)
    banked_losses, direct_losses = _losses(tmp_path / "bank"), _losses(tmp_path / "direct")
    assert len(banked_losses) == 4
    np.testing.assert_allclose(banked_losses, direct_losses, rtol=1e-3)
    assert banked_losses["train_loss"].nunique() == 4


def test_with_the_real_trunk_the_bank_holds_the_features_of_the_direct_route(cohort: Cohort, tmp_path: Path):
    trunk, _ = pretrained_trunk("none")
    generator = torch.Generator().manual_seed(0)
    for module in trunk:  # torch's initial weights give features that hardly answer to the frames
        if isinstance(module, nn.Conv2d):
            module.weight.data.normal_(0, (2 / (9 * module.in_channels)) ** 0.5, generator=generator)
    torch.save(trunk.state_dict(), tmp_path / "weights.pth")
    cohort.table = cohort.table.iloc[:5]  # a chunk and a part of one
    config = _config(cohort, "route=direct", f"encoder.weights={tmp_path / 'weights.pth'}", *STILL)
    labels, parts = np.array([0, 1, 0, 1, 1]), Split(np.arange(0), np.array([4]), np.array([1]))
    provenance = Provenance("weights.pth", "0" * 64)
    pipeline = networks.frame_pipeline(config)
    direct = networks.build_data(config, cohort, labels, parts, pipeline, provenance)
    encoder = Encoder(config.encoder.weights)
    module = CoreClassifier(TemporalNetwork(), encoder, pipeline.standardization)
    seen = [
        (batch.row, module.features(direct._completed(direct.transfer_batch_to_device(batch, module.device, 0), None)))
        for batch in direct.predict_dataloader()
    ]
    bank = networks.build_data(
        _config(cohort, "bank.draws=1", f"encoder.weights={tmp_path / 'weights.pth'}", *STILL),
        cohort,
        labels,
        parts,
        pipeline,
        provenance,
    ).bank
    assert bank is not None
    ((rows, features),) = seen
    assert rows.tolist() == [4, 1]
    contrast = float(features.std(dim=2).mean())
    assert float((bank.draws[0][rows] - features).abs().max()) < 1e-3 * contrast
    assert float((bank.draws[0][[0, 2]] - features).abs().max()) > contrast  # other patients, other features


class _PowerCutError(Exception):
    pass


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize(
    "route",
    [
        pytest.param(BANK, id="bank"),
        pytest.param([*DIRECT, "standardization=batch"], id="batch"),
        pytest.param([*DIRECT, "encoder.trainable_blocks=1"], id="trainable"),
    ],
)
def test_a_training_that_ended_and_goes_on_equals_one_that_never_ended(
    cohort: Cohort, tmp_path: Path, route: list[str]
):
    expected, _ = _train(cohort, tmp_path / "one", *route)
    _train(cohort, tmp_path / "two", *route, "trainer.max_epochs=2")
    probability, details = _train(cohort, tmp_path / "two", *route)
    assert details["epochs"] == 4
    _assert_same(tmp_path, expected, probability)


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize(
    "route",
    [pytest.param(BANK, id="bank"), pytest.param(DIRECT, id="direct")],
)
def test_a_training_cut_off_within_an_epoch_and_continued_equals_an_uninterrupted_one(
    cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, route: list[str]
):
    expected, _ = _train(cohort, tmp_path / "one", *route, "batch_size=2")
    with monkeypatch.context() as patch:
        step = CoreClassifier.training_step

        def cut_off(self: CoreClassifier, batch: Any, batch_idx: int) -> Any:
            if self.current_epoch == 2 and batch_idx == 1:
                raise _PowerCutError
            return step(self, batch, batch_idx)

        patch.setattr(CoreClassifier, "training_step", cut_off)
        with pytest.raises(_PowerCutError):
            _train(cohort, tmp_path / "two", *route, "batch_size=2")
    probability, _ = _train(cohort, tmp_path / "two", *route, "batch_size=2")
    _assert_same(tmp_path, expected, probability)


@pytest.mark.usefixtures("tiny")
def test_a_training_whose_folder_was_moved_keeps_the_best_of_its_weights_and_shows_its_loss(
    cohort: Cohort, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    overrides = [*BANK, "learning_rate=0.05", "trainer.max_epochs=8"]
    expected, details = _train(cohort, tmp_path / "one", *overrides)
    assert details["best_epoch"] < 6  # what comes after the move is worse
    _train(cohort, tmp_path / "first", *overrides, "trainer.max_epochs=6")
    (tmp_path / "first").rename(tmp_path / "two")
    probability, moved = _train(cohort, tmp_path / "two", *overrides)
    assert moved == details
    _assert_same(tmp_path, expected, probability)
    assert not (tmp_path / "first").exists()
    assert f"≥ {_losses(tmp_path / 'one')['val_loss'].min():.3f}]" in capsys.readouterr().err.split("\r")[-1]


def _assert_same(folder: Path, expected: np.ndarray, probability: np.ndarray) -> None:
    for name in ("last", "best"):
        one, two = _weights(folder / "one", name), _weights(folder / "two", name)
        assert one.keys() == two.keys()
        for key in one:
            assert torch.equal(one[key], two[key]), key
    np.testing.assert_array_equal(expected, probability)


@pytest.mark.usefixtures("tiny")
def test_a_training_that_ended_by_patience_is_not_prolonged_when_its_results_are_written_later(
    cohort: Cohort, tmp_path: Path
):
    overrides = [*BANK, "learning_rate=0.05", "patience=2", "trainer.max_epochs=60"]
    first, details = _train(cohort, tmp_path / "run", *overrides)
    assert details["epochs"] < 60
    again, later = _train(cohort, tmp_path / "run", *overrides)  # as after a kill before metrics.json
    assert later == details
    np.testing.assert_array_equal(first, again)


@pytest.mark.usefixtures("tiny")
def test_mixed_precision_is_the_encoders_alone(cohort: Cohort, tmp_path: Path):
    single, _ = _train(cohort, tmp_path / "single", *BANK)
    mixed, _ = _train(cohort, tmp_path / "mixed", *BANK, "trainer.precision=bf16-mixed")
    np.testing.assert_array_equal(mixed, single)
    direct, _ = _train(cohort, tmp_path / "direct", *DIRECT, "trainer.precision=bf16-mixed")
    assert len(np.unique(direct.astype(np.float32))) == len(direct)
    assert (torch.from_numpy(direct).bfloat16().double().numpy() != direct).any()


@pytest.mark.usefixtures("tiny")
def test_best_weights_are_those_of_the_lowest_validation_loss_and_score_the_patients(cohort: Cohort, tmp_path: Path):
    overrides = [*BANK, "learning_rate=0.01"]
    probability, details = _train(cohort, tmp_path / "run", *overrides)
    assert details["best_epoch"] == _losses(tmp_path / "run")["val_loss"].idxmin()
    module, data = _parts(_config(cohort, *overrides), cohort)
    module.load_weights(_weights(tmp_path / "run", "best"))
    module.eval()
    rows = np.concatenate([data.split.validation, data.split.test])
    with torch.no_grad():
        expected = torch.sigmoid(module(data.bank.draws[0][rows]))
    np.testing.assert_allclose(probability, expected.numpy(), rtol=1e-5)


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize(("blocks", "kept"), [(0, False), (1, True)])
def test_checkpoints_leave_out_a_frozen_trunk_and_keep_a_trained_one(
    cohort: Cohort, tmp_path: Path, blocks: int, kept: bool
):
    _train(cohort, tmp_path, *DIRECT, f"encoder.trainable_blocks={blocks}", "trainer.max_epochs=1")
    for name in ("best", "last"):
        assert any(key.startswith("encoder.") for key in _weights(tmp_path, name)) == kept
    trained = _weights(tmp_path)
    assert trained["network.head.weight"].shape == (1, 32)
    if kept:
        assert not torch.equal(trained["encoder.trunk.0.weight"], _TinyEncoder().trunk[0].weight)


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("kept", [0, 100, 20000])
def test_a_damaged_checkpoint_is_named_with_the_way_out(cohort: Cohort, tmp_path: Path, kept: int):
    _train(cohort, tmp_path, *BANK, "trainer.max_epochs=1")
    for name in ("last", "best"):
        path = tmp_path / f"{name}.ckpt"
        path.write_bytes(path.read_bytes()[:kept])
    sentence = r"\.ckpt cannot be read \(.+\); remove its folder and train that fold again$"
    with pytest.raises(UserError, match="best" + sentence):
        read_checkpoint(tmp_path / "best.ckpt")
    with pytest.raises(UserError, match="last" + sentence):
        _train(cohort, tmp_path, *BANK)


def test_a_checkpoint_of_another_network_is_refused():
    module = CoreClassifier(TemporalNetwork(NetworkSettings(("local",))), None, FixedStandardization(0.0, 1.0))
    other = CoreClassifier(TemporalNetwork(), None, FixedStandardization(0.0, 1.0))
    with pytest.raises((ValueError, RuntimeError), match=r"pathways\.1|size mismatch"):
        module.load_weights(other.state_dict())


# From here on with features that are given: no frames, no trunk.


def _given(features: np.ndarray, labels: np.ndarray, parts: Split) -> CTPDataModule:
    """Batches of banked features, without a cohort."""
    pipeline = FramePipeline(Attenuation(), FixedStandardization(0.0, 1.0))
    return CTPDataModule(None, labels, parts, pipeline, None, list(features.astype(np.float32)))


def _fit(data: CTPDataModule, epochs: int, **options: Any) -> tuple[CoreClassifier, L.Trainer]:
    torch.manual_seed(0)
    module = CoreClassifier(TemporalNetwork(), None, FixedStandardization(0.0, 1.0), **options)
    trainer = L.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(module, data)
    return module, trainer


def test_feature_standardization_is_fitted_on_the_unaugmented_training_fold_alone():
    generator = np.random.default_rng(0)
    bank = generator.normal(3, 2, (2, 20, 2, 32, 512)) * np.linspace(0.5, 4, 512)
    parts = Split(np.arange(0, 12), np.arange(12, 16), np.arange(16, 20))
    bank[:, 12:] = 1e6
    bank[1] += 500
    module, _ = _fit(_given(bank, np.arange(20) % 2, parts), epochs=1)
    fitted, expected = module.feature_standardization, FeatureStandardization()
    training = bank[0, :12].reshape(-1, 512)
    np.testing.assert_allclose(fitted.mean, training.mean(axis=0), rtol=1e-4)
    expected.fit([torch.from_numpy(bank[0, :12]).float()])
    np.testing.assert_allclose(fitted.scale, expected.scale, rtol=1e-4)


def test_features_as_they_come_are_not_standardized():
    module = CoreClassifier(TemporalNetwork(), None, FixedStandardization(0.0, 1.0), standardize_features=False).eval()
    features = torch.randn(2, 2, 32, 512)
    assert module.feature_standardization is None
    assert torch.equal(module(features), module.network(features))


def test_the_optimizer_is_rmsprop_with_the_given_rate_on_everything_that_is_trained():
    module = CoreClassifier(
        TemporalNetwork(), _TinyEncoder(), FixedStandardization(0.0, 1.0), learning_rate=3e-4, weight_decay=0.02
    )
    optimizer = module.configure_optimizers()
    assert isinstance(optimizer, torch.optim.RMSprop)
    (group,) = optimizer.param_groups
    assert (group["lr"], group["weight_decay"]) == (3e-4, 0.02)
    assert sum(parameter.numel() for parameter in group["params"]) == 43_469


def _strong_cohort(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Features that tell the classes apart at a glance, and each patient from all others."""
    generator = np.random.default_rng(1)
    labels = generator.permutation(np.arange(n) % 2)
    course = np.exp(-(((np.arange(32) - 16) / 4) ** 2))
    sign = generator.normal(size=512)
    bank = generator.normal(size=(1, n, 2, 1, 512)) + generator.normal(size=(1, n, 2, 32, 512))
    return bank + labels[:, None, None, None] * course[:, None] * sign, labels


def _test_aucs(bank: np.ndarray, labels: np.ndarray, n_folds: int = 3) -> list[float]:
    aucs = []
    for fold in range(n_folds):
        parts = split(labels, fold, n_folds)
        data = _given(bank, labels, parts)
        module, trainer = _fit(data, epochs=4, learning_rate=3e-3)
        probability = module.probabilities(trainer, data)[parts.validation.size :]
        aucs.append(roc_auc_score(labels[parts.test], probability))
    return aucs


def test_true_labels_are_learned_and_permuted_ones_are_not():
    bank, labels = _strong_cohort(60)
    assert np.mean(_test_aucs(bank, labels)) > 0.9
    generator = np.random.default_rng(2)
    permuted = [np.mean(_test_aucs(bank, generator.permutation(labels))) for _ in range(20)]
    assert np.mean(permuted) == pytest.approx(0.5, abs=0.05)


@pytest.mark.usefixtures("tiny")
def test_progress_fits_a_terminal_and_bounds_the_time_of_all_trainings_to_come(
    cohort: Cohort, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = _config(cohort, *BANK, "fold=2")
    module, data = _parts(config, cohort)
    networks.trained(
        config, module, networks.build_trainer(config, tmp_path / "run", n_after=999), data, tmp_path / "run"
    )
    line = capsys.readouterr().err.rstrip("\n").split("\r")[-1]
    assert line.startswith("train full 3/3 |")
    assert "| 4/4 [<00:00, all <" in line
    assert len(line) <= 79
    lowest = _losses(tmp_path / "run")["val_loss"].min()
    assert f"≥ {lowest:.3f}]" in line


def test_a_checkpoint_whose_writing_is_interrupted_leaves_the_last_one(tmp_path: Path):
    class Interrupted:
        def __reduce__(self):
            raise KeyboardInterrupt

    checkpoints, path = WholeCheckpoints(), tmp_path / "last.ckpt"
    checkpoints.save_checkpoint({"epoch": 3}, path)
    with pytest.raises(KeyboardInterrupt):
        checkpoints.save_checkpoint({"epoch": 4, "rest": Interrupted()}, path)
    assert checkpoints.load_checkpoint(path) == {"epoch": 3}
    assert list(tmp_path.iterdir()) == [path]


def test_a_checkpoint_that_finds_no_room_says_why_and_leaves_the_last_one(tmp_path: Path):
    checkpoints, path = WholeCheckpoints(), tmp_path / "last.ckpt"
    checkpoints.save_checkpoint({"epoch": 3}, path)
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, usual[1]))
    try:
        with pytest.raises(OSError, match="large") as refusal:
            checkpoints.save_checkpoint({"epoch": 4, "weights": torch.zeros(100_000)}, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert refusal.value.errno == errno.EFBIG
    assert checkpoints.load_checkpoint(path) == {"epoch": 3}
    assert list(tmp_path.iterdir()) == [path]
