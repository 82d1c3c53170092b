"""How soon the page Thresholds follows a hand: a real server, a real browser, a limit moved.   python tests/benchmarks/bench_hand.py [STORE …]

For each store the milliseconds from a key on the slider to what it changes on screen, median and 90th percentile of MOVES, and what it costs
in CPU, which a busy machine does not change. Without a store: the bundled sample, and a year of 30 columns × 7 metrics × 3 versions, the budget of
DESIGN.md §9 (300 ms). Stores go to .bench/.
"""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from playwright.sync_api import CDPSession, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))

import bench_judge
from browsing import launch_args, server_of, settle

from data.store import append, open_store, transact
from monitors.spans import keep

ROOT = Path(__file__).parents[2]
HERE, MODEL, MOVES = Path(".bench"), "year", 8
PARTS = ("counts", "chart", "spans", "table")
# What a screen shows of each part, as a text: of a canvas what was last drawn on it. A part is there when it differs from before the key.
WATCH = """
const own = CanvasRenderingContext2D.prototype;
for (const name of ["clearRect", "fillRect", "fillText", "lineTo", "arc", "rect"]) {
  const was = own[name];
  own[name] = function (...given) {
    if (name === "clearRect" && given[2] > 100) this.seen = 0;
    for (const one of given) for (const c of String(one)) this.seen = (31 * (this.seen || 7) + c.charCodeAt(0)) | 0;
    if (name === "fillText" && !this.canvas.closest(".svg-container")) window.tableAt = performance.now();
    return was.apply(this, given);
  };
}
const drawn = (host) => {
  const canvas = document.querySelector(`.st-key-${host} .svg-container canvas`);
  return canvas ? canvas.getContext("2d").seen : null;
};
const PARTS = {
  counts: () => [...document.querySelectorAll("[data-testid=stMetricValue], [data-testid=stMarkdownContainer] > p")]
    .filter((one) => one.matches("[data-testid=stMetricValue]") || one.textContent.includes("gained")).map((one) => one.textContent).join(),
  chart: () => drawn("moved"),
  spans: () => drawn("spans"),
};
addEventListener("keydown", (event) => { window.keyAt = event.timeStamp; }, true);
window.follow = (ms) => new Promise((done) => {
  const before = Object.fromEntries(Object.entries(PARTS).map(([name, look]) => [name, look()])), took = {};
  window.keyAt = window.tableAt = 0;
  const frame = () => {
    const now = performance.now();
    if (window.keyAt) for (const [name, look] of Object.entries(PARTS)) {
      const seen = look();
      if (seen !== before[name]) took[name] = now - window.keyAt;
      before[name] = seen;
    }
    // A table below the window is not drawn.
    if (window.keyAt && now - window.keyAt > ms) done({ ...took, ...(window.tableAt && { table: window.tableAt - window.keyAt }) });
    else requestAnimationFrame(frame);
  };
  frame();
});
"""


def year(place: Path) -> Path:
    """A store with random measurements of a year by day, week and month; made once."""
    if (place / "done").exists():
        return place
    store = open_store(str(place))
    days = bench_judge.made("log", 365).assign(model=MODEL)
    start = days["window_start"]
    weeks, months = days[start.dt.weekday == 0], days[start.dt.day == 1]
    parts = [
        days, weeks.assign(window_end=weeks["window_start"] + pd.Timedelta(days=7)),
        months.assign(window_end=months["window_start"] + pd.offsets.MonthBegin()),
    ]  # fmt: skip
    served = days[["version", "window_start", "window_end"]].drop_duplicates().assign(
        model=MODEL, dataset="log", segment="all", column="column_00", role="feature", kind="number", rows=900
    )  # fmt: skip
    load = {"load": 1, "model": MODEL, "dataset": "log", "version": "", "file": "made", "sha256": "", "bytes": 0, "rows": 0, "misfits": 0}
    load |= {"loaded_at": days["window_start"].min(), "author": "bench"}
    transact(store, partial(append, name="loads", rows=pd.DataFrame([load])), "a year")
    transact(store, partial(append, name="profiles", rows=served), "a year")
    for part in parts:
        transact(store, partial(keep, measured=part), "a year")
    store.close()
    (place / "done").touch()
    return place


def sample(place: Path) -> Path:
    """A store with the whole bundled sample; made once, in a minute or two."""
    if not (place / "done").exists():
        subprocess.run([sys.executable, "-m", "monitors", "sample", "--store", place], check=True, stdout=subprocess.DEVNULL)
        (place / "done").touch()
    return place


def moves(page: Page, server: int, times: int) -> pd.DataFrame:
    """What each of some moves took, ms: from the key to each part on screen, and CPU of the server and of the browser's main thread."""
    slider = page.get_by_role("slider", name="Warning above").first
    slider.focus()
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    rows = []
    for _ in range(times):
        page.evaluate("() => { window.followed = follow(1500); }")
        before = cpu(server), busy(session)
        page.keyboard.press("ArrowLeft")
        took = page.evaluate("() => window.followed")
        settle(page)
        rows.append(took | {"server CPU": cpu(server) - before[0], "browser CPU": busy(session) - before[1]})
    return pd.DataFrame(rows)


def cpu(process: int) -> float:
    """What a process has used, ms; not known where there is no /proc."""
    place = Path(f"/proc/{process}/stat")
    if not place.exists():
        return np.nan
    parts = place.read_text().rsplit(")", 1)[1].split()
    return 1000 * (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


def busy(session: CDPSession) -> float:
    """What the page's main thread has used, ms."""
    found = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    return 1000 * float(found["TaskDuration"])


def measured(place: Path, times: int = MOVES) -> pd.DataFrame:
    """The moves on a store; before them two, which fill caches."""
    with server_of(place) as (url, server), sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_args())
        page = browser.new_context(viewport={"width": 1440, "height": 1000}).new_page()
        page.set_default_timeout(120_000)
        page.add_init_script(WATCH)
        page.goto(f"{url}/thresholds?rule_metric=psi")
        settle(page)
        moves(page, server.pid, 2)
        rows = moves(page, server.pid, times)
        browser.close()
    return rows


def main() -> None:
    os.chdir(ROOT)
    places = [Path(name) for name in sys.argv[1:]] or [sample(HERE / "hand-sample"), year(HERE / "hand-year")]
    for place in places:
        rows = measured(place)
        rows["all"] = rows[[name for name in PARTS if name in rows]].max(axis=1)
        table = pd.DataFrame({"median": rows.median(), "p90": rows.quantile(0.9), "moves": rows.notna().sum()})
        names = [name for name in (*PARTS, "all", "server CPU", "browser CPU") if name in table.index]
        print(f"{place}: ms after a key, load average {os.getloadavg()[0]:.1f}\n{table.loc[names].round(0).astype(int).to_string()}\n")


if __name__ == "__main__":
    main()
