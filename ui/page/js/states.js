// The states now and the newest changes.

import {el} from "./dom.js";
import * as format from "./format.js";
import * as marks from "./marks.js";

// equipmentName is what people call an equipment.
function equipmentName(item) {
  const short = item.alias || item.equipment;
  return item.machine ? [el("b", {}, item.machine), " " + short] : [el("b", {}, short)];
}

// key tells the instances apart.
export function key(item) {
  return item.rule + "\n" + item.equipment;
}

// isIdle reports whether an instance has nothing to say, so that it may be
// folded away.
export function isIdle(item) {
  return item.severity === 0 && item.state === "IDLE";
}

// card shows one instance. Its age is written by ages, so that the card need
// not be built anew each second.
export function card(item) {
  const alarm = item.severity > 0;
  const open = !alarm && item.state === "UNKNOWN";
  return el("article", {class: "card", "data-alarm": alarm ? Math.min(4, Math.max(1, item.priority)) : null, "data-open": open ? "yes" : null},
    el("div", {class: "where"}, el("span", {}, ...equipmentName(item)), el("span", {}, item.line)),
    el("div", {class: "state"},
      marks.state(item.state, item.severity, item.priority),
      el("span", {}, item.state),
      format.known(item.since)
        ? el("span", {class: "since", "data-since": item.since, "data-from": open ? "yes" : null})
        : el("span", {class: "since"}, open ? "never decided yet" : "")),
    el("div", {class: "rule"}, alarm && item.title ? item.title : item.ruleName || item.rule),
    item.sentence ? el("div", {class: "why"}, item.sentence) : null,
    alarm && item.text ? el("div", {class: "do"}, item.text) : null);
}

// ages writes how long each instance has been in its state, and of what is not
// known since when.
export function ages(parent, now) {
  for (const node of parent.querySelectorAll("[data-since]")) {
    const since = Number(node.getAttribute("data-since"));
    const from = node.hasAttribute("data-from") ? "since " + format.clock(since, now) + ", " : "";
    node.textContent = format.known(now) ? from + "for " + format.span(now - since) : "";
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
        el("details", {}, el("summary", {}, "Evidence"), evidence(item, now)))));
}

function evidence(item, now) {
  const c = item.change;
  const groups = (item.evidence || []).map((g) =>
    el("div", {class: g.wins ? "group wins" : "group"},
      el("div", {}, el("b", {}, g.group), " weight " + g.weight + ": " + (g.state || "no opinion") + (g.wins ? ", decides" : "") + (g.was ? ", until now " + g.was : "")),
      conditions(g.conditions, now)));
  const facts = "Rule version " + c.ruleVersion + ", change " + c.seq + " of this rule on " + c.equipmentId +
    (c.observed && c.observed.heldBy ? ". The watermark waited for " + c.observed.heldBy : "") + ".";
  return el("div", {}, el("div", {class: "groups"}, groups), el("div", {class: "facts"}, facts));
}

const truths = {true: ["+", "holds"], false: ["–", "does not hold"], unknown: ["?", "is not known"]};

// conditions lists what a group looked at, with a sign for whether it holds.
function conditions(list, now) {
  if (!list || list.length === 0) {
    return null;
  }
  return el("ul", {}, list.map((c) => {
    const [sign, meaning] = truths[c.is] || truths.unknown;
    return el("li", {},
      el("span", {class: "sign", role: "img", "aria-label": meaning, title: meaning}, sign), " ", c.text,
      format.known(c.at) ? el("span", {class: "read"}, " at " + format.clock(c.at, now)) : null,
      conditions(c.of, now));
  }));
}
