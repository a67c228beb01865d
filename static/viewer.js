// Keys, buttons and small comforts. It moves focus and follows links; what they lead to is the server's business.
"use strict";

(() => {
  const root = document.documentElement;
  const place = root.dataset.root ?? "/"; // where the viewer's addresses begin: / or what a proxy puts before it
  const one = (selector) => document.querySelector(selector);
  const all = (selector) => [...document.querySelectorAll(selector)];

  // --- theme: as the system, light, dark -------------------------------------------------------------------------

  const THEMES = ["system", "light", "dark"];

  const nameTheme = () => {
    const theme = root.dataset.theme ?? "system";
    const words = theme === "system" ? "Theme: as the system" : `Theme: ${theme}`;
    for (const button of all("[data-act=theme]")) {
      button.title = words;
      button.setAttribute("aria-label", words);
    }
  };

  const turnTheme = () => {
    const next = THEMES[(THEMES.indexOf(root.dataset.theme ?? "system") + 1) % THEMES.length];
    if (next === "system") delete root.dataset.theme;
    else root.dataset.theme = next;
    try {
      localStorage.setItem("theme", next);
    } catch {
      // remembered for this page only
    }
    nameTheme();
  };

  // --- zone: UTC, or that of this browser; the server prints the times --------------------------------------------

  const turnZone = (button) => {
    const local = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const next = button.dataset.zone === "UTC" ? local : "UTC";
    document.cookie = `zone=${next}; path=${place}; max-age=31536000; SameSite=Lax`;
    location.reload();
  };

  // --- copy ------------------------------------------------------------------------------------------------------

  const copy = async (button) => copyHref(button, button.dataset.copy);

  // the server knows what "the last hour" is now, and says it as two times
  const copyView = async (button) => {
    const path = one("#filters")?.getAttribute("action") ?? `${place}trace-viewer.html`;
    const [source, page] = path.slice(place.length - 1).match(/^(\/import\/\d+)?(.*)$/).slice(1); // an import has addresses of its own
    const answer = await fetch(`${place.slice(0, -1)}${source ?? ""}/link${page === "/trace-viewer.html" ? "" : page}${location.search}`);
    if (answer.ok) await copyHref(button, await answer.text());
  };

  const copyHref = (button, href) => copied(button, new URL(href, location.href).href);

  const copied = async (button, text) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      copyBySelection(text); // the clipboard API exists on https and localhost only
    }
    button.classList.add("button--done");
    setTimeout(() => button.classList.remove("button--done"), 1500);
  };

  const copyBySelection = (text) => {
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  };

  // --- moving through the list -----------------------------------------------------------------------------------

  const links = () => all("#list .row__link, #list .logs__summary");

  const move = (step) => {
    const found = links();
    if (!found.length) return;
    const at = found.indexOf(document.activeElement?.closest("#list tr")?.querySelector(".row__link, .logs__summary"));
    const opened = found.findIndex((link) => link.closest("tr[aria-current]"));
    const from = at >= 0 ? at : opened;
    const next = from < 0 ? 0 : Math.min(Math.max(from + step, 0), found.length - 1);
    found[next].focus({ preventScroll: true });
    found[next].closest("tr").scrollIntoView({ block: "nearest" });
  };

  // the row of the trace in the URL, at once; the next refresh says the same
  const markOpened = () => {
    const opened = new URLSearchParams(location.search).get("trace");
    for (const row of all("#list .row")) {
      if (opened && row.id === `t-${opened}`) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
    }
  };

  const closeOpened = () => {
    const opened = one("#opened .trace")?.dataset.trace;
    const link = one("#opened .trace__close");
    if (!link) return false;
    const row = opened && document.getElementById(`l-${opened}`);
    link.click();
    row?.focus({ preventScroll: true });
    return true;
  };

  // what opens over the page: a click elsewhere closes it, and so does Esc
  const OVER = "#window, .menu, .takeaway, .histogram__table, .heat__table";
  const panels = () => all(OVER).filter((panel) => panel.open);

  // --- one listener for each kind of event -----------------------------------------------------------------------

  const ACTS = {
    theme: turnTheme,
    zone: turnZone,
    copy,
    "copy-view": copyView,
    "copy-text": (button) => copied(button, document.getElementById(button.dataset.from).textContent),
    help: () => one("#help").showModal(),
    pause: () => document.dispatchEvent(new CustomEvent("viewer:pause")),
  };

  document.addEventListener("click", (event) => {
    for (const panel of panels()) if (!panel.contains(event.target)) panel.open = false;
    const button = event.target.closest("[data-act]");
    if (button) return void ACTS[button.dataset.act]?.(button);
    if (event.target === one("#help")) event.target.close(); // the backdrop
    const row = event.target.closest("#list .row");
    const hasSelection = String(getSelection()).length > 0; // who marks a user id to copy it does not want to leave
    if (row && !hasSelection && !event.target.closest("a")) row.querySelector(".row__link").click();
  });

  const KEYS = {
    j: () => move(1),
    k: () => move(-1),
    e: () => one("#strip .figure[data-key=e]")?.click(),
    a: () => one("#strip .figure[data-key=a]")?.click(),
    "/": () => (one("#filters [name=q]") ?? one("#filters .field__control, #log-text"))?.focus(),
    "?": ACTS.help,
    " ": () => one("[data-act=pause]")?.click(),
    Escape: () => {
      const panel = panels().at(-1);
      if (panel) {
        panel.open = false;
        panel.querySelector("summary").focus();
      } else return closeOpened();
    },
  };

  document.addEventListener("keydown", (event) => {
    const act = KEYS[event.key];
    const target = event.target;
    const isTyping = target.matches("input, select, textarea");
    if (!act || event.ctrlKey || event.metaKey || event.altKey || one("dialog[open]")) return;
    if (isTyping) {
      if (event.key === "Escape" && target.closest(OVER)?.open) KEYS.Escape();
      else if (event.key === "Escape") target.blur();
      return;
    }
    if (event.key === " " && target.closest("button, summary")) return; // space presses what has the focus
    if (act() !== false) event.preventDefault();
  });

  // links beside the list were printed with the trace that was open then: what is closed stays closed
  const followOpened = () => {
    const opened = new URLSearchParams(location.search).get("trace");
    for (const link of all("#strip a[href], #facets a[href]")) {
      const address = new URL(link.getAttribute("href"), location.href); // some are SVG: their href is no text
      if (address.searchParams.get("trace") === opened) continue;
      if (opened) address.searchParams.set("trace", opened);
      else address.searchParams.delete("trace");
      link.setAttribute("href", address.pathname + address.search);
    }
  };

  document.addEventListener("htmx:after:swap", markOpened);
  document.addEventListener("htmx:after:swap", followOpened);
  document.addEventListener("htmx:after:history:update", followOpened); // the address changes after the swap
  nameTheme();
})();
