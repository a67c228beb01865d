// What was typed into a filter is applied before anything else on the page is followed. What it means is the server's business.
"use strict";

(() => {
  const STALE = "#page a, #list .row"; // printed for the filters that are being replaced

  let applying = null; // { ctx, asked }: the request of the filters that is under way
  let followed = ""; // what was clicked meanwhile and may be there afterwards as well

  const isOfFilters = (ctx) => ctx.sourceElement.id === "filters";

  // Enter is a change and a submission: one of them is enough
  document.addEventListener("htmx:config:request", (event) => {
    const { ctx } = event.detail;
    if (!isOfFilters(ctx)) return;
    const asked = new URLSearchParams(ctx.request.body).toString();
    if (applying?.asked === asked) return void event.preventDefault();
    applying = { ctx, asked };
    followed = "";
  });

  // Who clicks a row with the cursor still in a field leaves the field: the row's request would take the place of the form's,
  // and the field would name what nothing is filtered by.
  document.addEventListener(
    "click",
    (event) => {
      if (!applying || event.ctrlKey || event.metaKey || event.shiftKey) return; // another tab takes nothing's place
      const stale = event.target.closest(STALE);
      if (!stale || stale.closest("#filters")) return;
      event.preventDefault();
      event.stopPropagation();
      const link = event.target.closest("a") ?? stale.querySelector(".row__link");
      if (link?.matches(".row__link")) followed = `#${link.id}`;
      else if (link?.dataset.key) followed = `#strip .figure[data-key=${link.dataset.key}]`;
    },
    true,
  );

  document.addEventListener("htmx:finally:request", (event) => {
    if (event.detail.ctx !== applying?.ctx) return; // another one took its place
    applying = null;
    if (followed) document.querySelector(followed)?.click();
    followed = "";
  });
})();
