// The page of clipgo's server.
import { $, el, count, problem } from "./dom.js";
import * as api from "./api.js";
import * as state from "./state.js";
import { Results } from "./results.js";
import { Selection } from "./select.js";
import { Viewer } from "./viewer.js";
import { Query } from "./query.js";
import { Filters } from "./filters.js";
import { help, theme } from "./theme.js";

const pause = 250; // milliseconds without a key before a search

let indexes = [];
let timer = 0;
let current = null; // the address of the results that are shown
let ready = false; // the indexes are known; what is typed before is searched for then

const results = new Results({ open: (hit) => viewer.open(hit), similar, select: (hit, extend) => selection.toggle(hit, extend), again: () => run(false) });
const selection = new Selection(results);
const query = new Query((now) => changed(now));
const filters = new Filters((now) => changed(now));
const viewer = new Viewer(results, { similar, near: (latitude, longitude) => { filters.near(latitude, longitude); changed(true); }, part: (blob) => send([new File([blob], "part", { type: blob.type })], true) });

const index = () => $("index").value || indexes[0]?.name || "";

function read() {
  const s = state.empty();
  if ($("index").options.length > 1) s.index = index();
  s.words = query.words();
  s.chips = query.chips;
  s.in = $("in").value;
  s.min_z = filters.cut();
  s.filters = filters.read();
  return s;
}

// changed searches after a pause, or at once. A search that is typed replaces the entry in the history of the one before; others add one.
function changed(now) {
  clearTimeout(timer);
  if (ready) timer = setTimeout(() => run(now), now ? 0 : pause);
}

async function run(push, want, top = true) {
  const s = read(), params = state.params(s), address = `?${params}`;
  if (address !== current) {
    remember();
    history[push && current !== null ? "pushState" : "replaceState"]({}, "", params.size ? address : location.pathname);
  }
  current = address;
  document.title = state.isEmpty(s) ? "clipgo search" : `${s.words || s.chips.map((c) => c.label || c.value).join(", ")} - clipgo`;
  problem("");
  try {
    const got = await results.search(params, want);
    if (!got) return;
    if (got.cut) problem(`The model reads only the beginning of: ${got.cut.join(", ")}`);
    filters.levels(got, state.isEmpty(s));
    selection.show();
    if (top && scrollY > $("results").offsetTop) scrollTo(0, 0);
  } catch (e) {
    if (e.name !== "AbortError") problem(e.message);
  }
}

// remember keeps the place in the entry of the history that is left.
function remember() {
  history.replaceState({ y: scrollY, shown: results.hits.length }, "");
}

// fill writes what an address says into the fields.
function fill(s) {
  query.set(s.words, s.chips, index() || s.index);
  $("in").value = s.in;
  filters.write(s);
}

// restore shows what an address says, at the place where it was left.
async function restore(place) {
  clearTimeout(timer);
  const s = state.parse(location.search), before = index();
  $("index").value = s.index || indexes[0]?.name || "";
  if (index() !== before) chosenIndex();
  fill(s);
  current = `?${state.params(read())}`;
  await run(false, place?.shown, false);
  if (place?.y !== undefined) scrollTo(0, place.y);
}

// begin searches for what the fields have: what the address says, unless something was typed since.
async function begin(place) {
  const asked = state.params(state.parse(location.search)), now = read();
  ready = true;
  asked.delete("index");
  const same = `${asked}` === `${state.params({ ...now, index: "" })}`;
  if (same) current = `?${state.params(now)}`;
  await run(false, same ? place?.shown : undefined, false);
  if (same && place?.y !== undefined) scrollTo(0, place.y);
}

// similar searches for pictures like some results, or adds them as a minus.
function similar(hits, weight = 1) {
  const chips = hits.map((h) => state.chip("like", h.key, weight, h.caption || h.name));
  if (weight < 0) query.set($("text").value, [...query.chips, ...chips], index());
  else query.set("", chips, index());
  selection.clear();
  changed(true);
  $("results").focus({ preventScroll: true });
}

async function send(files, alone) {
  const pictures = [...files].filter((f) => f.type.startsWith("image/"));
  if (!pictures.length) return problem("That is no picture.");
  try {
    await query.send(index(), pictures, alone);
  } catch (e) {
    problem(e.message);
  }
}

// pasted takes an address that isn't pasted into other text.
function pasted(e) {
  const text = e.clipboardData?.getData("text/plain") || "", field = e.target.closest?.("input, textarea, select, dialog");
  if (!query.address(text) || field && (field !== $("text") || field.value)) return;
  e.preventDefault();
  query.fetch(text);
}

function pictures() {
  $("file").addEventListener("change", () => { send($("file").files, false); $("file").value = ""; });
  addEventListener("paste", (e) => { if (e.clipboardData?.files.length) { e.preventDefault(); send(e.clipboardData.files, false); } else pasted(e); });
  const files = (e) => [...(e.dataTransfer?.types || [])].includes("Files");
  addEventListener("dragover", (e) => { if (files(e)) { e.preventDefault(); $("drop").hidden = false; } });
  addEventListener("dragleave", (e) => { if (!e.relatedTarget) $("drop").hidden = true; });
  addEventListener("drop", (e) => {
    $("drop").hidden = true;
    if (files(e)) { e.preventDefault(); send(e.dataTransfer.files, false); }
  });
}

function keys() {
  addEventListener("keydown", (e) => {
    const typing = e.target.closest("input:not([type=checkbox]), select, textarea, dialog");
    if (e.key === "Escape" && e.target === $("text")) $("grid").querySelector("[tabindex='0']")?.focus();
    if (typing || e.ctrlKey || e.metaKey || e.altKey) return;
    if (e.key === "/") { $("text").focus(); $("text").select(); e.preventDefault(); }
    if (e.key === "?") $("help").showModal();
    if (e.key === "Escape") selection.clear();
  });
}

async function chosenIndex() {
  const about = indexes.find((i) => i.name === index());
  $("model").textContent = about ? `${count(about.pictures)} pictures${about.model ? `, model ${about.model}` : ""}` : "";
  $("in").closest("label").hidden = !about?.captions;
  $("duplicates").hidden = !about?.duplicates;
  $("duplicates").href = `review?${new URLSearchParams({ duplicates: index() })}`;
  query.index = index();
  await filters.offer(index());
}

async function start() {
  theme();
  help();
  pictures();
  keys();
  history.scrollRestoration = "manual";
  $("in").addEventListener("change", () => changed(true));
  $("similar-all").addEventListener("click", () => similar([...selection.chosen.values()]));
  $("named-all").addEventListener("click", () => { filters.only($("text").value || query.chips[0]?.value || ""); changed(true); });
  $("index").addEventListener("change", () => { query.chips = query.chips.filter((c) => c.kind === "q"); query.show(); selection.clear(); chosenIndex(); changed(true); });
  const place = history.state;
  fill(state.parse(location.search)); // before anything is waited for: what is typed meanwhile stays
  addEventListener("popstate", (e) => { if (ready) restore(e.state); else fill(state.parse(location.search)); });
  let stopped = 0;
  addEventListener("scroll", () => { clearTimeout(stopped); stopped = setTimeout(remember, 150); }, { passive: true });
  try {
    await api.login();
    const about = await api.indexes();
    indexes = about.indexes;
    query.allow(about.fetches);
  } catch (e) {
    return problem(e.message);
  }
  const asked = state.parse(location.search).index, names = indexes.map((i) => i.name);
  if (asked && !names.includes(asked)) names.push(asked); // the server says that there is no such index
  $("index").replaceChildren(...names.map((name) => el("option", { value: name }, name)));
  $("index").closest("label").hidden = names.length < 2;
  if (asked) $("index").value = asked;
  api.reviews().then((got) => { $("review").hidden = !got.reviews.length; }, () => {}); // the page works without
  const known = chosenIndex();
  if (!$("filters").hidden) await known; // filters that come later would move the results, perhaps from under a click
  await Promise.all([known, begin(place)]);
}

start();
