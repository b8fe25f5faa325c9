// The console's script: htmx, and nothing of our own that a page needs to work.
import "../vendor/htmx-2.0.11.min.js";

// A button with data-insert puts its variable where one writes, instead of at the end as without script.
let writing;
document.addEventListener("focusin", (e) => { if (e.target.matches("#text textarea, #text input[name=subject]")) writing = e.target; });
document.addEventListener("click", (e) => {
  const b = e.target.closest("[data-insert]");
  if (!b) return;
  e.preventDefault();
  const at = writing?.isConnected ? writing : document.querySelector("#body");
  at.setRangeText("{" + b.dataset.insert + "}", at.selectionStart, at.selectionEnd, "end");
  at.focus();
  at.dispatchEvent(new Event("input", { bubbles: true }));
});

// What is drawn anew keeps the place of whoever is in it: the focus, how far tables are scrolled, what is unfolded. While
// somebody writes or marks text there, it waits.
const spots = (box) => [...box.querySelectorAll("a[href], button, summary, [tabindex]")];
const same = (a, b) => a.localName === b.localName && a.getAttribute("href") === b.getAttribute("href") && a.textContent.length > 0;
let place;
document.addEventListener("htmx:beforeSwap", (e) => {
  const box = e.detail.target;
  if (box?.id !== "live") return;
  const at = document.activeElement, picked = getSelection();
  if (box.contains(at) && at.matches("input, textarea, select") || !picked.isCollapsed && box.contains(picked.anchorNode)) {
    e.detail.shouldSwap = false;
    return;
  }
  place = {
    at: box.contains(at) ? at : null, n: spots(box).indexOf(at),
    left: [...box.querySelectorAll(".table-wrap")].map((t) => t.scrollLeft), open: [...box.querySelectorAll("details")].map((d) => d.open),
  };
});
document.addEventListener("htmx:afterSettle", () => {
  const box = document.getElementById("live");
  if (!box || !place) return;
  const { at, n, left, open } = place;
  place = null;
  box.querySelectorAll(".table-wrap").forEach((t, i) => { t.scrollLeft = left[i] ?? 0; });
  box.querySelectorAll("details").forEach((d, i) => { d.open = open[i] ?? d.open; });
  if (!at) return;
  const all = spots(box);
  const back = at.id && box.querySelector("#" + CSS.escape(at.id)) || at.hasAttribute("href") && all.find((s) => same(s, at)) || all[n];
  back?.focus({ preventScroll: true });
});
