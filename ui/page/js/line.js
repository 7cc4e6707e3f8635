// The machines of each line in the order of its flow: what each one does, how
// fast, and whether a rule has something to say about it.

import {el, svg} from "./dom.js";
import * as format from "./format.js";
import * as marks from "./marks.js";

// lines groups the machines by line; the worst alarm of each machine comes
// from the instances, the most severe of which stand first.
export function lines(status) {
  const worst = new Map();
  for (const i of status.instances) {
    if (i.severity > 0 && !worst.has(i.equipment)) {
      worst.set(i.equipment, i);
    }
  }
  const byLine = new Map();
  for (const m of status.machines || []) {
    byLine.set(m.line, [...(byLine.get(m.line) || []), m]);
  }
  return [...byLine].map(([name, machines]) => el("div", {class: "line"},
    byLine.size > 1 ? el("h3", {}, name) : null,
    el("ol", {class: "machines"}, machines.map((m) => machine(m, worst.get(m.equipment))))));
}

const narrowest = 150; // of a machine's card, in pixels
const gap = 10;
const mostColumns = 9; // that app.css knows, and that its widest page has room for

// arrange lays the machines out in rows of about the same length, so that none
// is left over in a row of its own. At least two stand beside one another.
export function arrange(parent) {
  const most = Math.min(mostColumns, Math.max(2, Math.floor((parent.clientWidth + gap) / (narrowest + gap))));
  for (const list of parent.querySelectorAll(".machines")) {
    const n = list.children.length;
    const columns = n <= most ? Math.max(n, Math.min(most, 4)) : Math.ceil(n / Math.ceil(n / most));
    list.setAttribute("data-columns", columns);
  }
}

function machine(m, alarm) {
  const has = m.signals;
  return el("li", {class: "machine", "data-alarm": alarm ? Math.min(4, Math.max(1, alarm.priority)) : null, "data-runs": m.state === "Execute" || !has.state ? "yes" : "no"},
    el("div", {class: "name"}, el("b", {}, m.name || m.alias || m.equipment), " ", el("span", {class: "muted"}, m.alias && m.name ? m.alias : "")),
    has.state || alarm ? state(m, alarm) : null,
    has.reason ? el("div", {class: "reason"}, reason(m)) : null,
    has.speed && has.nominal ? bar(m) : null,
    has.speed ? el("div", {class: "muted"}, speed(m)) : null,
    has.good || has.total ? el("div", {class: "muted"}, pieces(m)) : null,
    alarm ? el("div", {class: "worst"}, alarm.title || alarm.ruleName || alarm.rule) : null);
}

// state is what the machine says that it does, or of one that does not say so
// what the rules say of it.
function state(m, alarm) {
  const said = m.signals.state ? (m.state === null ? "UNKNOWN" : String(m.state)) : alarm.state;
  return el("div", {class: "state"}, marks.state(said, alarm ? alarm.severity : 0, alarm ? alarm.priority : 4), el("span", {}, said));
}

// reason says why a machine does not produce. Some PLCs say None where there
// is no reason.
function reason(m) {
  const known = typeof m.reason === "string" && m.reason !== "" && m.reason !== "None";
  return known && m.state !== "Execute" ? m.reason : "";
}

// bar draws the speed against the nominal one. Of a speed that is not known it
// draws nothing, since an empty bar looks like standstill.
function bar(m) {
  const known = typeof m.speed === "number" && m.nominal > 0;
  const share = known ? Math.min(1, Math.max(0, m.speed / m.nominal)) : 0;
  return svg("svg", {class: "bar", viewBox: "0 0 100 5", preserveAspectRatio: "none", "aria-hidden": "true"},
    known ? svg("rect", {class: "bar-whole", x: 0, y: 0, width: 100, height: 5}) : null,
    known ? svg("rect", {class: "bar-part", x: 0, y: 0, width: (100 * share).toFixed(1), height: 5}) : null);
}

function speed(m) {
  if (typeof m.speed !== "number") {
    return "speed unknown";
  }
  const of = m.nominal > 0 ? " of " + format.number(Math.round(m.nominal)) : "";
  return format.number(Math.round(m.speed)) + of + (m.unit ? " " + m.unit : "");
}

function pieces(m) {
  const good = typeof m.good === "number" ? format.number(m.good) + " good" : "";
  const total = typeof m.total === "number" ? format.number(m.total) : "";
  if (good && total) {
    return good + " of " + total;
  }
  return good || (total ? total + " in all" : "count unknown");
}
