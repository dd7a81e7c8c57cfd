// The grid: tiles that keep their element from one answer to the next, and move to their new places.
import { image, thumbnail } from "./api.js";
import { $, h, icon } from "./dom.js";

const grid = $("grid");
const still = matchMedia("(prefers-reduced-motion: reduce)");
let tiles = new Map();
let shown = [];
let acts = {};

/** open, goOn, more, less: called with a picture. */
export const whenActed = (handlers) => { acts = handlers; };
export const pictures = () => shown;
export const isFocused = () => document.activeElement?.closest(".tile")?.dataset.id;

/** Show pictures; `isStart` where there is no query yet and each is an invitation. */
export function show(list, { isStart = false, marks = { more: [], less: [] } } = {}) {
  const before = new Map([...tiles].map(([id, tile]) => [id, tile.getBoundingClientRect()]));
  const focused = isFocused();
  const place = shown.findIndex((picture) => picture.id === focused);
  const wasStart = grid.classList.contains("is-start");
  grid.classList.toggle("is-start", isStart);
  grid.classList.remove("is-stale");
  const kept = new Map();
  shown = list;
  list.forEach((picture, number) => {
    const tile = tiles.get(picture.id) || makeTile(picture);
    kept.set(picture.id, tile);
    fill(tile, picture, number, isStart, marks);
  });
  tiles = kept;
  grid.replaceChildren(...kept.values());
  // Where the focused picture is no longer shown, the one in its place has the focus: a keyboard user is not thrown out.
  const active = kept.get(focused) || [...kept.values()][Math.min(Math.max(place, 0), kept.size - 1)];
  if (active) setActive(active, Boolean(focused));
  if (!still.matches && wasStart === isStart) move(before);
}

export function showMarks(marks) {
  for (const [id, tile] of tiles) fillMarks(tile, id, marks);
}

export function showGhosts(count) {
  tiles = new Map();
  shown = [];
  grid.classList.remove("is-start", "is-stale");
  grid.replaceChildren(...Array.from({ length: count }, () => h("li", { class: "ghost", "aria-hidden": "true" })));
}

export function showNothing(iconName, title, text, button) {
  tiles = new Map();
  shown = [];
  grid.classList.remove("is-start", "is-stale");
  grid.replaceChildren(h("li", { class: "nothing" }, icon(iconName), h("strong", {}, title), h("span", {}, text), button && h("div", {}, button)));
}

export const setStale = (isStale) => grid.classList.toggle("is-stale", isStale);

export function focusFirst() {
  grid.querySelector(".tile-open")?.focus();
}

function makeTile(picture) {
  const isTall = picture.width / picture.height;
  const photo = h("img", {
    src: thumbnail(picture.id), alt: "", decoding: "async",
    srcset: `${thumbnail(picture.id)} 192w, ${image(picture.id, 448)} 448w`, sizes: "180px",
    class: isTall < 0.75 || isTall > 1.34 ? "is-wide" : null,
  });
  // A file that has changed or gone since it was indexed still has its small picture in the index.
  photo.addEventListener("error", () => photo.removeAttribute("srcset"), { once: true });
  const act = (name) => (event) => { event.stopPropagation(); acts[name](tile.picture); };
  const tile = h("li", { class: "tile", "data-id": picture.id },
    h("button", { class: "tile-open", type: "button", onclick: act("open") }, photo),
    h("div", { class: "tile-actions" },
      h("button", { class: "on-picture go", type: "button", onclick: act("goOn"), title: "Go on from this (G)" }, icon("go")),
      h("button", { class: "on-picture more", type: "button", onclick: act("more"), title: "More like this (M)" }, icon("more")),
      h("button", { class: "on-picture less", type: "button", onclick: act("less"), title: "Not like this (N)" }, icon("less")),
    ),
    h("p", { class: "tile-text", "aria-hidden": "true" }, h("span", { class: "tile-rank" }), h("span", { class: "tile-name" })),
  );
  tile.addEventListener("focusin", () => setActive(tile, false));
  return tile;
}

function fill(tile, picture, place, isStart, marks) {
  tile.picture = picture;
  const told = titleOf(picture);
  const open = tile.querySelector(".tile-open");
  open.setAttribute("aria-label", isStart ? `Start from ${told}` : `${place + 1}: ${told}. Look closer`);
  tile.querySelector(".tile-rank").textContent = place + 1;
  tile.querySelector(".tile-name").textContent = told;
  tile.querySelector(".tile-name").title = picture.name;
  tile.querySelector(".go").setAttribute("aria-label", `Go on from ${told}`);
  tile.querySelector(".more").setAttribute("aria-label", `More like ${told}`);
  tile.querySelector(".less").setAttribute("aria-label", `Not like ${told}`);
  tile.querySelector(".tile-actions").hidden = isStart;
  fillMarks(tile, picture.id, marks);
}

function fillMarks(tile, id, marks) {
  for (const kind of ["more", "less"]) {
    const isMarked = marks[kind].includes(id);
    tile.classList.toggle(`is-${kind}`, isMarked);
    tile.querySelector(`.${kind}`).setAttribute("aria-pressed", isMarked);
  }
}

let shared = new Set();

/** Name the columns whose values many pictures share: titles begin with the others, which tell pictures apart. */
export function setShared(names) {
  shared = new Set(names);
}

/** A picture in words: what its metadata says of it, else its file's name. */
export function titleOf(picture) {
  const told = Object.entries(picture.values).filter(([, value]) => typeof value === "string" && value.length < 60);
  told.sort(([one], [other]) => shared.has(one) - shared.has(other));
  const words = told.map(([, value]) => value).slice(0, 3);
  return words.length ? words.join(" · ") : picture.name.replace(/\.[a-z0-9]+$/i, "");
}

function setActive(tile, isFocus) {
  for (const other of tiles.values()) {
    const reach = other === tile ? 0 : -1;
    for (const button of other.querySelectorAll("button")) button.tabIndex = reach;
  }
  if (isFocus) tile.querySelector(".tile-open").focus({ preventScroll: true });
}

function move(before) {
  for (const [id, tile] of tiles) {
    const old = before.get(id);
    const fresh = tile.getBoundingClientRect();
    if (!old) {
      tile.animate([{ opacity: 0 }, { opacity: 1 }], { duration: 220, easing: "ease-out" });
    } else if (old.left !== fresh.left || old.top !== fresh.top) {
      const by = `${old.left - fresh.left}px ${old.top - fresh.top}px`;
      tile.animate([{ translate: by }, { translate: "0 0" }], { duration: 320, easing: "cubic-bezier(.2,.7,.2,1)" });
    }
  }
}

/** Move the focus by arrow keys; true where there was something to do. */
export function moveFocus(key) {
  const all = [...tiles.values()];
  const from = all.findIndex((tile) => tile.contains(document.activeElement));
  if (from < 0) return false;
  const columns = getComputedStyle(grid).gridTemplateColumns.split(" ").length;
  const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, Home: -from, End: all.length - 1 - from }[key];
  const to = all[from + by];
  if (!to) return false;
  setActive(to, true);
  to.scrollIntoView({ block: "nearest", behavior: still.matches ? "auto" : "smooth" });
  return true;
}

export function focusOn(id) {
  const tile = tiles.get(id);
  if (tile) setActive(tile, true);
}
