"use strict";

// What pages can do with a script: copy, print, show times in the reader's zone,
// and tell an iPad from a Mac. They work without.
(() => {
  // Copy buttons stay hidden where nothing can be copied: the text is there to
  // be selected by hand.
  function copies(button) {
    const source = document.getElementById(button.dataset.copy);
    if (!source || !navigator.clipboard) return;
    const label = button.textContent;
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(source.innerText.trim());
      } catch {
        getSelection().selectAllChildren(source);
        return;
      }
      button.textContent = button.dataset.done;
      setTimeout(() => { button.textContent = label; }, 2000);
    });
  }

  function prints(button) {
    button.hidden = false;
    button.addEventListener("click", () => {
      for (const fold of document.querySelectorAll("details")) if (fold.contains(button)) fold.open = true;
      print();
    });
  }

  // Times are written in UTC. Readers elsewhere see their own.
  function local(holder, options) {
    const at = new Date(holder.dataset.time || holder.dateTime);
    if (isNaN(at) || at.getTimezoneOffset() === 0) return;
    const text = holder.querySelector("bdi") || holder;
    text.textContent = new Intl.DateTimeFormat(document.documentElement.lang, options).format(at);
  }

  document.querySelectorAll("[data-copy]").forEach(copies);
  document.querySelectorAll("[data-print]").forEach(prints);
  document.querySelectorAll("[data-time]").forEach((holder) => local(holder, { weekday: "long", day: "numeric", month: "long", hour: "2-digit", minute: "2-digit", timeZoneName: "short" }));
  document.querySelectorAll("time").forEach((holder) => { if (!holder.closest("[data-zone]")) local(holder, { dateStyle: "long", timeStyle: "short" }); });

  // A menu is shut by Esc, and by a press anywhere else.
  const menus = () => document.querySelectorAll("details.menu[open]");
  document.addEventListener("click", (event) => menus().forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; }));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    menus().forEach((menu) => {
      if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
      menu.open = false;
    });
  });

  // Safari on an iPad says that it runs on a Mac, which has no touch screen.
  const mac = document.querySelector("[data-ipad]");
  if (mac && navigator.maxTouchPoints > 1) location.replace(mac.dataset.ipad);
})();
