// Before anything is drawn: the look that was chosen here; without a choice, the system's.
(() => {
  // A wall screen's address says its own.
  if (document.documentElement.dataset.theme) return;
  const chosen = localStorage.getItem("dueline-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
