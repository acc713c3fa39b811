// Returns what is wrong with the focus, which should be on the control with this
// number and have a visible ring.
(i) => {
  const e = document.activeElement;
  const called = (e) => `${e.tagName.toLowerCase()} "${(e.innerText || e.name || e.id).trim().slice(0, 40)}"`;
  if (e !== window.controls[i]) return `Tab ${i + 1} reaches ${called(e)}, not ${called(window.controls[i])}`;

  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const luminance = (color) => [...rgba(color)].slice(0, 3)
    .map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const contrast = (a, b) => {
    const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (light + 0.05) / (dark + 0.05);
  };
  let behind = e.parentElement;
  while (behind.parentElement && rgba(getComputedStyle(behind).backgroundColor)[3] < 255) behind = behind.parentElement;

  const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(e);
  const seen = contrast(outlineColor, getComputedStyle(behind).backgroundColor);
  if (outlineStyle === "none" || parseFloat(outlineWidth) < 2 || rgba(outlineColor)[3] < 255 || seen < 3) {
    return `${called(e)} has no ring to see: ${outlineWidth} ${outlineStyle} ${outlineColor}, contrast ${seen.toFixed(1)}`;
  }
  return "";
}
