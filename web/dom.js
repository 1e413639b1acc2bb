// Small helpers. Text from an index is only ever set as text, never as HTML.

export const $ = (id) => document.getElementById(id);

// el makes an element; properties are set as they are, and children are elements or texts.
export function el(tag, properties = {}, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role" || name === "for") e.setAttribute(name, value);
    else e[name] = value;
  }
  e.append(...children);
  return e;
}

// described are rows of a name and a value as the content of a dl; rows without a value are left out. A long value scrolls by itself, and
// is a tab stop: the keyboard can't scroll it otherwise.
export function described(rows) {
  return rows.filter(([, value]) => value).flatMap(([name, value]) =>
    [el("dt", {}, name), el("dd", value.length > 100 ? { tabIndex: 0 } : {}, value)]);
}

export const count = (n) => n.toLocaleString();

export function bytes(n) {
  if (!n) return "";
  for (const unit of ["bytes", "KB", "MB", "GB"]) {
    if (n < 1000) return `${n < 10 && unit !== "bytes" ? n.toFixed(1) : Math.round(n)} ${unit}`;
    n /= 1000;
  }
  return "";
}

// show makes characters that would change the order of the text around them, or hide something, visible as a box.
export const show = (text) => text.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g, "\u25a1");

export function say(text) { $("says").textContent = text; }

export function problem(text) {
  $("problem").hidden = !text;
  $("problem").textContent = text;
}

// save offers a file for download.
export function save(name, type, ...parts) {
  const link = el("a", { href: URL.createObjectURL(new Blob(parts, { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
