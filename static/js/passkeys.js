/* What goes wrong with a passkey, in words. The rest is allauth's webauthn.js, which announces it on the document. */
(() => {
  "use strict";

  const WORDS = {
    NotAllowedError: "No passkey was used. Try again, or take another way.",
    InvalidStateError: "This device has a passkey for your account already.",
    SecurityError: "Passkeys do not work at this address.",
    NotSupportedError: "This browser or device cannot do this. Try another one.",
  };

  document.addEventListener("allauth.error", (event) => {
    event.preventDefault();
    const text = WORDS[event.detail.exception?.name] ?? "The passkey did not work. Try again, or take another way.";
    document.body.dispatchEvent(new CustomEvent("toast", { bubbles: true, detail: { text, level: "warning" } }));
  });
})();
