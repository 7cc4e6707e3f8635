// The states now and the newest changes.

import {el} from "./dom.js";
import * as format from "./format.js";
import * as marks from "./marks.js";

// equipmentName is what people call an equipment.
function equipmentName(item) {
  const short = item.alias || item.equipment;
  return item.machine ? [el("b", {}, item.machine), " " + short] : [el("b", {}, short)];
}

// card shows one instance. Its age is written by ages, so that the card need
// not be built anew each second.
export function card(item) {
  const alarm = item.severity > 0;
  return el("article", {class: "card", "data-alarm": alarm ? Math.min(4, Math.max(1, item.priority)) : null},
    el("div", {class: "where"}, el("span", {}, ...equipmentName(item)), el("span", {}, item.line)),
    el("div", {class: "state"},
      marks.state(item.state, item.severity, item.priority),
      el("span", {}, item.state),
      el("span", {class: "since", "data-since": item.since})),
    el("div", {class: "rule"}, alarm && item.title ? item.title : item.ruleName || item.rule),
    item.sentence ? el("div", {class: "why"}, item.sentence) : null,
    alarm && item.text ? el("div", {class: "do"}, item.text) : null);
}

// ages writes how long each instance has been in its state.
export function ages(parent, now) {
  for (const node of parent.querySelectorAll("[data-since]")) {
    const since = Number(node.getAttribute("data-since"));
    node.textContent = format.known(now) ? "for " + format.span(now - since) : "";
  }
}

// change shows one entry of the history, with all its evidence on demand; now
// is the plant's clock, known the equipment that has instances, by id.
export function change(item, now, known) {
  const c = item.change;
  const equipment = known.get(c.equipmentId) || {equipment: c.equipmentId};
  return el("li", {},
    el("div", {class: "change"},
      el("time", {}, format.clock(c.eventTime, now)),
      marks.state(c.to, c.severity || 0, c.priority),
      el("div", {class: "what"},
        el("span", {class: "states"}, el("span", {class: "from"}, c.from + " → "), c.to),
        el("span", {class: "muted"}, ...equipmentName(equipment), " · " + c.ruleId)),
      el("div", {class: "body"},
        c.title ? el("div", {class: "title"}, c.title) : null,
        el("div", {}, item.sentence),
        el("details", {}, el("summary", {}, "Evidence"), evidence(c, now, known)))));
}

function evidence(c, now, known) {
  const groups = ((c.why && c.why.groups) || []).map((g) =>
    el("div", {class: g.wins ? "group wins" : "group"},
      el("div", {}, el("b", {}, g.group), " weight " + g.weight + ": " + (g.state || "no opinion") + (g.wins ? ", wins" : "")),
      conditions(g.conditions, now, known)));
  const facts = "Rule version " + c.ruleVersion + ", change " + c.seq + " of this rule on " + c.equipmentId +
    (c.observed && c.observed.heldBy ? ". The watermark waited for " + c.observed.heldBy : "") + ".";
  return el("div", {}, el("div", {class: "groups"}, groups), el("div", {class: "facts"}, facts));
}

function conditions(list, now, known) {
  if (!list || list.length === 0) {
    return null;
  }
  return el("ul", {}, list.map((c) => el("li", {}, condition(c, now, known), conditions(c.of, now, known))));
}

function condition(c, now, known) {
  const words = [subject(c, known), c.op, limits(c)];
  if (c.spanMs) {
    words.push("for " + format.span(c.spanMs));
  }
  if (c.forMs) {
    words.push("for " + format.span(c.forMs));
  }
  if (c.keepMs) {
    words.push("kept for " + format.span(c.keepMs));
  }
  let text = words.filter((w) => w !== "").join(" ") + ": " + c.is;
  if (c.tag || c.expr) {
    const seen = c.window || c.expr ? c.result : c.value;
    text += ", saw " + (seen === undefined || seen === null ? "no value" : String(seen));
    text += c.at ? " at " + format.clock(c.at, now) : "";
    text += c.quality && c.quality !== "Ok" ? " (" + c.quality + ")" : "";
  }
  return text + (c.cause ? " (" + c.cause + ")" : "");
}

// subject says what is looked at: a tag, a window of one, or an expression.
function subject(c, known) {
  if (c.expr) {
    return c.expr;
  }
  const whose = c.equipment ? ((known.get(c.equipment) || {}).alias || c.equipment) + " " : "";
  const name = whose + (c.tag || "");
  return c.window ? c.window + " of " + name + " over " + format.span(c.overMs) : name;
}

// limits lists what it is compared with, and where a limit was looked up.
function limits(c) {
  return (c.limits || []).map((v, i) => {
    const from = (c.limitFrom || [])[i];
    return (v === null ? "no limit" : String(v)) + (from ? " (" + from + ")" : "");
  }).join(", ");
}
