// Bars of alerts over the rows of a chart. One that the mouse is on says what it is; a click opens it.
const NEAR = 3; // px beside a bar that still count as on it: a day of a year is two wide
const told = { groups: [], lanes: [], colours: {}, send: null, tip: null };

export default function (component) {
  const { shown } = component.data;
  Object.assign(told, shown, { send: component.setTriggerValue });
  const end = lay(shown.host, drawBars);
  chart.ends = hide;
  return end;
}

function drawBars(context, x, y, layout) {
  listen(layout);
  const row = Math.abs(y.l2p(1) - y.l2p(0));
  context.save();
  context.beginPath();
  context.rect(x._offset, y._offset, x._length, y._length);
  context.clip();
  for (const group of told.groups) {
    context.fillStyle = group.colour;
    context.globalAlpha = group.opacity;
    group.boxes = group.start.map((start, i) => {
      const left = atTime(x, start), height = group.width * row;
      return [left, atValue(y, group.row[i]) - height / 2, Math.max(atTime(x, group.end[i]) - left, 2), height];
    });
    for (const box of group.boxes) context.fillRect(...box);
  }
  context.restore();
  drawLanes(context, layout);
}

// At the right of the legend: which lane is which.
function drawLanes(context, layout) {
  let right = layout.width - 12;
  Object.assign(context, { font: "12px 'Source Sans', sans-serif", textBaseline: "middle", textAlign: "right" });
  for (const lane of [...told.lanes].reverse()) {
    Object.assign(context, { fillStyle: told.colours.text, globalAlpha: 1 });
    context.fillText(lane.name, right, 13);
    right -= context.measureText(lane.name).width + 24;
    Object.assign(context, { fillStyle: told.colours.muted, globalAlpha: lane.opacity });
    context.fillRect(right, 13 - lane.width * 12, 18, lane.width * 24);
    right -= 14;
  }
  Object.assign(context, { globalAlpha: 1, textAlign: "left" });
}

// Only the rows are the mouse's: what lies above them keeps Plotly's own texts.
function listen(layout) {
  const plot = chart.plot.querySelector(".svg-container");
  if (plot.vigiaListens) return;
  plot.vigiaListens = true;
  plot.addEventListener("mousemove", (event) => show(found(event), event));
  plot.addEventListener("mouseleave", hide);
  plot.addEventListener("click", (event) => {
    const at = found(event);
    if (!at) return;
    const { column, version, segment, start } = at.group;
    told.send("opened", { column: column[at.i], version: version[at.i], segment: segment[at.i], start: start[at.i] });
  });
}

function found(event) {
  const outer = chart.canvas.getBoundingClientRect(), px = event.clientX - outer.left, py = event.clientY - outer.top;
  for (const group of [...told.groups].reverse()) {
    const i = (group.boxes || []).findIndex(([l, t, w, h]) => px >= l - NEAR && px <= l + w + NEAR && py >= t && py <= t + h);
    if (i >= 0) return { group, i };
  }
  return null;
}

function show(at, event) {
  if (!at) return hide();
  const tip = (told.tip = told.tip || document.body.appendChild(document.createElement("div")));
  const bold = Object.assign(document.createElement("b"), { textContent: at.group.column[at.i] });
  tip.replaceChildren(bold, document.createTextNode(text(at)));
  const { colours } = told;
  Object.assign(tip.style, {
    position: "fixed", zIndex: 1000, pointerEvents: "none", whiteSpace: "pre", padding: "6px 9px", borderRadius: "4px", display: "block",
    font: "13px/1.4 'Source Sans', sans-serif", color: colours.text, background: colours.background, border: `1px solid ${colours.border}`,
  });
  const { width, height } = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(4, Math.min(event.clientX + 14, innerWidth - width - 8))}px`;
  tip.style.top = `${event.clientY + height + 24 > innerHeight ? event.clientY - height - 10 : event.clientY + 16}px`;
  chart.plot.style.cursor = "pointer";
}

function text({ group, i }) {
  const names = [group.version[i], group.segment[i]].filter((name) => name && name !== "all").join(", ");
  const when = `${group.when[i]}, ${group.windows[i]} window${group.windows[i] === 1 ? "" : "s"}`;
  const limit = group.threshold[i] === "–" ? "" : `, limit ${group.threshold[i]}`;
  return [` ${group.what}`, names, when, `peak ${group.peak[i]}${limit}`].filter(Boolean).join("\n");
}

function hide() {
  if (told.tip) told.tip.style.display = "none";
  if (chart.plot) chart.plot.style.cursor = "";
}
