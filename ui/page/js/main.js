// Puts the stream on the page.

import {el, reconcile, show, text} from "./dom.js";
import * as format from "./format.js";
import * as health from "./health.js";
import * as line from "./line.js";
import * as states from "./states.js";
import {follow} from "./stream.js";

const main = document.getElementById("main");
let status = null; // the last one seen
let plantTime = null; // the plant's clock when it was last heard of
let heardAt = 0;
let link = "wait";

// now is the plant's clock, which may run faster than ours; between two signs
// of life it goes on at our pace.
function now() {
  return plantTime === null ? null : plantTime + Math.min(performance.now() - heardAt, 2500);
}

function hear(time) {
  plantTime = time;
  heardAt = performance.now();
}

function snapshot(time, view) {
  hear(time);
  status = view.status;
  const list = status.instances;
  const known = new Map([...status.machines || [], ...list].map((i) => [i.equipment, i]));
  const idle = list.filter(states.isIdle);
  reconcile(document.getElementById("states"), list.filter((i) => !states.isIdle(i)), states.key, states.card);
  reconcile(document.getElementById("idle-states"), idle, states.key, states.card);
  show("idle", idle.length > 0);
  text("idle-count", format.number(idle.length) + (idle.length === 1 ? " is" : " are") + " IDLE: nothing is wrong");
  reconcile(document.getElementById("changes"), view.changes, (c) => c.change.id, (c) => states.change(c, time, known));
  document.getElementById("line").replaceChildren(...line.lines(status));
  show("h-line-section", (status.machines || []).length > 0);
  line.arrange(document.getElementById("line"));
  text("states-count", list.length < status.instancesTotal
    ? format.number(list.length) + " of " + format.number(status.instancesTotal) + ", the most severe first, then what is not known"
    : format.number(list.length));
  show("states-empty", list.length === 0);
  show("changes-empty", view.changes.length === 0);
  show("sources-empty", status.sources.length === 0);
  show("h-shadows-section", (status.shadows || []).length > 0);
  show("h-tables-section", (status.tables || []).length > 0);
  show("senders-empty", status.senders.length === 0);
  text("footer", "Linewatch " + status.version + " · times in " + format.zone());
  draw();
}

// draw writes what depends on the time; nothing that is stale is redrawn.
function draw() {
  if (!status || link === "stale") {
    return;
  }
  const t = now();
  document.getElementById("strip").replaceChildren(...health.strip(status, t));
  document.getElementById("marks").replaceChildren(rows(status.watermarks, (w) => health.watermark(w, t)));
  document.getElementById("accounts").replaceChildren(...health.accounts(status));
  document.getElementById("sources").replaceChildren(rows(status.sources, (s) => health.source(s, t)));
  document.getElementById("senders").replaceChildren(rows(status.senders, (s) => health.sender(s, t)));
  document.getElementById("shadows").replaceChildren(rows(status.shadows || [], (i) => health.shadow(i, t)));
  document.getElementById("tables").replaceChildren(rows(status.tables || [], (i) => health.table(i, t)));
  const doubts = health.doubts(status, t);
  document.getElementById("doubts").replaceChildren(...doubts);
  show("doubts", doubts.length > 0);
  states.ages(document.getElementById("states-section"), t);
  text("clock", format.clock(t, t));
}

function rows(list, build) {
  return el("div", {class: "rows"}, list.map(build));
}

const linkWords = {live: "live", wait: "connecting", stale: "STALE"};

function setLink(state, silent) {
  link = state;
  document.getElementById("link").setAttribute("data-link", state);
  text("link-text", linkWords[state]);
  show("stale", state === "stale");
  main.classList.toggle("stale", state === "stale");
  document.title = state === "stale" ? "STALE · Linewatch" : "Linewatch";
  if (state === "stale") {
    text("stale-text", silent > 0
      ? "Nothing heard for " + format.span(silent) + ". What you see is as of " + format.clock(plantTime, plantTime) + ". Is linewatch still running?"
      : "No answer from linewatch. Is it still running?");
  }
}

// The page came with the view of the moment in which it was asked for.
const first = document.getElementById("first-view").textContent;
if (first) {
  const {time, view} = JSON.parse(first);
  snapshot(time, view);
}
follow({snapshot, beat: hear, link: setLink});
setInterval(draw, 1000);
addEventListener("resize", () => line.arrange(document.getElementById("line")));
