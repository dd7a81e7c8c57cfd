// The query's column: the reference, the words so far, the marks; and the trail above the results.
import { smallUrl, pictureUrl, thumbnail } from "./api.js";
import { $, h, icon } from "./dom.js";
import { goTo, now, state, take } from "./state.js";

export function drawComposer() {
  const step = now();
  drawReference(step.reference);
  $("edits").replaceChildren(...step.edits.map((edit, place) => chip(edit, place)));
  drawMarks(step);
  drawTrail();
  drawWords();
}

export function drawWords() {
  const { reference, edits } = now();
  const words = $("words");
  if (words.value !== state.draft) words.value = state.draft;
  $("apply").disabled = !state.draft.trim();
  let label = "Describe what you are looking for";
  let example = "a red coat with buttons";
  if (reference) [label, example] = edits.length ? ["What else should change?", "without a collar"] : ["What should change?", "in dark red, with long sleeves"];
  else if (edits.length) [label, example] = ["Say more", "with long sleeves"];
  $("words-label").textContent = label;
  words.placeholder = example;
}

function drawReference(reference) {
  $("drop").hidden = Boolean(reference);
  $("chosen").hidden = !reference;
  document.querySelector(".composer").classList.toggle("has-reference", Boolean(reference));
  if (!reference) return;
  const photo = $("chosen-image");
  const url = pictureUrl(reference, 640);
  if (photo.getAttribute("src") !== url) photo.src = url;
  photo.alt = `The reference: ${reference.name || "a picture"}`;
  $("chosen-name").textContent = reference.name || "";
}

function chip(edit, place) {
  const without = () => take({ edits: now().edits.filter((_, other) => other !== place), label: `without “${edit}”`, kind: "words" });
  return h("li", { class: "chip" }, h("span", { title: edit }, edit), h("button", { type: "button", "aria-label": `Remove “${edit}”`, onclick: without }, icon("close")));
}

function drawMarks({ more, less }) {
  $("marks").hidden = !more.length && !less.length;
  const entry = (kind) => (id) => h("li", {}, h("button", {
    type: "button", class: kind, title: "Remove this mark",
    "aria-label": kind === "more" ? "Remove the mark: more like this" : "Remove the mark: not like this",
    onclick: () => take({ [kind]: now()[kind].filter((one) => one !== id), label: "marks", kind: "mark" }),
  }, h("img", { src: thumbnail(id), alt: "" })));
  $("mark-list").replaceChildren(...more.map(entry("more")), ...less.map(entry("less")));
}

function drawTrail() {
  $("trail").hidden = state.steps.length < 2;
  $("steps").replaceChildren(...state.steps.map((step, number) => h("li", {}, h("button", {
    type: "button", class: number > state.at ? "step is-ahead" : "step", onclick: () => goTo(number),
    "aria-current": number === state.at ? "step" : null,
  }, face(step), h("span", {}, step.label)))));
  $("steps").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function face(step) {
  if (step.kind === "picture" || step.kind === "hit" || (step.kind === "shared" && step.reference)) return h("img", { src: smallUrl(step.reference), alt: "" });
  const names = { start: "search", mark: "more" };
  return h("span", { class: "step-icon" }, icon(names[step.kind] || "words"));
}
