"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const element = (id) => document.getElementById(id);
const SIZE = data.size, PIXELS = SIZE * SIZE, BASELINE = data.baseline;
const views = [...document.querySelectorAll(".viewer canvas")];
const state = { mark: { level: 0, x: SIZE / 2, y: SIZE / 2 }, map: data.overlays.length ? 0 : -1, timer: 0 };

/* Embedded bytes in parts of one picture each. */
function pictures(text) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  return Array.from({ length: bytes.length / PIXELS }, (_, k) => bytes.subarray(k * PIXELS, (k + 1) * PIXELS));
}

const hu = (level, frame, at) => state.frames[level][frame][at] + data.frames.lowest;
const enhancement = (level, frame, at) => hu(level, frame, at) - state.baselines[level][at];
const frameNumber = () => Number(element("frame").value);

function shownValue(level, frame, at) {
  return element("mode").value === "attenuation" ? hu(level, frame, at) : enhancement(level, frame, at);
}

/* A picture of SIZE × SIZE from a function of the pixel to red, green, blue and opacity. */
function picture(colour) {
  const canvas = Object.assign(document.createElement("canvas"), { width: SIZE, height: SIZE });
  const context = canvas.getContext("2d");
  const image = context.createImageData(SIZE, SIZE);
  for (let at = 0; at < PIXELS; at++) image.data.set(colour(at), 4 * at);
  context.putImageData(image, 0, 0);
  return canvas;
}

function slicePicture(level, frame, low, high) {
  return picture((at) => {
    const grey = 255 * (shownValue(level, frame, at) - low) / Math.max(1, high - low);
    return [grey, grey, grey, 255];
  });
}

function mapPicture(map, level) {
  const values = state.maps[map][level], table = data.colours[data.overlays[map].colours];
  const { fades, low } = data.overlays[map];
  return picture((at) => {
    if (values[at] === 0) return [0, 0, 0, 0];
    const share = (values[at] - 1) / 254, step = 3 * Math.round(255 * share);
    const strength = low < 0 ? Math.abs(2 * share - 1) : share;
    return [table[step], table[step + 1], table[step + 2], fades ? 255 * Math.sqrt(strength) : 255];
  });
}

/* Whether a grey value stands for all values beyond it. */
function end(value, first, beyond) {
  return value === first && beyond[0] ? "≤ " : value === 255 && beyond[1] ? "≥ " : "";
}

function mapValue(map, level, at) {
  const value = state.maps[map][level][at], { low, high, unit, beyond } = data.overlays[map];
  if (value === 0) return "none";
  return `${end(value, 1, beyond)}${(low + (value - 1) / 254 * (high - low)).toFixed(high - low < 10 ? 2 : 1)} ${unit}`.trim();
}

function draw() {
  const frame = frameNumber(), low = Number(element("low").value), high = Number(element("high").value);
  views.forEach((view, level) => {
    const context = view.getContext("2d"), scale = view.width / SIZE;
    context.imageSmoothingQuality = "high";
    context.globalAlpha = 1;
    context.drawImage(slicePicture(level, frame, low, high), 0, 0, view.width, view.height);
    if (state.map >= 0) {
      context.globalAlpha = Number(element("opacity").value) / 100;
      context.drawImage(state.layers[state.map][level], 0, 0, view.width, view.height);
      context.globalAlpha = 1;
    }
    if (level === state.mark.level) {
      context.strokeStyle = "#fff";
      context.lineWidth = 1.5;
      context.strokeRect((state.mark.x - 2) * scale, (state.mark.y - 2) * scale, 5 * scale, 5 * scale);
    }
  });
  describe(frame, low, high);
}

function describe(frame, low, high) {
  const { level, x, y } = state.mark, at = y * SIZE + x;
  element("time").textContent = `${data.times[frame].toFixed(1)} s`;
  element("window").textContent = `${low} to ${high} HU`;
  element("percent").textContent = `${element("opacity").value} %`;
  const value = state.map < 0 ? "" : `; ${data.overlays[state.map].title}: ${mapValue(state.map, level, at)}`;
  const rise = enhancement(level, frame, at), shown = end(state.frames[level][frame][at], 0, [true, true]);
  element("readout").textContent = `At the mark (${data.levels[level]}): ${shown}${hu(level, frame, at)} HU, `
    + `${shown === "≥ " ? shown : ""}${rise < 0 ? "−" : "+"}${Math.abs(rise).toFixed(0)} HU from the baseline${value}`;
  const [first, second] = [data.times[0], data.times[1]].map((time) => place(time));
  for (const line of document.querySelectorAll(".now")) {
    line.setAttribute("transform", `translate(${first + frame * (second - first)} 0)`);
  }
}

/* As in plots.py. */
function place(time) {
  const { width, left } = data.plot;
  return left + (time / data.times[1] + 0.5) * (width - left) / data.times.length;
}

function drawPixelCurve() {
  const plot = element("tissue");
  const low = Number(plot.dataset.low), high = Number(plot.dataset.high), { height, bottom, top } = data.plot;
  const { level, x, y } = state.mark;
  const points = data.times.map((time, frame) => {
    let sum = 0;
    for (let dy = -2; dy <= 2; dy++) {
      for (let dx = -2; dx <= 2; dx++) sum += enhancement(level, frame, (y + dy) * SIZE + x + dx);
    }
    const value = Math.min(high, Math.max(low, sum / 25));
    return `${place(time).toFixed(1)},${(height - bottom - (value - low) / (high - low) * (height - bottom - top)).toFixed(1)}`;
  });
  let line = plot.querySelector(".pixel");
  if (!line) {
    line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
    line.setAttribute("class", "pixel");
    plot.append(line);
  }
  line.setAttribute("points", points.join(" "));
}

function moveMark(level, x, y) {
  const inside = (value) => Math.min(SIZE - 3, Math.max(2, Math.round(value)));
  state.mark = { level, x: inside(x), y: inside(y) };
  drawPixelCurve();
  draw();
}

function chooseMap(map) {
  state.map = map;
  element("overlay").value = String(map);
  for (const button of document.querySelectorAll("[data-map]")) {
    button.setAttribute("aria-pressed", String(Number(button.dataset.map) === map));
  }
  draw();
}

function chooseMode() {
  const [low, high] = element("mode").value === "attenuation" ? [0, 80] : [0, 30];
  element("low").value = low;
  element("high").value = high;
  draw();
}

function play() {
  clearInterval(state.timer);
  state.timer = state.timer ? 0 : setInterval(() => {
    element("frame").value = (frameNumber() + 1) % data.times.length;
    draw();
  }, 200);
  element("play").textContent = state.timer ? "Pause" : "Play";
  element("play").setAttribute("aria-pressed", String(Boolean(state.timer)));
}

/* The place of the strongest value of the first map, where the eye goes. */
function firstMark() {
  if (!data.overlays.length) return { level: 0, x: SIZE / 2, y: SIZE / 2 };
  const best = { level: 0, at: 0, value: -1 };
  state.maps[0].forEach((values, level) => values.forEach((value, at) => {
    if (value > best.value) Object.assign(best, { level, at, value });
  }));
  return { level: best.level, x: best.at % SIZE, y: Math.floor(best.at / SIZE) };
}

function drawThumbnails() {
  for (const button of document.querySelectorAll("[data-map]")) {
    const map = Number(button.dataset.map), [canvas, bar] = button.querySelectorAll("canvas");
    const context = canvas.getContext("2d"), table = data.colours[data.overlays[map].colours];
    views.forEach((_, level) => {
      if (data.overlays[map].fades) context.drawImage(slicePicture(level, 0, 0, 80), level * 128, 0, 128, 128);
      context.drawImage(state.layers[map][level], level * 128, 0, 128, 128);
    });
    const scale = bar.getContext("2d");
    for (let x = 0; x < 255; x++) {
      const step = 3 * Math.round(255 * x / 254);
      scale.fillStyle = `rgb(${table[step]} ${table[step + 1]} ${table[step + 2]})`;
      scale.fillRect(x, 0, 1, 1);
    }
    button.addEventListener("click", () => chooseMap(state.map === map ? -1 : map));
  }
}

function listen() {
  for (const id of ["frame", "low", "high", "opacity"]) element(id).addEventListener("input", draw);
  element("mode").addEventListener("change", chooseMode);
  element("overlay").addEventListener("change", (event) => chooseMap(Number(event.target.value)));
  element("play").addEventListener("click", play);
  views.forEach((view, level) => {
    view.addEventListener("pointerdown", (event) => {
      const box = view.getBoundingClientRect();
      const at = (offset, length) => Math.floor(offset / length * SIZE);
      moveMark(level, at(event.clientX - box.left, box.width), at(event.clientY - box.top, box.height));
    });
    view.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (!step) return;
      event.preventDefault();
      moveMark(level, state.mark.x + step[0], state.mark.y + step[1]);
    });
  });
}

function start() {
  const frames = pictures(data.frames.values), count = data.times.length;
  state.frames = data.levels.map((_, level) => frames.slice(level * count, (level + 1) * count));
  state.baselines = data.levels.map((_, level) => Float32Array.from({ length: PIXELS }, (_, at) => {
    let sum = 0;
    for (let frame = 0; frame < BASELINE; frame++) sum += hu(level, frame, at);
    return sum / BASELINE;
  }));
  state.maps = data.overlays.map((overlay) => pictures(overlay.values));
  state.layers = state.maps.map((_, map) => data.levels.map((_, level) => mapPicture(map, level)));
  state.mark = firstMark();
  drawThumbnails();
  listen();
  moveMark(state.mark.level, state.mark.x, state.mark.y);
  chooseMap(state.map);
}
start();
