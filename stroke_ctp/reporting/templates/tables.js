"use strict";
// A click or Enter on a heading sorts a table; the table of patients can be filtered; printing opens folded parts.
// A table that is wider than the page says that it scrolls.
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((part) => { part.open = true; }));
const hints = () => document.querySelectorAll(".scroll").forEach((box) => {
  const hint = box.previousElementSibling;
  if (hint?.classList.contains("scrolls")) hint.classList.toggle("needed", box.scrollWidth > box.clientWidth + 1);
});
addEventListener("resize", hints);
addEventListener("load", hints);
document.addEventListener("toggle", hints, true);
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  table.querySelectorAll("thead th").forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const descending = heading.getAttribute("aria-sort") === "ascending";
      table.querySelectorAll("thead th").forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
      const text = (row) => row.cells[column].textContent.trim();
      const number = (row) => parseFloat(text(row).replace("−", "-").replace("< ", ""));
      const isNumber = (row) => /^(< )?[−-]?\d+(\.\d+)?( |$)/.test(text(row));
      const isMissing = (row) => /^(undefined|not |–)/.test(text(row));
      const rows = [...body.rows];
      const given = rows.filter((row) => !isMissing(row));
      given.sort(given.every(isNumber)
        ? (a, b) => number(a) - number(b)
        : (a, b) => text(a).localeCompare(text(b), "en", { numeric: true }));
      // Missing values come last in both directions.
      body.append(...(descending ? given.reverse() : given), ...rows.filter(isMissing));
    });
  });
}
for (const input of document.querySelectorAll("input[data-filter]")) {
  const table = document.getElementById(input.dataset.filter);
  const only = document.querySelector(`input[data-only="${table.id}"]`);
  const count = document.querySelector(`[data-count="${table.id}"]`);
  const show = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of table.tBodies[0].rows) {
      const cells = [...row.cells].map((cell) => cell.textContent.trim().toLowerCase());
      const kept = words.every((word) => cells.some((cell) => cell.includes(word))) &&
        (!only.checked || cells.includes(only.value));
      row.hidden = !kept;
      shown += kept;
    }
    count.textContent = `${shown} of ${table.tBodies[0].rows.length} patients`;
  };
  input.addEventListener("input", show);
  only.addEventListener("change", show);
  show();
}
