"""The page of a patient in headless Chromium: by pointer and keyboard, at the width of a phone, and in print."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from patient_cases import LATE, SPOT, case

from stroke_ctp.reporting.patient_page import write_patient_page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium was found; on Debian, apt-get install chromium")
OPTIONS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--enable-logging=stderr"),
]

PROBE = """
<script>
const found = { width: innerWidth, page: document.documentElement.scrollWidth };
const read = () => document.getElementById("readout").textContent;
const grey = (level, x, y) => {
  const scale = views[level].width / SIZE;
  const pixel = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
  const context = pixel.getContext("2d", { willReadFrequently: true });
  context.drawImage(views[level], -Math.floor((x + 0.5) * scale), -Math.floor((y + 0.5) * scale));
  return [...context.getImageData(0, 0, 1, 1).data];
};
const set = (id, value, kind = "input") => {
  element(id).value = value;
  element(id).dispatchEvent(new Event(kind));
};
found.mark = { ...state.mark };
found.first = read();
found.chosen = [...document.querySelectorAll("[data-map]")].map((button) => button.getAttribute("aria-pressed"));
found.mapped = grey(0, 40, 40);
set("overlay", "-1", "change");
set("frame", "0");
found.time = element("time").textContent;
found.early = grey(0, 40, 40);
set("frame", "16");
found.peak = grey(0, 40, 40);
set("low", "35");
set("high", "45");
found.narrow = grey(0, 40, 40);
found.window = element("window").textContent;
set("mode", "enhancement", "change");
found.enhancement = element("window").textContent;
found.risen = grey(0, 40, 40);
views[0].dispatchEvent(new PointerEvent("pointerdown", {
  clientX: views[0].getBoundingClientRect().left + views[0].getBoundingClientRect().width * 62.5 / 128,
  clientY: views[0].getBoundingClientRect().top + views[0].getBoundingClientRect().height * 62.5 / 128,
}));
found.clicked = { ...state.mark };
views[0].focus();
found.focused = document.activeElement === views[0];
views[0].dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" }));
views[0].dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowDown" }));
found.moved = { ...state.mark };
found.curve = document.querySelector("#tissue .pixel").getAttribute("points").split(" ").length;
document.querySelector('[data-map="2"]').click();
found.delay = read();
set("opacity", "100");
found.opaque = grey(0, 40, 40);
document.querySelector('[data-map="2"]').click();
found.off = state.map;
chooseMap(2);
moveMark(1, LATE_COLUMN, LATE_ROW);
found.beyond = read();
set("frame", "12");
moveMark(0, 62, 62);
found.artery = read();
element("play").click();
found.playing = element("play").textContent;
element("play").click();
found.stopped = [element("play").textContent, state.timer];
found.unlabelled = [...document.querySelectorAll("input, select, button, canvas[tabindex]")]
  .filter((control) => !control.closest("label") && !control.getAttribute("aria-label") && !control.textContent.trim())
  .length;
found.requests = performance.getEntriesByType("resource").map((entry) => entry.name);
document.body.innerHTML = "";
document.body.append(Object.assign(document.createElement("pre"), { textContent: JSON.stringify(found) }));
</script>
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("patient") / "patient.html"
    write_patient_page(path, case(), "ab12")
    return path


@pytest.fixture(scope="module", params=[390, 1280])
def opened(request: pytest.FixtureRequest, page: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("browser")
    probed = folder / "probed.html"
    probe = PROBE.replace("LATE_ROW", str(LATE[0])).replace("LATE_COLUMN", str(LATE[1]))
    probed.write_text(page.read_text().replace("</body>", f"{probe}</body>"))
    command = [str(CHROMIUM), *OPTIONS, f"--user-data-dir={folder}/profile", f"--window-size={request.param},900"]
    command += ["--virtual-time-budget=5000", "--dump-dom", probed.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    result = re.search(r"<pre>(.*)</pre>", done.stdout, re.S)
    assert result, done.stderr[-2000:]
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return json.loads(result[1].replace("&gt;", ">").replace("&lt;", "<")) | {"console": console}


def test_it_opens_without_an_error_a_request_or_anything_wider_than_the_window(opened: dict[str, Any]):
    assert opened["console"] == []
    assert opened["requests"] == []
    assert opened["page"] <= opened["width"]


def test_it_begins_at_the_strongest_value_of_the_first_map(opened: dict[str, Any]):
    assert opened["mark"] == {"level": 1, "x": SPOT[1], "y": SPOT[0]}
    assert "At the mark (supraganglionic): 3" in opened["first"]
    assert "Probability of core: 0.90" in opened["first"]
    assert opened["chosen"] == ["true", "false", "false"]
    red, green, blue, _ = opened["mapped"]
    assert red != green or green != blue  # coloured, at a probability of 0.1


def test_the_slider_and_the_window_show_the_attenuation(opened: dict[str, Any]):
    assert opened["time"] == "0.0 s"
    assert opened["early"][0] == pytest.approx(35 / 80 * 255, abs=2)
    assert opened["peak"][0] == pytest.approx(43 / 80 * 255, abs=2)
    assert opened["narrow"][0] == pytest.approx((43 - 35) / 10 * 255, abs=2)
    assert opened["window"] == "35 to 45 HU"


def test_enhancement_is_the_rise_above_the_baseline(opened: dict[str, Any]):
    assert opened["enhancement"] == "0 to 30 HU"
    assert opened["risen"][0] == pytest.approx(8 / 30 * 255, abs=3)


def test_pointer_and_arrow_keys_move_the_mark_and_its_curve_follows(opened: dict[str, Any]):
    assert opened["clicked"] == {"level": 0, "x": 62, "y": 62}
    assert opened["focused"]
    assert opened["moved"] == {"level": 0, "x": 63, "y": 63}
    assert opened["curve"] == 32


def test_a_map_is_laid_over_the_slices_read_out_and_taken_away(opened: dict[str, Any]):
    assert "Delay: 6.0 s" in opened["delay"]
    assert opened["opaque"][:3] == pytest.approx([188, 55, 84], abs=6)  # the middle of inferno
    assert opened["off"] == -1


def test_what_lies_beyond_a_window_is_read_out_as_such(opened: dict[str, Any]):
    assert "≤ -50 HU, +0 HU" in opened["beyond"]
    assert "Delay: ≥ 12.0 s" in opened["beyond"]
    assert ": 200 HU, +160 HU" in opened["artery"]


def test_the_bolus_plays_and_stops(opened: dict[str, Any]):
    assert opened["playing"] == "Pause"
    assert opened["stopped"] == ["Play", 0]


def test_every_control_has_a_name(opened: dict[str, Any]):
    assert opened["unlabelled"] == 0


def test_it_prints_on_few_pages(page: Path, tmp_path: Path):
    printed = tmp_path / "page.pdf"
    command = [str(CHROMIUM), *OPTIONS, f"--user-data-dir={tmp_path}/profile", f"--print-to-pdf={printed}"]
    subprocess.run([*command, page.as_uri()], capture_output=True, timeout=120, check=True)
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b", printed.read_bytes())) <= 4
