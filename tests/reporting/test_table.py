import pytest

from stroke_ctp.reporting.number_text import estimate_text, mean_sd_parts, number_text, p_relation, p_text
from stroke_ctp.reporting.tables.table import Table
from stroke_ctp.statistics.interval_estimates import Estimate, PValue


def test_numbers_are_shown_with_the_digits_they_are_worth_and_kept_in_full():
    row = {"Name": "a", "n": 3, "x": -0.1234, "AUC": Estimate(0.72, 0.65, 0.789), "p": PValue(0.00001)}
    table = Table("t", "T", "", [row])
    assert table.shown() == [["a", "3", "−0.12", "0.72 (0.65 to 0.79)", "< 0.001"]]
    assert table.frame().iloc[0][["x", "auc_high", "p"]].tolist() == [-0.1234, 0.789, 0.00001]


def test_one_number_is_never_printed_as_two():
    assert [number_text(x) for x in (-0.155, -0.15500000000000003, -0.15499999999999992)] == ["−0.16"] * 3
    assert [number_text(x) for x in (0.125, 0.775, 0.7749, -0.004, 1.0)] == ["0.13", "0.78", "0.77", "0.00", "1.00"]


def test_large_numbers_have_one_decimal_and_a_tables_small_ones_share_theirs():
    rows = [{"mL": 9.47, "p": 0.25, "q": 0.012}, {"mL": 116.381, "p": 0.5, "q": 0.0}, {"mL": 30.0, "p": 0.1, "q": 0.3}]
    assert Table("t", "T", "", rows).shown() == [
        ["9.5", "0.250", "0.012"], ["116.4", "0.500", "0.000"], ["30.0", "0.100", "0.300"]
    ]  # fmt: skip


def test_what_is_undefined_is_an_empty_field_with_a_note_in_the_file():
    frame = Table("t", "T", "", [{"AUC": Estimate(reason="no large core"), "p": PValue(None, "no variance")}]).frame()
    assert frame["auc"].isna().all()
    assert (frame["auc_note"].item(), frame["p_note"].item()) == ("no large core", "no variance")


def test_a_number_without_interval_needs_a_reason():
    with pytest.raises(ValueError, match="needs a reason"):
        Estimate(0.5)
    assert estimate_text(Estimate(-0.001, reason="one sample")) == "0.00 (no interval: one sample)"


def test_a_column_with_a_reason_in_it_is_text_that_may_break():
    rows = [{"p": PValue(0.1), "q": PValue(0.1)}, {"p": PValue(None, "no variance"), "q": PValue(0.2)}]
    assert Table("t", "T", "", rows).numeric == {"q"}


def test_p_values_are_printed_as_journals_do():
    assert [p_text(PValue(p)) for p in (0.04, 0.0412, 0.0004)] == ["0.040", "0.041", "< 0.001"]
    assert [p_relation(PValue(p)) for p in (0.04, 0.0004)] == ["p = 0.040", "p < 0.001"]


def test_latex_escapes_what_has_a_meaning_there():
    latex = Table("t", "T", "a_b & 95 %", [{"x_y": "1 %"}]).latex()
    assert r"a\_b \& 95 \%" in latex
    assert r"x\_y" in latex


def test_a_mean_of_nothing_is_undefined_and_a_single_one_has_no_spread():
    assert mean_sd_parts(None, None) == ("undefined",)
    assert mean_sd_parts(0.7249, None) == ("0.72",)
    assert mean_sd_parts(0.7249, 0.1) == ("0.72", "(0.10)")
