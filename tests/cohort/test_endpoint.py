import pytest

from stroke_ctp.cohort.endpoint import Endpoint, EndpointSettings
from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.schemas import validated


def test_the_median_of_an_even_cohort_lies_between_its_two_middle_volumes(write_cohort):
    cohort = Cohort(write_cohort({"core_ml": [10.0, 40.0, 20.0, 30.0]}))
    endpoint = Endpoint.of(cohort)
    assert endpoint == Endpoint("core_ml", "median", 25.0)
    assert endpoint.labels(cohort).tolist() == [0, 1, 0, 1]


def test_a_patient_on_the_threshold_is_small(write_cohort):
    cohort = Cohort(write_cohort({"core_ml": [10.0, 32.4, 50.0]}))
    assert Endpoint.of(cohort).threshold == 32.4
    assert Endpoint.of(cohort).labels(cohort).tolist() == [0, 0, 1]


def test_a_number_as_threshold_is_taken_as_it_is(write_cohort):
    cohort = Cohort(write_cohort({"core_ml": [10.0, 70.0, 70.1, 5.0]}))
    endpoint = Endpoint.of(cohort, EndpointSettings(threshold=70))
    assert endpoint == Endpoint("core_ml", 70.0, 70.0)
    assert endpoint.labels(cohort).tolist() == [0, 0, 1, 0]


def test_a_threshold_defined_on_one_cohort_divides_another(write_cohort):
    endpoint = Endpoint.of(Cohort(write_cohort({"core_ml": [10.0, 40.0]})))
    external = Cohort(write_cohort({"core_ml": [1.0, 24.9, 25.1]}))
    assert endpoint.labels(external).tolist() == [0, 0, 1]


def test_any_numeric_column_can_be_the_endpoint(write_cohort):
    cohort = Cohort(write_cohort({"core_ml": [None, None, None], "mrs": [0, 2, 6]}))
    assert Endpoint.of(cohort, EndpointSettings(column="mrs")).labels(cohort).tolist() == [0, 0, 1]


def test_a_missing_column_is_named_with_the_columns_there_are(write_cohort):
    cohort = Cohort(write_cohort({"core_ml": [1.0, 2.0]}))
    with pytest.raises(UserError, match=r"endpoint\.column=mrs is no column of .*cohort\.csv; it has .*core_ml"):
        Endpoint.of(cohort, EndpointSettings(column="mrs"))


@pytest.mark.parametrize("value", ["", "about 30"])
def test_a_patient_without_a_number_is_named(write_cohort, value: str):
    cohort = Cohort(write_cohort({"core_ml": ["12", value, "3"]}))
    with pytest.raises(UserError, match=r"patient p1 of .*cohort\.csv has no number in core_ml"):
        Endpoint.of(cohort)


@pytest.mark.parametrize("threshold", [0.5, 40.0])
def test_a_threshold_that_leaves_a_class_empty_is_refused_with_the_range(write_cohort, threshold: float):
    cohort = Cohort(write_cohort({"core_ml": [1.0, 40.0, 7.5]}))
    with pytest.raises(UserError, match=rf"threshold={threshold} leaves one class empty: core_ml runs from 1 to 40"):
        Endpoint.of(cohort, EndpointSettings(threshold=threshold))


def test_equal_volumes_have_no_median_that_divides_them(write_cohort):
    with pytest.raises(UserError, match="leaves one class empty: core_ml is 7 in all patients"):
        Endpoint.of(Cohort(write_cohort({"core_ml": [7.0, 7.0, 7.0]})))


def test_a_threshold_that_is_neither_a_rule_nor_a_number_is_refused():
    with pytest.raises(UserError, match="threshold must be median or a number, got 'mean'"):
        validated(EndpointSettings, {"threshold": "mean"})
