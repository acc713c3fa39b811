"use strict";

// Copy buttons. They stay hidden where nothing can be copied: the text is there
// to be selected by hand.
(() => {
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

  document.querySelectorAll("[data-copy]").forEach(copies);
})();
