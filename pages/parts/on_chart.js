// A layer over a Plotly chart: what a hand moves is drawn on a canvas in a millisecond, where Plotly would take a tenth of a second for all of it.
// The text of a component's own script follows this one.
const chart = { host: "", plot: null, canvas: null, draw: null, ends: null, users: 0, timer: 0 };

// Lay a canvas over the chart in the container with the key `host`; `draw(context, xaxis, yaxis, layout)` is called whenever Plotly has drawn.
// Gives a function that takes it away. A later call in the same moment keeps it.
function lay(host, draw) {
  const user = ++chart.users;
  Object.assign(chart, { host, draw });
  chart.canvas = chart.canvas || Object.assign(document.createElement("canvas"), { ariaHidden: "true" });
  Object.assign(chart.canvas.style, { position: "absolute", left: 0, top: 0, zIndex: 3, pointerEvents: "none" });
  if (!chart.timer) chart.timer = setInterval(seek, 250); // the chart may come later, and be another element after a while
  seek();
  redraw();
  return () => setTimeout(() => user === chart.users && remove(), 300);
}

function remove() {
  clearInterval(chart.timer);
  chart.canvas.remove();
  if (chart.ends) chart.ends();
  Object.assign(chart, { plot: null, timer: 0 });
}

function seek() {
  // A chart that is replaced stays a moment beside the new one.
  const found = [...document.querySelectorAll(`.st-key-${chart.host} .js-plotly-plot`)];
  const plot = found.find((one) => !one.closest("[data-retained]")) || found[0];
  if (!plot || !plot.on || !plot._fullLayout || (plot === chart.plot && chart.canvas.isConnected)) return;
  if (plot !== chart.plot) plot.on("plotly_afterplot", () => plot === chart.plot && redraw());
  chart.plot = plot;
  redraw();
}

function redraw() {
  const layout = chart.plot && chart.plot._fullLayout, box = chart.plot && chart.plot.querySelector(".svg-container");
  if (!layout || !layout.xaxis || !layout.yaxis || !box) return;
  if (chart.canvas.parentElement !== box) box.append(chart.canvas);
  const { canvas } = chart, scale = window.devicePixelRatio || 1, width = Math.round(layout.width * scale), height = Math.round(layout.height * scale);
  if (canvas.width !== width || canvas.height !== height) {
    Object.assign(canvas, { width, height });
    Object.assign(canvas.style, { width: `${layout.width}px`, height: `${layout.height}px` });
  }
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, layout.width, layout.height);
  chart.draw(context, layout.xaxis, layout.yaxis, layout);
}

// Where a time (ms since 1970, UTC) and a value lie on the canvas. Plotly's own d2p would take the time for a year.
const atTime = (axis, time) => axis._offset + axis.l2p(time);
const atValue = (axis, value) => axis._offset + axis.l2p(value);

