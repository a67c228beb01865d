// Searches that the reader named, and the last ones: in this browser only, and as a file to take along.
"use strict";

(() => {
  const STORE = "searches";
  const MAX_RECENT = 12;
  const MAX_NAMED = 200;
  const MAX_NAME = 80; // characters
  const MAX_FILE = 256 * 1024; // characters
  const PASSING = ["trace", "page", "anchor", "span", "view", "find", "group", "by", "db"]; // of the moment, not of the search

  // --- what is kept: { named: [{ name, search }], recent: [{ name, search }] } -------------------------------------

  const isSearch = (one) =>
    typeof one?.name === "string" && typeof one?.search === "string" && one.search.startsWith("?") && one.search.length < 8000;

  const cleaned = (kept) => {
    const list = (of, most) =>
      (Array.isArray(of) ? of : [])
        .filter(isSearch)
        .slice(0, most)
        .map(({ name, search }) => ({ name: name.slice(0, MAX_NAME) || search.slice(0, MAX_NAME), search }));
    return { named: list(kept?.named, MAX_NAMED), recent: list(kept?.recent, MAX_RECENT) };
  };

  let forgotten = { named: [], recent: [] }; // where storage is forbidden: for this page only

  const read = () => {
    try {
      return cleaned(JSON.parse(localStorage.getItem(STORE) ?? "{}"));
    } catch {
      return forgotten;
    }
  };

  const write = (kept) => {
    forgotten = cleaned(kept);
    try {
      localStorage.setItem(STORE, JSON.stringify(forgotten));
    } catch {
      // remembered for this page only
    }
  };

  const path = () => document.getElementById("filters").getAttribute("action"); // a search filters every page that can be filtered

  const searchNow = () => {
    const asked = new URLSearchParams(location.search);
    for (const name of PASSING) asked.delete(name);
    return asked.size ? `?${asked}` : "";
  };

  const remember = () => {
    const menu = document.getElementById("kept");
    const search = searchNow();
    if (!menu || !("isSet" in menu.dataset) || !search) return;
    const kept = read();
    if (kept.recent[0]?.search === search) return;
    const name = menu.dataset.caption.replace(/^Traces (where )?/, "");
    write({ ...kept, recent: [{ name, search }, ...kept.recent.filter((one) => one.search !== search)] });
  };

  // --- the menu ----------------------------------------------------------------------------------------------------

  const element = (tag, properties, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  };

  const bell = (one) => {
    const label = `Notify me when “${one.name}” matches something new`;
    const button = element("button", { className: "menu__drop menu__bell", type: "button", textContent: "Notify", title: label, ariaLabel: label, ariaPressed: "false" });
    Object.assign(button.dataset, { notify: "", search: one.search, name: one.name });
    return button;
  };

  const rows = (found, forget, mayNotify) =>
    found.map((one) => {
      const link = element("a", { className: "menu__item", href: path() + one.search, textContent: one.name, title: one.search });
      const drop = element("button", { className: "menu__drop", type: "button", textContent: "✕", ariaLabel: `Forget ${one.name}` });
      drop.addEventListener("click", (event) => {
        event.stopPropagation(); // the row is gone when the page looks where the click was
        forget(one);
        render();
        document.querySelector("#kept summary").focus();
      });
      return element("li", { className: "menu__row" }, link, ...(mayNotify ? [bell(one)] : []), drop);
    });

  const group = (title, found, forget, none, mayNotify = false) => [
    element("p", { className: "menu__title", textContent: title }),
    found.length ? element("ul", { className: "menu__list" }, ...rows(found, forget, mayNotify)) : element("p", { className: "menu__none", textContent: none }),
  ];

  const render = (said = "") => {
    const panel = document.getElementById("kept-panel");
    if (!panel) return;
    const kept = read();
    const without = (part) => (one) => write({ ...read(), [part]: read()[part].filter((other) => other.search !== one.search || other.name !== one.name) });
    const name = element("input", { className: "window__time", id: "kept-name", type: "text", maxLength: MAX_NAME, placeholder: "Name for this search", ariaLabel: "Name for this search", autocomplete: "off" });
    const save = element("button", { className: "button", type: "button", textContent: "Keep" });
    const keep = () => {
      const search = searchNow() || "?";
      const called = name.value.trim() || document.getElementById("kept").dataset.caption;
      const now = read();
      write({ ...now, named: [{ name: called, search }, ...now.named.filter((one) => one.name !== called)] });
      render(`Kept as “${called}”.`);
    };
    save.addEventListener("click", (event) => (event.stopPropagation(), keep()));
    name.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault(); // it would submit the filters
      keep();
    });
    name.addEventListener("change", (event) => event.stopPropagation());
    panel.replaceChildren(
      element("div", { className: "menu__line" }, name, save),
      element("p", { className: "menu__said", role: "status", textContent: said }),
      ...group("Named", kept.named, without("named"), "None yet.", true),
      ...group("Recent", kept.recent, without("recent"), "None yet."),
      element("div", { className: "menu__line" }, exporting(kept), importing()),
    );
    htmx.process(panel);
    document.dispatchEvent(new CustomEvent("viewer:kept", { detail: kept.named }));
  };

  const exporting = (kept) => {
    const button = element("button", { className: "button", type: "button", textContent: "Export" });
    button.addEventListener("click", () => {
      const url = URL.createObjectURL(new Blob([JSON.stringify({ named: kept.named }, null, 2)], { type: "application/json" }));
      const link = element("a", { href: url, download: "diamond-viewer-searches.json" });
      button.after(link); // inside the menu: a click elsewhere would close it
      link.click();
      link.remove();
      URL.revokeObjectURL(url);
    });
    return button;
  };

  const importing = () => {
    const file = element("input", { type: "file", accept: "application/json,.json", className: "menu__file", id: "kept-file" });
    file.addEventListener("change", async (event) => {
      event.stopPropagation();
      let added;
      try {
        if (file.files[0].size > MAX_FILE) throw new RangeError();
        added = cleaned(JSON.parse(await file.files[0].text())).named;
      } catch {
        return render("This file holds no searches.");
      }
      const kept = read();
      const names = new Set(added.map((one) => one.name));
      write({ ...kept, named: [...added, ...kept.named.filter((one) => !names.has(one.name))] });
      render(added.length ? `${added.length} searches are in.` : "This file holds no searches.");
    });
    return element("label", { className: "button" }, "Import", file);
  };

  document.addEventListener("toggle", (event) => {
    if (event.target.id === "kept" && event.target.open) render();
  }, true);
  document.addEventListener("htmx:after:swap", (event) => {
    if (event.detail.ctx?.sourceElement?.id !== "status") setTimeout(remember); // the address changes after the swap
  });
  document.addEventListener("DOMContentLoaded", remember);
})();
