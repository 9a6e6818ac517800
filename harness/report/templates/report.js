/* Sorting and filtering of the wrong pairs, reading the points of a picture, and folds. Texts only ever become textContent. */
(() => {
  "use strict";

  const collator = new Intl.Collator("en", { numeric: true });

  function keyOf(row, column) {
    const cell = row.cells[column];
    return "value" in cell.dataset ? Number(cell.dataset.value || "NaN") : cell.textContent.trim();
  }

  function compare(a, b) {
    if (typeof a === "string") return collator.compare(a, b);
    return Number.isNaN(a) ? (Number.isNaN(b) ? 0 : 1) : Number.isNaN(b) ? -1 : a - b;
  }

  function makeSortable(table) {
    const headers = [...table.tHead.rows[0].cells];
    const body = table.tBodies[0];
    headers.forEach((header, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      header.append(button);
      header.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => {
        const falling = header.getAttribute("aria-sort") === "ascending";
        headers.forEach((other) => other.setAttribute("aria-sort", "none"));
        header.setAttribute("aria-sort", falling ? "descending" : "ascending");
        const keyed = [...body.rows].map((row) => [keyOf(row, column), row]);
        keyed.sort(([a], [b]) => (falling ? compare(b, a) : compare(a, b)));
        body.append(...keyed.map(([, row]) => row));
      });
    });
  }

  function makeFilterable(errors, table) {
    const form = errors.querySelector("form");
    const { text, model, type, count } = form.elements;
    const rows = [...table.tBodies[0].rows];
    const words = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
    function apply() {
      const wanted = text.value.trim().toLowerCase();
      let shown = 0;
      for (const row of rows) {
        const fits = (!wanted || words.get(row).includes(wanted))
          && (!model.value || row.dataset.models.split(" ").includes(model.value))
          && (!type.value || row.dataset.type === type.value);
        row.hidden = !fits;
        shown += fits;
      }
      count.textContent = `${shown} of ${rows.length} rows`;
    }
    form.addEventListener("input", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.hidden = false;
    form.reset();
    apply();
  }

  function makeReadable(points) {
    const data = JSON.parse(points.querySelector("script").textContent);
    const canvas = points.closest("figure").querySelector(".canvas");
    const slider = points.querySelector("input");
    const output = points.querySelector("output");
    const rings = data.models.map(() => {
      const ring = document.createElement("span");
      ring.className = "ring";
      ring.hidden = true;
      canvas.append(ring);
      return ring;
    });
    let current = -1;

    function line(name, value) {
      const row = document.createElement("div");
      const title = document.createElement("strong");
      title.textContent = `${name}: `;
      const words = document.createElement("bdi");
      words.textContent = value;
      row.append(title, words);
      return row;
    }

    function show(index) {
      if (index === current) return;
      current = index;
      const pair = data.pairs[index];
      rings.forEach((ring, model) => {
        const at = pair.at[model];
        ring.hidden = !at;
        if (at) Object.assign(ring.style, { left: `${at[0] * 100}%`, top: `${at[1] * 100}%` });
      });
      const scores = data.models.map((model, at) => `${model} ${pair.scores[at]}`).join(", ");
      output.replaceChildren(
        line("Text 1", pair.texts[0]), line("Text 2", pair.texts[1]),
        line("Label", `${pair.label}, pair type ${pair.type}, line ${pair.line}`), line("Scores", scores),
      );
      slider.value = String(index + 1);
    }

    function nearest(event) {
      const box = canvas.getBoundingClientRect();
      let best = -1;
      let least = 18 ** 2; // pixels: farther away is between the points
      data.pairs.forEach((pair, index) => {
        for (const at of pair.at) {
          if (!at) continue;
          const dx = box.left + at[0] * box.width - event.clientX;
          const dy = box.top + at[1] * box.height - event.clientY;
          if (dx * dx + dy * dy < least) {
            least = dx * dx + dy * dy;
            best = index;
          }
        }
      });
      if (best >= 0) show(best);
    }

    canvas.addEventListener("pointermove", nearest);
    canvas.addEventListener("pointerdown", nearest);
    slider.addEventListener("input", () => show(Number(slider.value) - 1));
    points.hidden = false;
  }

  function openAt(hash) {
    const name = hash.slice(1);
    const target = document.getElementById(name) || document.getElementById(decodeURIComponent(name));
    if (!target) return;
    for (let fold = target.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    target.scrollIntoView();
  }

  /* pytest-html's own rows and environment, under one line below ours. */
  function foldTests() {
    const report = document.querySelector(".harness-report");
    const parts = [".run-count", "p.filter", ".summary__reload", ".controls", "#results-table", "#environment-header", "#environment"];
    const found = parts.map((selector) => document.querySelector(`body > ${selector}, .summary ${selector}`)).filter(Boolean);
    if (!found.some((element) => element.id === "results-table")) return;
    const fold = document.createElement("details");
    const summary = document.createElement("summary");
    const title = document.createElement("h3");
    const line = document.createElement("span");
    const body = document.createElement("div");
    fold.className = "fold";
    fold.id = "tests";
    title.textContent = "Tests of pytest";
    line.className = "fold__line";
    line.textContent = [...document.querySelectorAll(".controls .filters > span")]
      .map((span) => span.textContent.trim().replace(/,$/, "")).filter((words) => !words.startsWith("0 ")).join(", ");
    body.className = "fold__body";
    for (const box of document.querySelectorAll(".controls input.filter")) {
      box.setAttribute("aria-label", box.nextElementSibling.textContent);
    }
    summary.append(title, " ", line);
    body.append(...found);
    fold.append(summary, body);
    const own = document.createElement("div");
    own.className = "harness-tests";
    own.append(fold);
    report.after(own);
  }

  for (const errors of document.querySelectorAll(".harness-report [data-errors]")) {
    const table = errors.querySelector("table");
    makeSortable(table);
    makeFilterable(errors, table);
  }
  document.querySelectorAll(".harness-report .points").forEach(makeReadable);
  window.addEventListener("hashchange", () => openAt(location.hash));
  document.addEventListener("DOMContentLoaded", () => {
    foldTests();
    openAt(location.hash);
  });
})();
