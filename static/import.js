// A trace file dropped on the page, or pasted into it, is sent to the viewer and opened as a source of its own.
"use strict";

(() => {
  const root = document.documentElement.dataset.root ?? "/";
  const MIN_TEXT = 20; // characters: less is a slip of the fingers
  const MAX_BYTES = 64 * 1024 * 1024;

  const say = (words, role = "status") => {
    const said = document.getElementById("dropped") ?? document.createElement("p");
    said.id = "dropped";
    said.className = "banner";
    said.setAttribute("role", role);
    said.textContent = words;
    document.getElementById("page").prepend(said);
  };

  const unsay = () => document.getElementById("dropped")?.remove();

  const send = async (content, name) => {
    if ((content.size ?? content.length) > MAX_BYTES) return void say(`${name} has more than 64 MiB.`, "alert");
    say(`Reading ${name} …`);
    try {
      const answer = await fetch(`${root}api/import?name=${encodeURIComponent(name)}`, { method: "POST", body: content });
      const told = await answer.json();
      if (answer.ok) return told.href;
      say(`${name} cannot be opened. ${told.error}`, "alert");
    } catch {
      say(`${name} could not be sent: the viewer does not answer, or is busy with another file.`, "alert");
    }
  };

  const open = async (files) => {
    let href;
    for (const file of files) {
      const sent = await send(file, file.name);
      if (!sent) return; // what is wrong stays to be read
      href = files.length > 1 ? `${root}import` : sent;
    }
    if (href) location.assign(href);
  };

  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");

  document.addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault(); // else the browser opens the file itself
    event.dataTransfer.dropEffect = "copy";
    if (!document.getElementById("dropped")) say("Drop it to open it beside the live files.");
  });

  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) unsay(); // out of the window
  });

  document.addEventListener("drop", (event) => {
    if (!carriesFiles(event) || event.target.closest("input[type=file]")) return;
    event.preventDefault();
    open([...event.dataTransfer.files]);
  });

  document.addEventListener("paste", async (event) => {
    if (event.target.closest?.("input, textarea, select")) return;
    const files = [...event.clipboardData.files];
    const text = event.clipboardData.getData("text/plain");
    if (files.length) return void open(files);
    if (text.trim().length < MIN_TEXT) return;
    const href = await send(text, "pasted text");
    if (href) location.assign(href);
  });
})();
