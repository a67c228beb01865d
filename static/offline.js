// The offline file: find words in any span, open and close all. It asks nobody for anything.
"use strict";

(() => {
  const spans = [...document.querySelectorAll(".span")];
  const count = document.getElementById("count");
  let texts = null; // read once: thousands of spans with all their details

  document.getElementById("find").addEventListener("input", (event) => {
    const words = event.target.value.trim().toLowerCase();
    let found = 0;
    texts ??= spans.map((span) => span.textContent.toLowerCase());
    for (const [at, span] of spans.entries()) {
      const isMatch = words !== "" && texts[at].includes(words);
      span.classList.toggle("span--found", isMatch);
      span.classList.toggle("span--other", words !== "" && !isMatch);
      found += isMatch;
    }
    count.textContent = words === "" ? "" : `${found} of ${spans.length} spans`;
  });

  const all = (open) => () => spans.forEach((span) => (span.open = open));
  document.getElementById("unfold").addEventListener("click", all(true));
  document.getElementById("fold").addEventListener("click", all(false));
})();
