// Runs before the page is drawn, so that neither a wrong theme nor the buttons of a page without scripts flash up.
"use strict";

document.documentElement.classList.add("js");
try {
  const theme = localStorage.getItem("theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // storage may be forbidden; then the system decides
}
