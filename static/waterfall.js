// The waterfall: rows are fetched where the reader has scrolled to, and a window is chosen by dragging.
"use strict";

(() => {
  const ROW_PX = 25;
  const AHEAD_PX = 600; // fetched before it is seen
  const DRAG_PX = 4; // less is a click

  // --- rows that are still to come ---------------------------------------------------------------------------------

  let isFetching = false;

  const visibleGap = () =>
    [...document.querySelectorAll(".rowgap")].find((gap) => {
      const box = gap.getBoundingClientRect();
      return box.bottom > -AHEAD_PX && box.top < innerHeight + AHEAD_PX;
    });

  const fill = async () => {
    const gap = isFetching ? null : visibleGap();
    if (!gap) return;
    isFetching = true;
    const box = gap.getBoundingClientRect();
    const rowPx = box.height / (gap.dataset.last - gap.dataset.first + 1) || ROW_PX;
    const seen = box.top > 0 ? 0 : Math.floor((innerHeight / 2 - box.top) / rowPx);
    const row = Math.min(Number(gap.dataset.first) + Math.max(seen, 0), Number(gap.dataset.last));
    const isBelow = box.bottom < innerHeight / 2; // the reader goes up: the end of the gap comes first
    const url = new URL(gap.dataset.rows, location.href);
    url.searchParams.set("row", isBelow ? gap.dataset.last : row);
    try {
      const answer = await fetch(url, { headers: { "HX-Request": "true" } });
      if (answer.ok && gap.isConnected) {
        const parsed = document.createElement("template");
        parsed.innerHTML = await answer.text();
        const found = [...parsed.content.children];
        gap.replaceWith(...found);
        for (const element of found) htmx.process(element);
        document.dispatchEvent(new Event("waterfall:filled")); // arrows may have both of their ends now
      }
    } finally {
      isFetching = false;
    }
    requestAnimationFrame(fill);
  };

  document.addEventListener("scroll", () => requestAnimationFrame(fill), { capture: true, passive: true });
  document.addEventListener("htmx:after:swap", () => requestAnimationFrame(fill));
  document.addEventListener("DOMContentLoaded", fill);

  // --- a window by dragging over the minimap or the axis ---------------------------------------------------------------

  let drag = null; // { from, to: parts of the picture, start_px, left_ns, length_ns }

  const part = (event) => {
    const box = drag.picture.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  };

  document.addEventListener("pointerdown", (event) => {
    const map = document.querySelector(".minimap");
    const onAxis = event.target.closest(".waterfall__axis");
    if (event.button !== 0 || !map || !(onAxis || event.target.closest(".minimap__map"))) return;
    const { duration, from, to } = map.dataset;
    const [left, right] = onAxis ? [Number(from), Number(to)] : [0, Number(duration)];
    const picture = onAxis ? onAxis.querySelector("svg") : map.querySelector(".minimap__map");
    drag = { map, picture, left, length: right - left, startPx: event.clientX, onAxis };
    drag.from = drag.to = part(event);
    event.preventDefault();
  });

  document.addEventListener("pointermove", (event) => {
    if (!drag) return;
    drag.to = part(event);
    const whole = Number(drag.map.dataset.duration) || 1;
    const shown = (at) => ((drag.left + at * drag.length) / whole) * 100;
    const [low, high] = [Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)].map(shown);
    const mark = drag.map.querySelector(".minimap__drag");
    mark.setAttribute("x", `${low}%`);
    mark.setAttribute("width", `${high - low}%`);
  });

  document.addEventListener("pointerup", (event) => {
    if (!drag) return;
    const { map, from, to, left, length, startPx } = drag;
    drag = null;
    map.querySelector(".minimap__drag").setAttribute("width", "0");
    if (Math.abs(event.clientX - startPx) < DRAG_PX) return;
    const link = map.querySelector(".minimap__go");
    const url = new URL(link.getAttribute("href"), location.href);
    url.searchParams.set("from", Math.round(left + Math.min(from, to) * length));
    url.searchParams.set("to", Math.round(left + Math.max(from, to) * length));
    link.setAttribute("href", url.pathname + url.search);
    link.click();
  });

  document.addEventListener("pointercancel", () => {
    drag?.map.querySelector(".minimap__drag").setAttribute("width", "0");
    drag = null;
  });
})();
