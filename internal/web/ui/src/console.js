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
