"use strict";

document.body.append("Hello");

/* `?frame=URL`: a frame of another origin, as the chat has one. */
const frame = new URLSearchParams(location.search).get("frame");
if (frame) {
  const element = document.createElement("iframe");
  element.src = frame;
  document.body.append(element);
}

/* `?calls=N`: the round trip of pywebview's own bridge, in milliseconds, told to the program. */
const calls = Number(new URLSearchParams(location.search).get("calls") || 0);
window.addEventListener("pywebviewready", async () => {
  if (!calls) return;
  const took = [];
  // Engines round their clock (WebKit to 1 ms): each entry is the mean of ten calls in a row.
  for (let i = 0; i < calls; i += 10) {
    const before = performance.now();
    for (let j = 0; j < 10; j += 1) await window.pywebview.api.echo(j);
    took.push((performance.now() - before) / 10);
  }
  await window.pywebview.api.took(took);
});
