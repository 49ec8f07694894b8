"""Table of predicted core volumes against those of the label."""

from collections.abc import Sequence

from stroke_ctp.model.registry import display_name
from stroke_ctp.reporting.results.volume_agreement import VolumeAgreement
from stroke_ctp.reporting.tables.table import Table

_CAPTION = """Predicted core volumes of the test patients against those of the label: mean difference (predicted minus
label) and 95 % limits of agreement (Bland and Altman), intraclass correlation of absolute agreement ICC(A,1), and the
share of labels within the predicted 90 % interval. Intervals of estimates are 95 % confidence intervals, which take the
trained models as given."""


def volume_table(agreements: Sequence[VolumeAgreement]) -> Table:
    """One row per model that predicts volumes."""
    rows = [
        {
            "Model": display_name(one.model),
            "n": one.n,
            "Mean difference [mL]": one.differences.bias,
            "Lower limit [mL]": one.differences.low,
            "Upper limit [mL]": one.differences.high,
            "ICC(A,1)": one.icc,
            "Within the interval": one.within,
        }
        for one in agreements
    ]
    return Table("volumes", "Predicted core volume", _CAPTION, rows)
