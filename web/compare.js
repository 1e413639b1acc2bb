// The large view of a review: the pictures of a group in the same place, so that a difference is seen when they change.
import { $, described, bytes, count, show } from "./dom.js";
import * as api from "./api.js";
import { state } from "./group.js";

export class Compare {
  constructor() {
    this.dialog = $("viewer");
    $("view-prev").addEventListener("click", () => this.step(-1));
    $("view-next").addEventListener("click", () => this.step(1));
    $("view-keep").addEventListener("click", () => this.group.toggle(this.place));
    $("view-close").addEventListener("click", () => this.dialog.close());
    this.dialog.addEventListener("keydown", (e) => {
      const act = { ArrowLeft: () => this.step(-1), ArrowRight: () => this.step(1), x: () => this.group.toggle(this.place), z: () => this.dialog.close() }[e.key];
      if (!act) return;
      e.preventDefault();
      e.stopPropagation();
      act();
    });
    this.dialog.addEventListener("close", () => this.group.focus());
  }

  open(group, place) {
    this.group = group;
    this.place = place;
    this.draw();
    if (!this.dialog.open) this.dialog.showModal();
  }

  step(by) {
    this.place = (this.place + by + this.group.tiles.length) % this.group.tiles.length;
    this.group.stop(this.place);
    this.draw();
  }

  refresh(group) { if (this.dialog.open && this.group === group) this.draw(); }

  draw() {
    const { group } = this, p = group.pictures[this.place];
    $("large").hidden = $("view-original").hidden = Boolean(p.gone);
    if (!p.gone) {
      $("large").src = api.thumb(group.index, p.key, 1024);
      $("view-original").href = api.original(group.index, p.key);
    }
    $("large").alt = show(p.caption || p.name);
    $("view-name").textContent = show(p.name);
    $("view-place").textContent = `${count(this.place + 1)} of ${count(group.pictures.length)} in group ${count(group.number + 1)}`;
    state($("view-keep"), p.stays, show(p.name));
    const rows = [["Path", p.path && show(p.path)], ["Caption", p.caption && show(p.caption)], ["Score", p.score ? p.score.toFixed(4) : ""],
      ["Size", p.size ? `${bytes(p.size)} (${count(p.size)} bytes)` : ""], ["Date", p.modified && new Date(p.modified).toLocaleString()], ["Reason", p.why && show(p.why)]];
    const lost = $("view-facts").contains(document.activeElement);
    $("view-facts").replaceChildren(...described(rows));
    if (lost) $("view-keep").focus(); // keys work while the focus is in the dialog
  }
}
