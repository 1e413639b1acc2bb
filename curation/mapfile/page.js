"use strict";
const data = JSON.parse(document.getElementById("content").textContent);
const $ = (id) => document.getElementById(id);
const canvas = $("map"), context = canvas.getContext("2d");
const n = data.x.length;
const style = getComputedStyle(document.documentElement);
const palette = [0, 1, 2, 3, 4, 5].map((i) => style.getPropertyValue("--s" + i).trim());
const soft = style.getPropertyValue("--soft").trim();

// The view: a point (x, y) of the map is drawn at (x * scale + left, top - y * scale).
let scale = 1, left = 0, top_ = 0, width = 0, height = 0;
let moved = false, selecting = false, lasso = null, chosen = null, matches = null, shown = 60;

function size() {
  const ratio = window.devicePixelRatio || 1;
  width = canvas.clientWidth;
  height = canvas.clientHeight;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
}

function fit() {
  let x0 = Infinity, x1 = -Infinity, y0 = Infinity, y1 = -Infinity;
  for (let i = 0; i < n; i++) {
    x0 = Math.min(x0, data.x[i]);
    x1 = Math.max(x1, data.x[i]);
    y0 = Math.min(y0, data.y[i]);
    y1 = Math.max(y1, data.y[i]);
  }
  scale = 0.92 * Math.min(width / Math.max(x1 - x0, 1e-6), height / Math.max(y1 - y0, 1e-6));
  left = width / 2 - scale * (x0 + x1) / 2;
  top_ = height / 2 + scale * (y0 + y1) / 2;
}

const screenX = (i) => data.x[i] * scale + left, screenY = (i) => top_ - data.y[i] * scale;

function color(i) {
  const by = $("color").value;
  if (by === "folder") return palette[data.folder[i] % palette.length];
  if (by === "group" && data.group[i] > 0) return palette[(data.group[i] - 1) % palette.length];
  return by === "none" ? palette[0] : soft;
}

const inside = (i) => (!chosen || chosen.has(i)) && (!matches || matches.has(i));

let waiting = false;
function draw() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    context.clearRect(0, 0, width, height);
    const radius = Math.max(1.5, Math.min(7, 20 / Math.sqrt(n) * Math.sqrt(scale)));
    for (const lit of [false, true]) {
      context.globalAlpha = lit ? 0.85 : 0.12;
      for (let i = 0; i < n; i++) {
        if (inside(i) !== lit) continue;
        const x = screenX(i), y = screenY(i);
        if (x < -9 || y < -9 || x > width + 9 || y > height + 9) continue;
        context.fillStyle = color(i);
        context.beginPath();
        context.arc(x, y, radius, 0, 7);
        context.fill();
      }
    }
    context.globalAlpha = 1;
    if (lasso) {
      context.strokeStyle = palette[1];
      context.lineWidth = 2;
      context.beginPath();
      lasso.forEach(([x, y], k) => (k ? context.lineTo(x, y) : context.moveTo(x, y)));
      context.stroke();
    }
  });
}

function current() {
  const out = [];
  for (let i = 0; i < n; i++) if (inside(i)) out.push(i);
  return out;
}

function list() {
  const rows = current();
  $("count").textContent = rows.length === n ? n + " pictures" : rows.length + " of " + n + " pictures";
  const items = rows.slice(0, shown).map((i) => {
    const item = document.createElement("li"), link = document.createElement(data.links[i] ? "a" : "div");
    if (data.links[i]) {
      link.href = data.links[i];
      const picture = document.createElement("img");
      picture.loading = "lazy";
      picture.alt = data.captions[i] || data.names[i];
      picture.src = data.links[i];
      link.append(picture);
    }
    const name = document.createElement("span");
    name.textContent = data.names[i].split("/").pop();
    name.title = data.names[i];
    link.append(name);
    item.append(link);
    return item;
  });
  $("list").replaceChildren(...items);
  $("more").hidden = rows.length <= shown;
}

function zoom(by, x, y) {
  moved = true;
  left = x - (x - left) * by;
  top_ = y - (y - top_) * by;
  scale *= by;
  draw();
}

function nearest(x, y) {
  let best = -1, least = 14 * 14;
  for (let i = 0; i < n; i++) {
    const dx = screenX(i) - x, dy = screenY(i) - y, d = dx * dx + dy * dy;
    if (d < least && inside(i)) [best, least] = [i, d];
  }
  return best;
}

let tip = null;
function point(event, x, y) {
  const i = nearest(x, y);
  if (tip) tip.remove();
  tip = null;
  if (i < 0) return;
  tip = document.createElement("div");
  tip.className = "tip";
  if (data.links[i]) {
    const picture = document.createElement("img");
    picture.alt = "";
    picture.src = data.links[i];
    tip.append(picture);
  }
  const words = document.createElement("div");
  words.textContent = data.names[i] + (data.captions[i] ? ": " + data.captions[i] : "");
  tip.append(words);
  document.body.append(tip);
  tip.style.left = Math.min(event.clientX + 14, window.innerWidth - tip.offsetWidth - 8) + "px";
  tip.style.top = Math.min(event.clientY + 14, window.innerHeight - tip.offsetHeight - 8) + "px";
}

// within reports whether a point is inside a polygon, by the number of edges to its right.
function within(polygon, x, y) {
  let odd = false;
  for (let a = 0, b = polygon.length - 1; a < polygon.length; b = a++) {
    const [xa, ya] = polygon[a], [xb, yb] = polygon[b];
    if (ya > y !== yb > y && x < (xb - xa) * (y - ya) / (yb - ya) + xa) odd = !odd;
  }
  return odd;
}

const fingers = new Map();
canvas.addEventListener("pointerdown", (e) => {
  canvas.setPointerCapture(e.pointerId);
  fingers.set(e.pointerId, [e.offsetX, e.offsetY]);
  if (selecting && fingers.size === 1) lasso = [[e.offsetX, e.offsetY]];
});
canvas.addEventListener("pointermove", (e) => {
  const before = fingers.get(e.pointerId);
  if (!before) {
    if (e.pointerType === "mouse") point(e, e.offsetX, e.offsetY);
    return;
  }
  if (lasso && fingers.size === 1) {
    lasso.push([e.offsetX, e.offsetY]);
  } else if (fingers.size === 1) {
    moved = true;
    left += e.offsetX - before[0];
    top_ += e.offsetY - before[1];
  } else {
    const other = [...fingers].find(([id]) => id !== e.pointerId)[1];
    const was = Math.hypot(before[0] - other[0], before[1] - other[1]), is = Math.hypot(e.offsetX - other[0], e.offsetY - other[1]);
    if (was > 0 && is > 0) zoom(is / was, other[0], other[1]);
  }
  fingers.set(e.pointerId, [e.offsetX, e.offsetY]);
  draw();
});
function lift(e) {
  if (fingers.delete(e.pointerId) && lasso) {
    chosen = new Set();
    for (let i = 0; i < n; i++) if (within(lasso, screenX(i), screenY(i))) chosen.add(i);
    lasso = null;
    shown = 60;
    list();
  } else if (e.pointerType !== "mouse") {
    point(e, e.offsetX, e.offsetY);
  }
  draw();
}
canvas.addEventListener("pointerup", lift);
canvas.addEventListener("pointercancel", lift);
canvas.addEventListener("pointerleave", () => {
  if (tip) tip.remove();
  tip = null;
});
canvas.addEventListener("wheel", (e) => {
  e.preventDefault();
  zoom(Math.exp(-e.deltaY / 400), e.offsetX, e.offsetY);
}, { passive: false });
canvas.addEventListener("keydown", (e) => {
  const moves = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] }[e.key];
  if (moves) {
    moved = true;
    left += moves[0];
    top_ += moves[1];
  } else if (e.key === "+" || e.key === "=") zoom(1.25, width / 2, height / 2);
  else if (e.key === "-") zoom(0.8, width / 2, height / 2);
  else return;
  e.preventDefault();
  draw();
});

$("select").addEventListener("click", () => {
  selecting = !selecting;
  $("select").setAttribute("aria-pressed", selecting);
  $("state").textContent = selecting ? "Draw a line around pictures." : "Drag to move, turn the wheel or pinch to zoom, point at a picture to see it.";
});
$("all").addEventListener("click", () => {
  chosen = matches = null;
  $("find").value = "";
  shown = 60;
  moved = false;
  fit();
  draw();
  list();
});
$("find").addEventListener("input", () => {
  const words = $("find").value.toLowerCase();
  matches = words ? new Set() : null;
  for (let i = 0; words && i < n; i++) if ((data.names[i] + " " + data.captions[i]).toLowerCase().includes(words)) matches.add(i);
  shown = 60;
  draw();
  list();
});
$("more").addEventListener("click", () => {
  shown += 120;
  list();
});
$("copy").addEventListener("click", () => navigator.clipboard.writeText(current().map((i) => data.names[i]).join("\n")));
$("save").addEventListener("click", () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([current().map((i) => data.names[i] + "\n").join("")], { type: "text/plain" }));
  link.download = "pictures.txt";
  link.click();
  URL.revokeObjectURL(link.href);
});

for (const [value, words] of [["group", "group"], ["folder", "folder"], ["none", "nothing"]]) {
  if (value === "group" && data.groups.length < 2 || value === "folder" && data.folders.length < 2) continue;
  $("color").add(new Option(words, value));
}
$("color").addEventListener("change", draw);
new ResizeObserver(() => {
  size();
  if (!moved) fit();
  draw();
}).observe(canvas);
list();
