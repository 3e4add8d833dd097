"use strict";

document.body.append("Hello");

/* `?frame=URL`: a frame of another origin, as the chat has one. */
const frame = new URLSearchParams(location.search).get("frame");
if (frame) {
  const element = document.createElement("iframe");
  element.src = frame;
  document.body.append(element);
}

/* `?component=URL`: ChatKit and nothing else, the least that any chat page needs. */
const component = new URLSearchParams(location.search).get("component");
if (component) {
  const script = document.createElement("script");
  script.src = component;
  const bridge = new Promise((resolve) => window.addEventListener("pywebviewready", resolve, { once: true }));
  script.onload = () => {
    const chat = document.createElement("openai-chatkit");
    chat.addEventListener("chatkit.ready", () => bridge.then(() => window.pywebview.api.mounted()));
    chat.setOptions({ api: { getClientSecret: async () => "ek_bench" } });
    document.body.append(chat);
  };
  document.head.append(script);
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
