/* The time zone of the browser is a good guess for somebody who has not chosen one. */
(() => {
  "use strict";

  function guess(root) {
    const select = root.querySelector?.("select[data-time-zone]");
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (select?.value === "UTC" && [...select.options].some((option) => option.value === zone)) select.value = zone;
  }

  guess(document);
  document.addEventListener("htmx:load", (event) => guess(event.detail.elt));
})();
