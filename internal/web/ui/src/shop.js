// Comfort for the shop; every page works without it. Loaded deferred, and it never blocks a page.

// The basket's count and the suggestion of another market are loaded apart from the page, so that the page
// itself can be kept by caches.
const root = document.documentElement;
const tray = document.querySelector("[data-visitor]");
if (tray) {
  fetch(tray.dataset.visitor, { headers: { Accept: "application/json" }, credentials: "same-origin" })
    .then((r) => (r.ok ? r.json() : null))
    .then((v) => {
      if (!v) return;
      for (const el of document.querySelectorAll("[data-cart-count]")) {
        el.textContent = v.count_text;
        el.hidden = !v.count;
      }
      if (v.suggestion) tray.innerHTML = v.suggestion;
    })
    .catch(() => {});
}

// Filters apply as they are chosen with a mouse or a finger. Who uses keys passes over other choices on the way
// and gets the button instead.
for (const form of document.querySelectorAll("form[data-auto]")) {
  const button = form.querySelector(".apply");
  let pointed = false;
  button.hidden = true;
  form.addEventListener("pointerdown", () => (pointed = true));
  form.addEventListener("keydown", () => (pointed = false));
  form.addEventListener("change", () => (pointed ? form.requestSubmit() : (button.hidden = false)));
}

// A form is sent once, however often it is pressed.
for (const form of document.querySelectorAll("form[data-once]")) {
  form.addEventListener("submit", (e) => {
    if (form.dataset.sent) return e.preventDefault();
    form.dataset.sent = "1";
    const b = form.querySelector("button:not([type=button])");
    if (b) {
      b.setAttribute("aria-busy", "true");
      if (b.dataset.busy) b.textContent = b.dataset.busy;
    }
  });
}
addEventListener("pageshow", () => document.querySelectorAll("form[data-once]").forEach((f) => delete f.dataset.sent));
root.classList.add("js");
