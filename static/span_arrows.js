// Links between spans of one trace as arrows, drawn over the rows wherever both ends are there.
"use strict";

(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const MAX_ARROWS = 300;
  const HEAD_PX = 5;

  let isAsked = false;

  const end = (span, box) => {
    const lane = span.querySelector(":scope > summary .span__bar") ?? span.querySelector(":scope > summary .span__lane");
    const place = lane.getBoundingClientRect();
    return { left: place.left - box.left, right: place.right - box.left, y: place.top + place.height / 2 - box.top };
  };

  const arrow = (from, to) => {
    // from the end of the one that links to the start of the one that is linked to, bowing to the left
    const x = Math.max(4, Math.min(from.left, to.left) - 14 - Math.min(40, Math.abs(to.y - from.y) / 8));
    const line = document.createElementNS(SVG, "path");
    line.setAttribute("class", "arrows__line");
    line.setAttribute("d", `M${from.left} ${from.y}C${x} ${from.y} ${x} ${to.y} ${to.left - HEAD_PX} ${to.y}`);
    const head = document.createElementNS(SVG, "path");
    head.setAttribute("class", "arrows__head");
    head.setAttribute("d", `M${to.left} ${to.y}l${-HEAD_PX - 2} ${-HEAD_PX + 1}v${2 * HEAD_PX - 2}Z`);
    return [line, head];
  };

  const draw = () => {
    isAsked = false;
    const rows = document.querySelector(".waterfall__rows");
    document.querySelector(".arrows")?.remove();
    const linking = rows ? [...rows.querySelectorAll(".span[data-arrows]")] : [];
    if (!linking.length) return;
    const box = rows.getBoundingClientRect();
    const picture = document.createElementNS(SVG, "svg");
    picture.setAttribute("class", "arrows");
    picture.setAttribute("aria-hidden", "true");
    for (const span of linking) {
      for (const element of span.dataset.arrows.split(" ")) {
        const target = document.getElementById(`s-${element}`);
        if (target && picture.childElementCount < 2 * MAX_ARROWS) picture.append(...arrow(end(span, box), end(target, box)));
      }
    }
    rows.append(picture);
  };

  const ask = () => {
    if (isAsked) return;
    isAsked = true;
    requestAnimationFrame(draw);
  };

  for (const name of ["DOMContentLoaded", "htmx:after:swap", "waterfall:filled"]) document.addEventListener(name, ask);
  document.addEventListener("toggle", ask, true);
  addEventListener("resize", ask);
})();
