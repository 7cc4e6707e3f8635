// The small drawings. Colour is for what is abnormal, and never alone: each
// has its own shape and stands beside a word. The label is read aloud, and shown
// to who points at it.

import {svg} from "./dom.js";

function mark(label, ...shapes) {
  return svg("svg", {class: "mark", viewBox: "0 0 22 22", role: "img", "aria-label": label}, svg("title", {}, label), ...shapes);
}

function digit(n, y) {
  return svg("text", {class: "on" + n, x: 11, y: y}, String(n));
}

const priorities = {
  1: () => [svg("path", {class: "p1", d: "M11 1.5L21.3 20H.7z"}), digit(1, 17.6)],
  2: () => [svg("path", {class: "p2", d: "M11 .5L21.5 11 11 21.5.5 11z"}), digit(2, 15.3)],
  3: () => [svg("circle", {class: "p3", cx: 11, cy: 11, r: 10}), digit(3, 15.3)],
  4: () => [svg("path", {class: "p4", d: "M11 20.5L.7 2h20.6z"}), digit(4, 13)],
};

// alarm draws an alarm with its priority, 1 (highest) to 4, as the number in it.
export function alarm(priority) {
  const p = Math.min(4, Math.max(1, priority));
  return mark("alarm of priority " + p + " (1 is the highest)", ...priorities[p]());
}

// state draws what an instance is in: an alarm, unknown, or calm.
export function state(name, severity, priority) {
  if (severity > 0) {
    return alarm(priority);
  }
  if (name === "UNKNOWN") {
    return mark("unknown",
      svg("rect", {class: "open", x: 3, y: 3, width: 16, height: 16, rx: 3}),
      svg("text", {class: "on-open", x: 11, y: 15.3}, "?"));
  }
  return mark("no alarm", svg("rect", {class: "calm", x: 5, y: 5, width: 12, height: 12, rx: 3}));
}

// good draws that something is as it should be, fault that it is not.
export function good() {
  return mark("good", svg("path", {class: "tick", d: "M4.5 11.5l4.5 4.5 8.5-10"}));
}

export function fault() {
  return mark("fault",
    svg("path", {class: "p1", d: "M6.5 1h9L21 6.5v9L15.5 21h-9L1 15.5v-9z"}),
    svg("path", {class: "cross", d: "M7.5 7.5l7 7m0-7l-7 7"}));
}

export function waiting() {
  return mark("waiting", svg("circle", {class: "open", cx: 11, cy: 11, r: 8}));
}

export function warning() {
  return mark("warning", svg("path", {class: "p2", d: "M11 .5L21.5 11 11 21.5.5 11z"}), svg("text", {class: "on2", x: 11, y: 15.3}, "!"));
}
