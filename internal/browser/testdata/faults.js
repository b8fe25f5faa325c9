// What is wrong with how a page is laid out, one line per fault. Evaluated in the page; `latin` asks for sentences in
// Latin letters, which a page in Arabic has none of.
((latin) => {
  const out = [];
  const name = (e) => {
    const text = (e.innerText || e.value || "").trim().replace(/\s+/g, " ").slice(0, 40);
    return `<${e.localName}${e.id ? "#" + e.id : ""}${e.classList.length ? "." + [...e.classList].join(".") : ""}> «${text}»`;
  };
  const shown = (e) => e.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true, contentVisibilityAuto: true });
  // What only those who listen get: boxes of one pixel.
  const heard = (e) => {
    for (let p = e; p && p !== document.body; p = p.parentElement) {
      if (p.offsetWidth <= 1 && p.offsetHeight <= 1 && getComputedStyle(p).overflow === "hidden") return true;
    }
    return false;
  };
  const aside = (e) => e.closest(".skip, [aria-hidden=true], svg") || heard(e);
  // Whether a box lies in something that scrolls sideways by itself.
  const scrolls = (e) => {
    for (let p = e; p && p !== document.body; p = p.parentElement) {
      const s = getComputedStyle(p);
      if ((s.overflowX === "auto" || s.overflowX === "scroll") && p.scrollWidth > p.clientWidth) return true;
    }
    return false;
  };

  // Whether a box is scrolled out of sight.
  const away = (e, r) => {
    for (let p = e; p && p !== document.body; p = p.parentElement) {
      const box = p.getBoundingClientRect();
      if (/auto|scroll/.test(getComputedStyle(p).overflowY) && (r.bottom > box.bottom + 1 || r.top < box.top - 1)) return true;
    }
    return false;
  };
  // Whether a box says itself that it cuts off.
  const ellipsis = (s) => s.textOverflow === "ellipsis" || s.webkitLineClamp !== "none";

  // What is left of a box within what cuts it off with an ellipsis.
  const left = (e, r) => {
    for (let p = e; p && p !== document.body; p = p.parentElement) {
      if (!ellipsis(getComputedStyle(p))) continue;
      const box = p.getBoundingClientRect();
      const l = Math.max(r.left, box.left), t = Math.max(r.top, box.top);
      r = new DOMRect(l, t, Math.max(0, Math.min(r.right, box.right) - l), Math.max(0, Math.min(r.bottom, box.bottom) - t));
    }
    return r;
  };

  const page = document.scrollingElement;
  if (page.scrollWidth > innerWidth) {
    const wide = [...document.body.querySelectorAll("*")].filter((e) => {
      const r = e.getBoundingClientRect();
      return shown(e) && !aside(e) && !scrolls(e) && r.width && (r.right > innerWidth + 0.5 || r.left < -0.5);
    });
    out.push(`the page is ${page.scrollWidth} px wide: ${wide.slice(-3).map(name).join(", ")}`);
  }

  const words = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n = walk.nextNode(); n; n = walk.nextNode()) {
    const e = n.parentElement;
    if (!n.data.trim() || /^(script|style|noscript|option|select|textarea)$/.test(e.localName) || aside(e) || !shown(e)) continue;
    const range = document.createRange();
    range.selectNodeContents(n);
    for (const r of [...range.getClientRects()].map((r) => left(e, r))) if (r.width > 1 && r.height > 1 && !away(e, r)) words.push({ e, n, r });
    if (latin && !e.closest("[lang]:not(html), [dir=ltr], bdi, code, .end") && /(?:[A-Za-z][A-Za-z'’-]+[\s,.]+){2,}[A-Za-z]{2,}/.test(n.data.replace(/\u2068[^\u2069]*\u2069/g, ""))) {
      out.push(`Latin words: «${n.data.trim().slice(0, 80)}»`);
    }
  }

  // Text that its box cuts off.
  const seen = new Set();
  for (const { e, r } of words) {
    for (let p = e; p && p !== document.body; p = p.parentElement) {
      const s = getComputedStyle(p), box = p.getBoundingClientRect();
      if (ellipsis(s)) break;
      const cutsX = /hidden|clip/.test(s.overflowX) && (r.right > box.right + 1 || r.left < box.left - 1);
      const cutsY = /hidden|clip/.test(s.overflowY) && (r.bottom > box.bottom + 3 || r.top < box.top - 3);
      if ((cutsX || cutsY) && !seen.has(e)) {
        seen.add(e);
        out.push(`cut off: ${name(e)} by ${name(p)}`);
      }
      if (s.position === "fixed") break;
    }
  }
  for (const e of document.querySelectorAll("button, .button, select, .tag, .choice span")) {
    if (shown(e) && !aside(e) && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX !== "visible") out.push(`too narrow: ${name(e)}`);
  }

  // Words on top of others. Line boxes may touch; half a line may not.
  const all = words.filter((w) => !scrolls(w.e));
  for (let i = 0; i < all.length; i++) {
    for (let j = i + 1; j < all.length; j++) {
      const a = all[i], b = all[j];
      if (a.n === b.n || a.e.contains(b.e) || b.e.contains(a.e)) continue;
      const x = Math.min(a.r.right, b.r.right) - Math.max(a.r.left, b.r.left);
      const y = Math.min(a.r.bottom, b.r.bottom) - Math.max(a.r.top, b.r.top);
      if (x > 3 && y > 0.4 * Math.min(a.r.height, b.r.height)) out.push(`on top of each other: ${name(a.e)} and ${name(b.e)}`);
    }
  }
  return [...new Set(out)].slice(0, 8).join("\n");
})
