// An opened trace: keys, copying, which spans are open in the URL, and coming to what the URL speaks of.
"use strict";

(() => {
  const one = (selector) => document.querySelector(selector);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const DONE_MS = 1500;

  // --- copying ---------------------------------------------------------------------------------------------------

  const put = async (text, button) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const field = document.createElement("textarea"); // the clipboard API exists on https and localhost only
      field.value = text;
      document.body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
    }
    button.classList.add("button--done");
    setTimeout(() => button.classList.remove("button--done"), DONE_MS);
  };

  const ACTS = {
    "copy-text": (button) => put(button.dataset.text, button),
    "copy-curl": (button) => put(`curl -s '${new URL(button.dataset.href, location.href).href}'`, button),
    "copy-from": async (button) => {
      const answer = await fetch(button.dataset.from);
      if (answer.ok) await put(await answer.text(), button);
    },
    "copy-value": (button) => {
      const line = button.closest(".attributes__line");
      put(line.dataset.raw ?? line.querySelector(".value__text").textContent.trim(), button);
    },
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-act]");
    if (button) ACTS[button.dataset.act]?.(button);
  });

  document.addEventListener("input", (event) => {
    if (event.target.dataset.act !== "filter-attributes") return;
    const words = event.target.value.toLowerCase();
    for (const line of event.target.closest(".span__body").querySelectorAll(".attributes__line")) {
      line.hidden = !line.textContent.toLowerCase().includes(words);
    }
  });

  // --- open spans stand in the URL: a copied link and a refresh show the same -----------------------------------------

  const MAX_OPEN = 12;

  const remember = () => {
    const url = new URL(location.href);
    const named = url.searchParams.getAll("span");
    const isHere = (element) => document.getElementById(`s-${element}`);
    const open = all("#trace .span[open]").map((span) => span.id.slice(2));
    const next = [...named.filter((element) => !isHere(element) || open.includes(element))];
    for (const element of open) if (!next.includes(element)) next.push(element);
    if (next.join() === named.join()) return;
    url.searchParams.delete("span");
    if (next[0] !== named[0]) url.searchParams.delete("moment");
    for (const element of next.slice(-MAX_OPEN)) url.searchParams.append("span", element);
    history.replaceState(history.state, "", url);
  };

  document.addEventListener(
    "toggle",
    (event) => {
      const span = event.target;
      if (!span.matches?.("#trace .span")) return;
      const body = span.open && span.querySelector(":scope > .span__body[hx-get]");
      if (body) htmx.trigger(body, "unfold"); // its details come when it is opened
      remember();
    },
    true,
  );

  // --- after a swap: open what the server opened, and come to what was asked for ---------------------------------------

  let cameTo = "";

  const come = () => {
    for (const span of all("#trace .span[data-open]:not([open])")) span.open = true;
    const asked = new URLSearchParams(location.search);
    const place = ["find", "match", "span", "moment"].map((name) => asked.get(name) ?? "").join(" ");
    if (place === cameTo) return;
    cameTo = place;
    const target = one("#trace [data-moment]") ?? one("#trace .span--current") ?? one("#trace .span[data-open] > summary");
    target?.scrollIntoView({ block: "center" });
  };

  document.addEventListener("htmx:after:swap", (event) => {
    if (event.detail.ctx?.sourceElement?.id !== "status") come();
  });
  document.addEventListener("DOMContentLoaded", come);

  // --- keys: before those of the list, which they overrule inside a trace ------------------------------------------------

  const rows = () => all("#trace .span > summary");

  const move = (step) => {
    const found = rows();
    const at = found.indexOf(document.activeElement?.closest("#trace .span")?.querySelector("summary"));
    if (at < 0 && one("#list")) return false; // the list has the keys until the trace has the focus
    const next = found[at < 0 ? 0 : Math.min(Math.max(at + step, 0), found.length - 1)];
    next?.focus({ preventScroll: true });
    next?.scrollIntoView({ block: "nearest" });
    return Boolean(next);
  };

  const follow = (key) => {
    const link = one(`#trace [data-trace-key="${CSS.escape(key)}"]`);
    link?.click();
    return Boolean(link);
  };

  // folds or opens what is below the span that has the focus, and gives the focus back to its row after the swap
  const fold = () => {
    const span = document.activeElement?.closest("#trace .span");
    const link = span?.querySelector(".span__fold");
    if (!link) return Boolean(span);
    focusAfterSwap = span.id;
    link.click();
    return true;
  };
  let focusAfterSwap = "";
  document.addEventListener("htmx:after:swap", () => {
    if (!focusAfterSwap) return;
    document.getElementById(focusAfterSwap)?.querySelector("summary")?.focus({ preventScroll: true });
    focusAfterSwap = "";
  });

  const KEYS = {
    x: fold,
    j: () => move(1),
    k: () => move(-1),
    f: () => {
      one("#find")?.focus();
      return Boolean(one("#find"));
    },
    "=": () => follow("+"),
  };

  document.addEventListener(
    "keydown",
    (event) => {
      if (!one("#trace") || event.ctrlKey || event.metaKey || event.altKey || one("dialog[open]")) return;
      if (event.target.matches("input, select, textarea")) return;
      const act = KEYS[event.key] ?? (() => follow(event.key));
      if (!act()) return;
      event.preventDefault();
      event.stopImmediatePropagation();
    },
    true,
  );
})();
