// The worker of stream.js: holds the stream, and tells the page what it hears
// and whether it hears anything.
"use strict";

const staleAfter = 5000;
const retryAfter = 2000;

let source = null;
let retry = 0;
let judging = 0;
let heard = 0;
let began = 0;

function link(state, silent) {
  postMessage({event: "link", state, silent});
}

function hear(event) {
  heard = performance.now();
  link("live", 0); // first: what is stale is not redrawn
  postMessage({event: event.type, ...JSON.parse(event.data)});
}

function connect() {
  source = new EventSource("/api/v1/stream");
  source.addEventListener("snapshot", hear);
  source.addEventListener("beat", hear);
  source.addEventListener("error", () => {
    // After an answer that is no stream the browser gives up; we do not.
    if (source && source.readyState === EventSource.CLOSED) {
      retry = setTimeout(connect, retryAfter);
    }
  });
}

function disconnect() {
  clearTimeout(retry);
  clearInterval(judging);
  if (source) {
    source.close();
    source = null;
  }
}

function judge() {
  const silent = performance.now() - (heard || began);
  if (silent > staleAfter) {
    link("stale", heard ? silent : 0);
  } else if (!heard) {
    link("wait", 0);
  }
}

addEventListener("message", ({data}) => {
  disconnect();
  if (data.open) {
    heard = 0;
    began = performance.now();
    link("wait", 0);
    connect();
    judging = setInterval(judge, 500);
  }
});
