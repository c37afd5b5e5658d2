"use strict";
// The page itself: themes, the panels of the map, one cursor of time for all figures, downloads.
const Page = (() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const root = document.documentElement;

  for (const button of document.querySelectorAll("button[data-theme]")) {
    button.addEventListener("click", () => {
      const same = root.dataset.theme === button.dataset.theme;
      root.dataset.theme = same ? "auto" : button.dataset.theme;
    });
  }

  // An arrow or a box of the map opens its panel, and closes the one that is open.
  function toggle(holder) {
    const panel = document.getElementById(holder.dataset.panel);
    const opening = panel.hidden;
    const map = holder.closest("section");
    map.querySelectorAll(".panel").forEach((one) => { one.hidden = true; });
    map.querySelectorAll(".open").forEach((one) => one.classList.remove("open"));
    panel.hidden = !opening;
    holder.classList.toggle("open", opening);
  }
  for (const holder of document.querySelectorAll("[data-panel]")) {
    holder.addEventListener("click", () => toggle(holder));
    holder.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); toggle(holder); }
    });
  }

  // One cursor of time: it follows the pointer over any figure, and the player.
  const figures = [...document.querySelectorAll("figure[data-timed]")].map((figure) => ({
    figure, ...data.timed[Number(figure.dataset.timed)], lines: [], tip: null,
  }));
  function valueAt(times, values, at) {
    let low = 0, high = times.length - 1;
    if (high < 0 || at < times[0]) return null;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (times[middle] <= at) low = middle; else high = middle - 1;
    }
    return values[low];
  }
  function told(each, at) {
    const rows = each.series.map(([label, unit, times, values]) => {
      const value = valueAt(times, values, at);
      return value === null ? null : `${label} ${Number(value.toPrecision(4))}${unit ? " " + unit : ""}`;
    });
    return [`${at.toFixed(at < 100 ? 2 : 0)} s`, ...rows.filter((row) => row !== null)].join("\n");
  }
  function place(each, at, withTip) {
    const svg = each.figure.querySelector("svg");
    each.boxes.forEach((box, index) => {
      const line = each.lines[index] ||= each.figure.appendChild(
        Object.assign(document.createElement("div"), { className: "cursor" }));
      line.style.left = `${(box[0] + (box[2] - box[0]) * at / each.end) * svg.clientWidth}px`;
      line.style.top = `${box[1] * svg.clientHeight}px`;
      line.style.height = `${(box[3] - box[1]) * svg.clientHeight}px`;
      line.hidden = at > each.end;
    });
    each.tip ||= each.figure.appendChild(
      Object.assign(document.createElement("div"), { className: "tip" }));
    each.tip.hidden = !withTip;
    if (withTip) {
      each.tip.textContent = told(each, at);
      const box = each.boxes[0];
      const left = (box[0] + (box[2] - box[0]) * at / each.end) * svg.clientWidth;
      each.tip.style.left = `${Math.min(left + 8, svg.clientWidth - 170)}px`;
      each.tip.style.top = `${box[1] * svg.clientHeight + 4}px`;
    }
  }
  function cursor(at, over) { figures.forEach((each) => place(each, at, each === over)); }
  for (const each of figures) {
    each.figure.addEventListener("pointermove", (event) => {
      const svg = each.figure.querySelector("svg");
      const bounds = svg.getBoundingClientRect();
      const box = each.boxes[0];
      const share = ((event.clientX - bounds.left) / bounds.width - box[0]) / (box[2] - box[0]);
      if (share >= 0 && share <= 1) cursor(share * each.end, each);
    });
    each.figure.addEventListener("pointerleave", () => { if (each.tip) each.tip.hidden = true; });
  }

  // Downloads are made from what is in the page.
  function flat(value, path, rows) {
    if (value !== null && typeof value === "object") {
      for (const [key, item] of Object.entries(value)) flat(item, path ? `${path}.${key}` : key, rows);
    } else rows.push([path, value]);
    return rows;
  }
  const cell = (value) => `"${String(value ?? "").replaceAll('"', '""')}"`;
  for (const button of document.querySelectorAll("[data-download]")) {
    button.addEventListener("click", () => {
      const kind = button.dataset.download;
      const written = kind === "json" ? JSON.stringify(data.results, null, 2)
        : ["path,value", ...flat(data.results, "", []).map((row) => row.map(cell).join(","))].join("\n");
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([written], { type: kind === "json" ? "application/json" : "text/csv" }));
      link.download = `${data.name}.${kind}`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    });
  }
  return { data, cursor };
})();
