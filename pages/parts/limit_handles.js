// The limits of a rule on its chart: dashed lines, and on each a handle that can be dragged or moved by the arrow keys; the windows beyond them.
// Streamlit tells Python nothing of what is dragged inside of a Plotly chart, so the handles lie over it and tell it themselves.
// While it is dragged the next value is told so many ms after the answer to the last one, or after so many without one: a value that is told
// sooner would stop the page while it still draws what the last one does.
const AFTER = 90, LONGEST = 1000;
const SIZE = 4.5, CORNERS = { diamond: 4, square: 4, "triangle-up": 3, pentagon: 5, hexagon: 6 };
// One for the page: this runs anew after every move, also while a hand is on a handle.
const own = { handles: {}, shown: null, send: null, isReady: true, toldAt: 0 };

export default function (component) {
  const { shown } = component.data;
  Object.assign(own, { shown, send: component.setTriggerValue });
  for (const name of Object.keys(own.handles)) if (!(name in shown.handles)) drop(name);
  for (const [name, value] of Object.entries(shown.handles)) {
    const handle = own.handles[name] || made(name);
    if (!handle.held) handle.value = value;
    handle.grip.style.background = shown.colours[name]; // other ones in the dark
  }
  const end = lay("moved", drawAll);
  setTimeout(() => {
    own.isReady = true;
    Object.values(own.handles).forEach((handle) => handle.held && tell(handle));
  }, AFTER);
  chart.ends = () => Object.keys(own.handles).forEach(drop);
  return end;
}

function drop(name) {
  own.handles[name].bar.remove();
  delete own.handles[name];
}

function drawAll(context, x, y, layout) {
  context.save();
  context.beginPath();
  context.rect(x._offset, y._offset - 1, x._length, y._length + 2);
  context.clip();
  if (own.shown.span) drawSpan(context, x, y);
  for (const name of Object.keys(own.shown.lines)) drawLimit(context, x, y, name);
  own.shown.marks.forEach((marks) => drawMarks(context, x, y, marks));
  context.restore();
  drawLabels(context, x, y);
  Object.values(own.handles).forEach((handle) => place(handle, x, y));
}

function drawSpan(context, x, y) {
  const { ends, edge, fill } = own.shown.span, [left, right] = ends.map((time) => atTime(x, time / 1000));
  Object.assign(context, { fillStyle: fill, strokeStyle: edge, lineWidth: 1.5 });
  context.setLineDash([]);
  context.fillRect(left, y._offset, right - left, y._length);
  context.strokeRect(left, y._offset, right - left, y._length);
}

function drawLimit(context, x, y, name) {
  Object.assign(context, { strokeStyle: own.shown.colours[name], lineWidth: 1.4 });
  context.setLineDash([7, 5]);
  for (const [times, values] of own.shown.lines[name].lines) {
    const ahead = name in own.handles ? own.handles[name].value : null; // a hand is ahead of what the server knows
    context.beginPath();
    times.forEach((time, i) => context.lineTo(atTime(x, time), atValue(y, ahead === null ? values[i] : ahead)));
    context.stroke();
  }
}

// As Plotly draws them, so that a version keeps its shape.
function drawMarks(context, x, y, { symbol, at, value, level }) {
  const corners = CORNERS[symbol], turned = symbol === "square" ? Math.PI / 4 : 0;
  const radius = SIZE * (symbol === "square" ? Math.SQRT2 : symbol === "diamond" ? 1.3 : symbol === "circle" ? 1 : 1.15);
  context.setLineDash([]);
  Object.assign(context, { strokeStyle: own.shown.background, lineWidth: 1 });
  at.forEach((time, i) => {
    const cx = atTime(x, time), cy = atValue(y, value[i]);
    context.fillStyle = own.shown.colours[level[i] === 2 ? "critical" : "warning"];
    context.beginPath();
    if (corners) for (let k = 0; k < corners; k++) context.lineTo(cx + radius * Math.sin(turned + (2 * Math.PI * k) / corners), cy - radius * Math.cos(turned + (2 * Math.PI * k) / corners));
    else context.arc(cx, cy, radius, 0, 2 * Math.PI);
    context.closePath();
    context.fill();
    context.stroke();
  });
}

// At the right, moved apart where they would lie on each other.
function drawLabels(context, x, y) {
  context.font = "12px 'Source Sans', sans-serif";
  context.textBaseline = "middle";
  const labels = Object.keys(own.shown.lines).flatMap((name) => {
    const { ends } = own.shown.lines[name], value = name in own.handles ? own.handles[name].value : null;
    const there = value === null ? ends : ends.filter((end) => end.value === value);
    const ahead = { value, text: value === null ? "" : `${name} ${Number(value.toPrecision(3))}` };
    return (there.length ? there : [ahead]).map((end) => ({ name, ...end }));
  });
  let least = 6; // px above the axis
  for (const { name, value, text } of labels.sort((a, b) => a.value - b.value)) {
    const height = Math.max(y._offset + y._length - atValue(y, value), least);
    least = height + 16;
    context.fillStyle = own.shown.colours[name];
    if (height <= y._length + 8) context.fillText(text, x._offset + x._length + 6, y._offset + y._length - height);
  }
}

function place(handle, x, y) {
  const box = chart.canvas.parentElement;
  if (handle.bar.parentElement !== box) box.append(handle.bar);
  const top = atValue(y, handle.value), inside = top >= y._offset - 1 && top <= y._offset + y._length + 1;
  const style = { display: inside ? "block" : "none", top: `${top - 8}px`, left: `${x._offset}px`, width: `${x._length + 3}px` };
  Object.assign(handle.bar.style, style);
  handle.bar.setAttribute("aria-valuenow", String(handle.value));
}

// As a person reads it, and never beyond the other limit nor what the metric can be.
function allowed(name, value) {
  const { handles, above, least, most } = own.shown, other = handles[name === "warning" ? "critical" : "warning"];
  let found = Math.min(Math.max(Number(value.toPrecision(3)), least), most);
  if (other !== undefined) found = (name === "warning") === above ? Math.min(found, other) : Math.max(found, other);
  return found;
}

// How much of the metric a pixel upwards is.
function slope() {
  const axis = chart.plot && chart.plot._fullLayout && chart.plot._fullLayout.yaxis;
  return axis ? (axis.range[1] - axis.range[0]) / axis._length : 0;
}

function moveTo(handle, value) {
  handle.value = allowed(handle.name, value);
  redraw();
}

function tell(handle) {
  if (handle.value === handle.told) return;
  handle.told = handle.value;
  Object.assign(own, { isReady: false, toldAt: performance.now() });
  own.send("moved", { limit: handle.name, value: handle.value, hold: handle.hold });
}

function made(name) {
  const bar = document.createElement("div"), grip = document.createElement("div");
  const handle = { name, bar, grip, held: false };
  const label = `${name[0].toUpperCase()}${name.slice(1)} limit on the chart`;
  const told = { role: "slider", tabindex: 0, "aria-orientation": "vertical", "aria-label": label, title: `Drag the ${name} limit` };
  for (const [key, value] of Object.entries(told)) bar.setAttribute(key, String(value));
  Object.assign(bar.style, { position: "absolute", height: "16px", cursor: "ns-resize", zIndex: 5, touchAction: "none" });
  Object.assign(grip.style, { position: "absolute", right: 0, top: "3px", width: "16px", height: "10px", borderRadius: "5px" });
  bar.append(grip);
  own.handles[name] = handle;

  bar.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    bar.focus({ preventScroll: true });
    bar.setPointerCapture(event.pointerId);
    // From here on only the way of the hand counts: the page around the chart may move while it is redrawn.
    handle.from = { y: event.clientY, value: handle.value, slope: slope() };
    handle.held = handle.from.slope > 0;
    handle.hold = Date.now(); // all values of one drag are one move to take back
  });
  bar.addEventListener("pointermove", (event) => {
    if (!handle.held) return;
    moveTo(handle, handle.from.value + (handle.from.y - event.clientY) * handle.from.slope);
    if (own.isReady || performance.now() - own.toldAt > LONGEST) tell(handle);
  });
  const release = () => {
    if (!handle.held) return;
    handle.held = false;
    tell(handle);
  };
  bar.addEventListener("pointerup", release);
  bar.addEventListener("pointercancel", release);
  bar.addEventListener("keydown", (event) => {
    const way = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!way || !slope()) return;
    event.preventDefault();
    handle.hold = 0;
    moveTo(handle, handle.value + (way * slope() * chart.plot._fullLayout.yaxis._length) / 100);
    tell(handle);
  });
  return handle;
}
