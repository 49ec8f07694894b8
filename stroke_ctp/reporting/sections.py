"""The parts of the page, each with its sentences, tables and figures."""

from pathlib import Path

import pandas as pd

from stroke_ctp.reporting import patients
from stroke_ctp.reporting.article import fold_table, model_name, table1, table2, wide_table
from stroke_ctp.reporting.background import Background
from stroke_ctp.reporting.calls import operating_table, threshold_table
from stroke_ctp.reporting.checklists import checklist_tables
from stroke_ctp.reporting.discrimination import auc_table, comparison_table
from stroke_ctp.reporting.facts import known_facts
from stroke_ctp.reporting.figures import probabilities as probability_figures
from stroke_ctp.reporting.figures import roc as roc_figures
from stroke_ctp.reporting.figures.flowchart import draw_flowcharts, flow_sentence
from stroke_ctp.reporting.figures.network import network
from stroke_ctp.reporting.figures.style import Picture
from stroke_ctp.reporting.figures.training import learning_curves
from stroke_ctp.reporting.origins import exclusion_table, origin_table, runs_table, settings_sentence, settings_table
from stroke_ctp.reporting.probabilities import calibration_table, decision_table, reliability_table
from stroke_ctp.reporting.publishing import Section
from stroke_ctp.reporting.summary import summary, tiles
from stroke_ctp.reporting.text import CAPTION_1, CAPTION_2
from stroke_ctp.study.leakage import audit, audit_table
from stroke_ctp.study.predictions import Study
from stroke_ctp.study.runs import read_runs

_CHECKLISTS = "What this run knows is filled in, for the author to check; “author” marks what only the author can say."


def sections(study: Study, folder: Path, background: Background) -> list[Section]:
    """All parts of a study's report.

    Raises:
        UserError: The leakage audit fails, or the subgroup's column is not there.
    """
    runs = [run for name in study.ablations for run in read_runs(folder, name)]
    findings = audit(study, runs, background)
    known = known_facts(study, folder, background)
    return [
        Section("summary", "Summary", tiles=tiles(study.main), points=summary(study, findings)),
        _results(study),
        _discrimination(study),
        _calls(study, background.sensitivity),
        _calibration(study),
        _patients(study, background),
        _data(background),
        _training(study, folder, background),
        Section("audit", "Leakage audit", tables=[audit_table(findings)]),
        _origins(study, folder, background),
        Section("checklists", "Reporting checklists", [_CHECKLISTS], tables=checklist_tables(known)),
    ]


def _results(study: Study) -> Section:
    tables = [
        wide_table("table1", CAPTION_1, table1(study)),
        wide_table("table2", CAPTION_2, table2(study)),
        fold_table(study),
    ]
    pictures = [roc_figures.cross_validation(study.main), roc_figures.fold_by_fold(study)]
    return Section("results", "Beside the article", tables=tables, pictures=[p for p in pictures if p])


def _discrimination(study: Study) -> Section:
    tables = [auc_table(study), comparison_table(study)]
    named = {model_name(name): one for name, one in study.ablations.items()}
    pictures = [roc_figures.models(named), roc_figures.external(study.main)]
    return Section(
        "discrimination", "Discrimination", tables=[t for t in tables if t], pictures=[p for p in pictures if p]
    )


def _calls(study: Study, sensitivity: float) -> Section:
    tables = [operating_table(study, sensitivity), threshold_table(study, sensitivity)]
    return Section("calls", "Operating points", tables=tables)


def _calibration(study: Study) -> Section:
    tables = [calibration_table(study), reliability_table(study), decision_table(study)]
    pictures = [probability_figures.calibration(study.main), probability_figures.decision(study.main)]
    return Section("calibration", "Calibration and clinical use", tables=tables, pictures=pictures)


def _patients(study: Study, background: Background) -> Section:
    main, tables, pictures, paragraphs = study.main, [], [], []
    if patients.has_volumes(main):
        tables.append(patients.error_table(main))
        pictures.append(probability_figures.against_volume(main))
    else:
        paragraphs.append("Errors are not set against core volume: it is not the endpoint, or not known of everybody.")
    if background.subgroup:
        cohorts = {"test": background.training, "external": background.external}
        known = [facts.patients.assign(split=split) for split, facts in cohorts.items() if not facts.unknown]
        if known:
            tables.append(patients.subgroup_table(main, background.subgroup, pd.concat(known, ignore_index=True)))
        else:
            paragraphs.append(f"Subgroups of {background.subgroup} are not shown: {background.training.unknown}.")
    return Section(
        "patients", "Patients", paragraphs, tables=[*tables, patients.patient_table(main)], pictures=pictures
    )


def _data(background: Background) -> Section:
    cohorts = {"Training cohort": background.training, "External test cohort": background.external}
    known = {name: facts.counts for name, facts in cohorts.items() if not facts.unknown}
    paragraphs = [f"{name}: not shown, {facts.unknown}." for name, facts in cohorts.items() if facts.unknown]
    pictures = []
    if known:
        caption = " ".join(flow_sentence(name, counts) for name, counts in known.items())
        pictures.append(Picture("figure1", "Figure 1. Inclusion of patients", caption, draw_flowcharts(known)))
    table = exclusion_table(background)
    tables = [table] if table else []
    return Section("data", "Data flow and exclusions", paragraphs, tables=tables, pictures=pictures)


def _training(study: Study, folder: Path, background: Background) -> Section:
    pictures = [network(background.architecture)] if background.architecture else []
    curves = [learning_curves(read_runs(folder, name)) for name in study.ablations]
    return Section("training", "Network and training", pictures=[*pictures, *(c for c in curves if c)])


def _origins(study: Study, folder: Path, background: Background) -> Section:
    tables = [settings_table(background), origin_table(study, folder, background), runs_table(study, folder)]
    sentence = settings_sentence(background)
    return Section(
        "origins", "Configuration and provenance", [sentence] if sentence else [], tables=[t for t in tables if t]
    )
