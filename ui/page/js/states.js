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
        el("details", {}, el("summary", {}, "Evidence"), evidence(c, now)))));
}

function evidence(c, now) {
  const groups = ((c.why && c.why.groups) || []).map((g) =>
    el("div", {class: g.wins ? "group wins" : "group"},
      el("div", {}, el("b", {}, g.group), " weight " + g.weight + ": " + (g.state || "no opinion") + (g.wins ? ", wins" : "")),
      conditions(g.conditions, now)));
  const facts = "Rule version " + c.ruleVersion + ", change " + c.seq + " of this rule on " + c.equipmentId +
    (c.observed && c.observed.heldBy ? ". The watermark waited for " + c.observed.heldBy : "") + ".";
  return el("div", {}, el("div", {class: "groups"}, groups), el("div", {class: "facts"}, facts));
}

function conditions(list, now) {
  if (!list || list.length === 0) {
    return null;
  }
  return el("ul", {}, list.map((c) => el("li", {}, condition(c, now), conditions(c.of, now))));
}

function condition(c, now) {
  const words = [];
  if (c.equipment) {
    words.push(c.equipment);
  }
  words.push(c.tag || "", c.op, (c.limits || []).map(String).join(", "));
  if (c.forMs) {
    words.push("for " + format.span(c.forMs));
  }
  let text = words.filter((w) => w !== "").join(" ") + ": " + c.is;
  if (c.tag) {
    text += ", saw " + (c.value === undefined || c.value === null ? "no value" : String(c.value));
    text += c.at ? " at " + format.clock(c.at, now) : "";
    text += c.quality && c.quality !== "Ok" ? " (" + c.quality + ")" : "";
  }
  return text + (c.cause ? " (" + c.cause + ")" : "");
}
