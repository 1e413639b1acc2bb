// The parts of a query: words in the field, and chips with a sign and a weight.
import { $, el, show } from "./dom.js";
import * as api from "./api.js";
import { chip, split } from "./state.js";

export class Query {
  // changed is called when the parts are others; now: without waiting for further keys.
  constructor(changed) {
    this.changed = changed;
    this.chips = [];
    this.pictures = new Map(); // what was sent in this page, for the chips
    $("text").addEventListener("input", () => changed(false));
    $("search").addEventListener("submit", (e) => e.preventDefault());
    $("text").addEventListener("keydown", (e) => {
      if (e.key !== "Enter" || e.isComposing) return; // Enter also ends the input of some scripts
      e.preventDefault();
      if (split($("text").value)) this.keep(0);
      else changed(true);
    });
    $("plus").addEventListener("click", () => this.keep(1));
    $("minus").addEventListener("click", () => this.keep(-1));
  }

  // keep makes the words of the field a part of the query. sign 0 takes the sign that they begin with.
  keep(sign) {
    const text = $("text").value.trim();
    if (!text) return $("text").focus();
    const part = split(text) || { weight: 1, value: text };
    this.chips.push(chip("q", part.value, sign ? sign * Math.abs(part.weight) : part.weight));
    $("text").value = "";
    this.show();
    this.changed(true);
    $("text").focus();
  }

  set(words, chips, index) {
    $("text").value = words;
    this.chips = chips;
    this.index = index;
    this.show();
    const unknown = chips.filter((c) => c.kind === "like" && !c.label).map((c) => c.value);
    if (unknown.length) this.label(index, unknown);
  }

  async label(index, keys) {
    const got = await api.rows(index, keys).catch(() => null);
    got?.rows.forEach((row, i) => {
      for (const c of this.chips) if (c.value === keys[i]) c.label = row.caption || row.name;
    });
    if (got) this.show();
  }

  show() {
    $("chips").replaceChildren(...this.chips.map((c) => this.draw(c)));
  }

  draw(c) {
    const name = show(c.kind === "q" ? c.value : c.label || "picture");
    const sign = el("button", { type: "button", "aria-label": `${name}: ${c.weight < 0 ? "subtracted; add it" : "added; subtract it"}` }, c.weight < 0 ? "\u2212" : "+");
    sign.addEventListener("click", () => {
      c.weight = -c.weight;
      this.show();
      this.changed(true);
    });
    const says = el("output", {}, Math.abs(c.weight).toFixed(1));
    const weight = el("input", { type: "range", min: 0.1, max: 3, step: 0.1, value: Math.abs(c.weight), "aria-label": `Weight of ${name}` });
    weight.addEventListener("input", () => {
      c.weight = Math.sign(c.weight) * Number(weight.value);
      says.textContent = Number(weight.value).toFixed(1);
      this.changed(false);
    });
    const away = el("button", { type: "button", "aria-label": `Remove ${name}` }, "\u00d7");
    away.addEventListener("click", () => {
      this.chips = this.chips.filter((other) => other !== c);
      this.show();
      this.changed(true);
      $("text").focus();
    });
    const picture = this.picture(c);
    return el("li", { className: c.weight < 0 ? "chip minus" : "chip" }, sign, ...(picture ? [picture] : []), el("span", {}, name), weight, says, away);
  }

  picture(c) {
    if (c.kind === "like") return el("img", { alt: "", src: api.thumb(this.index, c.value, 128) });
    const sent = c.kind === "picture" && this.pictures.get(c.value);
    return sent && el("img", { alt: "", src: sent });
  }

  // send sends pictures to the server and makes them parts of the query.
  async send(index, files, alone) {
    const chips = [];
    for (const file of files) {
      const id = await api.upload(index, file);
      if (!this.pictures.has(id)) this.pictures.set(id, URL.createObjectURL(file));
      chips.push(chip("picture", id, 1, file.name || "picture"));
    }
    this.chips = alone ? chips : [...this.chips, ...chips];
    if (alone) $("text").value = "";
    this.index = index;
    this.show();
    this.changed(true);
  }
}
