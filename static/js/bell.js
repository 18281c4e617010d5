/* The bell: fetches its list when it is opened, and again while it is open and something changes. */
(() => {
  "use strict";

  const bell = document.getElementById("bell");
  if (!bell) return;

  const show = () => {
    if (bell.open) document.getElementById("bell-list").dispatchEvent(new CustomEvent("bell:show"));
  };

  bell.addEventListener("toggle", show);
  document.body.addEventListener("live:notification", show);
  document.body.addEventListener("notifications-changed", show);
})();
