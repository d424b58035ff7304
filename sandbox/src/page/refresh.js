// Fetches the page again and swaps its main part when it changed, keeping opened details open and the focus where it was.
// Nothing moves while a person has text selected.
(() => {
  "use strict";
  const live = document.getElementById("live");
  let shown = null;

  async function refresh() {
    if (document.hidden || !document.getSelection().isCollapsed) return;
    const answer = await fetch(location.pathname);
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("live").innerHTML;
    if (fresh === shown) return;
    const focused = document.activeElement.closest("details[id]")?.id;
    const open = new Set(Array.from(live.querySelectorAll("details[open][id]"), (d) => d.id));
    if (shown !== null || fresh !== live.innerHTML) live.innerHTML = fresh;
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    if (focused) document.querySelector(`#${CSS.escape(focused)} > summary`)?.focus({ preventScroll: true });
    shown = fresh;
  }

  setInterval(() => refresh().catch(() => {}), 2000);
})();
