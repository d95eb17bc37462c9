// Line numbers beside the text, and from a fault to its line. Without it the numbered text below serves.
(() => {
  const editor = document.querySelector("[data-editor]");
  if (!editor) return;
  const text = editor.querySelector("textarea");
  const gutter = editor.querySelector(".gutter");
  let lines = 0;

  const number = () => {
    const now = text.value.split("\n").length;
    if (now !== lines) {
      lines = now;
      gutter.textContent = Array.from({ length: now }, (_, nth) => nth + 1).join("\n");
    }
    gutter.scrollTop = text.scrollTop;
  };

  const go = (line, column) => {
    const starts = text.value.split("\n");
    const nth = Math.min(line, starts.length) - 1;
    const start = starts.slice(0, nth).reduce((sum, each) => sum + each.length + 1, 0);
    text.focus();
    text.setSelectionRange(start + Math.min(column - 1, starts[nth].length), start + starts[nth].length);
    const height = parseFloat(getComputedStyle(text).lineHeight);
    text.scrollTop = Math.max(0, (nth - 4) * height);
    text.scrollLeft = 0;
    number();
  };

  gutter.hidden = false;
  number();
  text.addEventListener("input", number);
  text.addEventListener("scroll", () => { gutter.scrollTop = text.scrollTop; });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-line]");
    if (!link) return;
    event.preventDefault();
    go(Number(link.dataset.line), Number(link.dataset.column) || 1);
  });
  const asked = /^#L(\d+)$/.exec(location.hash);
  if (asked) go(Number(asked[1]), 1);
})();
