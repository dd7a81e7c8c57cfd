"use strict";
(() => {
  const all = [...document.querySelectorAll(".triplet")];
  const key = "instructcir labels: " + document.querySelector("#cards").dataset.set;
  const given = JSON.parse(document.querySelector("#given").textContent);
  const labels = new Map(Object.entries(given).map(([id, good]) => [id, good ? "good" : "bad"]));
  let show = "all";

  try { // a browser may keep nothing for files; then the labels live as long as the page
    for (const [id, label] of Object.entries(JSON.parse(localStorage.getItem(key) || "{}"))) labels.set(id, label);
  } catch { /* kept in memory only */ }

  const keep = () => {
    try { localStorage.setItem(key, JSON.stringify(Object.fromEntries(labels))); } catch { /* see above */ }
  };

  // Wilson's 95 % interval of a share
  const wilson = (good, count) => {
    const z = 1.959963984540054, share = good / count, square = z * z / count;
    const middle = share + square / 2, reach = z * Math.sqrt(share * (1 - share) / count + square / (4 * count));
    return [middle - reach, middle + reach].map((end) => Math.min(1, Math.max(0, end / (1 + square))));
  };

  const score = (group) => {
    const said = all.filter((card) => card.dataset.group === group && card.dataset.label);
    const target = document.querySelector(`#score-${group}`);
    if (!said.length) { target.textContent = `${group}: no labels yet`; return; }
    const good = said.filter((card) => card.dataset.label === "good").length;
    const [low, high] = wilson(good, said.length).map((end) => (100 * end).toFixed(0));
    target.textContent = `${group}: ${good} of ${said.length} good, ${(100 * good / said.length).toFixed(0)} % (95 %: ${low} to ${high})`;
  };

  const draw = (card) => {
    const label = labels.get(card.dataset.id);
    if (label) card.dataset.label = label; else delete card.dataset.label;
    card.querySelector(".yes").setAttribute("aria-pressed", String(label === "good"));
    card.querySelector(".no").setAttribute("aria-pressed", String(label === "bad"));
  };

  const filter = () => {
    const reason = document.querySelector("#reason").value;
    for (const card of all) {
      const fits = show === "all" || show === card.dataset.group || (show === "open" && !card.dataset.label);
      card.hidden = !fits || (reason !== "" && card.dataset.reason !== reason);
    }
    document.querySelector("#none").hidden = all.some((card) => !card.hidden);
  };

  const say = (card, label) => {
    if (!label || labels.get(card.dataset.id) === label) labels.delete(card.dataset.id);
    else labels.set(card.dataset.id, label);
    draw(card);
    ["kept", "rejected"].forEach(score);
    keep();
  };

  const go = (from, step) => {
    const shown = all.filter((card) => !card.hidden);
    const next = shown[Math.min(shown.length - 1, Math.max(0, shown.indexOf(from) + step))];
    if (next) { next.focus({ preventScroll: true }); next.scrollIntoView({ block: "nearest" }); }
  };

  const save = (name, type, text) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    link.click();
    URL.revokeObjectURL(link.href);
  };
  const entries = () => all.filter((card) => labels.has(card.dataset.id)).map((card) => ({
    id: card.dataset.id, label: labels.get(card.dataset.id), group: card.dataset.group, reason: card.dataset.reason,
  }));

  for (const card of all) {
    card.querySelector(".yes").addEventListener("click", () => say(card, "good"));
    card.querySelector(".no").addEventListener("click", () => say(card, "bad"));
    draw(card);
  }
  const reasons = [...new Set(all.map((card) => card.dataset.reason).filter(Boolean))].sort();
  document.querySelector("#reason").append(...reasons.map((reason) => new Option(reason, reason)));
  document.querySelector("#reason").addEventListener("change", filter);
  for (const button of document.querySelectorAll("[data-show]")) button.addEventListener("click", () => {
    show = button.dataset.show;
    for (const other of document.querySelectorAll("[data-show]")) other.setAttribute("aria-pressed", String(other === button));
    filter();
  });
  document.querySelector("#jsonl").addEventListener("click", () =>
    save("labels.jsonl", "application/x-ndjson", entries().map((entry) => JSON.stringify(entry) + "\n").join("")));
  document.querySelector("#json").addEventListener("click", () =>
    save("labels.json", "application/json", JSON.stringify(entries(), null, 1) + "\n"));
  document.querySelector("#clear").addEventListener("click", () => {
    if (labels.size && !confirm("Forget all labels of this sheet?")) return;
    labels.clear(); all.forEach(draw); ["kept", "rejected"].forEach(score); keep(); filter();
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("select, input")) return;
    const card = document.activeElement.closest?.(".triplet") || all.find((one) => !one.hidden);
    if (!card) return;
    const said = { g: "good", b: "bad", u: "" }[event.key];
    if (said !== undefined) {
      if (said && labels.get(card.dataset.id) === said) { go(card, 1); return; } // typed twice, it is not taken back
      say(card, said);
      if (said) go(card, 1);
    } else if (event.key === "j" || event.key === "k") go(card, event.key === "j" ? 1 : -1);
  });
  ["kept", "rejected"].forEach(score);
  filter();
})();
