"use strict";

// What the control panel can do with a script beside copying: passkeys, previews
// while somebody types, and showing how far a batch is. All else works without one.
(() => {
  const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(Array.from(new Uint8Array(buffer), (b) => String.fromCharCode(b)).join(""))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

  // --- passkeys -------------------------------------------------------------

  // A Refusal is what the server says no with, in the reader's language.
  class Refusal extends Error {}

  async function post(path, body) {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", "Accept": "application/json" },
      body: JSON.stringify(body),
      credentials: "same-origin",
      redirect: "error",
    });
    const result = await answer.json();
    if (!answer.ok) throw new Refusal(result.detail);
    return result;
  }

  const named = (list) => (list || []).map((c) => ({ ...c, id: bytes(c.id) }));

  // ask has the browser make a passkey, where the options name a user, or use
  // one.
  function ask(options) {
    const publicKey = { ...options.publicKey, challenge: bytes(options.publicKey.challenge) };
    if (publicKey.user) {
      publicKey.user = { ...publicKey.user, id: bytes(publicKey.user.id) };
      publicKey.excludeCredentials = named(publicKey.excludeCredentials);
      return navigator.credentials.create({ publicKey });
    }
    publicKey.allowCredentials = named(publicKey.allowCredentials);
    return navigator.credentials.get({ publicKey });
  }

  function answerOf(credential) {
    const response = {};
    for (const key of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (credential.response[key]) response[key] = text(credential.response[key]);
    }
    if (credential.response.getTransports) response.transports = credential.response.getTransports();
    return {
      id: credential.id,
      rawId: text(credential.rawId),
      type: credential.type,
      response,
      clientExtensionResults: credential.getClientExtensionResults(),
      authenticatorAttachment: credential.authenticatorAttachment || "",
    };
  }

  async function use(button) {
    const { passkey, name, next, then } = button.dataset;
    const { ceremony, options } = await post(passkey + "/begin", {});
    const credential = await ask(options);
    const { to } = await post(passkey + "/finish", {
      ceremony,
      response: answerOf(credential),
      name: name ? document.getElementById(name).value : "",
      next: next || "",
    });
    if (then === "submit") {
      // The passkey has confirmed: the form goes without a code.
      for (const field of button.form.elements) {
        if (field.name.startsWith("confirm_")) field.disabled = true;
      }
      button.form.submit();
      return;
    }
    if (to === "/panel" || /^\/panel[/?]/.test(to)) location.assign(to);
  }

  function explain(button, error) {
    const { canceled, known, failed } = button.dataset;
    if (error instanceof Refusal) return error.message || failed;
    if (error.name === "InvalidStateError") return known;
    return error.name === "NotAllowedError" || error.name === "AbortError" ? canceled : failed;
  }

  function offers(button) {
    const box = button.closest("[data-passkey-box]");
    const wrong = box.querySelector("[data-passkey-error]");
    box.hidden = button.hidden = false;
    button.addEventListener("click", async () => {
      button.disabled = wrong.hidden = true;
      try {
        await use(button);
      } catch (error) {
        wrong.textContent = explain(button, error);
        wrong.hidden = false;
      }
      button.disabled = false;
    });
  }

  // --- what goes on by itself -------------------------------------------------

  // follow shows how far something is, until its state changes: then there is
  // another page to see. The server brings the words.
  function follow(box) {
    const source = new EventSource(box.dataset.events);
    source.addEventListener("message", (event) => {
      const now = JSON.parse(event.data);
      if (now.state !== box.dataset.state) {
        source.close();
        location.reload();
        return;
      }
      for (const part of box.querySelectorAll("[data-live]")) {
        const value = now[part.dataset.live];
        if (part instanceof HTMLProgressElement) part.value = value;
        else if (part.textContent !== value) part.textContent = value;
      }
    });
  }
  document.querySelectorAll("[data-events]").forEach(follow);

  // --- previews ---------------------------------------------------------------

  // previewed has the server draw the parts of the page that show what is typed.
  function previewed(form) {
    const pick = form.querySelector("[data-color]");
    const color = document.getElementById(pick.dataset.color);
    form.querySelector("[data-picker]").hidden = false;
    let timer, latest = 0;
    async function update() {
      const turn = ++latest;
      if (color.value && !/^#[0-9a-f]{6}$/i.test(color.value)) return; // it's still being typed
      const typed = new FormData(form);
      for (const name of [...typed.keys()]) if (name.endsWith("_url")) typed.delete(name); // previews have no links
      const answer = await fetch(form.dataset.preview, { method: "POST", body: new URLSearchParams(typed), credentials: "same-origin" });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (turn !== latest) return;
      for (const part of document.querySelectorAll("[data-part]")) {
        const fresh = page.getElementById(part.id);
        if (fresh) part.replaceChildren(...fresh.childNodes);
      }
    }
    pick.addEventListener("input", () => { color.value = pick.value; });
    color.addEventListener("input", () => { if (/^#[0-9a-f]{6}$/i.test(color.value)) pick.value = color.value; });
    form.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(update, 150);
    });
  }
  document.querySelectorAll("form[data-preview]").forEach((form) => { if (!form.querySelector("fieldset:disabled")) previewed(form); });

  // On a phone the entries of the side list are a strip.
  document.querySelector(".nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  if (window.PublicKeyCredential) document.querySelectorAll("[data-passkey]").forEach(offers);
})();
