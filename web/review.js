// The page in which people decide which pictures of a list stay. Each decision is saved before it is shown as one.
import { $, count, problem, say } from "./dom.js";
import * as api from "./api.js";
import { help, theme } from "./theme.js";
import { Group } from "./group.js";
import { Compare } from "./compare.js";
import { Duplicates, List } from "./duplicates.js";

const page = 20;

let lists = []; // List and Duplicates, in the order of the choice
let groups = []; // Group, in the order of the page
let next = 0, loading = false, generation = 0;
let at = null; // the Group that keys are about

let view; // of the list: it has the groups that the page shows
const list = () => lists[$("list").value];
const compare = new Compare();

// about shows how far the review is.
function about(r) {
  say(`${count(r.groups - r.open)} of ${count(r.groups)} groups decided. ${count(r.kept)} pictures stay, ${count(r.dropped)} are dropped. ${view.saved(r)}`);
  $("done").max = Math.max(r.groups, 1);
  $("done").value = r.groups - r.open;
}

async function more() {
  if (loading || next < 0) return;
  const mine = generation, from = view;
  loading = true;
  try {
    const got = await from.groups(next, page, $("open").checked);
    if (mine !== generation) return;
    const added = got.groups.map((g) => new Group(g, got.review.index, { decide: (group, stay) => decide(from, group, stay), large: (group, i) => compare.open(group, i), focus: (group) => { at = group; } }));
    groups.push(...added);
    $("list-of-groups").append(...added.map((g) => g.element));
    next = got.next;
    at ??= groups[0];
    about(got.review);
    $("end").textContent = next >= 0 ? "" : groups.length ? "These are all." : $("open").checked ? "Every group is decided." : "There are no groups.";
  } catch (e) {
    problem(e.message);
    next = mine === generation ? -1 : next;
  } finally {
    if (mine === generation) loading = false; // what a list before this one asked for may end later
  }
  watcher.unobserve($("end"));
  watcher.observe($("end")); // it may still be in sight
}

const watcher = new IntersectionObserver((seen) => { if (seen.some((s) => s.isIntersecting)) more(); }, { rootMargin: "1500px" });

async function show() {
  generation++;
  groups = [];
  next = 0;
  loading = false;
  at = null;
  $("list-of-groups").replaceChildren();
  $("end").textContent = "";
  problem("");
  const mine = generation, alike = list() instanceof Duplicates;
  $("alike").hidden = !alike;
  const params = new URLSearchParams(lists.length > 1 || alike ? list().params : {});
  if (!$("open").checked) params.set("all", "1");
  history.replaceState(null, "", params.size ? `?${params}` : location.pathname);
  loading = true; // nothing is asked for before there is something
  try {
    if (!await list().begin(() => mine === generation)) return;
  } catch (e) {
    if (mine === generation) problem(e.message);
    return;
  }
  view = list().view();
  loading = false;
  await more();
}

// decide saves a decision; null takes one back. Decisions about a group follow each other, so that quick keys don't pass each other.
function decide(from, group, stay) {
  group.queue = (group.queue || Promise.resolve()).then(async () => {
    try {
      const got = await from.decide(group.number, group.version, typeof stay === "function" ? stay(group) : stay);
      group.set(got.group);
      if (from === view) about(got.review);
      problem("");
    } catch (e) {
      problem(e.message);
      const now = await from.groups(group.number, 1, false).catch(() => null); // as somebody else decided, or as it was
      if (now?.groups[0]?.number === group.number) {
        group.set(now.groups[0]);
        if (from === view) about(now.review);
      }
    }
    compare.refresh(group);
  });
  return group.queue;
}

function go(step) {
  const to = groups[groups.indexOf(at) + step];
  if (to) to.focus();
  else if (step > 0) more();
}

// following is the next group that nobody has decided about.
async function following(group) {
  const from = groups.indexOf(group) + 1;
  let to = groups.slice(from).find((g) => !g.decided);
  if (!to && next >= 0) {
    await more();
    to = groups.slice(from).find((g) => !g.decided);
  }
  (to || group).focus();
}

function keys() {
  addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.target.closest("input:not([type=checkbox]), select, dialog")) return;
    if (e.key === "?") $("help").showModal();
    if (!at) return;
    const act = { ArrowDown: () => go(1), ArrowUp: () => go(-1), ArrowRight: () => at.step(1), ArrowLeft: () => at.step(-1), x: () => at.toggle(),
      c: () => { const g = at; g.confirm(); following(g); }, a: () => { const g = at; g.keepAll(); following(g); }, u: () => at.undo(), z: () => compare.open(at, at.place) }[e.key];
    if (!act) return;
    e.preventDefault();
    act();
  });
}

async function start() {
  theme();
  help();
  keys();
  watcher.observe($("end"));
  $("list").addEventListener("change", show);
  $("open").addEventListener("change", show);
  $("threshold").addEventListener("input", () => list().counts());
  $("threshold").addEventListener("change", show);
  $("same").addEventListener("change", show);
  $("export").addEventListener("click", () => list().export());
  try {
    await api.login();
    const [files, all] = await Promise.all([api.reviews(), api.indexes()]);
    lists = [...files.reviews.map((r) => new List(r)), ...all.indexes.filter((i) => i.duplicates).map((i) => new Duplicates(i.name))];
  } catch (e) {
    return problem(e.message);
  }
  if (!lists.length) return problem("There is no list to review. Start the server with one: clipgo dedup --index DIR --out keep.csv, and then clipgo serve --index DIR --review keep.csv");
  $("list").replaceChildren(...lists.map((l, i) => new Option(l.title, i)));
  const params = new URLSearchParams(location.search);
  const asked = params.has("duplicates") ? lists.findIndex((l) => l instanceof Duplicates && l.index === params.get("duplicates"))
    : lists.findIndex((l) => l.about?.name === params.get("name"));
  if (asked >= 0) $("list").value = asked;
  if (params.get("threshold") > 0) $("threshold").value = params.get("threshold");
  $("same").checked = params.get("threshold") === "0";
  $("open").checked = !params.has("all");
  await show();
}

start();
