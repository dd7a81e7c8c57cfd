// Telling people: short messages that go away, a notice that stays, and words for screen readers.
import { $, h, icon } from "./dom.js";

const SECONDS = 5;

export function toast(text) {
  const shown = h("div", { class: "toast" }, icon("check"), h("span", {}, text));
  $("toasts").append(shown);
  setTimeout(() => shown.remove(), SECONDS * 1000);
}

export function notice(title, text, { isBad = false, action = null } = {}) {
  const button = action && h("button", { class: "quiet", type: "button", onclick: action.run }, action.label);
  $("notice").replaceChildren(icon("warn"), h("div", {}, h("strong", {}, title), text && h("p", {}, text)), ...(button ? [button] : []));
  $("notice").classList.toggle("is-bad", isBad);
  $("notice").hidden = false;
}

export function noNotice() {
  $("notice").hidden = true;
}

export function announce(text) {
  $("live").textContent = text;
}
