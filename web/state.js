// What is searched for. It is kept in the address, with the same parameters as api/search has, so that links and the back button work.

const filters = ["folder", "text", "after", "before", "min_size", "max_size", "camera", "taken_after", "taken_before", "near"];

export const empty = () => ({ index: "", words: "", chips: [], in: "pictures", min_z: null, filters: {} });

// A part of a query: kind is q, like or picture, and weight is negative for a minus.
export const chip = (kind, value, weight = 1, label = "") => ({ kind, value, weight, label });

const weighted = (c) => `${c.weight < 0 ? "-" : "+"}${Math.abs(c.weight)}:${c.value}`;

// split reads a sign and a weight in front of a part.
export function split(text) {
  const m = /^([+-])\s*(?:((?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?):)?\s*(.*)$/is.exec(text.trim());
  if (!m || !m[3]) return null;
  return { weight: (m[1] === "-" ? -1 : 1) * (m[2] ? Number(m[2]) : 1), value: m[3] };
}

export function params(s) {
  const p = new URLSearchParams();
  if (s.index) p.set("index", s.index);
  if (s.words.trim()) p.append("q", s.words.trim());
  for (const c of s.chips) p.append(c.kind, weighted(c));
  if (s.in !== "pictures") p.set("in", s.in);
  if (s.min_z !== null) p.set("min_z", s.min_z);
  for (const name of filters) if (s.filters[name]) p.set(name, s.filters[name]);
  return p;
}

export function parse(query) {
  const p = new URLSearchParams(query), s = empty();
  s.index = p.get("index") || "";
  for (const kind of ["q", "like", "picture"]) {
    for (const value of p.getAll(kind)) {
      const part = split(value);
      if (part) s.chips.push(chip(kind, part.value, part.weight));
      else if (kind !== "q") s.chips.push(chip(kind, value));
      else if (!s.words) s.words = value;
      else s.chips.push(chip("q", value));
    }
  }
  if (p.get("in") === "captions") s.in = "captions";
  if (p.has("min_z") && Number.isFinite(Number(p.get("min_z")))) s.min_z = Number(p.get("min_z"));
  for (const name of filters) if (p.get(name)) s.filters[name] = p.get(name);
  return s;
}

export const isEmpty = (s) => !s.words.trim() && s.chips.length === 0;
