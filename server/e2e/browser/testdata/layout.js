// Returns what is wrong with the layout of the page on a screen of this width,
// with this minimum size of controls.
(width, least) => {
  const found = [];
  const called = (e) => `${e.tagName.toLowerCase()} "${(e.innerText || e.name || e.id).trim().slice(0, 40)}"`;

  const wide = document.scrollingElement.scrollWidth;
  if (wide > width || innerWidth > width) {
    const widest = [...document.body.querySelectorAll("*")].filter((e) => e.getBoundingClientRect().right > width);
    found.push(`scrolls to the side: ${wide} of ${width}, ${widest.slice(-1).map(called)}`);
  }

  for (const img of document.images) {
    if (img.closest("details:not([open])")) continue; // checked when it is unfolded
    if (!img.checkVisibility() || img.naturalWidth === 0 || img.getBoundingClientRect().width < 100) {
      found.push(`${img.src} is not shown`);
    }
  }

  // People tap a checkbox's label; a link inside a text is as high as its line.
  const hidden = (e) => !e.checkVisibility() || e.matches(".visually-hidden");
  for (const e of document.querySelectorAll("button, summary, select, textarea, input:not([type=hidden]), a[href]")) {
    if (hidden(e) || getComputedStyle(e).display === "inline") continue;
    const target = e.matches("[type=checkbox], [type=radio]") ? e.closest("label") ?? e : e;
    const { width: w, height: h } = target.getBoundingClientRect();
    if (h < least || w < least) found.push(`${called(e)} is ${Math.round(w)}x${Math.round(h)}, less than ${least}`);
  }
  return found;
}
