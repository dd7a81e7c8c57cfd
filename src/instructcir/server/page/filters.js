// Filters from the metadata, and what the results should not show.
import { $, h } from "./dom.js";
import { setFilters, state } from "./state.js";

const PAUSE = 300;

export function buildFilters(facets) {
  const not = h("input", { type: "text", id: "not", placeholder: "stripes, people, text …", maxlength: "300", autocomplete: "off" });
  not.value = state.not;
  not.addEventListener("input", later(() => setFilters(state.filters, not.value)));
  $("filter-body").replaceChildren(
    h("div", { class: "facet" }, h("label", { for: "not" }, "leave out"), not),
    ...facets.map((facet) => (facet.kind === "number" ? range(facet) : options(facet))),
  );
  count();
}

export function count() {
  const used = Object.keys(state.filters).length + (state.not.trim() ? 1 : 0);
  $("filter-count").hidden = !used;
  $("filter-count").textContent = used;
  $("filter-count").setAttribute("aria-label", `${used} in use`);
}

export function clearFilters(facets) {
  setFilters({}, "");
  buildFilters(facets);
}

function options(facet) {
  const boxes = facet.values.map(({ value, count: pictures }) => {
    const box = h("input", { type: "checkbox" });
    box.checked = state.filters[facet.name]?.values?.includes(value) || false;
    box.value = value;
    const told = typeof value === "boolean" ? (value ? "yes" : "no") : value;
    box.addEventListener("change", () => {
      const chosen = new Set(state.filters[facet.name]?.values || []);
      if (box.checked) chosen.add(value);
      else chosen.delete(value);
      put(facet.name, chosen.size ? { values: [...chosen] } : null);
    });
    return h("label", { class: "option" }, box, h("span", {}, told, h("small", { "aria-hidden": "true" }, String(pictures))));
  });
  return h("fieldset", { class: "facet" }, h("legend", {}, facet.name.replaceAll("_", " ")), h("div", { class: "options" }, boxes));
}

function range(facet) {
  const ends = ["least", "most"].map((end) => {
    const box = h("input", {
      type: "number", step: "any", inputmode: "decimal", placeholder: String(facet[end]),
      "aria-label": `${facet.name}, ${end === "least" ? "at least" : "at most"}`,
    });
    box.value = state.filters[facet.name]?.[end] ?? "";
    return box;
  });
  const read = () => {
    const [least, most] = ends.map((box) => (box.value === "" || Number.isNaN(box.valueAsNumber) ? null : box.valueAsNumber));
    put(facet.name, least === null && most === null ? null : { least, most });
  };
  ends.forEach((box) => box.addEventListener("input", later(read)));
  return h("fieldset", { class: "facet" }, h("legend", {}, facet.name.replaceAll("_", " ")), h("div", { class: "range" }, ends[0], "to", ends[1]));
}

function put(name, chosen) {
  const { [name]: _, ...others } = state.filters;
  setFilters(chosen ? { ...others, [name]: chosen } : others, state.not);
}

function later(run) {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(run, PAUSE);
  };
}
