// The page: from what is asked to what is shown.
import * as api from "./api.js";
import * as closer from "./closer.js";
import { drawComposer, drawWords } from "./composer.js";
import { $, drawIcons, h } from "./dom.js";
import { buildFilters, clearFilters, count } from "./filters.js";
import { listen } from "./keys.js";
import { setLimit, whenPicked } from "./pick.js";
import * as results from "./results.js";
import { announce, noNotice, notice, toast } from "./say.js";
import * as asked from "./state.js";

const PAUSE = 180; // milliseconds without a key before results follow
const FIRST = 24;
const MOST = 192;
let facets = [];
let k = FIRST;
let running = null;
let timer = null;
let pool = [];

const plural = (number, one) => `${number.toLocaleString("en")} ${one}${number === 1 ? "" : "s"}`;

async function run() {
  clearTimeout(timer);
  running?.abort();
  running = new AbortController();
  const { signal } = running;
  if (asked.isEmpty()) {
    await showStart();
    return;
  }
  $("progress").classList.add("is-on");
  results.setStale(true);
  if (!results.pictures().length) results.showGhosts(12);
  try {
    const found = await api.search(asked.query(k), signal);
    if (!signal.aborted) showFound(found);
  } catch (error) {
    if (error.name === "AbortError") return;
    showError(error);
  }
  $("progress").classList.remove("is-on");
}

function showFound(found) {
  noNotice();
  $("shuffle").hidden = true;
  const words = asked.modification();
  $("found-title").textContent = titleOf(words);
  if (!found.hits.length) {
    $("found-note").textContent = "";
    const clear = h("button", { class: "quiet", type: "button", onclick: () => clearFilters(facets) }, "Clear filters");
    results.showNothing("filter", "Nothing is left by the filters", "Widen them to see pictures again.", asked.condition() ? clear : null);
    announce("No results");
  } else {
    $("found-note").textContent = `${plural(found.hits.length, "picture")} · ${Math.max(1, Math.round(found.milliseconds))} ms`;
    results.show(found.hits, { marks: asked.now() });
    announce(`${plural(found.hits.length, "result")}, the best: ${results.titleOf(found.hits[0])}`);
    if (!found.matches_well) notice("Nothing here matches well", "The best is no nearer than what is foreign to this gallery. Try other words, or another picture.");
  }
  $("more").hidden = found.hits.length < k || k >= MOST;
}

function titleOf(words) {
  if (words) return `“${words}”`;
  return asked.now().reference ? "Pictures like this one" : "More like what you marked";
}

function showError(error) {
  results.setStale(false);
  if (!results.pictures().length) results.show([]);
  const again = { label: "Try again", run };
  if (error.code === "upload_gone") {
    notice("The picture is no longer kept", "Add it again to go on from here.", { isBad: true, action: { label: "Choose picture", run: () => $("file").click() } });
  } else if (error.code === "unreachable") {
    notice("The server does not answer", "Is it still running? Your search is kept.", { isBad: true, action: again });
  } else if (error.status === 503 || error.status === 504) {
    notice("The server is busy", "It has all it can do at the moment.", { isBad: true, action: again });
  } else {
    notice("This search could not be done", error.message || "", { isBad: true, action: again });
  }
}

async function showStart() {
  noNotice();
  $("found-title").textContent = "Start with a picture or a few words";
  $("more").hidden = true;
  if (!pool.length) await fillPool();
  $("progress").classList.remove("is-on");
  if (!asked.isEmpty()) return;
  $("shuffle").hidden = !pool.length;
  $("found-note").textContent = pool.length ? "or pick one of these" : "";
  if (pool.length) results.show(pool, { isStart: true });
}

async function fillPool() {
  try {
    pool = await api.somePictures(28);
    if (!pool.length) {
      const how = h("span", {}, "Fill it with ", h("code", {}, "instructcir index FOLDER --into NAME"));
      results.showNothing("picture", "This index holds no pictures yet", how);
    }
  } catch (error) {
    if (error.status !== 401) showError(error);
  }
}

function setReference(reference, label, kind = "picture") {
  $("pick-error").hidden = true;
  asked.take({ reference, edits: [], more: [], less: [], label, kind });
  $("words").focus({ preventScroll: true });
  scrollTo({ top: 0, behavior: "smooth" });
}

const goOn = (picture) => setReference({ id: picture.id, name: results.titleOf(picture) }, "Go on from this", "hit");
const startFrom = (picture) => setReference({ id: picture.id, name: results.titleOf(picture) }, results.titleOf(picture));

function mark(kind, picture) {
  const other = kind === "more" ? "less" : "more";
  const step = asked.now();
  const isMarked = step[kind].includes(picture.id);
  const marked = isMarked ? step[kind].filter((id) => id !== picture.id) : [...step[kind], picture.id];
  const change = { [kind]: marked, [other]: step[other].filter((id) => id !== picture.id) };
  const number = marked.length + change[other].length;
  asked.take({ ...change, label: number === 1 ? "1 mark" : `${number} marks`, kind: "mark" });
}

async function random() {
  try {
    const [picture] = await api.somePictures(1);
    if (picture) startFrom(picture);
  } catch (error) {
    showError(error);
  }
}

async function share() {
  try {
    await navigator.clipboard.writeText(location.href);
    toast(asked.now().reference?.upload ? "Link copied. It works while the server keeps your picture." : "Link copied");
  } catch {
    toast("Copy the address from the browser's bar: it holds this search.");
  }
}

function keepWords() {
  const words = asked.state.draft.trim();
  if (words) asked.take({ edits: [...asked.now().edits, words], label: words, kind: "words" });
}

function switchTheme() {
  const root = document.documentElement;
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = isDark ? "light" : "dark";
  try { localStorage.setItem("theme", root.dataset.theme); } catch { /* then it is forgotten with the page */ }
}

function wire() {
  const acts = { open: (picture) => (asked.isEmpty() ? startFrom(picture) : closer.open(picture)), goOn, more: (p) => mark("more", p), less: (p) => mark("less", p) };
  results.whenActed(acts);
  closer.whenActed(acts);
  listen({ ...acts, random, undo: () => asked.goTo(asked.state.at - 1) });
  whenPicked((reference) => setReference(reference, reference.name));
  $("words").addEventListener("input", () => asked.setDraft($("words").value));
  $("words").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); keepWords(); }
    if (event.key === "Backspace" && !$("words").value && asked.now().edits.length) {
      const edits = asked.now().edits.slice(0, -1);
      asked.take({ edits, label: `without “${asked.now().edits.at(-1)}”`, kind: "words" });
    }
  });
  $("words-form").addEventListener("submit", (event) => { event.preventDefault(); keepWords(); });
  $("clear").addEventListener("click", () => asked.take({ reference: null, label: "Words alone", kind: "words" }));
  $("marks-clear").addEventListener("click", () => asked.take({ more: [], less: [], label: "no marks", kind: "mark" }));
  $("random").addEventListener("click", random);
  $("shuffle").addEventListener("click", async () => { pool = []; await showStart(); });
  $("more").addEventListener("click", () => { k = Math.min(k * 2, MOST); run(); });
  $("share").addEventListener("click", share);
  $("theme").addEventListener("click", switchTheme);
  $("chosen-image").addEventListener("load", ({ target }) => {
    const ratio = target.naturalWidth / target.naturalHeight;
    target.classList.toggle("is-wide", ratio < 0.75 || ratio > 1.6);
  });
  $("chosen-image").addEventListener("error", () => { if (asked.now().reference?.upload) showError({ code: "upload_gone" }); });
  asked.whenChanged((what) => {
    if (what === "step") { k = FIRST; drawComposer(); results.showMarks(asked.now()); closer.refresh(); run(); return; }
    if (what === "filters") { count(); run(); return; }
    drawWords();
    clearTimeout(timer);
    timer = setTimeout(run, PAUSE);
  });
}

function askForKey() {
  if (!$("sign-in").open) $("sign-in").showModal();
  $("sign-in-form").onsubmit = async (event) => {
    event.preventDefault();
    try {
      await api.signIn($("key").value);
      location.reload();
    } catch (error) {
      $("key-error").textContent = error.code === "wrong_key" ? "This is not the key. Check it and try again." : error.message;
      $("key-error").hidden = false;
      $("key").select();
    }
  };
}

async function nameReference() {
  const { reference } = asked.now();
  if (!reference?.id || reference.name) return;
  try {
    reference.name = results.titleOf(await api.pictureOf(reference.id));
    drawComposer();
  } catch (error) {
    if (error.status === 404) notice("The shared picture is not in this index", "It may have been removed since the link was made.", { isBad: true });
  }
}

async function start() {
  drawIcons();
  api.whenKeyNeeded(askForKey);
  wire();
  try {
    const found = await api.about();
    facets = found.facets;
    results.setShared(facets.map((facet) => facet.name));
    setLimit(found.upload_bytes);
    $("gallery-name").replaceChildren(h("b", {}, found.name), h("span", { class: "wide" }, ` · ${plural(found.pictures, "picture")}`));
    document.title = `${found.name} · instructcir`;
  } catch (error) {
    if (error.status === 401) return;
    showError(error);
  }
  asked.readAddress(facets);
  buildFilters(facets);
  drawComposer();
  nameReference();
  await run();
}

start();
