// The search box: moving through its suggestions and taking one. What may be suggested is the server's business.
"use strict";

(() => {
  const box = () => document.getElementById("filter-q");
  const list = () => document.getElementById("search-options");
  const options = () => [...(list()?.querySelectorAll("[role=option]") ?? [])];
  const chosen = () => options().find((option) => option.getAttribute("aria-selected") === "true");
  const isOpen = () => box()?.getAttribute("aria-expanded") === "true";

  const show = (isShown) => {
    if (!box()) return;
    list().hidden = !isShown;
    box().setAttribute("aria-expanded", String(isShown));
    if (!isShown) choose(null);
  };

  const choose = (option) => {
    for (const other of options()) other.setAttribute("aria-selected", String(other === option));
    if (option) {
      box().setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    } else box()?.removeAttribute("aria-activedescendant");
  };

  const step = (by) => {
    const found = options();
    const at = found.indexOf(chosen());
    choose(found[at < 0 ? (by > 0 ? 0 : found.length - 1) : (at + by + found.length) % found.length]);
  };

  const take = (option) => {
    const goesOn = "goesOn" in option.dataset;
    const cursor = [...option.dataset.text].slice(0, Number(option.dataset.cursor)).join("").length;
    box().value = option.dataset.text;
    box().focus();
    box().setSelectionRange(cursor, cursor);
    show(false);
    if (goesOn) htmx.trigger(box(), "hints");
  };

  // each says whether it took the key
  const KEYS = {
    ArrowDown: () => {
      if (isOpen()) step(1);
      else htmx.trigger(box(), "hints");
      return true;
    },
    ArrowUp: () => isOpen() && (step(-1), true),
    Enter: () => takeChosen(),
    Tab: () => takeChosen(),
    Escape: () => isOpen() && (show(false), true),
  };

  const takeChosen = () => {
    const option = isOpen() && chosen();
    if (option) take(option);
    else show(false);
    return Boolean(option);
  };

  // before the keys of the page: Escape closes the suggestions first, Enter takes one before it submits
  const press = (event) => {
    if (event.target !== box() || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!KEYS[event.key]?.()) return;
    event.preventDefault();
    event.stopPropagation();
  };

  document.addEventListener("keydown", press, true);

  // a press on an option must not take the focus from the box: leaving it would submit what is half typed
  document.addEventListener("mousedown", (event) => {
    const option = event.target.closest("#search-options [role=option]");
    if (option) event.preventDefault();
  });
  document.addEventListener("click", (event) => {
    const option = event.target.closest("#search-options [role=option]");
    if (option) take(option);
    else if (event.target !== box()) show(false);
  });
  document.addEventListener("focusout", (event) => {
    if (event.target === box()) show(false);
  });

  document.addEventListener("htmx:config:request", (event) => {
    const { ctx } = event.detail;
    if (ctx.sourceElement !== box()) return;
    const before = box().value.slice(0, box().selectionStart);
    ctx.request.body.set("cursor", [...before].length); // characters, as the server counts them
  });

  document.addEventListener("htmx:after:swap", (event) => {
    const { ctx } = event.detail;
    if (ctx?.sourceElement !== box()) return;
    show(options().length > 0 && document.activeElement === box());
    box().setAttribute("aria-invalid", String(document.querySelector("#search-said .search__mark") !== null));
  });
})();
