// Shows notices of the shop while none of its pages is open. It keeps nothing and answers no request.

self.addEventListener("push", (e) => {
  let n = {};
  try {
    n = e.data.json();
  } catch {
    // a notice without words still has to be shown
  }
  e.waitUntil(self.registration.showNotification(n.title || location.host, { body: n.body || "", tag: n.tag || "", lang: n.lang || "", dir: "auto", data: n.link || "/" }));
});

self.addEventListener("notificationclick", (e) => {
  e.notification.close();
  let to;
  try {
    to = new URL(e.notification.data, location.origin);
  } catch {
    return;
  }
  if (to.protocol === "https:" || to.origin === location.origin) e.waitUntil(clients.openWindow(to.href));
});
