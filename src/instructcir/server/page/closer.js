// A result looked at closely: beside its reference, with its facts, and with what the model looks at.
import { explain, image, pictureUrl } from "./api.js";
import { drawMap } from "./attention.js";
import { $, h, icon } from "./dom.js";
import { focusOn, pictures, titleOf } from "./results.js";
import { bare, modification, now } from "./state.js";

const dialog = $("closer");
let acts = {};
let at = null;
let looking = null;
let showsMap = false;

export const whenActed = (handlers) => { acts = handlers; };
export const isOpen = () => dialog.open;

export function open(picture) {
  at = picture;
  fill();
  if (!dialog.open) dialog.showModal();
  dialog.querySelector(".primary").focus();
}

export function close() {
  dialog.close();
}

export function refresh() {
  if (dialog.open && at) fillMarks();
}

dialog.addEventListener("close", () => {
  looking?.abort();
  focusOn(at?.id);
});
dialog.addEventListener("click", (event) => { if (event.target === dialog) close(); });
dialog.addEventListener("keydown", (event) => {
  if (event.key === "ArrowRight") step(1);
  if (event.key === "ArrowLeft") step(-1);
});

function step(by) {
  const list = pictures();
  const next = list[list.findIndex((one) => one.id === at.id) + by];
  if (next) open(next);
}

function fill() {
  looking?.abort();
  const { reference } = now();
  const panes = [];
  if (reference) panes.push(pane("reference", "Reference", pictureUrl(reference, 1200), "The reference"));
  panes.push(pane("hit", reference ? "Result" : "", image(at.id, 1200), titleOf(at)));
  const place = pictures().findIndex((one) => one.id === at.id);
  dialog.replaceChildren(h("div", { class: "closer-body" },
    h("div", { class: "pictures" },
      h("div", { class: reference ? "pair is-two" : "pair" }, panes),
      h("div", { class: "map-foot" },
        h("button", { class: "quiet", id: "map", type: "button", "aria-pressed": showsMap, onclick: toggleMap }, icon("eye"), "What the model looks at"),
        h("span", { class: "scale", id: "scale", hidden: true }, "less", h("i", {}), "more"),
        h("span", { class: "hint", id: "map-said", role: "status" }),
      ),
    ),
    h("div", { class: "about" },
      h("div", { class: "about-head" },
        h("h2", { id: "closer-name" }, titleOf(at)),
        h("button", { class: "quiet icon-only", type: "button", "aria-label": "Close", onclick: close }, icon("close")),
      ),
      h("div", { class: "about-actions" },
        h("button", { class: "primary", type: "button", onclick: () => { const chosen = at; close(); acts.goOn(chosen); } }, "Go on from this", icon("go")),
        h("div", { class: "pairing" },
          h("button", { class: "quiet is-more", type: "button", onclick: () => acts.more(at) }, icon("more"), "More like it"),
          h("button", { class: "quiet is-less", type: "button", onclick: () => acts.less(at) }, icon("less"), "Not like it"),
        ),
      ),
      h("dl", { class: "facts" }, facts().map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
      h("div", { class: "about-foot" },
        h("span", {}, `${place + 1} of ${pictures().length}`),
        h("span", {},
          h("button", { class: "quiet icon-only", type: "button", "aria-label": "Previous result", disabled: place <= 0, onclick: () => step(-1) }, icon("back")),
          h("button", { class: "quiet icon-only", type: "button", "aria-label": "Next result", disabled: place >= pictures().length - 1, onclick: () => step(1) }, icon("go")),
        ),
      ),
    ),
  ));
  fillMarks();
  if (showsMap) drawMaps();
}

function pane(name, caption, url, alt) {
  return h("figure", { class: "pane", "data-pane": name }, caption && h("figcaption", {}, caption), h("div", { class: "pane-picture" }, h("img", { src: url, alt })));
}

function facts() {
  const found = [];
  if (at.percentile !== undefined) found.push(["nearer than", `${at.percentile.toFixed(1)} % of the gallery`], ["likeness", at.score.toFixed(3)]);
  for (const [name, value] of Object.entries(at.values)) {
    if (value === null || value === "") continue;
    found.push([name.replaceAll("_", " "), typeof value === "boolean" ? (value ? "yes" : "no") : String(value)]);
  }
  found.push(["size", `${at.width} × ${at.height}`], ["file", at.name]);
  if (at.duplicates?.length) found.push(["near-duplicates", String(at.duplicates.length)]);
  return found;
}

function fillMarks() {
  const { more, less } = now();
  dialog.querySelector(".is-more").setAttribute("aria-pressed", more.includes(at.id));
  dialog.querySelector(".is-less").setAttribute("aria-pressed", less.includes(at.id));
}

function toggleMap() {
  showsMap = !showsMap;
  $("map").setAttribute("aria-pressed", showsMap);
  if (showsMap) {
    drawMaps();
    return;
  }
  looking?.abort();
  $("scale").hidden = true;
  $("map-said").textContent = "";
  dialog.querySelectorAll("canvas").forEach((canvas) => canvas.remove());
  dialog.querySelectorAll(".pane img").forEach((photo) => { photo.hidden = false; });
}

async function drawMaps() {
  looking?.abort();
  looking = new AbortController();
  const { signal } = looking;
  const { reference } = now();
  const said = $("map-said");
  said.textContent = "Looking…";
  try {
    const wanted = [["hit", explain({ id: at.id }, "", signal), "without_words", "the result"]];
    if (reference) wanted.unshift(["reference", explain(bare(reference), modification(), signal), modification() ? "with_words" : "without_words", "the reference"]);
    for (const [name, asked, which, what] of wanted) {
      const found = await asked;
      const canvas = await drawMap(found.picture, found[which]);
      if (signal.aborted) return;
      canvas.setAttribute("aria-label", `Where the model looks in ${what}`);
      const place = dialog.querySelector(`[data-pane="${name}"] .pane-picture`);
      place.querySelector("canvas")?.remove();
      place.querySelector("img").hidden = true;
      place.append(canvas);
    }
    $("scale").hidden = false;
    said.textContent = reference && modification() ? "Left: with your words. Right: the picture alone." : "";
  } catch (error) {
    if (error.name === "AbortError") return;
    said.textContent = error.message;
  }
}
