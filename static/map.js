// The service map: another size without losing the place, and what belongs to the box under the pointer or in focus.
"use strict";

(() => {
  const view = document.getElementById("map");
  const drawing = view?.querySelector(".map__drawing");
  if (!drawing) return;
  const zooms = [...document.querySelectorAll("[data-zoom]")];
  const full = drawing.viewBox.baseVal;

  const middle = () => {
    const { left, top } = view.getBoundingClientRect();
    const held = drawing.contains(document.activeElement) && document.activeElement.getBoundingClientRect();
    if (held) return [held.left + held.width / 2, held.top + held.height / 2];
    return [left + view.clientWidth / 2, top + view.clientHeight / 2];
  };

  // what is drawn at (x, y) of the window, px, comes to the middle of the view, or as near to it as there is map
  const zoom = (link, [x, y]) => {
    const place = new DOMPoint(x, y).matrixTransform(drawing.getScreenCTM().inverse());
    const isWhole = link.dataset.zoom === "whole";
    const scale = isWhole ? 1 : link.dataset.zoom / 100;
    drawing.setAttribute("width", Math.round(full.width * scale));
    drawing.setAttribute("height", Math.round(full.height * scale));
    drawing.classList.remove("map__drawing--fits");
    drawing.classList.toggle("map__drawing--whole", isWhole);
    const at = place.matrixTransform(drawing.getScreenCTM());
    const { left, top } = view.getBoundingClientRect();
    view.scrollBy(at.x - left - view.clientWidth / 2, at.y - top - view.clientHeight / 2);
    for (const other of zooms) other.toggleAttribute("aria-current", other === link);
    link.setAttribute("aria-current", "true");
    history.replaceState(history.state, "", link.href);
  };

  const chosen = () => zooms.findIndex((link) => link.hasAttribute("aria-current"));
  const step = (by) => zooms[Math.min(Math.max(chosen() + by, 0), zooms.length - 1)];
  const KEYS = { "+": () => step(1), "-": () => step(-1), 0: () => zooms[0] };

  document.addEventListener("keydown", (event) => {
    const link = KEYS[event.key]?.();
    const isTyping = event.target.matches("input, select, textarea");
    if (!link || isTyping || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    zoom(link, middle());
  });

  document.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // a tab of its own
    const link = event.target.closest("[data-zoom]");
    if (link) {
      event.preventDefault();
      zoom(link, middle());
    } else if (event.target.closest(".map__drawing") && !event.target.closest("a")) {
      zoom(zooms[chosen() ? 0 : 2], [event.clientX, event.clientY]);
    }
  });

  // a box with its calls and who is at their other ends; a call with its two boxes
  const mark = (link) => {
    const boxes = new Set(link?.dataset.ends?.split(" ") ?? (link ? [link.dataset.box] : []));
    const calls = [...drawing.querySelectorAll("[data-ends]")].filter(
      (call) => call === link || (link?.dataset.box && call.dataset.ends.split(" ").includes(link.dataset.box)),
    );
    for (const call of calls) for (const end of call.dataset.ends.split(" ")) boxes.add(end);
    for (const one of drawing.querySelectorAll("a"))
      one.classList.toggle("map__marked", calls.includes(one) || boxes.has(one.dataset.box));
    drawing.toggleAttribute("data-marked", Boolean(link));
  };

  const over = (event) => mark(event.target.closest("a"));
  const away = () => mark(null);
  drawing.addEventListener("pointerover", over);
  drawing.addEventListener("pointerleave", away);
  drawing.addEventListener("focusin", over);
  drawing.addEventListener("focusout", away);
})();
