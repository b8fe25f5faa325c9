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

// News of an order in this browser. Nothing is registered or asked before the button is pressed; where the browser can't,
// the part stays hidden.
const device = document.querySelector("[data-device]");
if (device && isSecureContext && "serviceWorker" in navigator && "PushManager" in window && "Notification" in window) {
  const part = device.closest("[data-news]");
  const [on, off] = ["on", "off"].map((d) => device.querySelector(`[data-do=${d}]`));
  const status = device.querySelector("[role=status]");
  const say = (what) => void (status.textContent = device.dataset["said" + what]);
  const key = Uint8Array.from(atob(device.dataset.device.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const tell = async (what, sub) => {
    const j = sub.toJSON();
    const body = new URLSearchParams({ do: what, endpoint: j.endpoint, p256dh: j.keys.p256dh, auth: j.keys.auth });
    const r = await fetch(part.dataset.news, { method: "POST", body, headers: { Accept: "application/json" }, credentials: "same-origin" });
    if (!r.ok) throw new Error(r.status);
    return (await r.json()).on;
  };
  const show = (is) => {
    on.hidden = is;
    off.hidden = !is;
    device.querySelector("[data-words]").hidden = is;
  };
  const ours = (sub) => sub && sub.options.applicationServerKey && String(new Uint8Array(sub.options.applicationServerKey)) === String(key);
  const subscription = async () => (await navigator.serviceWorker.getRegistration("/"))?.pushManager.getSubscription();
  const begin = async () => {
    if ((await Notification.requestPermission()) !== "granted") return say("Denied");
    await navigator.serviceWorker.register(device.dataset.worker, { scope: "/" });
    const { pushManager } = await navigator.serviceWorker.ready;
    let sub = await pushManager.getSubscription();
    if (sub && !ours(sub)) {
      await sub.unsubscribe();
      sub = null;
    }
    sub = sub || (await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key }));
    show(await tell("on", sub));
    say("On");
    return off;
  };
  const end = async () => {
    const sub = await subscription();
    if (sub) {
      await tell("off", sub);
      await sub.unsubscribe();
    }
    show(false);
    say("Off");
    return on;
  };
  const press = (work) => async () => {
    on.disabled = off.disabled = true;
    say("Busy");
    const next = await work().catch(() => say("Failed"));
    on.disabled = off.disabled = false;
    next?.focus();
  };
  on.addEventListener("click", press(begin));
  off.addEventListener("click", press(end));
  part.hidden = device.hidden = false;
  if (Notification.permission === "denied") {
    on.hidden = true;
    say("Denied");
  } else
    subscription()
      .then((sub) => ours(sub) && tell("ask", sub))
      .then((is) => is && (show(true), say("On")))
      .catch(() => {});
}
root.classList.add("js");
