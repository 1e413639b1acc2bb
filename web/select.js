// The selected pictures, and what can be exported of them.
import { $, el, count, problem, save, show } from "./dom.js";
import * as api from "./api.js";

export class Selection {
  constructor(results) {
    this.results = results;
    this.chosen = new Map();
    this.last = null;
    $("select-none").addEventListener("click", () => this.clear());
    $("export").addEventListener("change", () => this.export($("export").value));
  }

  // toggle selects a picture or takes it out; extend selects all from the last one to it.
  toggle(hit, extend) {
    const hits = this.results.hits, from = hits.findIndex((h) => h.key === this.last), to = hits.findIndex((h) => h.key === hit.key);
    if (extend && from >= 0 && to >= 0) {
      for (const h of hits.slice(Math.min(from, to), Math.max(from, to) + 1)) this.chosen.set(h.key, h);
    } else if (!this.chosen.delete(hit.key)) {
      this.chosen.set(hit.key, hit);
    }
    this.last = hit.key;
    this.show();
  }

  clear() {
    this.chosen.clear();
    this.last = null;
    this.show();
  }

  show() {
    $("selection").hidden = this.chosen.size === 0;
    $("selected").textContent = `${count(this.chosen.size)} selected`;
    for (const tile of document.querySelectorAll(".tile")) {
      const on = this.chosen.has(tile.hit.key);
      tile.classList.toggle("chosen", on);
      tile.querySelector("input").checked = on;
    }
  }

  async export(kind) {
    $("export").value = "";
    const all = [...this.chosen.values()];
    const place = (h) => h.path || h.name;
    const fields = (h) => ({ path: place(h), score: h.score, z: h.z, caption: h.caption, size: h.size || 0, modified: h.modified || "", hash: h.hash || "" });
    if (kind === "paths") save("pictures.txt", "text/plain", all.map((h) => place(h) + "\n").join(""));
    if (kind === "jsonl") save("pictures.jsonl", "application/jsonl", all.map((h) => JSON.stringify(fields(h)) + "\n").join(""));
    if (kind === "csv") save("pictures.csv", "text/csv", csv(all.map(fields)));
    if (kind === "zip") await archive(this.results.answer.index, all);
    if (kind === "sheet") save("pictures.html", "text/html", await sheet(this.results.answer.index, all));
  }
}

// archive lets the browser download the files, which the server sends as it reads them.
async function archive(index, hits) {
  try {
    const address = await api.zip(index, hits.map((h) => h.key));
    el("a", { href: address, download: "pictures.zip" }).click();
  } catch (e) {
    problem(e.message);
  }
}

// cell quotes a value. One that a spreadsheet would take for a formula gets an apostrophe in front.
function cell(value) {
  let text = String(value);
  if (typeof value === "string" && /^[=+\-@\t\r]/.test(text)) text = "'" + text;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function csv(lines) {
  const names = Object.keys(lines[0] || {});
  return [names, ...lines.map((l) => names.map((n) => l[n]))].map((l) => l.map(cell).join(",") + "\r\n").join("");
}

const inline = (blob) => new Promise((done, wrong) => {
  const reader = new FileReader();
  reader.onload = () => done(reader.result);
  reader.onerror = () => wrong(reader.error);
  reader.readAsDataURL(blob);
});

const escaped = (text) => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

// sheet is a page of its own with small copies of the pictures in it, and without scripts.
async function sheet(index, hits) {
  const figures = [];
  for (const h of hits) {
    const answer = await fetch(api.thumb(index, h.key, 256));
    const image = answer.ok ? `<img alt="${escaped(show(h.caption || h.name))}" src="${await inline(await answer.blob())}">` : "";
    figures.push(`<figure>${image}<figcaption>${escaped(`${show(h.name)} ${h.score ? h.score.toFixed(4) : ""} ${show(h.caption)}`)}</figcaption></figure>\n`);
  }
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Contact sheet</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<style>body{font:14px sans-serif;display:grid;grid-template-columns:repeat(auto-fill,200px);gap:12px}figure{margin:0;overflow-wrap:anywhere}img{max-width:200px;max-height:200px}</style>
</head><body>
${figures.join("")}</body></html>
`;
}
