"""`python -m stroke_ctp.export`: one file that predicts what its study does, and refuses to be anything else."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from noise import train_quickly
from safetensors import safe_open
from safetensors.torch import save_file
from trained_study import call, trained_study

from stroke_ctp.cohort.manifest import read_manifest
from stroke_ctp.cohort.standard_series import standard_series
from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.schemas import plain
from stroke_ctp.config.schemas.export import ExportSettings
from stroke_ctp.export import export
from stroke_ctp.model import article, perfusion_model
from stroke_ctp.model.perfusion_weights import SHIPPED
from stroke_ctp.model.provenance import Provenance
from stroke_ctp.model.settings import EncoderSettings
from stroke_ctp.model.weights import pretrained_backbone
from stroke_ctp.statistics.operating_points import Threshold
from stroke_ctp.study import bundle_file
from stroke_ctp.study.answers import answer
from stroke_ctp.study.bundle_file import read_bundle, write_bundle
from stroke_ctp.study.bundling import save_bundle
from stroke_ctp.study.predictor import Predictor
from stroke_ctp.study.reference import MemberPoint
from stroke_ctp.study.study_folder import StudyFolder


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """See `trained_study`; with bundles of both networks."""
    with trained_study(tmp_path_factory.mktemp("user")) as folder:
        given = (f"cohort={folder}/outputs/cohort", f"outputs={folder}/outputs", "fold=0..2", "trainer.max_epochs=2")
        train_quickly(*given, "model=perfusion")
        for model in ("full", "perfusion"):
            export(ExportSettings(folder / f"{model}.safetensors", outputs=folder / "outputs", model=model))
        yield folder


@pytest.mark.parametrize("model", ["full", "perfusion"])
def test_a_bundle_that_was_moved_answers_as_the_study_bit_for_bit_alone_and_in_a_batch(
    model: str, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    of_study = Predictor.load(StudyFolder(trained / "outputs", "stroke"), model, Cohort(trained / "outputs/cohort"))
    shutil.copy(trained / f"{model}.safetensors", tmp_path / "moved.safetensors")
    monkeypatch.setattr(perfusion_model, "read_weights", lambda _: pytest.fail("the bundle carries the network"))
    of_bundle = Predictor.from_bundle(tmp_path / "moved.safetensors")
    assert of_bundle.key == of_study.key
    cohort = Cohort(trained / "outputs/cohort")
    np.testing.assert_array_equal(of_bundle.score(cohort).probability, of_study.score(cohort).probability)
    series = standard_series(read_manifest(trained / "labelled.csv")[0])
    alone = answer(of_bundle, "Ann", series, error=0.1)
    assert alone == answer(of_study, "Ann", series, error=0.1)
    in_batch = of_study.score(Cohort(trained / "external")).probability
    assert list(alone.members.values()) == in_batch[:, 0].tolist()


def test_the_command_predicts_from_a_bundle_what_it_predicts_from_the_study(trained: Path, tmp_path: Path):
    given = (f"manifest={trained}/manifest.csv", "error=0.2")
    call("predict", *given, f"outputs={trained}/outputs", f"out={tmp_path}/study")
    said = call("predict", *given, f"bundle={trained}/full.safetensors", f"out={tmp_path}/bundle")
    for file in ("predictions.csv", "predictions.json"):
        assert (tmp_path / "bundle" / file).read_bytes() == (tmp_path / "study" / file).read_bytes()
    assert "1 of 2 patients cannot be scored" in said
    assert "1 of 2 patients are not assessable" in said


def test_a_patient_unlike_the_training_is_declined_with_reasons_and_the_numbers_stay(trained: Path):
    predictor = Predictor.from_bundle(trained / "full.safetensors")
    series = standard_series(read_manifest(trained / "labelled.csv")[0])
    one = answer(predictor, "Ann", series)
    assert one.answer == "not assessable"
    assert any(reason.startswith("soft tissue in the field of view: 379 cm²") for reason in one.declined)
    assert any("unlike the training patients" in reason for reason in one.declined)
    assert 0 < one.probability < 1
    assert one.calibrated is not None
    assert predictor.typical.knows(Cohort(trained / "outputs/cohort").series(3))
    assert not predictor.typical.knows(series.hu)


def test_members_know_a_training_patient_unless_only_others_score_it(trained: Path):
    predictor = Predictor.from_bundle(trained / "full.safetensors")
    series = standard_series(read_manifest(trained / "labelled.csv")[0])
    known = replace(series, hu=Cohort(trained / "outputs/cohort").series(3))
    by_all, by_one = answer(predictor, "P3", known), answer(predictor, "P3", known, used=[1])
    assert (by_all.in_training, by_all.out_of_fold) == (True, False)
    assert (by_one.in_training, by_one.out_of_fold) == (False, True)


def test_a_scan_that_the_model_cannot_measure_is_declined_whatever_is_known_of_the_training(trained: Path):
    seen = standard_series(read_manifest(trained / "labelled.csv")[0])
    air = replace(seen, hu=np.full_like(seen.hu, -1000))
    of_study = Predictor.load(StudyFolder(trained / "outputs", "stroke"), "perfusion")
    assert answer(of_study, "Ann", air).declined == ["the model could not measure this scan"]
    assert answer(of_study, "Ann", seen).declined == []
    of_bundle = Predictor.from_bundle(trained / "perfusion.safetensors")
    first, *others = answer(of_bundle, "Ann", air).declined
    assert first == "the model could not measure this scan"
    assert not [reason for reason in others if "model" in reason]


def test_a_share_of_errors_declines_everybody_where_validation_defined_no_threshold(trained: Path):
    predictor = Predictor.load(StudyFolder(trained / "outputs", "stroke"), "perfusion")
    undefined = MemberPoint(None, Threshold(None, "the validation patients have no large core"))
    predictor = replace(predictor, reference=replace(predictor.reference, points=[undefined]))
    series = standard_series(read_manifest(trained / "labelled.csv")[0])
    assert answer(predictor, "Ann", series).answer is None
    declined = answer(predictor, "Ann", series, error=0.1)
    assert declined.answer == "not assessable"
    assert declined.declined == ["the validation patients define no threshold, so 10 % errors cannot be kept"]


def test_a_bundle_tells_neither_who_the_patients_are_nor_where_it_was_made(trained: Path):
    for model in ("full", "perfusion"):
        record = read_bundle(trained / f"{model}.safetensors").record
        told = json.dumps(plain(record))
        assert str(trained) not in told
        assert not [patient for patient in Cohort(trained / "outputs/cohort").patients if f'"{patient}"' in told]
        assert record.about.endpoint.threshold == 5.5
        assert "# Model card" in record.card
        assert "Research use only" in record.card
        assert max(map(len, record.card.splitlines())) <= 80
        assert "- At Youden's threshold a member calls a core large above" in record.card
    assert record.card.startswith("# Model card: Perfusion network, study ")


def _edited(change: str, content: bytes, path: Path) -> None:
    """Write a bundle that was changed in one way."""
    if change == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif change == "array":
        path.write_bytes(content[:-3] + bytes([content[-3] ^ 1]) + content[-2:])
    elif change == "text":
        path.write_bytes(content.replace(b"Research use only", b"Not research only"))
    elif change == "weights":
        shutil.copy(SHIPPED, path)
    elif change == "table":
        path.write_text("scan,patient\n")
    elif change in ("newer", "no record"):
        original = path.with_suffix(".original")
        original.write_bytes(content)
        with safe_open(original, framework="pt") as file:
            header = json.loads(file.metadata()["stroke_ctp_bundle"]) | {"schema": 2}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        save_file(tensors, path, {"stroke_ctp_bundle": json.dumps(header if change == "newer" else [header])})
    elif change == "half a record":
        path.write_bytes(content)
        bundle = read_bundle(path)
        half = {key: value for key, value in plain(bundle.record).items() if key != "about"}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(bundle_file, "plain", lambda _: half)
            write_bundle(path, bundle.record, bundle.tensors)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("cut", "is no bundle, or is cut short"),
        ("array", "was changed after it was written"),
        ("text", "was changed after it was written"),
        ("newer", "must be a bundle of schema 1, got 2; update stroke_ctp"),
        ("no record", "is no bundle; make one with"),
        ("half a record", "does not hold what a bundle holds (1 validation error for BundleRecord about"),
        ("weights", "is no bundle; make one with"),
        ("table", "is no bundle, or is cut short"),
        ("none", "there is no bundle"),
    ],
)
def test_another_file_is_refused_in_one_sentence_and_nothing_is_written(
    change: str, sentence: str, trained: Path, tmp_path: Path
):
    path = tmp_path / "bundle.safetensors"
    _edited(change, (trained / "perfusion.safetensors").read_bytes(), path)
    with pytest.raises(SystemExit) as stopped:
        call("predict", f"scan={trained}/scan.nii.gz", f"bundle={path}", f"out={tmp_path}/out")
    assert sentence in str(stopped.value.code)
    assert "\n" not in str(stopped.value.code)
    assert not (tmp_path / "out").exists()


def test_a_bundle_that_may_not_be_opened_is_not_called_damaged(trained: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(path: Path, _: str):  # the tests may run as root, whom permissions do not stop
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(PermissionError):
        read_bundle(trained / "perfusion.safetensors")


def test_a_backbone_with_other_weights_is_refused_unless_the_bundle_carries_it(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    backbone = {"0.weight": torch.arange(6.0).reshape(2, 3)}
    monkeypatch.setattr(article, "pretrained_backbone", lambda _: (_Stub(backbone), Provenance("none", "a" * 64)))
    call("export", f"outputs={trained}/outputs", "embed_encoder=true", f"out={tmp_path}/carried.safetensors")
    monkeypatch.setattr(article, "provenance_of", lambda _: Provenance("none", "f" * 64))
    with pytest.raises(UserError, match=r"needs the encoder weights .*, but encoder\.weights=none are ffffffffffff"):
        Predictor.from_bundle(trained / "full.safetensors")
    carried = read_bundle(tmp_path / "carried.safetensors")
    assert torch.equal(carried.part("encoder")["0.weight"], backbone["0.weight"])
    with pytest.raises(UserError, match="are aaaaaaaaaaaa"):  # carried, but not those of the training
        Predictor.from_bundle(tmp_path / "carried.safetensors")


def test_a_model_of_whole_scans_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match="model must measure the two levels, cbv_scan measures the whole scan"):
        export(ExportSettings(tmp_path / "m.safetensors", outputs=tmp_path, model="cbv_scan"))


def test_a_bundle_carries_the_backbone_of_a_weights_file(trained: Path, tmp_path: Path):
    weights, path = tmp_path / "vgg.pth", tmp_path / "bundle.safetensors"
    torch.save(pretrained_backbone("none")[0].state_dict(), weights)
    named = Predictor.from_bundle(trained / "full.safetensors")
    settings = replace(named.about.settings, encoder=EncoderSettings(weights=str(weights)))
    model = article.ArticleModel(settings)
    about = replace(named.about, settings=settings, encoder=model.encoder_provenance())
    save_bundle(path, replace(named, model=model, about=about), "card")
    weights.unlink()
    assert str(tmp_path) not in json.dumps(plain(read_bundle(path).record))
    moved = Predictor.from_bundle(path)
    assert moved.about.settings.encoder.weights == "vgg.pth"
    cohort = Cohort(trained / "external")
    np.testing.assert_array_equal(moved.score(cohort).probability, named.score(cohort).probability)


class _Stub:
    """A backbone of a few numbers: the true one takes 80 MB."""

    def __init__(self, state: dict[str, torch.Tensor]) -> None:
        self.state = state

    def state_dict(self) -> dict[str, torch.Tensor]:
        return self.state


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["name=none"], "no fold of"),
        (
            ["outputs={0}/elsewhere/moved"],
            "a bundle carries the range of the training cohort, but its folder cohort was moved",
        ),
        (["out={0}"], "out must be a file, got the folder"),
        (["format=onnx", "embed_encoder=true"], "embed_encoder is for format=bundle"),
        (["format=onnx", "sensitivity=0.8"], "sensitivity is for format=bundle"),
        (["format=onnx", "cohort={0}/outputs/cohort"], "cohort is for format=bundle"),
        (["format=onnx", "bank={0}/outputs/bank"], "bank is for format=bundle"),
    ],
)
def test_a_study_that_cannot_be_packed_leaves_nothing(
    arguments: list[str], sentence: str, trained: Path, tmp_path: Path
):
    shutil.copytree(trained / "outputs/stroke", trained / "elsewhere/moved/stroke", dirs_exist_ok=True)
    given = [f"outputs={trained}/outputs", f"out={tmp_path}/m.safetensors"]
    changed = [argument.format(trained) for argument in arguments]
    kept = [one for one in given if one.split("=")[0] not in {change.split("=")[0] for change in changed}]
    with pytest.raises(SystemExit) as stopped:
        call("export", *kept, *changed)
    assert sentence in str(stopped.value.code)
    assert list(tmp_path.iterdir()) == []
