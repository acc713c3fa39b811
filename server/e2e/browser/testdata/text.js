// Returns the text of the page that doesn't fit a screen of this width.
(width) => {
  const found = [];
  const called = (e) => `${e.tagName.toLowerCase()}.${e.className.baseVal ?? e.className} "${(e.innerText || e.value || e.name || e.id || "").trim().replace(/\s+/g, " ").slice(0, 40)}"`;
  // The heads of some tables are only for screen readers.
  const unseen = (head) => head && getComputedStyle(head).position === "absolute";
  const hidden = (e) => !e.checkVisibility() || e.closest(".visually-hidden, svg") || unseen(e.closest("thead")) || unseen(e.closest("th"));

  const wide = document.scrollingElement.scrollWidth;
  if (wide > width || innerWidth > width) {
    const widest = [...document.body.querySelectorAll("*")].filter((e) => !hidden(e) && !e.closest("pre") && e.getBoundingClientRect().right > width + 1);
    found.push(`scrolls to the side: ${wide} of ${width}, ${widest.slice(-1).map(called)}`);
  }

  for (const e of document.body.querySelectorAll("*")) {
    if (hidden(e) || e.matches("input, textarea, select, option") || !e.textContent.trim()) continue;
    const { overflowX, overflowY } = getComputedStyle(e);
    const cuts = (overflow) => overflow === "hidden" || overflow === "clip";
    if (cuts(overflowX) && e.scrollWidth > e.clientWidth + 1 || cuts(overflowY) && e.scrollHeight > e.clientHeight + 1) {
      const { right } = e.getBoundingClientRect();
      const widest = [...e.querySelectorAll("*")].filter((c) => !hidden(c) && c.getBoundingClientRect().right > right + 1);
      found.push(`${called(e)} is cut off: ${e.scrollWidth}x${e.scrollHeight} in ${e.clientWidth}x${e.clientHeight}, ${widest.slice(-1).map(called)}`);
    }
  }

  // A button or a selected word must show its whole text.
  for (const e of document.querySelectorAll("button, .button, .badge, .tag, label, th, summary")) {
    if (!hidden(e) && e.getBoundingClientRect().right > width + 1) found.push(`${called(e)} goes beyond the screen`);
  }
  return found;
}
