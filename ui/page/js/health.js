// How the machinery itself is doing: watermarks, accounts, sources, senders.

import {el} from "./dom.js";
import * as format from "./format.js";
import * as marks from "./marks.js";

// strip is the summary on top: what needs somebody, and whether to trust it.
export function strip(status, now) {
  const alarms = [1, 2, 3, 4].map((p) => ({p, n: status.instances.filter((i) => i.severity > 0 && i.priority === p).length})).filter((a) => a.n > 0);
  const unknown = status.instances.filter((i) => i.state === "UNKNOWN").length;
  const down = status.sources.filter((s) => s.state !== "connected").length;
  const bad = Object.entries(status.balanced).filter(([, ok]) => !ok).map(([name]) => name);
  return [
    fact("Alarms", alarms.length === 0 ? ["0"] : alarms.flatMap((a) => [marks.alarm(a.p), String(a.n)])),
    fact("Undecided", [String(unknown), unit("of " + format.number(status.instancesTotal))]),
    fact("Sources", [down > 0 ? marks.fault() : null, String(status.sources.length - down), unit("of " + status.sources.length + " connected")]),
    fact("Points accepted", [format.number(status.engine.accepted)]),
    fact("Accounts", bad.length === 0 ? [marks.good(), unit("balanced")] : [marks.fault(), unit("not balanced: " + bad.join(", "))]),
    fact("Running", [format.known(now) ? format.span(now - status.started) : "–"]),
  ];
}

function fact(label, value) {
  return el("div", {class: "fact"}, el("div", {class: "label"}, label), el("div", {class: "value"}, ...value));
}

function unit(text) {
  return el("span", {class: "unit"}, text);
}

// watermark shows how far one scope has come; now is the plant's clock.
export function watermark(mark, now) {
  const name = mark.scope === "global" ? "Global" : "Line " + (mark.name || "");
  const behind = format.known(mark.time) && format.known(now) ? format.lag(now - mark.time) + " behind" : "not yet";
  return el("div", {class: "row plain"},
    el("span", {class: "name"}, name),
    el("span", {class: "right"}, format.clock(mark.time, now)),
    el("span", {class: "more"}, behind + (mark.heldBy ? ", held by " + mark.heldBy : ", held by nobody")));
}

// accounts shows each sum as a sum, so that it can be checked by eye.
export function accounts(status) {
  const e = status.edge;
  const g = status.engine;
  return [
    account("Edge", status.balanced.edge, ["sampled", e.sampled], [["sent", e.sent], ["spooled", e.spooled], ["lost", e.lost], ["rejected", e.rejected]],
      e.spoolError ? "cannot write to the spool, and tries again: " + e.spoolError : "",
      e.uplinkError ? "cannot send, and tries again: " + e.uplinkError : ""),
    account("Engine", status.balanced.engine, ["received", g.received], [["accepted", g.accepted], ["duplicate", g.duplicate], ["quarantined", g.quarantined]]),
    ...status.domains.map((d) => account("Time domain " + d.name, status.balanced["domain " + d.name],
      ["accepted", d.accepted], [["processed", d.processed], ["buffered", d.buffered], ["late", d.late]])),
  ];
}

function account(title, balanced, left, right, ...troubles) {
  const terms = [term(left, ""), ...right.map((t, i) => term(t, i === 0 ? "= " : "+ "))];
  const difference = left[1] - right.reduce((sum, t) => sum + t[1], 0);
  return el("div", {class: "account"},
    el("div", {class: "head"}, title, balanced
      ? el("span", {}, marks.good(), "balanced")
      : el("span", {class: "bad"}, marks.fault(), "off by " + format.number(Math.abs(difference)))),
    el("div", {class: "sum"}, terms),
    troubles.filter((t) => t !== "").map((t) => el("div", {class: "trouble"}, t)));
}

function term([name, value], sign) {
  return el("span", {class: "term"}, el("small", {}, name), el("span", {}, el("span", {class: "op"}, sign), format.number(value)));
}

const sourceMarks = {connected: marks.good, connecting: marks.waiting, down: marks.fault};

// source shows a PLC's connection and its last error.
export function source(item, now) {
  const mark = (sourceMarks[item.state] || marks.waiting)();
  return el("div", {class: "row"}, mark,
    el("span", {class: "name"}, item.id),
    el("span", {class: item.state === "down" ? "right bad" : "right muted"}, item.state),
    el("span", {class: "more"}, item.kind + " " + item.address + " · " + format.number(item.tags) + " tags" +
      (format.known(item.since) ? " · since " + format.clock(item.since, now) : "")),
    item.insecure ? el("span", {class: "more warn"}, "not secured: the server is not checked, or its values travel in the clear") : null,
    item.trouble ? el("span", {class: "more bad"}, item.trouble) : null,
    item.error ? el("span", {class: item.state === "connected" ? "more" : "more bad"},
      (item.state === "connected" ? "last error " : "") + (format.known(item.errorAt) ? format.clock(item.errorAt, now) + " " : "") + item.error) : null);
}

const senderMarks = {active: marks.good, idle: marks.waiting, lagging: marks.warning};

// sender shows one series of points as the engine sees it.
export function sender(item, now) {
  const mark = (senderMarks[item.state] || marks.waiting)();
  const counts = [["waiting at the edge", item.spooled], ["late", item.late], ["duplicate", item.duplicate], ["quarantined", item.quarantined]]
    .filter(([, n]) => n > 0).map(([name, n]) => format.number(n) + " " + name);
  return el("div", {class: "row"}, mark,
    el("span", {class: "name"}, item.name),
    el("span", {class: item.state === "lagging" ? "right warn" : "right muted"}, item.state),
    el("span", {class: "more"}, ["newest point " + format.clock(item.newest, now), ...counts].join(" · ")));
}
