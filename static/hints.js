// Three hints on the first visit, and again when asked for. What they say is in the page.
"use strict";

(() => {
  const aside = document.getElementById("hints");
  if (!aside) return;
  const steps = [...aside.querySelectorAll(".hints__step")];
  const next = aside.querySelector("[data-hint=next]");
  let at = 0;

  const mark = (step) => {
    for (const hinted of document.querySelectorAll(".hinted")) hinted.classList.remove("hinted");
    if (step) for (const one of document.querySelectorAll(step.dataset.of)) one.classList.add("hinted");
  };

  const show = (index) => {
    at = index;
    steps.forEach((step, other) => (step.hidden = other !== at));
    aside.querySelector(".hints__place").textContent = `${at + 1} of ${steps.length}`;
    next.textContent = at + 1 < steps.length ? "Next" : "Done";
    aside.hidden = false;
    mark(steps[at]);
  };

  const close = () => {
    aside.hidden = true;
    mark(null);
    try {
      localStorage.setItem("hints", "seen");
    } catch {
      // they come again with the next visit
    }
  };

  aside.addEventListener("click", (event) => {
    const act = event.target.dataset.hint;
    if (act === "close" || (act === "next" && at + 1 === steps.length)) close();
    else if (act === "next") show(at + 1);
  });
  const leave = (event) => {
    if (event.key !== "Escape" || aside.hidden || document.querySelector("dialog[open]")) return;
    event.stopPropagation(); // it would close the trace as well
    close();
  };
  document.addEventListener("keydown", leave, true);
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-hint=again]")) return;
    document.getElementById("help").close();
    show(0);
    next.focus();
  });
  document.addEventListener("htmx:after:swap", () => aside.hidden || mark(steps[at])); // the list may be another one

  const isNew = () => {
    try {
      return localStorage.getItem("hints") === null;
    } catch {
      return false; // it could not be remembered that they were read
    }
  };
  if (isNew() && document.querySelector("#list .row")) show(0); // an empty page has something else to say
})();
