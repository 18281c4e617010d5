/* What happens around a request: errors become messages, the focus follows the change, nothing is sent twice. */
(() => {
  "use strict";

  const WORDS = {
    0: "There is no connection. Check your network and try again.",
    403: "You may not do this. Ask an admin of your organization.",
    404: "This is not here any more. Reload the page.",
    413: "This file is too large.",
    429: "That was too often. Please wait a moment.",
    503: "We are briefly unavailable. Nothing was lost; please try again in a minute.",
  };

  function tell(xhr) {
    const id = xhr.getResponseHeader?.("X-Request-Id");
    const wait = Number(xhr.getResponseHeader?.("Retry-After"));
    if (xhr.status === 429 && wait > 0) {
      window.toast(`That was too often. Try again in ${wait} second${wait === 1 ? "" : "s"}.`, "warning", wait);
      return;
    }
    const text = WORDS[xhr.status] ?? "Something went wrong on our side. Please try again.";
    window.toast(xhr.status >= 500 && id ? `${text} Reference: ${id}` : text, "error");
  }

  // An answer that brings its own message says so by the event `toast`; then ours would be a second one.
  const bringsMessage = (xhr) => /"?toast"?/.test(xhr.getResponseHeader("HX-Trigger") ?? "");

  document.addEventListener("htmx:responseError", ({ detail }) => bringsMessage(detail.xhr) || tell(detail.xhr));
  document.addEventListener("htmx:sendError", () => tell({ status: 0 }));
  document.addEventListener("htmx:timeout", () => tell({ status: 503 }));

  // --- Focus: to the first mistake of a form, else to what asks for it, else it stays where it was
  function focusFirstMistake(root) {
    const target = root.querySelector?.("[data-error-summary]") ?? root.querySelector?.('[aria-invalid="true"]');
    if (!target || target.closest("[data-no-focus]")) return false;
    target.focus();
    return true;
  }

  document.addEventListener("htmx:afterSettle", ({ detail }) => {
    const root = detail.elt?.isConnected ? detail.elt : document.getElementById(detail.target?.id);
    if (!root || focusFirstMistake(root)) return;
    const wished = root.matches?.("[data-focus]") ? root : root.querySelector?.("[data-focus], [autofocus]");
    if (wished) {
      wished.focus();
    } else if (document.activeElement === document.body && detail.requestConfig?.verb !== "get") {
      // what had the focus is gone with the swap: a keyboard goes on from the new part, not from the top of the page
      if (!root.hasAttribute("tabindex")) root.setAttribute("tabindex", "-1");
      root.focus({ preventScroll: true });
    }
  });

  focusFirstMistake(document);

  // --- Nothing is sent twice
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method === "dialog" || form.matches("[hx-post], [hx-get], [hx-put], [hx-delete]")) return;
    if (form.dataset.sending) {
      event.preventDefault();
      return;
    }
    if (form.method !== "post") return;
    form.dataset.sending = "yes";
    event.submitter?.setAttribute("aria-busy", "true");
    // a file leaves the page as it is, and nothing tells when it has come
    if (form.matches("[data-download]")) setTimeout(() => release(form), 2000);
  });

  document.addEventListener("htmx:beforeRequest", (event) => {
    const { elt, requestConfig } = event.detail;
    const form = elt.closest("form");
    if (!form || requestConfig.verb === "get") return;
    if (form.dataset.sending) {
      event.preventDefault();
      return;
    }
    form.dataset.sending = "yes";
    requestConfig.triggeringEvent?.submitter?.setAttribute("aria-busy", "true");
  });

  document.addEventListener("htmx:afterRequest", ({ detail }) => release(detail.elt.closest("form") ?? detail.elt));
  // back from the next page: the form is usable again
  window.addEventListener("pageshow", (event) => event.persisted && release(document));

  function release(root) {
    if (root.dataset) delete root.dataset.sending;
    root.querySelectorAll("[data-sending]").forEach((form) => delete form.dataset.sending);
    root.querySelectorAll('button[aria-busy="true"]').forEach((button) => button.removeAttribute("aria-busy"));
  }

  // --- Theme: the page changes at once, the server remembers
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("[data-theme-form]");
    if (!form || !event.submitter) return;
    event.preventDefault();
    const data = new FormData(form, event.submitter);
    document.documentElement.dataset.theme = data.get("theme");
    document.querySelectorAll("[data-theme-form] button").forEach((button) => {
      button.setAttribute("aria-pressed", String(button.value === data.get("theme")));
    });
    fetch(form.action, { method: "POST", body: data, redirect: "manual" }).catch(() => tell({ status: 0 }));
  }, true);
})();
