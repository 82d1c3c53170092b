// Handles on the dashed limits of the chart above: a bar that can be dragged or moved by the arrow keys, at each limit's height.
// Streamlit tells Python nothing of what is dragged inside of a Plotly chart, so the handles lie over it and tell it themselves.
const EVERY = 120; // ms between two values that are told while it is dragged
// One for the page: this runs anew after every move, also while a hand is on a handle, and the chart may be another element by then.
const own = { handles: {}, run: 0 };

export default function (component) {
  const run = ++own.run;
  Object.assign(own, { data: component.data, send: component.setTriggerValue });
  for (const name of Object.keys(own.handles)) if (!(name in own.data.limits)) remove(name);
  for (const [name, value] of Object.entries(own.data.limits)) {
    const handle = own.handles[name] || made(name);
    if (!handle.held) handle.value = value;
    handle.bar.setAttribute("aria-valuenow", String(handle.value));
    handle.parts.forEach((part) => (part.style.background = own.data.colours[name])); // other ones in the dark
  }
  if (!own.following) follow();
  // What is drawn again in this moment has a later run: then the handles stay.
  return () => setTimeout(() => run === own.run && Object.keys(own.handles).forEach(remove), 300);
}

function remove(name) {
  own.handles[name].bar.remove();
  delete own.handles[name];
}

// Plotly redraws a moment later, and whenever the window changes its width.
function follow() {
  const handles = Object.values(own.handles);
  own.following = handles.length > 0;
  if (!own.following) return;
  own.host = document.querySelector(".st-key-moved");
  handles.forEach(place);
  requestAnimationFrame(follow);
}

function axes() {
  const plot = own.host && own.host.querySelector(".js-plotly-plot");
  const layout = plot && plot._fullLayout;
  return layout && layout.yaxis && layout.xaxis ? { plot, x: layout.xaxis, y: layout.yaxis } : null;
}

function place(handle) {
  const found = axes();
  if (!found) return;
  if (handle.bar.parentElement !== own.host) own.host.append(handle.bar);
  own.host.style.position = "relative";
  const box = found.plot.getBoundingClientRect(), outer = own.host.getBoundingClientRect();
  const y = found.y.d2p(handle.value), inside = y >= -1 && y <= found.y._length + 1;
  const style = {
    display: inside ? "block" : "none",
    top: `${box.top - outer.top + found.y._offset + y - 8}px`,
    left: `${box.left - outer.left + found.x._offset}px`,
    width: `${found.x._length + 3}px`,
  };
  for (const [name, value] of Object.entries(style)) if (handle.bar.style[name] !== value) handle.bar.style[name] = value;
}

// As a person reads it, and never beyond the other limit nor what the metric can be.
function allowed(name, value) {
  const { limits, above, least, most } = own.data, other = limits[name === "warning" ? "critical" : "warning"];
  let found = Math.min(Math.max(Number(value.toPrecision(3)), least), most);
  if (other !== undefined) found = (name === "warning") === above ? Math.min(found, other) : Math.max(found, other);
  return found;
}

function tell(handle) {
  if (handle.value === handle.told) return;
  handle.told = handle.value;
  handle.at = performance.now();
  own.send("moved", { limit: handle.name, value: handle.value, hold: handle.hold });
}

function made(name) {
  const bar = document.createElement("div"), line = document.createElement("div"), grip = document.createElement("div");
  const handle = { name, bar, parts: [line, grip], held: false, at: 0 };
  const label = `${name[0].toUpperCase()}${name.slice(1)} limit on the chart`;
  const told = { role: "slider", tabindex: 0, "aria-orientation": "vertical", "aria-label": label, title: `Drag the ${name} limit` };
  for (const [key, value] of Object.entries(told)) bar.setAttribute(key, String(value));
  Object.assign(bar.style, { position: "absolute", height: "16px", cursor: "ns-resize", zIndex: 5, touchAction: "none" });
  Object.assign(line.style, { position: "absolute", left: 0, right: "8px", top: "7px", height: "2px", opacity: 0 });
  const round = { position: "absolute", right: 0, top: "3px", width: "16px", height: "10px", borderRadius: "5px" };
  Object.assign(grip.style, round);
  bar.append(line, grip);
  own.handles[name] = handle;

  const hold = (held) => {
    handle.held = held;
    if (held) handle.hold = Date.now(); // all values of one drag are one move to take back
    line.style.opacity = held ? 1 : 0;
  };
  bar.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    bar.focus({ preventScroll: true });
    bar.setPointerCapture(event.pointerId);
    const found = axes();
    // From here on only the way of the hand counts: the page around the chart may move while it is redrawn.
    if (found) handle.from = { y: event.clientY, value: handle.value, slope: (found.y.range[1] - found.y.range[0]) / found.y._length };
    hold(Boolean(found));
  });
  bar.addEventListener("pointermove", (event) => {
    if (!handle.held) return;
    handle.value = allowed(name, handle.from.value + (handle.from.y - event.clientY) * handle.from.slope);
    place(handle);
    if (performance.now() - handle.at > EVERY) tell(handle);
  });
  const release = () => {
    if (!handle.held) return;
    hold(false);
    tell(handle);
  };
  bar.addEventListener("pointerup", release);
  bar.addEventListener("pointercancel", release);
  bar.addEventListener("keydown", (event) => {
    const found = axes(), way = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!found || !way) return;
    event.preventDefault();
    handle.hold = 0;
    handle.value = allowed(name, handle.value + (way * (found.y.range[1] - found.y.range[0])) / 100);
    place(handle);
    tell(handle);
  });
  return handle;
}
