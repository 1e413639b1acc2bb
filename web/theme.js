// Dark or light: as the system prefers, or as the button was last used.
import { $ } from "./dom.js";

export function theme() {
  const dark = () => document.documentElement.dataset.theme === "dark" ||
    !document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches;
  const kept = localStorage.getItem("theme");
  if (kept) document.documentElement.dataset.theme = kept;
  $("theme").addEventListener("click", () => {
    document.documentElement.dataset.theme = dark() ? "light" : "dark";
    localStorage.setItem("theme", document.documentElement.dataset.theme);
  });
}

// help opens the list of keys.
export function help() {
  $("help-open").addEventListener("click", () => $("help").showModal());
  $("help-close").addEventListener("click", () => $("help").close());
}
