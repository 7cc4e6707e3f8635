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
    fact("Alarms", [String(alarms.reduce((sum, a) => sum + a.n, 0)), ...alarms.flatMap((a) => [marks.alarm(a.p), unit(a.n + " of priority " + a.p)])]),
    fact("Undecided", [unknown > 0 ? marks.state("UNKNOWN", 0, 4) : null, String(unknown), unit("of " + format.number(status.instancesTotal))]),
    fact("Sources", [down > 0 ? marks.fault() : null, String(status.sources.length - down), unit("of " + status.sources.length + " connected")]),
    fact("Points accepted", [format.number(status.engine.accepted), unit("since the first start")]),
    fact("Accounts", bad.length === 0 ? [marks.good(), unit("balanced")] : [marks.fault(), unit("not balanced: " + bad.join(", "))]),
    fact("Running", [format.known(now) ? format.span(now - status.started) : "–", unit("since this start")]),
  ];
}

// behindAfter is how far event time may be behind before the states are no
// longer taken for those of now, in the machine's own time.
const behindAfter = 10000;
const behindWhileDown = 4000;

const mostDoubts = 6; // of each kind; the panels have all of them

// doubts says why the states may not be those of now, or nobody be told of
// them: sources that are down, event time that stands still or is far behind,
// and alerts that do not arrive.
export function doubts(status, now) {
  const down = status.sources.filter((s) => s.state !== "connected")
    .map((s) => doubt("SOURCE " + s.state.toUpperCase(), s.id + (format.known(s.since) ? " since " + format.clock(s.since, now) : "")));
  const local = status.watermarks.filter((w) => w.scope !== "global");
  const most = (down.length > 0 ? behindWhileDown : behindAfter) * Math.max(1, status.speed || 1);
  const behind = (local.length > 0 ? local : status.watermarks)
    .filter((w) => format.known(now) && format.known(w.time) && now - w.time > most)
    .map((w) => doubt("BEHIND", scopeName(w) + " by " + format.span(now - w.time) + ": its states are those of " + format.clock(w.time, now) +
      (w.heldBy ? ", it waits for " + w.heldBy : "")));
  return [...few(down, "Sources"), ...few(behind, "Watermarks"), ...undelivered(status.delivery)];
}

function undelivered(delivery) {
  if (!delivery || !delivery.trouble) {
    return [];
  }
  return [doubt("ALERTS", delivery.trouble + (delivery.waiting > 0 ? " (" + format.number(delivery.waiting) + " wait)" : ""))];
}

function few(list, panel) {
  const more = list.length - mostDoubts;
  return more > 0 ? [...list.slice(0, mostDoubts), el("p", {}, "and " + format.number(more) + " more, see " + panel)] : list;
}

function doubt(word, text) {
  return el("p", {}, marks.warning(), el("span", {}, el("strong", {}, word), " ", text));
}

function scopeName(mark) {
  switch (mark.scope) {
    case "global": return "Global";
    case "site": return "Site " + mark.name;
  }
  return "Line " + (mark.name || "");
}

function fact(label, value) {
  return el("div", {class: "fact"}, el("div", {class: "label"}, label), el("div", {class: "value"}, ...value));
}

function unit(text) {
  return el("span", {class: "unit"}, text);
}

// watermark shows how far one scope has come; now is the plant's clock.
export function watermark(mark, now) {
  const behind = format.known(mark.time) && format.known(now) ? format.lag(now - mark.time) + " behind" : "not yet";
  return el("div", {class: "row plain"},
    el("span", {class: "name"}, scopeName(mark)),
    el("span", {class: "right"}, format.clock(mark.time, now)),
    el("span", {class: "more"}, behind + (mark.heldBy ? ", held by " + mark.heldBy : ", held by nobody")));
}

// accounts shows each sum as a sum, so that it can be checked by eye, and says
// from when on it counts. Points of no line are shown while there are any.
export function accounts(status) {
  const e = status.edge;
  const g = status.engine;
  const domains = status.domains.filter((d) => d.name !== "not assigned" || d.accepted + d.processed + d.buffered + d.late > 0);
  return [
    account("Edge", "since this start", status.balanced.edge, ["sampled", e.sampled], [["sent", e.sent], ["spooled", e.spooled], ["lost", e.lost], ["rejected", e.rejected]],
      e.spoolError ? "cannot write to the spool, and tries again: " + e.spoolError : "",
      e.uplinkError ? "cannot send, and tries again: " + e.uplinkError : "", e.clockError || ""),
    account("Engine", sinceFirst, status.balanced.engine, ["received", g.received], [["accepted", g.accepted], ["duplicate", g.duplicate], ["quarantined", g.quarantined]],
      g.waits || "", g.quarantined > 0 ? "quarantined" + because(g.quarantinedBy) : ""),
    ...domains.map((d) => account("Time domain " + d.name, sinceFirst, status.balanced["domain " + d.name],
      ["accepted", d.accepted], [["processed", d.processed], ["buffered", d.buffered], ["late", d.late]])),
  ];
}

const sinceFirst = "since the first start";

const reasonWords = {
  UNKNOWN_SENDER: "the sender is not registered", UNKNOWN_EQUIPMENT: "the machine is not registered", TOO_MANY_TAGS: "too many tags",
  TS_UNIT_SUSPECT: "the time is not in milliseconds", CLOCK_AHEAD: "the clock is ahead", MALFORMED: "not readable", BUFFER_FULL: "too many at once",
};

// because names the main reason for which points were quarantined.
function because(reasons) {
  const all = Object.entries(reasons || {}).sort(([, a], [, b]) => b - a);
  if (all.length === 0) {
    return "";
  }
  return (all.length > 1 ? ", mainly: " : ": ") + (reasonWords[all[0][0]] || all[0][0]);
}

function account(title, since, balanced, left, right, ...troubles) {
  const terms = [term(left, ""), ...right.map((t, i) => term(t, i === 0 ? "= " : "+ "))];
  const difference = left[1] - right.reduce((sum, t) => sum + t[1], 0);
  return el("div", {class: "account"},
    el("div", {class: "head"}, el("div", {}, title, " ", el("small", {}, since)), balanced
      ? el("span", {}, marks.good(), "balanced")
      : el("span", {class: "bad"}, marks.fault(), "off by " + format.number(Math.abs(difference)))),
    el("div", {class: "sum"}, terms),
    troubles.filter((t) => t !== "").map((t) => el("div", {class: "trouble"}, t)));
}

function term([name, value], sign) {
  return el("span", {class: "term"}, el("small", {}, name), el("span", {}, el("span", {class: "op"}, sign), format.number(value)));
}

const sourceMarks = {connected: marks.good, connecting: marks.waiting, interrupted: marks.warning, down: marks.fault};

// source shows a PLC's connection and its last error.
export function source(item, now) {
  const mark = (sourceMarks[item.state] || marks.waiting)();
  return el("div", {class: "row"}, mark,
    el("span", {class: "name"}, item.id),
    el("span", {class: item.state === "down" ? "right bad" : "right muted"}, item.state),
    el("span", {class: "more"}, item.kind + " " + item.address + " · " + format.number(item.tags) + " tags" +
      (format.known(item.since) ? " · since " + format.clock(item.since, now) : "") +
      (item.missed > 0 ? " · " + format.number(item.missed) + " scans left out, reading or the disk took too long" : "")),
    item.insecure ? el("span", {class: "more warn"}, "not secured: the server is not checked, or its values travel in the clear") : null,
    item.trouble ? el("span", {class: "more bad"}, item.trouble) : null,
    item.error ? el("span", {class: item.state === "connected" ? "more" : "more bad"},
      (item.state === "connected" ? "last error " : "") + (format.known(item.errorAt) ? format.clock(item.errorAt, now) + " " : "") + item.error) : null);
}

const senderMarks = {active: marks.good, idle: marks.waiting, lagging: marks.warning};

// sender shows one series of points as the engine sees it. Heartbeats go on
// when its source is down, so that it would look well.
export function sender(item, now) {
  const cut = item.source && item.source !== "connected";
  const mark = cut ? (sourceMarks[item.source] || marks.waiting)() : (senderMarks[item.state] || marks.waiting)();
  const counts = [["waiting at the edge", item.spooled], ["late", item.late], ["duplicate", item.duplicate], ["declared lost", item.gapLost], ["as if from a second agent of this name", item.superseded || 0],
    ["heartbeats from the future", item.heartbeatsAhead || 0]]
    .filter(([, n]) => n > 0).map(([name, n]) => format.number(n) + " " + name + (name === "late" && item.lateDropped > 0 ? " (" + format.number(item.lateDropped) + " dropped)" : ""));
  if (item.quarantined > 0) {
    counts.push(format.number(item.quarantined) + " quarantined" + because(item.quarantinedBy));
  }
  const heard = item.state === "idle" && format.known(item.arrival) ? ["last heard " + format.clock(item.arrival, now)] : [];
  return el("div", {class: "row"}, mark,
    el("span", {class: "name"}, item.name),
    el("span", {class: cut && item.source === "down" ? "right bad" : item.state === "lagging" ? "right warn" : "right muted"}, cut ? "source " + item.source : item.state),
    el("span", {class: "more"}, ["complete up to " + format.clock(item.newest, now), ...heard, ...counts].join(" · ")));
}

// table shows where a reference table is read from, and how that went last.
export function table(item, now) {
  const failed = Boolean(item.error);
  return el("div", {class: "row"}, failed ? marks.fault() : format.known(item.readAt) ? marks.good() : marks.waiting(),
    el("span", {class: "name"}, item.id),
    el("span", {class: failed ? "right bad" : "right muted"}, failed ? "not read" : format.known(item.readAt) ? "read " + format.clock(item.readAt, now) : "not read yet"),
    el("span", {class: "more"}, [item.source, format.number(item.changes) + " changes in " + format.number(item.reads) + " reads",
      ...(item.errors > 0 ? [format.number(item.errors) + " failed"] : [])].join(" · ")),
    failed ? el("span", {class: "more bad"}, (format.known(item.errorAt) ? format.clock(item.errorAt, now) + " " : "") + item.error +
      (format.known(item.readAt) ? "; the table of " + format.clock(item.readAt, now) + " stays in force" : "")) : null);
}

// shadow shows a version that is only tried, of which nobody is told.
export function shadow(item, now) {
  return el("div", {class: "row"}, marks.state(item.state, item.severity, item.priority),
    el("span", {class: "name"}, item.ruleName || item.rule),
    el("span", {class: "right"}, item.state),
    el("span", {class: "more"}, [(item.machine ? item.machine + " " : "") + (item.alias || item.equipment), "version " + item.ruleVersion,
      ...(format.known(item.since) ? ["since " + format.clock(item.since, now)] : [])].join(" · ")),
    item.sentence ? el("span", {class: "more"}, item.sentence) : null);
}
