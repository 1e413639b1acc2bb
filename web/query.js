// The parts of a query: words in the field, and chips with a sign and a weight.
import { $, el, problem, say, show } from "./dom.js";
import * as api from "./api.js";
import { chip, split } from "./state.js";

// named is what a chip says of an address: the name of the file, or else the host.
function named(address) {
  const url = new URL(address), last = url.pathname.split("/").pop();
  try {
    return decodeURIComponent(last) || url.host;
  } catch {
    return last;
  }
}

export class Query {
  // changed is called when the parts are others; now: without waiting for further keys.
  constructor(changed) {
    this.changed = changed;
    this.chips = [];
    this.pictures = new Map(); // what was sent in this page, for the chips
    this.fetches = false; // the server takes addresses of pictures
    $("text").addEventListener("input", () => { this.offer(); changed(false); });
    $("search").addEventListener("submit", (e) => e.preventDefault());
    $("text").addEventListener("keydown", (e) => {
      if (e.key !== "Enter" || e.isComposing) return; // Enter also ends the input of some scripts
      e.preventDefault();
      if (split($("text").value) || this.address($("text").value)) this.keep(0);
      else changed(true);
    });
    $("fetch").addEventListener("click", () => this.keep(0));
    $("plus").addEventListener("click", () => this.keep(1));
    $("minus").addEventListener("click", () => this.keep(-1));
  }

  // keep makes the words of the field a part of the query. sign 0 takes the sign that they begin with.
  keep(sign) {
    const text = $("text").value.trim();
    if (!text) return $("text").focus();
    const part = split(text) || { weight: 1, value: text };
    const weight = sign ? sign * Math.abs(part.weight) : part.weight;
    $("text").focus();
    if (this.address(part.value)) return this.fetch(part.value, weight);
    this.chips.push(chip("q", part.value, weight));
    this.clear();
    this.show();
    this.changed(true);
  }

  // address tells whether text is an address of a picture that the server would fetch.
  address(text) {
    return this.fetches && /^https?:\/\/\S+$/i.test(text.trim());
  }

  // words are what the field has of a query: an address becomes a part of it when it is fetched.
  words() {
    const text = $("text").value;
    return this.address((split(text) || { value: text }).value) ? "" : text;
  }

  // allow offers addresses, or doesn't.
  allow(fetches) {
    this.fetches = fetches;
    for (const e of document.querySelectorAll(".fetches")) e.hidden = !fetches;
    if (fetches) $("text").placeholder = "Describe a picture, or paste one or its address";
    this.offer();
  }

  // offer shows the button for an address.
  offer() {
    $("fetch").hidden = this.words() === $("text").value;
  }

  clear() {
    $("text").value = "";
    this.offer();
  }

  // fetch makes the picture at an address a part of the query. The address stays in the field until the server has it.
  async fetch(address, weight = 1) {
    address = address.trim();
    const index = this.index, before = $("text").value, said = $("says").textContent;
    problem("");
    say("The server fetches the picture.");
    try {
      const id = await api.fetched(index, address);
      if (index !== this.index) return; // another index was chosen meanwhile, which may have another model
      this.chips.push(chip("picture", id, weight, named(address)));
    } catch (e) {
      say(said);
      return problem(e.message);
    }
    if ($("text").value === before) this.clear();
    this.show();
    this.changed(true);
  }

  set(words, chips, index) {
    $("text").value = words;
    this.offer();
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
    if (alone) this.clear();
    this.index = index;
    this.show();
    this.changed(true);
  }
}
