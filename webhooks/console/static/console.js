// The little that works better with a script; every page works without.

// Light and dark by hand.
(() => {
  const button = document.querySelector("[data-theme-switch]");
  const isDark = () =>
    (document.documentElement.dataset.theme ||
      (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const named = () => { button.textContent = isDark() ? "Light" : "Dark"; };
  button.hidden = false;
  named();
  button.addEventListener("click", () => {
    const theme = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    localStorage.setItem("dueline-theme", theme);
    named();
  });
})();

// A form that a script sent when the session was over: it stays as it is, and this says why.
document.addEventListener("htmx:responseError", (event) => {
  if (event.detail.xhr.status !== 401 || document.getElementById("session-ended")) return;
  const told = document.createElement("p");
  told.id = "session-ended";
  told.className = "flag error";
  told.setAttribute("role", "alert");
  const link = document.createElement("a");
  link.href = "/sign-in";
  link.target = "_blank";
  link.rel = "noopener";
  link.textContent = "Sign in in another tab";
  told.append("Your session has ended. Nothing you typed is lost: ", link,
    ", then load this page anew or send it once more.");
  document.getElementById("content").prepend(told);
});

// Nobody loses what was typed by leaving the page.
(() => {
  const asks = document.querySelector("[data-asks], [data-editor]");
  const form = asks && asks.closest("form");
  if (!form) return;
  const typed = () => new URLSearchParams(new FormData(form)).toString();
  const before = asks.hasAttribute("data-unsaved") ? null : typed();
  let leaves = false;
  form.addEventListener("submit", () => { leaves = true; });
  window.addEventListener("beforeunload", (event) => {
    if (!leaves && typed() !== before) event.preventDefault();
  });
})();
