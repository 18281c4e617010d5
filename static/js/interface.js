/* What pages do in the browser beside htmx: menus, dialogs, messages, copying, showing a password, fresh times.
   Everything listens on the document, so that parts that arrive later need no set-up. */
(() => {
  "use strict";

  // --- Menus: <details data-menu>. The browser opens them; this closes them and moves between the items.
  const openMenus = () => document.querySelectorAll("details[data-menu][open]");

  document.addEventListener("click", (event) => {
    for (const menu of openMenus()) {
      const chosen = event.target.closest("a.menu-item, button.menu-item");
      if (!menu.contains(event.target) || (chosen && menu.contains(chosen))) menu.open = false;
    }
  });

  document.addEventListener("focusin", (event) => {
    for (const menu of openMenus()) if (!menu.contains(event.target)) menu.open = false;
  });

  document.addEventListener("keydown", (event) => {
    const menu = event.target.closest?.("details[data-menu]");
    if (!menu) return;
    if (event.key === "Escape" && menu.open) {
      menu.open = false;
      menu.querySelector("summary").focus();
      event.preventDefault();
    }
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const items = [...menu.querySelectorAll(".menu-item:not(:disabled)")];
      if (!items.length) return;
      menu.open = true;
      const step = event.key === "ArrowDown" ? 1 : -1;
      const at = items.indexOf(document.activeElement);
      items[at < 0 ? (step > 0 ? 0 : items.length - 1) : (at + step + items.length) % items.length].focus();
      event.preventDefault();
    }
  });

  // --- Dialogs: <button data-dialog="id"> opens <dialog id>, [data-dialog-close] and the backdrop close it.
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-dialog]");
    if (opener) {
      document.getElementById(opener.dataset.dialog)?.showModal();
      event.preventDefault();
    } else if (event.target.closest("[data-dialog-close]")) {
      event.target.closest("dialog")?.close();
    } else if (event.target.matches("dialog.dialog")) {
      event.target.close();
    }
  });

  // A dangerous act waits until its name is typed: <input data-confirm="Acme" data-confirm-button="button-id">
  document.addEventListener("input", (event) => {
    const { confirm: name, confirmButton: id } = event.target.dataset;
    if (name && id) document.getElementById(id).disabled = event.target.value.trim() !== name;
  });

  // --- Messages
  const STAY = 6000; // milliseconds
  const region = () => document.getElementById("toasts");

  function dismiss(toast) {
    toast.classList.add("is-leaving");
    setTimeout(() => toast.remove(), 200);
  }

  function watch(toast) {
    if (toast.dataset.watched) return;
    toast.dataset.watched = "yes";
    if (toast.dataset.toast === "error") return; // stays until it is closed
    let timer;
    const start = () => (timer = setTimeout(() => dismiss(toast), STAY));
    const stop = () => clearTimeout(timer);
    toast.addEventListener("pointerenter", stop);
    toast.addEventListener("pointerleave", start);
    toast.addEventListener("focusin", stop);
    toast.addEventListener("focusout", start);
    start();
  }

  // A wait is counted down for the eye; a screen reader hears the words once, and again when the wait is over.
  function countDown(toast, seconds) {
    const end = Date.now() + seconds * 1000;
    const clock = document.createElement("span");
    clock.className = "toast-countdown number";
    clock.setAttribute("aria-hidden", "true");
    toast.querySelector(".toast-text").append(" ", clock);
    const tick = () => {
      const left = Math.ceil((end - Date.now()) / 1000);
      if (!toast.isConnected) return;
      if (left > 0) {
        clock.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
        setTimeout(tick, 250);
        return;
      }
      toast.querySelector(".toast-text").textContent = "You can try again now.";
      setTimeout(() => dismiss(toast), STAY);
    };
    tick();
  }

  function show(text, level = "info", seconds = 0) {
    const template = document.getElementById("toast-template");
    if (!template || !region()) return;
    const model = template.content.querySelector(`[data-toast="${level}"]`) ?? template.content.firstElementChild;
    const toast = model.cloneNode(true);
    toast.querySelector(".toast-text").textContent = text;
    if (seconds > 0) toast.dataset.watched = "yes"; // stays for as long as the wait
    region().append(toast);
    if (seconds > 0) countDown(toast, seconds);
  }

  document.addEventListener("toast", (event) => {
    const { text, level, value, seconds } = event.detail ?? {};
    show(text ?? value ?? "", level, seconds);
  });

  document.addEventListener("click", (event) => {
    const toast = event.target.closest("[data-toast-close]")?.closest("[data-toast]");
    if (toast) dismiss(toast);
  });

  // --- Copying: <button data-copy="text">
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
    } catch {
      show("Copying is not allowed here. Select the text and copy it by hand.", "warning");
      return;
    }
    const label = button.getAttribute("aria-label");
    button.classList.add("is-copied");
    button.setAttribute("aria-label", "Copied");
    setTimeout(() => {
      button.classList.remove("is-copied");
      button.setAttribute("aria-label", label);
    }, 1800);
  });

  // --- Showing a password
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-password-toggle]");
    if (!button) return;
    const input = button.parentElement.querySelector("input");
    const shown = input.type === "password";
    input.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
  });

  // --- Times: <time datetime data-relative> says how long ago it was, while the page stays open
  const words = new Intl.RelativeTimeFormat(document.documentElement.lang || "en", { numeric: "auto" });
  const UNITS = [["year", 31536000], ["month", 2592000], ["week", 604800], ["day", 86400], ["hour", 3600], ["minute", 60]];

  function refresh(time) {
    const seconds = (new Date(time.dateTime) - Date.now()) / 1000;
    if (Number.isNaN(seconds)) return;
    const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? [];
    const text = unit ? words.format(Math.trunc(seconds / size), unit) : "just now";
    if (time.textContent !== text) time.textContent = text;
  }

  const refreshAll = () => document.querySelectorAll("time[data-relative]").forEach(refresh);
  setInterval(refreshAll, 60000);

  // --- The sidebar closes when a link inside it is followed in place
  document.addEventListener("click", (event) => {
    const sidebar = event.target.closest("[popover]");
    if (sidebar?.matches(":popover-open") && event.target.closest("a[href]")) sidebar.hidePopover();
  });

  // --- What is there now, and what htmx brings later
  function prepare(root) {
    root.querySelectorAll?.("[data-toast]").forEach(watch);
    root.querySelectorAll?.("time[data-relative]").forEach(refresh);
  }

  prepare(document);
  const messages = region();
  if (messages) {
    new MutationObserver(() => messages.querySelectorAll("[data-toast]").forEach(watch)).observe(messages, { childList: true });
  }
  document.addEventListener("htmx:load", (event) => prepare(event.detail.elt.parentElement ?? event.detail.elt));

  window.toast = show;
})();
