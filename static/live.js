// Polling: when to ask, and where the reader stands. The server decides what is new; the URL says what is asked for.
"use strict";

(() => {
  const TOP_PX = 40; // scrolled less than this, the reader is at the top
  const LOST_AFTER = 2; // failed polls in a row: one may be a hiccup

  const root = document.documentElement;
  const one = (selector) => document.querySelector(selector);

  let seen = { address: "", value: "" };
  let paused = null; // { since: seconds, anchor }
  let failures = 0;
  let isBusy = false; // the server has answered, that it cannot answer now
  let quietUntil = 0; // ms since 1970

  const isPoll = (ctx) => ctx.sourceElement.id === "status";
  const address = () => location.pathname + location.search;

  // New traces may enter at the top only when that moves nothing the reader looks at.
  const isFree = () => {
    const selection = getSelection();
    const marked = selection && !selection.isCollapsed && one("#list")?.contains(selection.anchorNode);
    return scrollY < TOP_PX && !one("#opened .trace, #list details[open]") && !marked && !one("#list tbody :focus");
  };

  document.addEventListener("htmx:config:request", (event) => {
    const { ctx } = event.detail;
    if (!isPoll(ctx)) return;
    if (document.hidden || Date.now() < quietUntil) return void event.preventDefault();
    const asked = ctx.request.body;
    ctx.request.action = ctx.polled = address();
    const anchor = paused ? paused.anchor : isFree() ? "" : (one("#list")?.dataset.anchor ?? "");
    if (anchor) asked.set("anchor", anchor);
    if (paused) asked.set("paused", paused.since);
    const held = one("#trace, #journey")?.dataset.held;
    if (held) asked.set("held", held);
    if (seen.address === ctx.polled && seen.value) asked.set("seen", seen.value);
  });

  document.addEventListener("htmx:before:response", (event) => {
    const { ctx } = event.detail;
    const busy = ctx.response.headers.get("Diamond-Busy") !== null;
    if (!isPoll(ctx)) {
      // what was clicked comes as a page of its own, which asks again by itself
      if (busy && ctx.target?.matches("#page, #opened")) location.assign(ctx.request.action);
      return;
    }
    isBusy = busy;
    if (busy) quietUntil = Date.now() + 1000 * Number(ctx.response.headers.get("Retry-After")) * (1 + Math.random());
    failures = ctx.response.status >= 400 ? failures + 1 : 0;
    showConnection();
    seen = { address: ctx.polled, value: ctx.response.headers.get("Diamond-Seen") ?? seen.value };
  });

  // the reader has gone elsewhere while the answer was on its way
  document.addEventListener("htmx:before:swap", (event) => {
    const { ctx } = event.detail;
    if (isPoll(ctx) && ctx.polled !== address()) event.preventDefault();
    else if (!isPoll(ctx)) seen.value = "";
  });

  document.addEventListener("htmx:error", (event) => {
    const ctx = event.detail.ctx;
    if (!ctx || !isPoll(ctx)) return;
    failures += 1;
    isBusy = false;
    showConnection();
  });

  const showConnection = () => {
    if (failures >= LOST_AFTER) root.dataset.connection = isBusy ? "busy" : "lost";
    else delete root.dataset.connection;
    colourTab();
  };

  // The tab's diamond is red while the pill is: whoever reads another tab sees that nothing comes any more.
  const colourTab = () => {
    const icon = one("link[rel=icon]");
    const isTrouble = failures >= LOST_AFTER || one("#pill")?.matches(".pill--stale, .pill--failed");
    const wanted = isTrouble ? icon.dataset.trouble : icon.dataset.quiet;
    if (icon.getAttribute("href") !== wanted) icon.setAttribute("href", wanted);
  };

  const poll = () => {
    const status = one("#status[hx-get]");
    if (status) htmx.trigger(status, "poll");
  };

  // A tab stays paused on each page that is opened in it, until it is resumed. Each stands still as it was when it came.
  const KEPT = "paused";

  const pause = (isWanted) => {
    paused = isWanted ? { since: Math.floor(Date.now() / 1000), anchor: one("#list")?.dataset.anchor ?? "" } : null;
    root.toggleAttribute("data-paused", isWanted);
    one("[data-act=pause]")?.setAttribute("aria-pressed", String(isWanted));
    poll();
  };

  const isKept = () => {
    try {
      return sessionStorage.getItem(KEPT) !== null;
    } catch {
      return false; // this page alone is paused
    }
  };

  document.addEventListener("viewer:pause", () => {
    pause(!paused);
    try {
      if (paused) sessionStorage.setItem(KEPT, "");
      else sessionStorage.removeItem(KEPT);
    } catch {
      // as above
    }
  });

  if (one("#status") && isKept()) {
    pause(true);
    setTimeout(poll); // htmx listens by then: a page that is paused says at once since when
  }
  window.addEventListener("pageshow", (event) => {
    if (event.persisted && one("#status") && isKept() !== Boolean(paused)) pause(isKept()); // it came back as it was left
  });

  // Who filters while paused sees what there is now: what is new is counted from there on.
  document.addEventListener("htmx:after:swap", (event) => {
    const anchor = one("#list")?.dataset.anchor;
    if (paused && anchor !== undefined && !isPoll(event.detail.ctx)) paused.anchor = anchor;
  });

  // Heard, not seen: what a change of the filters has brought, and that new traces have come. The figures that tick are silent.
  let newer = "";
  document.addEventListener("htmx:after:swap", (event) => {
    const said = one("#said");
    const list = one("#list");
    if (!said || !list) return;
    const waiting = one("#newer:not([hidden])")?.textContent ?? "";
    const caption = one("#kept")?.dataset.caption ?? "";
    if (event.detail.ctx?.sourceElement?.closest?.("#opened, .row__link")) return;
    if (!isPoll(event.detail.ctx)) said.textContent = `${caption}: ${list.dataset.total}`;
    else if (waiting && waiting !== newer) said.textContent = waiting;
    newer = waiting;
  });

  document.addEventListener("htmx:after:swap", colourTab);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) poll();
  });
  colourTab();
})();
