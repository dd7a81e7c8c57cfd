// Everything by keyboard.
import * as closer from "./closer.js";
import { $ } from "./dom.js";
import * as results from "./results.js";

const isTyping = (target) => target.matches?.("input:not([type='checkbox']), textarea, select");

export function listen({ undo, random, goOn, more, less }) {
  const onResult = { g: goOn, m: more, n: less };
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (isTyping(event.target)) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (document.querySelector("dialog[open]")) return;
    if (results.moveFocus(event.key)) {
      event.preventDefault();
      return;
    }
    const picture = results.pictures().find((one) => one.id === results.isFocused());
    const key = event.key.toLowerCase();
    if (picture && onResult[key] && !document.querySelector(".grid.is-start")) {
      event.preventDefault(); // going on moves the focus to the words, and the letter would be typed there
      onResult[key](picture);
    } else if (key === "/") { event.preventDefault(); $("words").focus(); }
    else if (key === "u") undo();
    else if (key === "r") { event.preventDefault(); random(); }
    else if (key === "o") $("file").click();
    else if (key === "?") $("help").showModal();
    else if (key === "arrowdown" && event.target === document.body) { event.preventDefault(); results.focusFirst(); }
  });
  for (const button of document.querySelectorAll("[data-close]")) button.addEventListener("click", () => button.closest("dialog").close());
  $("help").addEventListener("click", (event) => { if (event.target === $("help")) $("help").close(); });
  $("help-open").addEventListener("click", () => $("help").showModal());
  return closer;
}
