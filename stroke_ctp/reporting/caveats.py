"""What must stand wherever a number stands: that patients are simulated, and that a score is part of its label."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pandas as pd
from matplotlib.text import Text

from stroke_ctp.model.registry import REGISTRY, display_name
from stroke_ctp.reporting.figures.style import Picture
from stroke_ctp.reporting.tables.main_results import OURS
from stroke_ctp.reporting.tables.table import Table
from stroke_ctp.study.incorporation import Incorporation, incorporation
from stroke_ctp.study.predictions import ModelPredictions, Study
from stroke_ctp.study.run_folder import CohortReference

_ALL_SIMULATED = "Simulated patients"


@dataclass(frozen=True)
class Caveats:
    """Caveats of a study."""

    origin: str = ""
    """Which patients are simulated, in a few words; empty if none are."""
    incorporated: Mapping[str, Mapping[str, Incorporation]] = field(default_factory=dict)
    """How a score is part of the label: by the model's name as readers know it, and by cohort."""

    @property
    def origin_sentence(self) -> list[str]:
        """The origin as a sentence; none if no patient is simulated."""
        return [f"{self.origin}."] if self.origin else []

    @property
    def meaning(self) -> str:
        """What the origin means for the reader."""
        subject = "Nothing here" if self.origin == _ALL_SIMULATED else "No result of simulated patients"
        return f"{subject} tells how well a model works on real patients."

    def about(self, text: str) -> list[str]:
        """A short sentence about every model that a text names and whose score is part of the label."""
        found = []
        for name in sorted({*self.incorporated, *map(display_name, REGISTRY)}, key=len, reverse=True):
            if name in text and name in self.incorporated:
                extents = {one.extent for one in self.incorporated[name].values()}
                found.append(f"Incorporation: {name} {' or '.join(sorted(extents))}, which favours it.")
            text = text.replace(name, "")  # a longer name contains a shorter one
        return sorted(found)

    def explained(self) -> list[str]:
        """The same with the reasons, for the top of a page."""
        return [
            f"Incorporation: {name} {one.extent} ({where}): {one.reason}. This favours it over other models."
            for name, cohorts in self.incorporated.items()
            for where, one in _merged(cohorts).items()
        ]

    def on_table(self, table: Table) -> Table:
        """A table whose caption has the caveats of its numbers."""
        if not table.about_patients:
            return table
        shown = " ".join([*table.headings, *(text for row in table.shown() for text in row)])
        return replace(table, caption=self._on_caption(table.caption, shown))

    def on_picture(self, picture: Picture) -> Picture:
        """A figure whose caption has the caveats of its curves."""
        if not picture.about_patients:
            return picture
        shown = " ".join(text.get_text() for text in picture.drawn.findobj(Text))
        return replace(picture, caption=self._on_caption(picture.caption, shown))

    def on_frame(self, frame: pd.DataFrame) -> pd.DataFrame:
        """A CSV that says of every row which patients are simulated; numbers of others have an empty cell."""
        if not self.origin:
            return frame
        ours = frame["row"] == OURS if "row" in frame else pd.Series(True, frame.index)
        return frame.assign(origin=ours.map({True: self.origin, False: ""}))

    def _on_caption(self, caption: str, shown: str) -> str:
        return " ".join([*self.origin_sentence, caption, *self.about(shown)])


def caveats(study: Study) -> Caveats:
    """Caveats of a study, as its runs recorded them."""
    incorporated = {display_name(name): _incorporated(one) for name, one in study.models.items()}
    return Caveats(
        origin_text(study.main.record.cohort, external_cohort(study)),
        {name: cohorts for name, cohorts in incorporated.items() if cohorts},
    )


def external_cohort(study: Study) -> CohortReference | None:
    """The external cohort; None if no ensemble scored one."""
    return next((one.ensemble_record.cohort for one in study.models.values() if one.ensemble_record), None)


def origin_text(training: CohortReference, external: CohortReference | None) -> str:
    """Which patients are simulated, in a few words; empty if none are."""
    cohorts = {"training cohort": training, **({"external cohort": external} if external else {})}
    if not any(cohort.simulated for cohort in cohorts.values()):
        return ""
    kinds = {name: _kind(cohort) for name, cohort in cohorts.items()}
    if set(kinds.values()) == {"simulated"}:
        return _ALL_SIMULATED
    text = "; ".join(f"{name}: {kind} patients" for name, kind in kinds.items())
    return text[0].upper() + text[1:]


def _kind(cohort: CohortReference) -> str:
    if cohort.simulated in (0, cohort.patients):
        return "simulated" if cohort.simulated else "real"
    return f"{cohort.simulated} simulated and {cohort.patients - cohort.simulated} real"


def _incorporated(one: ModelPredictions) -> dict[str, Incorporation]:
    """How the score of a model is part of the label, by cohort."""
    cohorts = {"training cohort": one.record.cohort}
    if one.ensemble_record is not None:
        cohorts["external cohort"] = one.ensemble_record.cohort
    found = {name: incorporation(one.name, one.record.endpoint, cohort.labels) for name, cohort in cohorts.items()}
    return {name: how for name, how in found.items() if how is not None}


def _merged(cohorts: Mapping[str, Incorporation]) -> dict[str, Incorporation]:
    """Cohorts with the same reason together."""
    names: dict[Incorporation, list[str]] = {}
    for name, how in cohorts.items():
        names.setdefault(how, []).append(name)
    return {" and ".join(where): how for how, where in names.items()}
