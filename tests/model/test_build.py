"""Every model is built from settings, is registered and offers the protocol."""

from typing import get_args

import numpy as np
import pytest
from trainings import InMemory

from stroke_ctp.cohort.store import SERIES_SHAPE
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.schemas import fields
from stroke_ctp.model.article import ArticleModel
from stroke_ctp.model.build import build_model
from stroke_ctp.model.conventional import FittedConventional
from stroke_ctp.model.conventional_scale import Scale
from stroke_ctp.model.fitted_article import FittedArticle
from stroke_ctp.model.protocol import FittedModel, Model
from stroke_ctp.model.registry import REGISTRY, WHOLE_SCAN
from stroke_ctp.model.settings import (
    ArticleSettings,
    ConventionalSettings,
    EncoderSettings,
    PerfusionSettings,
    TrainSettings,
)

KINDS = ["article", "perfusion", *get_args(fields(ConventionalSettings)["kind"].annotation)]
RANDOM = EncoderSettings(weights="none")


@pytest.mark.parametrize("kind", KINDS)
def test_every_model_offers_the_protocol_and_is_registered_under_its_name(kind: str):
    others = {"article": ArticleSettings(), "perfusion": PerfusionSettings("perfusion")}
    chosen = others[kind] if kind in others else ConventionalSettings(kind)
    settings = TrainSettings(fold=0, model=chosen, encoder=RANDOM)
    model = build_model(settings)
    assert isinstance(model, Model)
    assert model.name == settings.model_name
    assert model.name in REGISTRY
    assert (model.encoder_provenance() is None) == (kind != "article")
    patients = InMemory(np.zeros((1, *SERIES_SHAPE)))
    if kind in WHOLE_SCAN:
        with pytest.raises(UserError, match=WHOLE_SCAN[kind]):
            model.check(patients)
    else:
        model.check(patients)


def test_fitted_models_offer_the_protocol():
    model = ArticleModel(TrainSettings(fold=0, encoder=RANDOM))
    assert isinstance(FittedArticle(model, model.core_network(0), 1, 0, None), FittedModel)
    assert isinstance(FittedConventional("cbv", Scale(1.0, 0.0, 0.0), {}), FittedModel)
