/* How a statistics page is laid out, for live-page.sh, which puts this at the end of a saved one: faults, as a
 * message to the page that holds it in a frame. */
"use strict";
(() => {
  const faults = [];
  const shown = (e) => e.getClientRects().length > 0 && getComputedStyle(e).visibility !== "hidden";
  const name = (e) => `${e.tagName.toLowerCase()} "${e.textContent.trim().slice(0, 40)}"`;

  /* Nothing is wider than the page, or than what it stands in. */
  const wide = document.documentElement.clientWidth;
  for (const e of document.querySelectorAll("main *, header *, #alerts *")) {
    if (!shown(e) || e.closest("svg") || e.closest("thead")) continue;
    const right = e.getBoundingClientRect().right;
    if (right > wide + 1) faults.push(`cut at the edge: ${name(e)}`);
    if (["TD", "TH"].includes(e.tagName) && e.scrollWidth > e.clientWidth + 1) faults.push(`wider than its cell: ${name(e)}`);
  }

  /* The tables of pools have their columns at the same places. */
  const places = (t) => [...t.rows[0].cells].map((c) => Math.round(c.getBoundingClientRect().left)).join(" ");
  const pools = [...document.querySelectorAll('table[id^="t-pool-"]')];
  if (wide > 900 && new Set(pools.map(places)).size > 1) faults.push(`columns of pools differ: ${pools.map(places).join(" | ")}`);

  /* Cards and heading begin at the same place. */
  const left = (e) => { const s = getComputedStyle(e); return Math.round(e.getBoundingClientRect().left + parseFloat(s.paddingLeft)); };
  const lefts = new Set([...document.querySelectorAll(wide > 900 ? "section" : "header, section")].map(left));
  if (lefts.size > 1) faults.push(`left edges differ: ${[...lefts]}`);

  /* Text can be read (WCAG 2: 4.5 to 1) on what is behind it. */
  const rgb = (s) => s.match(/[\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const part = (v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const c = rgb(getComputedStyle(e).backgroundColor);
      if (c.length < 4 || c[3] > 0) return c;
    }
    return [255, 255, 255];
  };
  for (const e of document.querySelectorAll("body *")) {
    if (!shown(e) || ![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
    const style = getComputedStyle(e);
    const a = light(rgb(e.closest("svg") ? style.fill : style.color)), b = light(behind(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (e.tagName !== "TITLE" && e.tagName !== "STYLE" && e.tagName !== "SCRIPT" && ratio < 4.5) faults.push(`contrast ${ratio.toFixed(2)}: ${name(e)}`);
  }
  const scheme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  parent.postMessage(`LOOKS ${innerWidth} ${scheme} ${[...new Set(faults)].slice(0, 8).join("; ") || "good"}`, "*");
})();
