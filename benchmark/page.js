"use strict";
(() => {
  const content = JSON.parse(document.getElementById("content").textContent);
  const { models, columns, cells, differences } = content;
  const byId = (id) => document.getElementById(id);
  const make = (tag, text, attributes) => {
    const e = document.createElement(tag);
    if (text !== undefined) e.textContent = text;
    for (const [k, v] of Object.entries(attributes || {})) e.setAttribute(k, v);
    return e;
  };
  const percent = (v) => (100 * v).toFixed(2);
  const title = (c) => c.data + ", " + c.task.replaceAll("_", " ");
  let sort = { column: "name", down: false };

  // difference is model i minus model j in a column, with its interval; undefined where the samples differ.
  const difference = (column, i, j) => {
    if (i === j) return undefined;
    const d = differences[column][Math.min(i, j) + "," + Math.max(i, j)];
    if (!d) return undefined;
    return i < j ? d : { v: -d.v, l: -d.h, h: -d.l };
  };

  const shownColumns = () => {
    const text = byId("sets").value.toLowerCase(), task = byId("task").value;
    return columns.map((_, i) => i).filter((i) =>
      columns[i].data.toLowerCase().includes(text) && (task === "" || columns[i].task === task));
  };
  const mean = (row, shown) => {
    const values = shown.map((c) => cells[row][c]).filter((c) => c && c.value !== null).map((c) => c.value);
    return values.length === shown.length && values.length > 0 ? values.reduce((a, b) => a + b) / values.length : null;
  };
  const valueOf = (row, column, shown) => {
    switch (column) {
      case "name": return models[row].name;
      case "mean": return mean(row, shown);
      case "parameters": return models[row].parameters;
      case "seconds": return models[row].seconds;
      default: return cells[row][column] ? cells[row][column].value : null;
    }
  };

  const heading = (text, below, column) => {
    const th = make("th", undefined, { scope: "col" });
    const button = make("button", text, { type: "button" });
    button.onclick = () => {
      sort = { column, down: sort.column === column ? !sort.down : column !== "name" };
      draw();
    };
    th.append(button);
    if (below) th.append(make("small", below));
    if (sort.column === column) th.setAttribute("aria-sort", sort.down ? "descending" : "ascending");
    return th;
  };

  const sortedRows = (shown) => {
    const text = byId("models").value.toLowerCase();
    const rows = models.map((_, i) => i).filter((i) => models[i].name.toLowerCase().includes(text));
    const value = (row) => valueOf(row, sort.column, shown);
    return rows.sort((a, b) => {
      const x = value(a), y = value(b);
      if (x === null || y === null) return (x === null) - (y === null) || a - b;
      const order = typeof x === "string" ? x.localeCompare(y) : x - y;
      return (sort.down ? -order : order) || a - b;
    });
  };

  const cellOf = (row, column, best) => {
    const cell = cells[row][column], td = make("td");
    if (!cell) { td.textContent = "–"; td.title = "not computed"; return td; }
    const button = make("button", cell.value === null ? "not defined" : percent(cell.value), { type: "button" });
    if (cell.value !== null && cell.value === best) button.className = "best";
    button.onclick = () => details(row, column);
    td.append(button);
    const base = byId("base").value;
    const d = base === "" ? undefined : difference(column, row, Number(base));
    if (d) {
      const clear = d.l > 0 || d.h < 0;
      const mark = clear ? (d.v > 0 ? "▲ " : "▼ ") : "";
      td.append(make("span", mark + (d.v > 0 ? "+" : "") + percent(d.v) + " [" + percent(d.l) + ", " + percent(d.h) + "]",
        { class: "delta" + (clear ? (d.v > 0 ? " up" : " down") : "") }));
    }
    return td;
  };

  const draw = () => {
    const shown = shownColumns(), rows = sortedRows(shown);
    const head = make("tr");
    head.append(heading("model", "", "name"), heading("mean", shown.length + " columns", "mean"));
    for (const c of shown) head.append(heading(columns[c].data, columns[c].metric + ", n " + columns[c].n, c));
    head.append(heading("parameters", "million", "parameters"), heading("time", "seconds", "seconds"));
    byId("results").tHead.replaceChildren(head);
    const best = new Map(shown.map((c) => [c, Math.max(...rows.map((r) => valueOf(r, c, shown) ?? -1))]));
    byId("results").tBodies[0].replaceChildren(...rows.map((row) => {
      const tr = make("tr");
      tr.append(make("th", models[row].name, { scope: "row", title: models[row].name }));
      const m = mean(row, shown);
      tr.append(make("td", m === null ? "–" : percent(m)));
      for (const c of shown) tr.append(cellOf(row, c, best.get(c)));
      tr.append(make("td", (models[row].parameters / 1e6).toFixed(1)), make("td", models[row].seconds.toFixed(1)));
      return tr;
    }));
    byId("summary").textContent = rows.length + " of " + models.length + " models, " + shown.length + " of " + columns.length +
      " columns" + (byId("base").value === "" ? "" : ". ▲ ▼: the 95 % interval of the difference excludes 0");
  };

  // short is a number with at most six digits.
  const short = (text) => (/^-?\d*\.\d{7,}$/.test(text) ? String(Number(Number(text).toPrecision(6))) : text);

  const table = (headings, rows) => {
    const t = make("table"), head = make("tr");
    for (const h of headings) head.append(make("th", h, { scope: "col" }));
    t.createTHead().append(head);
    const body = t.createTBody();
    for (const row of rows) {
      const tr = make("tr");
      for (const value of row) tr.append(make("td", value));
      body.append(tr);
    }
    return t;
  };

  const details = (row, column) => {
    const cell = cells[row][column], box = byId("details"), parts = make("div", undefined, { class: "columns" });
    const add = (name, t, attributes) => { const part = make("div", undefined, attributes); part.append(make("h3", name), t); parts.append(part); };
    add("Numbers", table(["name", "value"], cell.metrics.map(([k, v]) => [k, short(v)]).concat([["samples", String(cell.samples)], ["skipped", String(cell.skipped)],
      ["seconds", cell.seconds.toFixed(2)]])));
    if (cell.per_class) {
      add("Classes with the lowest recall", table(["class", "n", "recall %", "most often taken for"], cell.per_class.map((c) =>
        [c.class, String(c.n), percent(c.recall), c.confused_n ? c.confused_with + " (" + c.confused_n + ")" : ""])));
    }
    if (cell.mistakes) {
      add("Most confident mistakes", table(["sample", "label", "predicted", "confidence"], cell.mistakes.map((m) =>
        [m.sample.split("/").slice(-3).join("/"), m.label, m.predicted, percent(m.confidence) + " %"])), { class: "wide" });
    }
    box.replaceChildren(make("h2", models[row].name + " on " + title(columns[column])), parts);
    box.hidden = false;
    box.scrollIntoView({ block: "nearest" });
  };

  const axes = [["parameters", "million parameters"], ["seconds", "seconds"], ["mean", "mean of all columns"]]
    .concat(columns.map((c, i) => [i, title(c)]));
  const plot = () => {
    const svg = byId("plot"), ns = "http://www.w3.org/2000/svg", all = columns.map((_, i) => i);
    const key = (id) => { const v = byId(id).value; return /^\d+$/.test(v) ? Number(v) : v; };
    const scale = (k, v) => (k === "parameters" ? v / 1e6 : k === "seconds" ? v : 100 * v);
    const [x, y] = [key("x"), key("y")];
    const points = models.map((m, i) => ({ name: m.name, x: valueOf(i, x, all), y: valueOf(i, y, all) }))
      .filter((p) => p.x !== null && p.y !== null).map((p) => ({ name: p.name, x: scale(x, p.x), y: scale(y, p.y) }));
    const element = (tag, attributes, text) => {
      const e = document.createElementNS(ns, tag);
      for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
      if (text !== undefined) e.textContent = text;
      svg.append(e);
    };
    svg.replaceChildren();
    if (points.length === 0) { element("text", { x: 20, y: 30 }, "No model has both values."); return; }
    const range = (values) => {
      const low = Math.min(...values), high = Math.max(...values), pad = (high - low) * 0.12 || Math.abs(high) * 0.1 || 1;
      return [low - pad, high + pad];
    };
    const [x0, x1] = range(points.map((p) => p.x)), [y0, y1] = range(points.map((p) => p.y));
    const px = (v) => 56 + 560 * (v - x0) / (x1 - x0), py = (v) => 352 - 328 * (v - y0) / (y1 - y0);
    for (let i = 0; i <= 4; i++) {
      const vx = x0 + (x1 - x0) * i / 4, vy = y0 + (y1 - y0) * i / 4;
      element("path", { class: "grid", d: `M56 ${py(vy)}H616` });
      element("text", { x: 48, y: py(vy) + 4, "text-anchor": "end" }, vy.toPrecision(3));
      element("text", { x: px(vx), y: 372, "text-anchor": "middle" }, vx.toPrecision(3));
    }
    element("text", { x: 336, y: 394, "text-anchor": "middle" }, axes.find((a) => a[0] === x)[1]);
    element("text", { x: 56, y: 14 }, axes.find((a) => a[0] === y)[1]);
    for (const p of points) {
      const left = px(p.x) > 480;
      element("circle", { cx: px(p.x), cy: py(p.y), r: 5 });
      element("text", { class: "name", x: px(p.x) + (left ? -9 : 9), y: py(p.y) + 4, "text-anchor": left ? "end" : "start" }, p.name);
    }
  };

  const fill = (id, options, chosen) => {
    byId(id).append(...options.map(([value, text]) => make("option", text, { value: String(value) })));
    if (chosen !== undefined) byId(id).value = String(chosen);
  };
  fill("task", [["", "all"]].concat([...new Set(columns.map((c) => c.task))].map((t) => [t, t.replaceAll("_", " ")])));
  fill("base", [["", "nothing"]].concat(models.map((m, i) => [i, m.name])));
  fill("x", axes, "parameters");
  fill("y", axes, "mean");
  for (const id of ["models", "sets", "task", "base"]) byId(id).addEventListener("input", draw);
  for (const id of ["x", "y"]) byId(id).addEventListener("input", plot);
  for (const form of document.querySelectorAll("form")) form.addEventListener("submit", (e) => e.preventDefault());
  draw();
  plot();
})();
