/* The page lives: each two seconds its figures are fetched anew and put in place of those that are shown. */
"use strict";
(() => {
  const EVERY = 2000;
  const stale = document.getElementById("stale");

  /* What was focused stays so. Alerts are replaced only where they have changed, for these are read aloud. */
  const replace = (page) => {
    const main = document.getElementById("main");
    const focused = document.activeElement && document.activeElement.id;
    main.replaceChildren(...page.getElementById("main").childNodes);
    const alerts = document.getElementById("alerts");
    const fresh = page.getElementById("alerts");
    if (alerts.innerHTML !== fresh.innerHTML) alerts.replaceChildren(...fresh.childNodes);
    document.title = page.title;
    const icon = document.getElementById("icon");
    const href = page.getElementById("icon").getAttribute("href");
    if (icon.getAttribute("href") !== href) icon.setAttribute("href", href);
    const again = focused && document.getElementById(focused);
    if (again && again !== document.activeElement) again.focus({ preventScroll: true });
  };

  const look = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch("/", { cache: "no-store", signal: AbortSignal.timeout(5000) });
      if (!answer.ok) throw new Error(answer.status);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      replace(page);
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
