// A group of pictures side by side, each of which stays or is dropped.
import { el, bytes, count, show } from "./dom.js";
import * as api from "./api.js";

const few = 48; // pictures that are drawn at first

export function facts(p) {
  return [p.score ? p.score.toFixed(3) : "", bytes(p.size), p.modified && new Date(p.modified).toLocaleDateString(), p.why !== "like" && p.why && show(p.why)].filter(Boolean);
}

// state shows on a button whether a picture stays.
export function state(button, stays, name) {
  button.textContent = stays ? "\u2713 Kept" : "\u2717 Dropped";
  button.dataset.stays = stays;
  button.setAttribute("aria-label", `${button.textContent}: ${name}; ${stays ? "drop" : "keep"} it`);
}

export class Group {
  // actions: decide(group, stay), large(group, place), focus(group)
  constructor(g, index, actions) {
    this.index = index;
    this.actions = actions;
    this.number = g.number;
    this.place = 0;
    this.drawn = few;
    this.title = el("h2", { id: `group-${g.number}` });
    this.list = el("ul", { className: "grid" });
    this.rest = el("button", { type: "button", onclick: () => { this.drawn = Infinity; this.draw(); } });
    const button = (text, act) => el("button", { type: "button", onclick: act }, text);
    this.back = button("Take back", () => this.undo());
    this.element = el("section", { className: "group", "aria-labelledby": this.title.id }, this.title, this.list, this.rest,
      el("div", { className: "actions" }, button("Confirm", () => this.confirm()), button("Keep all", () => this.keepAll()), this.back));
    this.element.addEventListener("focusin", () => actions.focus(this));
    this.set(g);
  }

  set(g) {
    this.version = g.version;
    this.name = g.name;
    this.decided = g.decided;
    const keep = this.pictures?.length === g.pictures.length;
    this.pictures = g.pictures;
    if (keep) this.refresh();
    else this.draw();
  }

  draw() {
    this.tiles = this.pictures.slice(0, this.drawn).map((p, i) => this.tile(p, i));
    this.list.replaceChildren(...this.tiles.map((t) => t.element));
    this.rest.hidden = this.tiles.length === this.pictures.length;
    this.rest.textContent = `Show all ${count(this.pictures.length)}`;
    this.refresh();
  }

  tile(p, i) {
    const name = show(p.name), words = show(p.caption || p.name);
    const image = p.gone ? el("span", { className: "gone" }, "no longer in the index")
      : el("img", { loading: "lazy", decoding: "async", width: 256, height: 256, alt: words, src: api.thumb(this.index, p.key, 256) });
    const open = el("button", { type: "button", className: "open", tabIndex: -1, "aria-label": `Large view of ${name}${p.gone ? ", no longer in the index" : ""}`, onclick: () => this.actions.large(this, i) }, image);
    const keep = el("button", { type: "button", className: "keep", tabIndex: i ? -1 : 0, onclick: () => { this.place = i; this.toggle(); } });
    const element = el("li", { className: "tile" }, open, el("div", { className: "name", title: name }, name),
      el("div", { className: "row" }, el("span", { className: "score" }, facts(p).join(" \u00b7 "))), keep);
    element.addEventListener("focusin", () => { this.stop(i); });
    return { element, keep, name };
  }

  // refresh shows what is decided.
  refresh() {
    const n = this.pictures.length;
    this.title.textContent = `Group ${count(this.number + 1)}${this.name ? ` (${show(this.name)})` : ""}: ${n === 1 ? "one picture" : `${count(n)} pictures`}${this.decided ? ", decided" : ""}`;
    this.element.classList.toggle("decided", this.decided);
    this.back.hidden = !this.pictures.some((p) => p.decided);
    this.tiles.forEach((t, i) => {
      const stays = this.pictures[i].stays;
      t.element.classList.toggle("dropped", !stays);
      state(t.keep, stays, t.name);
    });
  }

  // stop makes a picture the one that Tab reaches.
  stop(i) {
    this.place = i;
    this.tiles.forEach((t, at) => { t.keep.tabIndex = at === i ? 0 : -1; });
  }

  focus() {
    this.tiles[this.place].keep.focus();
    this.element.scrollIntoView({ block: "nearest" });
  }

  step(by) {
    this.place = Math.min(Math.max(this.place + by, 0), this.tiles.length - 1);
    this.focus();
  }

  toggle(place = this.place) {
    this.place = place;
    return this.actions.decide(this, (g) => g.pictures.map((p, i) => i === place ? !p.stays : p.stays));
  }

  confirm() { this.decided = true; return this.actions.decide(this, (g) => g.pictures.map((p) => p.stays)); }
  keepAll() { this.decided = true; return this.actions.decide(this, (g) => g.pictures.map(() => true)); }
  undo() { return this.actions.decide(this, null); }
}
