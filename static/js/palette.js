/* The palette: Ctrl+K or ⌘K opens it over any page. The focus stays in the text; the options are chosen by keys. */
(() => {
  "use strict";

  const dialog = document.getElementById("palette");
  if (!dialog) return;
  const input = dialog.querySelector("input");
  const list = dialog.querySelector("[role=listbox]");
  const empty = dialog.querySelector("[data-palette-empty]");
  const status = dialog.querySelector("[data-palette-status]");
  const opener = document.querySelector("[data-palette-open]");
  const isApple = /Mac|iPhone|iPad/.test(navigator.platform);
  const PAUSE = 90; // milliseconds without a key before the server is asked

  let timer, asking, chosen;
  let goes = false; // Enter was pressed before the options for what is typed had come

  opener.setAttribute("aria-haspopup", "dialog");
  if (isApple) opener.querySelector("[data-palette-key]").textContent = "⌘K";

  const options = () => [...list.querySelectorAll("[role=option]")];

  function choose(option) {
    chosen?.setAttribute("aria-selected", "false");
    chosen = option;
    if (!option) return input.removeAttribute("aria-activedescendant");
    option.setAttribute("aria-selected", "true");
    option.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", option.id);
  }

  function move(step) {
    const all = options();
    const at = all.indexOf(chosen);
    if (all.length) choose(all[(at + step + all.length) % all.length]);
  }

  function show(html, words) {
    list.innerHTML = html;
    const all = options();
    choose(all[0]);
    list.scrollTop = 0;
    input.setAttribute("aria-expanded", String(all.length > 0));
    empty.textContent = all.length ? "" : words;
    empty.hidden = all.length > 0;
    status.textContent = all.length ? `${all.length} ${all.length === 1 ? "result" : "results"}` : words;
    if (goes) chosen?.click();
    goes = false;
  }

  async function ask() {
    const mine = (asking = new AbortController());
    try {
      const answer = await fetch(`${dialog.dataset.url}?q=${encodeURIComponent(input.value)}`, { signal: mine.signal });
      if (answer.redirected) return location.reload(); // signed out meanwhile
      if (!answer.ok) throw new Error(answer.status);
      const html = await answer.text();
      if (mine === asking) show(html, "Nothing fits.");
    } catch (error) {
      if (error.name !== "AbortError") show("", "Search does not answer. Try again in a moment.");
    } finally {
      if (mine === asking) asking = undefined;
    }
  }

  function askSoon(pause) {
    clearTimeout(timer);
    asking?.abort(); // what is on its way answers another question
    timer = setTimeout(() => {
      timer = undefined;
      ask();
    }, pause);
  }

  function open() {
    if (dialog.open) return dialog.close();
    document.querySelectorAll(":popover-open").forEach((each) => each.hidePopover());
    dialog.showModal(); // the browser keeps the focus inside, and gives it back at the end
    input.focus();
    input.select();
    askSoon(0);
  }

  document.addEventListener("keydown", (event) => {
    const isShortcut = (isApple ? event.metaKey : event.ctrlKey) && !event.altKey && !event.shiftKey;
    if (!isShortcut || event.key.toLowerCase() !== "k") return;
    event.preventDefault();
    open();
  });

  opener.addEventListener("click", (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return; // a new tab gets the page
    event.preventDefault();
    open();
  });

  input.addEventListener("input", () => {
    goes = false;
    askSoon(PAUSE);
  });

  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return; // an input method has these keys while it puts letters together
    const acts = {
      ArrowDown: () => move(1),
      ArrowUp: () => move(-1),
      Home: () => choose(options().at(0)),
      End: () => choose(options().at(-1)),
      Enter: () => {
        if (timer || asking) goes = true;
        else chosen?.click();
      },
    };
    if (!acts[event.key]) return;
    event.preventDefault();
    acts[event.key]();
  });

  list.addEventListener("mousedown", (event) => event.preventDefault()); // the focus stays in the text
  list.addEventListener("pointermove", (event) => {
    const option = event.target.closest("[role=option]");
    if (option && option !== chosen) choose(option);
  });

  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target.closest("[data-palette-close], [role=option]")) dialog.close();
  });

  dialog.addEventListener("close", () => {
    clearTimeout(timer);
    timer = undefined;
    asking?.abort();
    asking = undefined;
    goes = false;
  });
})();
