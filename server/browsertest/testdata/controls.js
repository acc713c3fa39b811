// Lists what the Tab key has to reach, in the order of the page, as
// window.controls, and returns how many there are.
(() => {
  const all = "a[href], button, input:not([type=hidden]), select, textarea, summary";
  window.controls = [...document.querySelectorAll(all)].filter((e) => e.checkVisibility());
  return window.controls.length;
})()
