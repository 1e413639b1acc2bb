// Filters, and the slider that cuts results by the query's own background.
import { $, el, count } from "./dom.js";
import * as api from "./api.js";

const fields = { folder: "folder", text: "words", after: "after", before: "before", min_size: "min_size", max_size: "max_size",
  camera: "camera", taken_after: "taken_after", taken_before: "taken_before", near: "near" };
const inKB = new Set(["min_size", "max_size"]);

// choices fills a list. What is chosen in it stays so, even if the index doesn't have it.
function choices(select, list) {
  const kept = select.value;
  select.replaceChildren(el("option", { value: "" }, "all"), ...list.map((c) => el("option", { value: c.name }, `${c.name} (${count(c.rows)})`)));
  if (kept && !list.some((c) => c.name === kept)) select.append(el("option", { value: kept }, kept));
  select.value = kept;
}

export class Filters {
  constructor(changed) {
    for (const [name, id] of Object.entries(fields)) {
      $(id).addEventListener("input", () => changed(name === "folder" || name === "camera"));
    }
    $("filters-open").addEventListener("click", () => this.open($("filters").hidden));
    $("filters-clear").addEventListener("click", () => {
      for (const id of Object.values(fields)) $(id).value = "";
      this.said();
      changed(true);
    });
    $("cut").addEventListener("input", () => {
      this.sayCut();
      changed(false);
    });
  }

  open(on) {
    $("filters").hidden = !on;
    $("filters-open").setAttribute("aria-expanded", String(on));
  }

  read() {
    const out = {};
    for (const [name, id] of Object.entries(fields)) {
      const value = $(id).value.trim();
      if (value) out[name] = inKB.has(name) ? String(Math.round(Number(value) * 1000)) : value;
    }
    this.said();
    return out;
  }

  write(s) {
    for (const [name, id] of Object.entries(fields)) {
      const value = s.filters[name] || "";
      if ($(id).tagName === "SELECT" && value && ![...$(id).options].some((o) => o.value === value)) $(id).append(el("option", { value }, value));
      $(id).value = value && inKB.has(name) ? Number(value) / 1000 : value;
      if (value) $(id).closest("label").hidden = false;
    }
    $("cut").value = s.min_z === null ? $("cut").min : s.min_z;
    if (Object.keys(s.filters).length) this.open(true);
    this.said();
    this.sayCut();
  }

  // only shows the pictures that have some words in their name or caption.
  only(words) {
    $("words").value = words;
    this.open(true);
    this.said();
  }

  said() {
    const n = Object.values(fields).filter((id) => $(id).value.trim()).length;
    $("filters-open").textContent = n ? `Filters (${n})` : "Filters";
  }

  // cut is the threshold in standard deviations; null: there is none.
  cut() {
    return $("cut").value === $("cut").min ? null : Number($("cut").value);
  }

  levels(got, browsing) {
    $("cut").closest("label").hidden = browsing;
    if (got.levels) this.counts = got.levels;
    this.sayCut();
  }

  sayCut() {
    const z = this.cut();
    if (z === null) return void ($("cut-says").textContent = "all");
    const at = this.counts ? Math.round((z - this.counts.from) / this.counts.step) : -1, n = this.counts?.count[at];
    $("cut-says").textContent = `${z >= 0 ? "+" : "\u2212"}${Math.abs(z).toFixed(1)} \u03c3${n === undefined ? "" : `: ${count(n)}`}`;
    $("cut").setAttribute("aria-valuetext", `${z} standard deviations above the background${n === undefined ? "" : `, ${n} pictures`}`);
  }

  // offer shows the filters that pictures of an index can satisfy, and what there is to choose.
  async offer(index) {
    const mine = this.generation = (this.generation || 0) + 1; // an answer that comes after that of a later index is of no use
    $("filters").setAttribute("aria-busy", "true");
    const [{ folders }, { cameras, dated, located }] = await Promise.all([
      api.folders(index).catch(() => ({ folders: [] })), api.facets(index).catch(() => ({ cameras: [], dated: 0, located: 0 }))]);
    if (mine !== this.generation) return;
    choices($("folder"), folders);
    choices($("camera"), cameras);
    const there = { folder: folders.length, camera: cameras.length, taken_after: dated, taken_before: dated, near: located };
    for (const [id, n] of Object.entries(there)) $(id).closest("label").hidden = !n && !$(id).value;
    $("filters").removeAttribute("aria-busy");
  }

  // near shows only the pictures around a place.
  near(latitude, longitude) {
    $("near").value = `${latitude.toFixed(5)}, ${longitude.toFixed(5)}, 1`;
    $("near").closest("label").hidden = false;
    this.open(true);
    this.said();
  }
}
