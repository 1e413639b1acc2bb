// The grid of results: pages by cursor while scrolling, one tab stop with arrow keys, and the strip of pictures found by their names.
import { $, el, count, say, show } from "./dom.js";
import * as api from "./api.js";

const first = 60, further = 200;

export class Results {
  // actions: open(hit), similar([hit]), select(hit, extend)
  constructor(actions) {
    this.actions = actions;
    this.hits = [];
    this.generation = 0;
    this.grid = $("grid");
    this.watcher = new IntersectionObserver((seen) => { if (seen.some((s) => s.isIntersecting)) this.more(); }, { rootMargin: "1200px" });
    this.watcher.observe($("end"));
    for (const list of [this.grid, $("named").querySelector("ul")]) list.addEventListener("keydown", (e) => this.key(e, list));
  }

  // search shows a new search; want is the number of results to bring back, when the page returns to an earlier state.
  async search(params, want = first) {
    this.abort?.abort();
    this.abort = new AbortController();
    const generation = ++this.generation;
    this.params = params;
    this.next = null;
    params = new URLSearchParams(params);
    params.set("limit", Math.min(Math.max(want, first), 2000));
    this.grid.setAttribute("aria-busy", "true");
    try {
      const got = await api.search(params, this.abort.signal);
      if (generation !== this.generation) return null;
      this.answer = got;
      this.hits = [];
      this.grid.replaceChildren();
      this.append(got);
      this.named(got.named);
      return got;
    } finally {
      if (generation === this.generation) this.grid.removeAttribute("aria-busy");
    }
  }

  // more brings the next page, once at a time.
  async more() {
    if (!this.next || this.loading) return;
    const generation = this.generation, params = new URLSearchParams(this.params);
    params.set("cursor", this.next);
    params.set("limit", further);
    this.loading = true;
    try {
      const got = await api.search(params, this.abort.signal);
      if (generation === this.generation) this.append(got);
    } catch (e) {
      if (e.name === "AbortError" || generation !== this.generation) return;
      this.next = null;
      $("end").replaceChildren(`${e.message} `, el("button", { type: "button", onclick: () => this.actions.again() }, "Search again"));
    } finally {
      this.loading = false;
    }
    this.watcher.unobserve($("end"));
    this.watcher.observe($("end")); // it may still be in sight
  }

  append(got) {
    const from = this.hits.length;
    this.hits.push(...got.hits);
    this.grid.append(...got.hits.map((hit, i) => this.tile(hit, from + i === 0)));
    this.next = got.next || null;
    this.total = got.total;
    const shown = this.hits.length;
    say(this.total === 0 ? "Nothing found." : `${count(shown)} of ${count(this.total)}${got.total < got.rows ? ` (${count(got.rows)} pictures in the index)` : ""}`);
    $("end").textContent = this.next || this.total === 0 ? "" : `All ${count(this.total)} are shown.`;
  }

  named(found) {
    $("named").hidden = !found;
    if (!found) return;
    $("named-title").textContent = `${count(found.total)} with these words in their name or caption`;
    $("named").querySelector("ul").replaceChildren(...found.hits.map((hit, i) => this.tile(hit, i === 0)));
  }

  tile(hit, inOrder) {
    const stop = inOrder ? 0 : -1, name = show(hit.name), words = show(hit.caption || hit.name);
    const image = el("img", { loading: "lazy", decoding: "async", width: 256, height: 256, alt: words,
      src: api.thumb(this.answer.index, hit.key, 256, this.answer.snapshot) });
    const open = el("button", { type: "button", className: "open", tabIndex: stop, onclick: () => this.actions.open(hit) }, image);
    const pick = el("input", { type: "checkbox", tabIndex: stop, "aria-label": `Select ${words}` });
    pick.addEventListener("click", (e) => this.actions.select(hit, e.shiftKey));
    const similar = el("button", { type: "button", tabIndex: stop, "aria-label": `Similar to ${words}`, onclick: () => this.actions.similar([hit]) }, "Similar");
    const score = el("span", { className: "score" });
    if (hit.score) {
      score.textContent = hit.score.toFixed(3);
      score.title = `cosine ${hit.score.toFixed(4)}, ${hit.z.toFixed(1)} standard deviations above this query's background`;
    }
    const marks = (hit.match || []).map((m) => el("span", { className: "marked", title: `The words occur in the ${m}` }, m));
    const tile = el("li", { className: "tile" }, open, el("div", { className: "name", title: name }, hit.caption ? words : name.split("/").pop()), // its end is cut off: the folder would leave no room
      el("div", { className: "row" }, score, ...marks, similar, pick));
    tile.hit = hit;
    tile.addEventListener("focusin", () => this.stop(tile));
    return tile;
  }

  // stop makes a tile the one that Tab reaches.
  stop(tile) {
    for (const [t, index] of [[tile.parentNode.querySelector(".tile:has([tabindex='0'])"), -1], [tile, 0]]) {
      t?.querySelectorAll("button, input").forEach((e) => { e.tabIndex = index; });
    }
  }

  key(e, list) {
    const tile = e.target.closest(".tile");
    if (!tile || e.ctrlKey || e.metaKey || e.altKey) return;
    const tiles = [...list.children], at = tiles.indexOf(tile);
    const columns = Math.max(1, tiles.findIndex((t) => t.offsetTop > tiles[0].offsetTop));
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns, Home: -at, End: tiles.length - 1 - at }[e.key];
    if (step !== undefined) {
      const to = tiles[at + step];
      to?.querySelector(".open").focus();
      if (to || step < 0) e.preventDefault();
    } else if (e.key === "x" || e.key === "X") {
      this.actions.select(tile.hit, e.shiftKey);
    } else if (e.key === "s") {
      this.actions.similar([tile.hit]);
    }
  }

  tileOf(hit) { return [...this.grid.children].find((t) => t.hit.key === hit.key); }
}
