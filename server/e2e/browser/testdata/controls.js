// Lists the controls that the Tab key must reach, in the order of the page, as
// window.controls, and returns their number.
(() => {
  const all = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']";
  // The arrow keys move from one radio button to the next.
  const passed = (e) => e.matches("[type=radio]:not(:checked)") && e.form.querySelector(`[name="${e.name}"]:checked`);
  window.controls = [...document.querySelectorAll(all)].filter((e) => e.checkVisibility() && !e.matches(":disabled") && !passed(e));
  return window.controls.length;
})()
