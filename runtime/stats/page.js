/* The page lives: each two seconds its figures are fetched anew and put in place of those that are shown. */
"use strict";
(() => {
  const EVERY = 2000;
  const stale = document.getElementById("stale");

  /* What was scrolled or focused stays so. */
  const replace = (fresh) => {
    const main = document.getElementById("main");
    const focused = document.activeElement && document.activeElement.id;
    const scrolled = [...main.querySelectorAll(".scroll")].map((e) => [e.id, e.scrollLeft]);
    main.replaceChildren(...fresh.childNodes);
    for (const [id, left] of scrolled) {
      const e = document.getElementById(id);
      if (e) e.scrollLeft = left;
    }
    const again = focused && document.getElementById(focused);
    if (again && again !== document.activeElement) again.focus({ preventScroll: true });
  };

  const look = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch("/", { cache: "no-store", signal: AbortSignal.timeout(5000) });
      if (!answer.ok) throw new Error(answer.status);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      replace(page.getElementById("main"));
      stale.textContent = "";
    } catch {
      stale.textContent = "No answer: these figures are old.";
    }
  };

  const turn = async () => {
    await look();
    setTimeout(turn, EVERY);
  };
  document.addEventListener("visibilitychange", look);
  setTimeout(turn, EVERY);
})();
