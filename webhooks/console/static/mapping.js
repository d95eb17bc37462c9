// The table of severities: arrow keys move through it, and a cell takes the colour of its severity.
(() => {
  const table = document.querySelector("[data-matrix]");
  if (!table) return;
  const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  document.querySelectorAll(".mapping-keys").forEach((each) => { each.hidden = false; });
  table.addEventListener("keydown", (event) => {
    const step = steps[event.key];
    const from = event.target.closest("select");
    // With Alt the list of a cell opens, as everywhere.
    if (!step || !from || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const [row, column] = from.name.split("-").slice(1).map(Number);
    const to = table.querySelector(`select[name="cell-${row + step[0]}-${column + step[1]}"]`);
    event.preventDefault();
    if (to) to.focus();
  });
  table.addEventListener("change", (event) => {
    const rank = event.target.selectedOptions[0].dataset.rank;
    event.target.className = rank === undefined ? "" : `rank-${rank}`;
  });
})();
