"""What counts as core and as hypoperfused tissue. This module loads no library."""

CORE_CBV = 1.2
"""Core has a CBV below this [mL/100 mL]: syngo Neuro Perfusion CT, the article's software."""
CORE_RCBF = 0.3
"""Core has a CBF below this share of the other hemisphere's median: common in trials."""
HYPOPERFUSED_TMAX = 6.0
"""Hypoperfused tissue has a Tmax above this [s] (Olivot et al., Stroke 2009)."""
TMAX_LEVELS = (4.0, HYPOPERFUSED_TMAX, 8.0, 10.0)
"""Late tissue is measured at each of these [s]: from benign oligemia to severe hypoperfusion."""
DEFINITIONS = {
    "cbv": f"CBV<{CORE_CBV:g} mL/100 mL",
    "rcbf": f"CBF<{CORE_RCBF:.0%} of the other hemisphere",
}
"""Definitions of the core."""
MEASURED = {name: f"{definition}, measured on the scan by stroke_ctp" for name, definition in DEFINITIONS.items()}
"""The column `label_definition` of patients whose core this package measured."""
