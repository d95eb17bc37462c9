// The board while it stays open: asks for what is new, and says when no answer came.
(() => {
  const live = document.querySelector("[data-live]");
  if (!live) return;
  const OUT_OF_DATE = 60_000;
  const clock = document.querySelector("[data-clock]");
  const heard = document.querySelectorAll("[data-heard]");
  const stale = document.querySelector("[data-stale]");
  // In the zone of all that the page tells.
  const told = { hour: "2-digit", minute: "2-digit", hour12: false, timeZone: live.dataset.live || undefined, timeZoneName: "short" };
  const time = (at, more) => at.toLocaleTimeString("en-GB", { ...told, ...more });
  let last = new Date();

  const tick = () => {
    const now = new Date();
    if (clock) clock.textContent = time(now);
    heard.forEach((each) => { each.textContent = time(last, { second: "2-digit" }); });
    // A hidden page does not ask; it does when it is looked at again.
    const late = now - last > OUT_OF_DATE && !document.hidden;
    if (stale.hidden === late) {
      stale.hidden = !late;
      document.body.classList.toggle("is-stale", late);
    }
  };

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.elt === live && document.hidden) event.preventDefault();
  });
  // What one reads stays where it is, however many rows come in above it.
  let kept = null;
  const topOf = (id) => document.getElementById(id)?.getBoundingClientRect().top;
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.elt !== live) return;
    const seen = [...live.querySelectorAll("tr[id]")].find((row) => topOf(row.id) >= 0);
    kept = scrollY > 0 && seen ? { id: seen.id, top: topOf(seen.id) } : null;
    // Whoever is signed out meanwhile is led to the form, which is no part of this page.
    if (!new URL(event.detail.xhr.responseURL).pathname.startsWith("/board")) {
      event.detail.shouldSwap = false;
      location.reload();
    }
  });
  document.addEventListener("htmx:afterSwap", () => {
    const now = kept && topOf(kept.id);
    if (typeof now === "number") scrollBy(0, now - kept.top);
    kept = null;
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.elt !== live || !event.detail.successful) return;
    last = new Date();
    tick();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) htmx.trigger(live, "look");
  });
  setInterval(tick, 1000);
  tick();
})();
