// Times, spans and numbers as a person on the line reads them: 24 h clock,
// thousands apart, the unit beside the number.

const clockForm = new Intl.DateTimeFormat("en-GB", {hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23"});
const dayForm = new Intl.DateTimeFormat("en-GB", {day: "numeric", month: "short"});
const numberForm = new Intl.NumberFormat("en-US");

// known reports whether t is an instant; null and what lies outside the range
// of dates is not.
export function known(t) {
  return typeof t === "number" && Math.abs(t) <= 8.64e15;
}

// clock writes the time of day, with the date when it is not today's.
export function clock(t, now) {
  if (!known(t)) {
    return "–";
  }
  const then = new Date(t);
  const time = clockForm.format(then);
  if (known(now) && then.toDateString() !== new Date(now).toDateString()) {
    return dayForm.format(then) + " " + time;
  }
  return time;
}

// span writes a duration in its two largest units.
export function span(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) {
    return s + " s";
  }
  if (s < 3600) {
    return Math.floor(s / 60) + " min " + (s % 60) + " s";
  }
  if (s < 86400) {
    return Math.floor(s / 3600) + " h " + Math.floor((s % 3600) / 60) + " min";
  }
  return Math.floor(s / 86400) + " d " + Math.floor((s % 86400) / 3600) + " h";
}

// lag writes how far something is behind, with a tenth below ten seconds.
export function lag(ms) {
  if (ms < 10000) {
    return (Math.max(0, ms) / 1000).toFixed(1) + " s";
  }
  return span(ms);
}

// number writes an integer with its thousands apart.
export function number(n) {
  return numberForm.format(n);
}

// zone names the time zone of this browser.
export function zone() {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || "local time";
}
