// Follows the event stream. A worker holds it and judges whether what is on
// the page is live: its clock goes on while the page is busy drawing, and a
// browser that waits for a page to have loaded does not wait for its stream.

// follow opens the stream and keeps it open. on.snapshot gets each view with
// the plant's time, on.beat a sign of life, on.link "live", "wait" or "stale"
// with the milliseconds for which nothing was heard.
export function follow(on) {
  const worker = new Worker(workerURL());
  worker.addEventListener("message", ({data}) => {
    switch (data.event) {
      case "snapshot": on.snapshot(data.time, data.view); break;
      case "beat": on.beat(data.time); break;
      case "link": on.link(data.state, data.silent); break;
    }
  });
  worker.addEventListener("error", () => on.link("stale", 0));

  // A browser has six connections for all its tabs, so a tab that nobody sees
  // gives its own back, and so does a page in the back/forward cache.
  const seen = () => worker.postMessage({open: !document.hidden});
  document.addEventListener("visibilitychange", seen);
  addEventListener("pagehide", () => worker.postMessage({open: false}));
  addEventListener("pageshow", (e) => {
    if (e.persisted) {
      seen();
    }
  });
  seen();
}

// workerURL is the address of the worker in the form that the content security
// policy asks for, where the browser knows it.
function workerURL() {
  const url = "/js/worker.js";
  return self.trustedTypes ? trustedTypes.createPolicy("worker", {createScriptURL: () => url}).createScriptURL("") : url;
}
