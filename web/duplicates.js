// Groups of pictures that are alike, which the server finds when it is asked: the index is compared once, and any threshold then at once.
import { $, count, problem, save, say } from "./dom.js";
import * as api from "./api.js";

// List is what the page reviews: this one is a list of a file.
export class List {
  constructor(r) { this.about = r; }
  get title() { return `${this.about.name} (${count(this.about.open)})`; }
  get params() { return { name: this.about.name }; }
  async begin() { return true; }
  view() { return this; }
  groups(from, limit, open) { return api.review(this.about.name, from, limit, open); }
  decide(group, version, stay) { return api.decide(this.about.name, group, version, stay); }
  saved(r) { return `Saved in ${r.file}.`; }
}

export class Duplicates {
  constructor(index) { this.index = index; }
  get title() { return `Duplicates in ${this.index}`; }
  get params() { return { duplicates: this.index, threshold: this.threshold }; }
  get threshold() { return $("same").checked ? 0 : Number($("threshold").value); }
  get of() { return { index: this.index, snapshot: this.state.snapshot, threshold: this.threshold }; }

  // begin starts the comparison and waits for its end; wanted tells whether anybody still looks. The server ends one that nobody asks about.
  async begin(wanted) {
    this.state = await api.findDuplicates(this.index);
    while (!this.state.done) {
      if (!wanted()) return false;
      say(`Comparing all pictures of ${this.index}: ${Math.floor(100 * this.state.share)} %`);
      $("done").max = 1;
      $("done").value = this.state.share;
      this.state = await api.duplicates(this.index);
    }
    $("threshold").min = this.state.levels[0].threshold; // the field takes a lower value up to it
    this.counts();
    return wanted();
  }

  // counts shows how many groups the threshold has.
  counts() {
    const level = this.state.levels.find((l) => Math.abs(l.threshold - $("threshold").value) < 1e-6);
    const groups = (n) => n === 1 ? "one group" : `${count(n)} groups`;
    $("threshold").disabled = $("same").checked;
    $("threshold-says").textContent = $("same").checked ? groups(this.state.identical)
      : `${Number($("threshold").value).toFixed(3)}: ${groups(level.groups)}, ${count(level.pictures)} pictures`;
  }

  // view has the groups of the present threshold. Numbers of groups are those of one threshold, which may change before a decision is sent.
  view() {
    const of = this.of, why = this.state.why;
    return {
      groups: (from, limit, open) => api.duplicateGroups(of, from, limit, open),
      decide: (group, version, stay) => api.decideDuplicates({ ...of, group, version, stay }),
      saved: (r) => r.file ? `Saved in ${r.file}, which --filter takes.` : `Decisions are not kept: ${why}. Download the list instead.`,
    };
  }

  // export saves the pictures that are dropped as a list that --filter takes.
  async export() {
    try {
      const quoted = (text) => `"${text.replaceAll('"', '""')}"`;
      const { rows } = await api.duplicateList(this.of);
      save(`${this.index}.duplicates.csv`, "text/csv", "path,keep,group,reason\n",
        ...rows.map((r) => [quoted(r.path), r.keep, r.group, quoted(r.reason)].join() + "\n"));
    } catch (e) {
      problem(e.message);
    }
  }
}
