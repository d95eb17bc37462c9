// The board while it stays open: asks for what is new, and says when no answer came.
(() => {
  const live = document.querySelector("[data-live]");
  if (!live) return;
  const OUT_OF_DATE = 60_000;
  const clock = document.querySelector("[data-clock]");
  const heard = document.querySelectorAll("[data-heard]");
  const stale = document.querySelector("[data-stale]");
  const time = (at) => at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
  let last = new Date();

  const tick = () => {
    const now = new Date();
    if (clock) clock.textContent = now.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
    heard.forEach((each) => { each.textContent = time(last); });
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
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.elt !== live) return;
    // Whoever is signed out meanwhile is led to the form, which is no part of this page.
    if (!new URL(event.detail.xhr.responseURL).pathname.startsWith("/board")) {
      event.detail.shouldSwap = false;
      location.reload();
    }
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
