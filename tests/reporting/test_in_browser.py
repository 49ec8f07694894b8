"""The page in headless Chromium, which `make test` installs on Debian as root."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from stroke_ctp.study.study_folder import StudyFolder

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium was found; on Debian, apt-get install chromium")

PROBE = """
<script>
const table = document.getElementById("table-patients");
const buttons = [...table.querySelectorAll("thead button")];
const column = buttons.findIndex((button) => button.textContent.trim() === "Core [mL]");
const rows = () => [...table.tBodies[0].rows].filter((row) => !row.hidden);
const values = () => rows().map((row) => row.cells[column].textContent);
const found = { width: innerWidth, page: document.documentElement.scrollWidth };
found.first = table.rows[1].cells[0].textContent;
buttons[column].focus();
found.focused = document.activeElement === buttons[column];
buttons[column].click();
found.ascending = values();
found.sorted = table.querySelectorAll("th")[column].getAttribute("aria-sort");
buttons[column].click();
found.descending = values();
const search = document.querySelector("input[data-filter]");
search.value = "external large";
search.dispatchEvent(new Event("input"));
found.filtered = values().length;
search.value = "";
document.querySelector("input[data-only]").click();
found.wrong = values().length;
found.count = document.querySelector("[data-count]").textContent;
document.querySelector("input[data-only]").click();
table.tBodies[0].rows[1].cells[column].textContent = "undefined: no reason";
found.last = [0, 1].map(() => { buttons[column].click(); return values().pop(); });
found.complete = [0, 1].map(() => {
  buttons[column].click();
  return values().slice(0, -1);
});
found.folded = document.querySelectorAll("details:not([open])").length;
dispatchEvent(new Event("beforeprint"));
found.printed = document.querySelectorAll("details[open]").length;
found.requests = performance.getEntriesByType("resource").map((entry) => entry.name);
document.body.innerHTML = "";
document.body.append(Object.assign(document.createElement("pre"), { textContent: JSON.stringify(found) }));
</script>
"""


@pytest.fixture(scope="module")
def study(reported: tuple[StudyFolder, str]) -> StudyFolder:
    return reported[0]


def _opened(study: StudyFolder, width: int, folder: Path) -> tuple[dict[str, Any], str]:
    """Results of the probe, and the messages of the console."""
    page = folder / "probed.html"
    page.write_text((study.report / "report.html").read_text().replace("</body>", f"{PROBE}</body>"))
    command = [
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        "--enable-logging=stderr", "--disable-background-networking", "--disable-component-update", "--no-first-run",
        f"--user-data-dir={folder / 'profile'}", f"--window-size={width},900",
        "--virtual-time-budget=5000", "--dump-dom", page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    result = re.search(r"<pre>(.*)</pre>", done.stdout, re.S)
    assert result, done.stdout[-2000:]
    console = "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)
    return json.loads(result[1].replace("&gt;", ">").replace("&lt;", "<")), console


@pytest.fixture(scope="module", params=[400, 1600])
def opened(request: pytest.FixtureRequest, study: StudyFolder, tmp_path_factory: pytest.TempPathFactory) -> tuple:
    return _opened(study, request.param, tmp_path_factory.mktemp("browser"))


def test_the_page_opens_without_a_console_error_or_a_request(opened: tuple):
    found, console = opened
    assert console == ""
    assert found["requests"] == []


def test_nothing_is_wider_than_the_window(opened: tuple):
    assert opened[0]["page"] <= opened[0]["width"]


def test_the_patient_table_begins_with_the_worst_error_and_sorts(opened: tuple, study: StudyFolder):
    found = opened[0]
    table = pd.read_csv(study.report / "tables" / "patients.csv")
    assert found["first"] == table.sort_values("error", ascending=False, kind="stable")["patient"].iloc[0]
    assert found["focused"]
    assert found["sorted"] == "ascending"
    assert list(map(float, found["ascending"])) == sorted(map(float, found["ascending"]))
    assert list(map(float, found["descending"])) == sorted(map(float, found["ascending"]), reverse=True)
    assert len(found["ascending"]) == len(table)


def test_the_patient_table_filters(opened: tuple, study: StudyFolder):
    table = pd.read_csv(study.report / "tables" / "patients.csv")
    external = table[table["cohort"] == "external"]
    assert opened[0]["filtered"] == ((external["class"] == "large") | (external["called"] == "large")).sum()
    wrong = (table["verdict"] == "wrong").sum()
    assert opened[0]["wrong"] == wrong
    assert opened[0]["count"] == f"{wrong} of {len(table)} patients"


def test_what_is_undefined_sorts_last_in_either_direction_and_does_not_turn_numbers_into_text(opened: tuple):
    found = opened[0]
    assert found["last"] == ["undefined: no reason"] * 2
    up, down = (list(map(float, column)) for column in found["complete"])
    assert up == sorted(up)
    assert down == sorted(down, reverse=True)


def test_what_is_folded_on_the_screen_is_printed(opened: tuple):
    assert opened[0]["folded"] == opened[0]["printed"] > 2


def test_the_print_has_fewer_than_ten_pages_because_the_appendix_is_left_out(study: StudyFolder, tmp_path: Path):
    printed = tmp_path / "page.pdf"
    command = [
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        f"--user-data-dir={tmp_path / 'profile'}", f"--print-to-pdf={printed}",
        (study.report / "report.html").as_uri(),
    ]  # fmt: skip
    subprocess.run(command, capture_output=True, timeout=120, check=True)
    assert 1 < len(re.findall(rb"/Type\s*/Page\b", printed.read_bytes())) < 10
