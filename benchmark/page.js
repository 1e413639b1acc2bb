"use strict";
(() => {
  const content = JSON.parse(document.getElementById("content").textContent);
  const { models, columns, cells, differences, pictures } = content;
  const failures = content.failures || [];
  const byId = (id) => document.getElementById(id);
  const make = (tag, text, attributes) => {
    const e = document.createElement(tag);
    if (text !== undefined) e.textContent = text;
    for (const [k, v] of Object.entries(attributes || {})) e.setAttribute(k, v);
    return e;
  };
  const percent = (v) => (100 * v).toFixed(2);
  const spaced = (name) => name.replaceAll("_", " ");
  const title = (c) => c.data + ", " + spaced(c.task);
  let sort = { column: "name", down: false };

  // A key of the table: a number is a data set's column, a text is name, mean, parameters, seconds or averageN.
  const averages = (models.find((m) => m.averages) || { averages: [] }).averages;
  const averageOf = (row, key) => (models[row].averages || [])[Number(key.slice("average".length))];

  // difference is model i minus model j in a column, with its interval; undefined where the samples differ.
  const difference = (column, i, j) => {
    if (i === j) return undefined;
    const d = differences[column][Math.min(i, j) + "," + Math.max(i, j)];
    if (!d) return undefined;
    return i < j ? d : { v: -d.v, l: -d.h, h: -d.l, s: d.s };
  };

  const shownColumns = () => {
    const text = byId("sets").value.toLowerCase(), task = byId("task").value;
    if (byId("shown").value === "averages") return [];
    return columns.map((_, i) => i).filter((i) =>
      columns[i].data.toLowerCase().includes(text) && (task === "" || columns[i].task === task));
  };
  const shownAverages = () => (byId("shown").value === "sets" ? [] : averages.map((_, i) => "average" + i));
  const mean = (row, shown) => {
    const values = shown.map((c) => valueOf(row, c)).filter((v) => v !== null);
    return values.length === shown.length && values.length > 0 ? values.reduce((a, b) => a + b) / values.length : null;
  };
  const valueOf = (row, column, shown) => {
    switch (column) {
      case "name": return models[row].name;
      case "mean": return mean(row, shown);
      case "parameters": return models[row].parameters || null;
      case "seconds": return models[row].seconds;
    }
    if (typeof column === "string") return averageOf(row, column) ? averageOf(row, column).value : null;
    return cells[row][column] ? cells[row][column].value : null;
  };

  const heading = (text, below, column) => {
    const th = make("th", undefined, { scope: "col" });
    const button = make("button", text, { type: "button" });
    button.onclick = () => {
      sort = { column, down: sort.column === column ? !sort.down : column !== "name" };
      draw();
      const again = byId("results").tHead.querySelector("[aria-sort] button");
      if (again) again.focus();
    };
    th.append(button);
    if (below) th.append(make("small", below));
    if (sort.column === column) th.setAttribute("aria-sort", sort.down ? "descending" : "ascending");
    return th;
  };

  const sortedRows = (shown) => {
    const text = byId("models").value.toLowerCase();
    const rows = models.map((_, i) => i).filter((i) => models[i].full.toLowerCase().includes(text));
    const value = (row) => valueOf(row, sort.column, shown);
    return rows.sort((a, b) => {
      const x = value(a), y = value(b);
      if (x === null || y === null) return (x === null) - (y === null) || a - b;
      const order = typeof x === "string" ? x.localeCompare(y) : x - y;
      return (sort.down ? -order : order) || a - b;
    });
  };

  // delta is the text of a difference, with a mark if its interval excludes 0.
  const delta = (d) => {
    const clear = d.s, mark = clear ? (d.v > 0 ? "▲ " : "▼ ") : "";
    return make("span", mark + (d.v > 0 ? "+" : "") + percent(d.v) + " [" + percent(d.l) + ", " + percent(d.h) + "]",
      { class: "delta" + (clear ? (d.v > 0 ? " up" : " down") : "") });
  };

  const cellOf = (row, column, best) => {
    const cell = cells[row][column], td = make("td");
    if (!cell) { td.textContent = "–"; td.title = "not computed"; return td; }
    const text = cell.error ? "failed" : cell.value === null ? "not defined" : percent(cell.value);
    const button = make("button", text, { type: "button", "aria-label": text + ", " + models[row].name + " on " + title(columns[column]) });
    if (cell.error) button.className = "failed";
    if (cell.value !== null && cell.value === best) button.className = "best";
    button.onclick = () => details(row, column, button);
    td.append(button);
    if (cell.skipped > 0) td.append(make("small", cell.skipped + " skipped"));
    const base = byId("base").value;
    const d = base === "" ? undefined : difference(column, row, Number(base));
    if (d) td.append(delta(d));
    return td;
  };

  const averageCell = (row, key) => {
    const a = averageOf(row, key);
    if (!a) return make("td", "–");
    const td = make("td", a.value === null ? "–" : percent(a.value));
    if (a.sets < a.of) {
      td.append(make("small", a.sets + " of " + a.of));
      td.title = "missing: " + a.missing.join(", ");
    }
    return td;
  };

  const draw = () => {
    const shown = shownColumns(), extra = shownAverages(), rows = sortedRows(shown);
    const head = make("tr");
    head.append(heading("model", "", "name"));
    if (shown.length > 0) head.append(heading("mean", shown.length + " columns", "mean"));
    for (const key of extra) {
      const a = averages[Number(key.slice("average".length))];
      head.append(heading(a.name, a.of + " sets", key));
    }
    for (const c of shown) head.append(heading(columns[c].data, columns[c].metric + ", n " + columns[c].n, c));
    head.append(heading("parameters", "million", "parameters"), heading("time", "seconds", "seconds"));
    byId("results").tHead.replaceChildren(head);
    const best = new Map(shown.map((c) => [c, Math.max(...rows.map((r) => valueOf(r, c) ?? -1))]));
    byId("results").tBodies[0].replaceChildren(...rows.map((row) => {
      const tr = make("tr");
      tr.append(make("th", models[row].name, { scope: "row", title: models[row].full }));
      const m = mean(row, shown);
      if (shown.length > 0) tr.append(make("td", m === null ? "–" : percent(m)));
      for (const key of extra) tr.append(averageCell(row, key));
      for (const c of shown) tr.append(cellOf(row, c, best.get(c)));
      const size = models[row].parameters;
      tr.append(make("td", size ? (size / 1e6).toFixed(1) : "–"), make("td", models[row].seconds.toFixed(1)));
      return tr;
    }));
    byId("summary").textContent = rows.length + " of " + models.length + " models, " + shown.length + " of " + columns.length +
      " columns" + (failures.length ? ", " + failures.length + " failed" : "") +
      (byId("base").value === "" ? "" : ". ▲ ▼: the 95 % interval of the difference excludes 0, and at least 6 samples changed");
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
      for (const value of row) tr.append(value instanceof Node ? value : make("td", value));
      body.append(tr);
    }
    return t;
  };

  // matrix is the confusion of few classes: a row for each right class, a column for each predicted one.
  const matrix = (cell) => {
    const names = cell.per_class.map((c) => c.class).sort();
    const count = new Map((cell.confused || []).map((c) => [c.label + "\n" + c.predicted, c.n]));
    const right = new Map(cell.per_class.map((c) => [c.class, Math.round(c.recall * c.n)]));
    const all = names.concat([...new Set((cell.confused || []).map((c) => c.predicted))].filter((n) => !names.includes(n)).sort());
    const t = table(["right class"].concat(all), names.map((label) => [make("th", label, { scope: "row" })].concat(all.map((predicted) => {
      const n = label === predicted ? right.get(label) : count.get(label + "\n" + predicted) || 0;
      return make("td", n ? String(n) : "", { class: label === predicted ? "right" : n ? "off" : "" });
    }))));
    t.className = "matrix";
    return t;
  };

  const gallery = (mistakes) => {
    const list = make("ol", undefined, { class: "gallery" });
    for (const m of mistakes) {
      const item = make("li"), figure = make("figure"), caption = make("figcaption");
      const show = (name, sample) => figure.append(pictures[name] ? make("img", undefined, { src: pictures[name], alt: sample, width: 112, height: 112 })
        : make("span", "no picture", { class: "blank" }));
      const file = (sample) => make("small", sample.split("/").slice(-2).join("/"), { title: sample });
      show(m.picture, m.sample);
      if (m.answer) {
        figure.className = "two";
        show(m.answer.picture, m.answer.sample);
        caption.append(make("b", m.label), make("span", "found, cosine " + m.confidence.toFixed(3)), file(m.sample),
          make("span", "right, cosine " + m.answer.cosine.toFixed(3)), file(m.answer.sample));
      } else {
        caption.append(make("b", m.predicted), make("span", percent(m.confidence) + " %"), make("span", "is " + m.label), file(m.sample));
      }
      figure.append(caption);
      item.append(figure);
      list.append(item);
    }
    return list;
  };

  let opener = null;
  const close = () => {
    byId("details").hidden = true;
    if (opener && opener.isConnected) opener.focus();
  };

  const details = (row, column, button) => {
    const cell = cells[row][column], box = byId("details"), parts = make("div", undefined, { class: "columns" });
    const add = (name, t, attributes) => { const part = make("div", undefined, attributes); part.append(make("h3", name), t); parts.append(part); };
    const head = make("h2", models[row].name + " on " + title(columns[column]), { id: "details-title", tabindex: "-1" });
    const end = make("button", "Close", { type: "button", class: "close" });
    end.onclick = close;
    if (cell.error) {
      parts.append(make("p", cell.error, { class: "failed" }));
    } else {
      add("Numbers", table(["name", "value"], cell.metrics.map(([k, v]) => [k, short(v)]).concat([["samples", String(cell.samples)],
        ["skipped", String(cell.skipped)], ["seconds", cell.seconds.toFixed(2)]])));
      const others = models.map((_, i) => i).filter((i) => difference(column, row, i));
      if (others.length > 0) {
        add("Differences to other models", table(["model", "difference and 95 % interval"], others.map((i) => {
          const td = make("td");
          td.append(delta(difference(column, row, i)));
          return [models[i].name, td];
        })));
      }
      if (cell.parts) {
        const by = [...new Set(cell.parts.map((p) => p.by))];
        for (const name of by) {
          const own = cell.parts.filter((p) => p.by === name);
          const keys = own[0].values.map((v) => v.key + " %");
          add("By " + name, table([name, "n"].concat(keys), own.map((p) =>
            [p.name, String(p.n)].concat(p.values.map((v) => (v.value === null ? "-" : percent(v.value)))))), { class: "long" });
        }
      }
      if (cell.per_class) {
        const more = cell.per_class.length < cell.classes ? " (" + cell.per_class.length + " of " + cell.classes + ")" : "";
        add("Classes, lowest recall first" + more, table(["class", "n", "recall %", "most often taken for"], cell.per_class.map((c) =>
          [c.class, String(c.n), percent(c.recall), c.confused_n ? c.confused_with + " (" + c.confused_n + ")" : ""])), { class: "long" });
      }
      if (cell.confused) {
        add("Pairs confused most often", table(["right class", "predicted", "n"], cell.confused.map((c) =>
          [c.label, c.predicted, String(c.n)])), { class: "long" });
      }
      if (cell.per_class && cell.classes <= 16) add("Confusion", matrix(cell), { class: "wide" });
      if (cell.mistakes) {
        const found = cell.mistakes.some((m) => m.answer);
        add(found ? "Captions that found a wrong picture: found, right" : "Most confident mistakes", gallery(cell.mistakes), { class: "wide" });
      }
    }
    box.replaceChildren(end, head, parts);
    box.hidden = false;
    opener = button;
    box.scrollIntoView({ block: "nearest" });
    head.focus({ preventScroll: true });
  };
  document.addEventListener("keydown", (e) => { if (e.key === "Escape" && !byId("details").hidden) close(); });

  const axes = [["parameters", "million parameters"], ["seconds", "seconds"], ["mean", "mean of all columns"]]
    .concat(averages.map((a, i) => ["average" + i, a.name]), columns.map((c, i) => [i, title(c)]));
  const plot = () => {
    const svg = byId("plot"), ns = "http://www.w3.org/2000/svg", all = columns.map((_, i) => i);
    const key = (id) => { const v = byId(id).value; return /^\d+$/.test(v) ? Number(v) : v; };
    const scale = (k, v) => (k === "parameters" ? v / 1e6 : k === "seconds" ? v : 100 * v);
    const [x, y] = [key("x"), key("y")], name = (k) => axes.find((a) => a[0] === k)[1];
    const points = models.map((m, i) => ({ name: m.name, x: valueOf(i, x, all), y: valueOf(i, y, all) }))
      .filter((p) => p.x !== null && p.y !== null).map((p) => ({ name: p.name, x: scale(x, p.x), y: scale(y, p.y) }));
    const element = (tag, attributes, text) => {
      const e = document.createElementNS(ns, tag);
      for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
      if (text !== undefined) e.textContent = text;
      svg.append(e);
      return e;
    };
    svg.replaceChildren();
    byId("plot-about").textContent = points.length + " of " + models.length + " models have both values.";
    if (points.length === 0) { element("text", { x: 20, y: 30 }, "No model has both values."); return; }
    // Sizes and times that differ by more than ten times have a logarithmic axis.
    const axis = (k, values) => {
      const log = (k === "parameters" || k === "seconds") && Math.min(...values) > 0 && Math.max(...values) > 10 * Math.min(...values);
      const to = log ? Math.log10 : (v) => v, from = log ? (v) => 10 ** v : (v) => v;
      const low = Math.min(...values.map(to)), high = Math.max(...values.map(to)), pad = (high - low) * 0.12 || Math.abs(high) * 0.1 || 1;
      return { part: (v) => (to(v) - low + pad) / (high - low + 2 * pad), at: (s) => from(low - pad + s * (high - low + 2 * pad)), log };
    };
    const ax = axis(x, points.map((p) => p.x)), ay = axis(y, points.map((p) => p.y));
    const px = (s) => 56 + 560 * s, py = (s) => 352 - 328 * s;
    for (let i = 0; i <= 4; i++) {
      element("path", { class: "grid", d: `M56 ${py(i / 4)}H616` });
      element("text", { x: 48, y: py(i / 4) + 4, "text-anchor": "end" }, ay.at(i / 4).toPrecision(3));
      element("text", { x: px(i / 4), y: 372, "text-anchor": "middle" }, ax.at(i / 4).toPrecision(3));
    }
    element("text", { x: 336, y: 394, "text-anchor": "middle" }, name(x) + (ax.log ? ", logarithmic" : ""));
    element("text", { x: 56, y: 14 }, name(y) + (ay.log ? ", logarithmic" : ""));
    const taken = []; // places of labels: one that would cover another moves down
    for (const p of points.sort((a, b) => b.y - a.y)) {
      const cx = px(ax.part(p.x)), cy = py(ay.part(p.y)), left = cx > 480;
      element("circle", { cx, cy, r: 5 }).append(Object.assign(document.createElementNS(ns, "title"),
        { textContent: p.name + ": " + p.x.toPrecision(4) + ", " + p.y.toPrecision(4) }));
      let ty = cy + 4;
      while (taken.some((t) => Math.abs(t.y - ty) < 13 && Math.abs(t.x - cx) < 160)) ty += 13;
      taken.push({ x: cx, y: ty });
      element("text", { class: "name", x: cx + (left ? -9 : 9), y: ty, "text-anchor": left ? "end" : "start" },
        p.name.length > 28 ? "…" + p.name.slice(-27) : p.name);
    }
  };

  const fill = (id, options, chosen) => {
    byId(id).append(...options.map(([value, text]) => make("option", text, { value: String(value) })));
    if (chosen !== undefined) byId(id).value = String(chosen);
  };
  fill("task", [["", "all"]].concat([...new Set(columns.map((c) => c.task))].map((t) => [t, spaced(t)])));
  fill("base", [["", "nothing"]].concat(models.map((m, i) => [i, m.name])));
  fill("x", axes, "parameters");
  fill("y", axes, "mean");
  if (averages.length === 0) byId("shown").parentElement.hidden = true;
  if (failures.length > 0) {
    byId("failures").hidden = false;
    const wrap = make("div", undefined, { class: "table", tabindex: "0", role: "region", "aria-label": "Failed" });
    wrap.append(table(["model", "data set", "task", "reason"], failures.map((f) => [f.model, f.dataset, spaced(f.task), f.error])));
    byId("failures").append(wrap);
  }
  if (content.left_out > 0) byId("legend").append(" " + content.left_out + " small pictures are left out of this page for its size.");
  for (const id of ["models", "sets", "task", "shown", "base"]) byId(id).addEventListener("input", draw);
  for (const id of ["x", "y"]) byId(id).addEventListener("input", plot);
  for (const form of document.querySelectorAll("form")) form.addEventListener("submit", (e) => e.preventDefault());
  draw();
  plot();
})();
