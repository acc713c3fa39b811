// Watches the Tab key go through window.controls. check is the function in
// focus.js. window.stops contains how many were reached in order, and the first
// problem.
(check) => {
  const stops = window.stops = { reached: 0, problem: "" };
  document.addEventListener("focusin", (e) => {
    // A time field has several stops of its own.
    if (stops.problem || e.target === window.controls[stops.reached - 1]) return;
    if (stops.reached === window.controls.length) return;
    stops.problem = check(stops.reached++);
  });
  return window.controls.length;
}
