// Draws the emoji of one artist as pictures with labels: node artists.js SET LIST OUT [NAMES], where SET is a package @iconify-json/SET that
// can be required from the current folder, LIST has a line "U+1F600 grinning face" for each class, and OUT is the folder to write. NAMES is
// another such package: it says which code point an icon's name stands for, if SET doesn't. OUT then has
// labels.csv (filepath, label), classnames.txt with all classes of LIST, and pictures of 72 x 72 pixels on white. A class that the
// artist hasn't drawn has no picture, but stays among the names to choose from.
"use strict";
const fs = require("fs");
const path = require("path");
const { createRequire } = require("module");

const [set, list, out, names = set] = process.argv.slice(2);
if (!out) {
  console.error("usage: node artists.js SET LIST OUT [NAMES]");
  process.exit(2);
}
const from = createRequire(path.join(process.cwd(), "package.json"));
const icons = from(`@iconify-json/${set}/icons.json`);
const chars = from(`@iconify-json/${names}/chars.json`); // hexadecimal code points, joined by "-", to names of icons
const { Resvg } = from("@resvg/resvg-js");

const side = 72;

// svg is the drawing of a code point, or nothing. U+FE0F asks for the coloured form of a character and may be part of its key.
function svg(code) {
  const name = chars[code] ?? chars[`${code}-fe0f`];
  const icon = icons.icons[name] ?? icons.icons[icons.aliases?.[name]?.parent];
  if (!icon) return null;
  const box = [icon.left ?? 0, icon.top ?? 0, icon.width ?? icons.width ?? 16, icon.height ?? icons.height ?? 16];
  return `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="${box.join(" ")}">${icon.body}</svg>`;
}

const classes = fs.readFileSync(list, "utf8").trimEnd().split("\n").map((line) => {
  const [, code, name] = /^U\+([0-9A-F]+) (.+)$/.exec(line);
  return { code: code.toLowerCase(), name };
});
fs.mkdirSync(path.join(out, "pics"), { recursive: true });
const rows = ["filepath,label"];
classes.forEach(({ code }, label) => {
  const drawing = svg(code);
  if (!drawing) return;
  const picture = new Resvg(drawing, { background: "white", fitTo: { mode: "width", value: side }, font: { loadSystemFonts: false } }).render();
  fs.writeFileSync(path.join(out, "pics", `${code}.png`), picture.asPng());
  rows.push(`pics/${code}.png,${label}`);
});
fs.writeFileSync(path.join(out, "classnames.txt"), classes.map((c) => c.name + "\n").join(""));
fs.writeFileSync(path.join(out, "labels.csv"), rows.join("\n") + "\n");
console.error(`${set}: ${rows.length - 1} pictures of ${classes.length} classes in ${out}`);
