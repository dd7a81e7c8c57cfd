// Before anything is drawn: light or dark, where that has been chosen.
try {
  const chosen = localStorage.getItem("theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch { /* storage is closed to this page: the system's choice stands */ }
