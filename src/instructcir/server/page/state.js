// What is being asked: steps that can be gone back on, filters, and both as an address that can be shared.
//
// A step is {reference: null | {id} | {upload}, edits: [text], more: [id], less: [id], label, kind}.
export const EMPTY = { reference: null, edits: [], more: [], less: [], label: "Start", kind: "start" };

export const state = { steps: [EMPTY], at: 0, draft: "", filters: {}, not: "" };

const listeners = [];
export const whenChanged = (listener) => listeners.push(listener);
const changed = (what) => listeners.forEach((listener) => listener(what));

export const now = () => state.steps[state.at];
export const canGoBack = () => state.at > 0;

/** All words as the one instruction that the model reads. */
export function modification() {
  const draft = state.draft.trim();
  return [...now().edits, ...(draft ? [draft] : [])].join(", ");
}

export const isEmpty = () => !now().reference && !modification() && !now().more.length;

/** Take a step from where we stand; steps that lay ahead are given up. */
export function take(change) {
  const kept = state.steps.slice(0, state.at + 1);
  const isMark = change.kind === "mark" && now().kind === "mark";
  if (isMark) kept.pop(); // marks one after the other are one step
  const draft = state.draft.trim();
  const edits = draft ? [...now().edits, draft] : now().edits; // what is being typed is meant to stay
  state.steps = [...kept, { ...now(), edits, ...change }];
  state.at = state.steps.length - 1;
  state.draft = "";
  remember(!isMark);
  changed("step");
}

export function goTo(number) {
  if (number < 0 || number >= state.steps.length) return;
  state.at = number;
  state.draft = "";
  remember(true);
  changed("step");
}

export function setDraft(text) {
  state.draft = text;
  remember(false);
  changed("draft");
}

export function setFilters(filters, not) {
  state.filters = filters;
  state.not = not;
  remember(false);
  changed("filters");
}

export function startAnew() {
  Object.assign(state, { steps: [EMPTY], at: 0, draft: "", filters: {}, not: "" });
  remember(true);
  changed("step");
}

export function address() {
  const { reference, edits, more, less } = now();
  const found = new URLSearchParams();
  if (reference?.id) found.set("ref", reference.id);
  if (reference?.upload) found.set("up", reference.upload);
  edits.forEach((edit) => found.append("edit", edit));
  if (state.draft.trim()) found.set("draft", state.draft.trim());
  more.forEach((id) => found.append("more", id));
  less.forEach((id) => found.append("less", id));
  for (const [name, value] of Object.entries(state.filters)) {
    if (value.values) value.values.forEach((one) => found.append(`f.${name}`, String(one)));
    else found.set(`f.${name}`, `${value.least ?? ""}..${value.most ?? ""}`);
  }
  if (state.not.trim()) found.set("not", state.not.trim());
  const text = found.toString();
  return text ? `/?${text}` : "/";
}

function remember(isNew) {
  const kept = structuredClone(state);
  history[isNew ? "pushState" : "replaceState"](kept, "", address());
}

/** Read the address that the page was opened with; the facets say which filters there are. */
export function readAddress(facets) {
  if (history.state?.steps) {
    Object.assign(state, structuredClone(history.state));
    return;
  }
  const given = new URLSearchParams(location.search);
  const isId = (id) => /^[0-9a-f]{16}$/.test(id);
  const id = given.get("ref") || "";
  const token = given.get("up") || "";
  let reference = null;
  if (isId(id)) reference = { id };
  else if (/^[0-9a-f]{64}$/.test(token)) reference = { upload: token };
  const step = { ...EMPTY, reference, edits: given.getAll("edit").filter(Boolean).slice(0, 40) };
  step.more = given.getAll("more").filter(isId).slice(0, 50);
  step.less = given.getAll("less").filter(isId).slice(0, 50);
  const isAsked = reference || step.edits.length || step.more.length;
  if (isAsked) Object.assign(step, { label: step.edits.at(-1) || "Shared search", kind: "shared" });
  state.steps = isAsked ? [EMPTY, step] : [EMPTY];
  state.at = state.steps.length - 1;
  state.draft = given.get("draft") || "";
  state.not = given.get("not") || "";
  for (const facet of facets) readFilter(facet, given.getAll(`f.${facet.name}`));
  history.replaceState(structuredClone(state), "", address());
}

function readFilter(facet, given) {
  if (!given.length) return;
  if (facet.kind === "number") {
    const [least, most] = given[0].split("..").map((text) => (text === "" || Number.isNaN(Number(text)) ? null : Number(text)));
    if (least !== null || most !== undefined) state.filters[facet.name] = { least, most: most ?? null };
    return;
  }
  const values = facet.values.map((one) => one.value).filter((value) => given.includes(String(value)));
  if (values.length) state.filters[facet.name] = { values };
}

window.addEventListener("popstate", (event) => {
  if (!event.state?.steps) return;
  Object.assign(state, structuredClone(event.state));
  changed("step");
});

/** The filters as the condition that the server reads. */
export function condition() {
  const quoted = (value) => (typeof value === "boolean" ? String(value) : `'${value.replaceAll("'", "''")}'`);
  const parts = [];
  for (const [name, chosen] of Object.entries(state.filters)) {
    if (chosen.values?.length) parts.push(`${name} in (${chosen.values.map(quoted).join(", ")})`);
    if (typeof chosen.least === "number") parts.push(`${name} >= ${chosen.least}`);
    if (typeof chosen.most === "number") parts.push(`${name} <= ${chosen.most}`);
  }
  return parts.join(" and ") || null;
}

/** A reference as the server knows it, without the name that the page gives it. */
export const bare = ({ id, upload }) => (id ? { id } : { upload });

export function query(k) {
  const { reference, more, less } = now();
  return {
    references: reference ? [bare(reference)] : [],
    modification: modification(),
    more_like: more,
    less_like: less,
    where: condition(),
    not: state.not.trim(),
    k,
  };
}
