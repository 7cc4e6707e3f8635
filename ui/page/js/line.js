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

function machine(m, alarm) {
  const state = m.state === null ? "UNKNOWN" : String(m.state);
  return el("li", {class: "machine", "data-alarm": alarm ? Math.min(4, Math.max(1, alarm.priority)) : null, "data-runs": state === "Execute" ? "yes" : "no"},
    el("div", {class: "name"}, el("b", {}, m.name || m.alias || m.equipment), " ", el("span", {class: "muted"}, m.alias && m.name ? m.alias : "")),
    el("div", {class: "state"}, marks.state(state, alarm ? alarm.severity : 0, alarm ? alarm.priority : 4), el("span", {}, state)),
    el("div", {class: "reason"}, reason(m, state)),
    bar(m),
    el("div", {class: "muted"}, speed(m)),
    el("div", {class: "muted"}, pieces(m)),
    alarm ? el("div", {class: "worst"}, alarm.title || alarm.ruleName || alarm.rule) : null);
}

// reason says why a machine does not produce. Some PLCs say None where there
// is no reason.
function reason(m, state) {
  const known = typeof m.reason === "string" && m.reason !== "" && m.reason !== "None";
  return known && state !== "Execute" ? m.reason : "";
}

function bar(m) {
  const share = typeof m.speed === "number" && m.nominal > 0 ? Math.min(1, Math.max(0, m.speed / m.nominal)) : 0;
  return svg("svg", {class: "bar", viewBox: "0 0 100 5", preserveAspectRatio: "none", "aria-hidden": "true"},
    svg("rect", {class: "bar-whole", x: 0, y: 0, width: 100, height: 5}),
    svg("rect", {class: "bar-part", x: 0, y: 0, width: (100 * share).toFixed(1), height: 5}));
}

function speed(m) {
  if (typeof m.speed !== "number") {
    return "speed unknown";
  }
  const of = m.nominal > 0 ? " of " + format.number(Math.round(m.nominal)) : "";
  return format.number(Math.round(m.speed)) + of + (m.unit ? " " + m.unit : "");
}

function pieces(m) {
  if (typeof m.good !== "number" || typeof m.total !== "number" || m.total <= 0) {
    return "";
  }
  return format.number(m.good) + " good of " + format.number(m.total);
}
