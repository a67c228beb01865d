// A notification when a kept search matches something new, for who asked for it: the only thing that a hidden tab still asks for.
"use strict";

(() => {
  const STORE = "notify"; // { search: { total, newest } }, of the named searches that notify
  const EVERY_MS = 30_000;
  const OF_THE_PAGE = ["column", "face", "sort", "limit"]; // how a list looks, not what it holds
  const REFUSED = "This browser does not let the viewer notify you: allow it in the settings of this site.";
  const UNSAFE = "Browsers notify on https and on localhost only.";

  const watched = () => {
    try {
      const kept = JSON.parse(localStorage.getItem(STORE) ?? "{}");
      return kept && typeof kept === "object" && !Array.isArray(kept) ? kept : {};
    } catch {
      return {};
    }
  };

  const keep = (kept) => {
    try {
      localStorage.setItem(STORE, JSON.stringify(kept));
      return true;
    } catch {
      return false;
    }
  };

  const brand = document.querySelector(".header__brand");

  // the newest trace of a search, and how many there are; null when nobody answers
  const ask = async (search) => {
    const asked = new URLSearchParams(search);
    for (const name of OF_THE_PAGE) asked.delete(name);
    asked.set("limit", "1");
    const address = new URL(`api/traces?${asked}`, brand.href); // beside the page of traces, whatever lies before it
    try {
      const answer = await fetch(address);
      if (!answer.ok) return null;
      const { total, traces } = await answer.json();
      return { total, newest: traces[0]?.start_unix_nano ?? "0", name: traces[0]?.name ?? "" };
    } catch {
      return null;
    }
  };

  const look = async () => {
    for (const [search, before] of Object.entries(watched())) {
      const now = await ask(search);
      const kept = watched();
      if (!now || !kept[search]) continue; // it may have been taken back meanwhile
      const isNew = BigInt(now.newest) > BigInt(before.newest) || now.total > before.total;
      keep({ ...kept, [search]: { ...kept[search], total: now.total, newest: now.newest } });
      if (isNew && Notification.permission === "granted") tell(before.name, search, now);
    }
  };

  const tell = (name, search, now) => {
    const told = new Notification(name, { body: `${now.name}: ${now.total === 1 ? "1 trace matches" : `${now.total} traces match`} now`, tag: search });
    told.addEventListener("click", () => {
      window.focus();
      location.assign(new URL(search, brand.href));
    });
  };

  const say = (words) => {
    const said = document.querySelector("#kept .menu__said");
    if (said) said.textContent = words;
  };

  const turn = async (button) => {
    const { search, name } = button.dataset;
    const kept = watched();
    if (kept[search]) {
      delete kept[search];
      keep(kept);
      say(`“${name}” no longer notifies you.`);
    } else if (!("Notification" in window) || !isSecureContext) {
      say(UNSAFE);
    } else if ((await Notification.requestPermission()) !== "granted") {
      say(REFUSED);
    } else {
      const now = await ask(search);
      if (!now) return say("The viewer does not answer; try again.");
      const isKept = keep({ ...watched(), [search]: { name, total: now.total, newest: now.newest } });
      say(isKept ? `You are notified when “${name}” matches something new, while a page of the viewer is open.` : "This browser keeps nothing.");
    }
    mark();
  };

  const mark = () => {
    const kept = watched();
    for (const button of document.querySelectorAll("[data-notify]")) button.setAttribute("aria-pressed", String(button.dataset.search in kept));
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-notify]");
    if (button) turn(button);
  });
  document.addEventListener("viewer:kept", (event) => {
    const kept = watched();
    const named = new Set(event.detail.map((one) => one.search));
    const left = Object.entries(kept).filter(([search]) => named.has(search));
    if (left.length < Object.keys(kept).length) keep(Object.fromEntries(left)); // a search that is forgotten is silent
    mark();
  });
  document.addEventListener("viewer:look", look);
  setInterval(look, EVERY_MS);
})();
