// The histogram: a window is chosen by dragging over it; over its dots, durations as well. The calendar fills its field.
"use strict";

(() => {
  const DRAG_PX = 4; // less is a click
  const BESIDE_PX = 7; // a click between dots takes what lies around it

  let drag = null; // { chart, x, y: px in the chart where it began, toX, toY }
  let ignoresClick = false;

  const inside = (event, chart) => {
    const box = chart.getBoundingClientRect();
    const bound = (at, most) => Math.min(most, Math.max(0, at));
    return [bound(event.clientX - box.left, box.width), bound(event.clientY - box.top, box.height)];
  };

  const hasDurations = (chart) => "low" in chart.dataset;

  const draw = () => {
    const mark = document.getElementById("chart-drag");
    if (!mark) return;
    const { chart, x, y, toX, toY } = drag ?? { x: 0, y: 0, toX: 0, toY: 0 };
    mark.setAttribute("x", Math.min(x, toX));
    mark.setAttribute("width", Math.abs(toX - x));
    if (!chart || !hasDurations(chart)) return;
    mark.setAttribute("y", Math.min(y, toY));
    mark.setAttribute("height", Math.abs(toY - y));
  };

  const select = (chart, [left, right], [top, bottom]) => {
    const { width, height } = chart.getBoundingClientRect();
    const { start, end, low, high } = chart.dataset;
    const url = new URL(document.getElementById("chart-go").getAttribute("href"), location.href);
    const time = (px) => Number(start) + (px / width) * (Number(end) - Number(start));
    url.searchParams.set("since", new Date(Math.floor(time(left))).toISOString());
    url.searchParams.set("until", new Date(Math.ceil(time(right))).toISOString());
    if (hasDurations(chart)) {
      const duration = (px) => low * (high / low) ** (1 - px / height);
      url.searchParams.set("min_ms", duration(bottom).toFixed(6));
      url.searchParams.set("max_ms", duration(top).toFixed(6));
    }
    const link = document.getElementById("chart-go");
    link.setAttribute("href", url.pathname + url.search);
    link.click();
  };

  document.addEventListener("pointerdown", (event) => {
    const chart = event.target.closest?.("#chart");
    if (event.button !== 0 || !event.isPrimary || !chart) return;
    const [x, y] = inside(event, chart);
    drag = { chart, x, y, toX: x, toY: y };
  });

  document.addEventListener("pointermove", (event) => {
    if (!drag || !event.isPrimary) return;
    [drag.toX, drag.toY] = inside(event, drag.chart);
    draw();
  });

  const end = () => {
    drag = null;
    draw();
  };

  document.addEventListener("pointerup", (event) => {
    if (!drag || !event.isPrimary) return;
    const { chart, x, y, toX, toY } = drag;
    end();
    const isWide = Math.abs(toX - x) >= DRAG_PX;
    const around = (from, to, most) => [Math.max(0, Math.min(from, to)), Math.min(most, Math.max(from, to))];
    const { width, height } = chart.getBoundingClientRect();
    if (isWide) {
      ignoresClick = true; // the bar under the pointer is a link of its own
      setTimeout(() => (ignoresClick = false));
      select(chart, around(x, toX, width), Math.abs(toY - y) >= DRAG_PX ? around(y, toY, height) : [0, height]);
    } else if (hasDurations(chart)) {
      select(chart, around(x - BESIDE_PX, x + BESIDE_PX, width), around(y - BESIDE_PX, y + BESIDE_PX, height));
    }
  });

  document.addEventListener("pointercancel", end);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !drag) return;
    end();
    event.stopImmediatePropagation();
  }, true);
  document.addEventListener("dragstart", (event) => {
    if (event.target.closest?.("#chart")) event.preventDefault(); // a bar is a link, and links can be dragged away
  });
  document.addEventListener("click", (event) => {
    if (!ignoresClick || !event.target.closest?.("#chart")) return;
    event.preventDefault();
    event.stopPropagation();
  }, true);

  // --- the window's two ends: nothing is asked for before both are as the reader wants them -----------------------------

  document.addEventListener("change", (event) => {
    if (!event.target.matches?.(".window__panel input, #column")) return;
    event.stopPropagation();
    const filled = document.getElementById(event.target.dataset.fills ?? "");
    if (filled) filled.value = event.target.value;
  }, true);
})();
