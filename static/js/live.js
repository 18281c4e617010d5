/* Live messages of the stream process (saas/stream.py), one connection per page. Each becomes an event on the body,
   `live:<name>`, for htmx (`hx-trigger="live:… from:body"`) and for scripts. The browser reconnects by itself. */
(() => {
  "use strict";

  const address = document.querySelector('meta[name="stream"]')?.content;
  if (!address) return;

  const NAMES = ["session_ended", "job", "toast", "activity", "notification"];
  const POLL = 30_000; // milliseconds between two looks while there is no connection
  const PATIENCE = 2_000; // milliseconds, before the first of them
  let source;

  const announce = (name, detail) => document.body.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }));

  // Whoever shows a state fetches it at `live:open`. `live:resumed` says that something may have been missed before;
  // without a connection `live:poll` comes now and then in their place.
  let hasBeenOpen = false;
  const open = () => {
    source = new EventSource(address, { withCredentials: true });
    source.addEventListener("ready", () => {
      announce("live:open");
      if (hasBeenOpen) announce("live:resumed");
      hasBeenOpen = true;
    });
    for (const name of NAMES) {
      source.addEventListener(name, (message) => announce(`live:${name}`, JSON.parse(message.data)));
    }
  };

  document.body.addEventListener("live:toast", (event) => announce("toast", event.detail));

  addEventListener("pageshow", open); // also when the browser takes the page out of its memory again
  addEventListener("pagehide", () => source?.close());

  const poll = () => {
    if (source?.readyState !== EventSource.OPEN && !document.hidden) announce("live:poll");
  };
  setTimeout(poll, PATIENCE);
  setInterval(poll, POLL);

  // The window in which somebody signs out is led on by its own form; a reload would come between.
  const LEAVING = 10_000; // milliseconds
  let leftAt = -LEAVING;
  document.addEventListener("submit", (event) => {
    if (!event.defaultPrevented) leftAt = performance.now();
  });

  const isTyped = (field) => !field.matches("[type=hidden], button") && field.value !== field.defaultValue;

  document.body.addEventListener("live:session_ended", () => {
    source.close();
    if (performance.now() - leftAt < LEAVING) return;
    if ([...document.querySelectorAll("main input, main textarea")].some(isTyped)) {
      announce("toast", { text: "You are signed out. Copy what you have typed before you sign in again.", level: "warning" });
    } else {
      location.reload(); // the server leads to sign-in, and from there back
    }
  });
})();
