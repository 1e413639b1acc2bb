// The large view: details, the way to the original, neighbours by arrow keys, and a rectangle to search for a part of the picture.
import { $, el, bytes, count, described, show } from "./dom.js";
import * as api from "./api.js";

export class Viewer {
  // actions: similar(hits, weight), part(blob), near(latitude, longitude)
  constructor(results, actions) {
    this.results = results;
    this.dialog = $("viewer");
    $("view-prev").addEventListener("click", () => this.step(-1));
    $("view-next").addEventListener("click", () => this.step(1));
    $("view-close").addEventListener("click", () => this.dialog.close());
    $("view-similar").addEventListener("click", () => this.leave(() => actions.similar([this.hit])));
    $("view-less").addEventListener("click", () => this.leave(() => actions.similar([this.hit], -0.5)));
    $("view-near").addEventListener("click", () => this.leave(() => actions.near(this.hit.latitude, this.hit.longitude)));
    $("view-copy").addEventListener("click", () => this.copy());
    $("view-part").addEventListener("click", () => this.choosePart($("part").hidden));
    this.dialog.addEventListener("keydown", (e) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
      if (step) { this.step(step); e.preventDefault(); }
      if (e.key === "s") this.leave(() => actions.similar([this.hit]));
    });
    this.dialog.addEventListener("close", () => {
      this.choosePart(false);
      this.results.tileOf(this.hit)?.querySelector(".open").focus();
    });
    this.drag(actions.part);
  }

  leave(act) {
    this.dialog.close();
    act();
  }

  open(hit) {
    this.hit = hit;
    const index = this.results.answer.index, name = show(hit.name);
    $("large").src = api.thumb(index, hit.key, 1024, this.results.answer.snapshot);
    $("large").alt = show(hit.caption || hit.name);
    $("view-name").textContent = name;
    $("view-caption").textContent = show(hit.caption);
    const facts = [["Path", hit.path && show(hit.path)], ["Score", hit.score ? `${hit.score.toFixed(4)} (${hit.z.toFixed(1)} above the background)` : ""],
      ["Size", bytes(hit.size)], ["Date", hit.modified && new Date(hit.modified).toLocaleString()], ["Taken", hit.taken && hit.taken.replace("T", " ")],
      ["Camera", hit.camera && show(hit.camera)], ["Place", hit.latitude !== undefined && `${hit.latitude.toFixed(5)}, ${hit.longitude.toFixed(5)}`], ["Row", String(hit.row)],
      ...Object.entries(hit.metadata ?? {}).map(([name, value]) => [show(name), show(String(value))])];
    const lost = $("view-facts").contains(document.activeElement);
    $("view-facts").replaceChildren(...described(facts));
    $("view-near").hidden = hit.latitude === undefined;
    $("view-original").href = api.original(index, hit.key);
    $("view-copy").textContent = hit.path ? "Copy path" : "Copy name";
    const at = this.results.hits.findIndex((h) => h.key === hit.key);
    $("view-place").textContent = at < 0 ? "" : `${count(at + 1)} of ${count(this.results.total)}`;
    $("view-prev").disabled = at <= 0;
    $("view-next").disabled = at < 0 || at === this.results.hits.length - 1;
    this.choosePart(false);
    const opens = !this.dialog.open;
    if (opens) this.dialog.showModal();
    // Keys work while the focus is in the dialog: it must not stay on a long value, which the next picture takes away.
    if (opens || lost) $($("view-next").disabled ? "view-close" : "view-next").focus();
    if (at > this.results.hits.length - 10) this.results.more();
  }

  step(by) {
    const at = this.results.hits.findIndex((h) => h.key === this.hit.key), to = this.results.hits[at + by];
    if (at >= 0 && to) this.open(to);
  }

  async copy() {
    await navigator.clipboard.writeText(this.hit.path || this.hit.name).then(
      () => { $("view-copy").textContent = "Copied"; }, () => { $("view-copy").textContent = "The browser refuses"; });
  }

  choosePart(on) {
    const part = $("part"), image = $("large");
    part.hidden = !on;
    $("view-part").setAttribute("aria-pressed", String(on));
    if (!on) return;
    part.width = image.clientWidth;
    part.height = image.clientHeight;
    part.style.left = `${image.offsetLeft}px`;
    part.style.top = `${image.offsetTop}px`;
  }

  // drag lets a rectangle be drawn over the picture.
  drag(use) {
    const part = $("part"), pen = part.getContext("2d");
    let from = null;
    const box = (e) => {
      const x = Math.min(Math.max(e.offsetX, 0), part.width), y = Math.min(Math.max(e.offsetY, 0), part.height);
      return [Math.min(from.x, x), Math.min(from.y, y), Math.abs(x - from.x), Math.abs(y - from.y)];
    };
    part.addEventListener("pointerdown", (e) => {
      from = { x: e.offsetX, y: e.offsetY };
      part.setPointerCapture(e.pointerId);
    });
    part.addEventListener("pointermove", (e) => {
      if (!from) return;
      pen.clearRect(0, 0, part.width, part.height);
      pen.fillStyle = "rgba(0,0,0,.5)";
      pen.fillRect(0, 0, part.width, part.height);
      pen.clearRect(...box(e));
    });
    part.addEventListener("pointerup", (e) => {
      const [x, y, w, h] = box(e), image = $("large"), scale = image.naturalWidth / image.clientWidth;
      from = null;
      pen.clearRect(0, 0, part.width, part.height);
      if (w < 8 || h < 8) return;
      const cut = el("canvas", { width: Math.round(w * scale), height: Math.round(h * scale) });
      cut.getContext("2d").drawImage(image, x * scale, y * scale, w * scale, h * scale, 0, 0, cut.width, cut.height);
      cut.toBlob((blob) => this.leave(() => use(blob)), "image/png");
    });
  }
}
