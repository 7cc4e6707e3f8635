// The event stream, and the judgement whether what is on the page is live.

const staleAfter = 5000;
const retryAfter = 2000;

// follow opens the stream and keeps it open. on.snapshot gets each view with
// the plant's time, on.beat a sign of life, on.link "live", "wait" or "stale".
export function follow(on) {
  let source = null;
  let retry = 0;
  let heard = 0;
  let began = performance.now();

  function hear(event, handle) {
    heard = performance.now();
    on.link("live", 0); // first: what is stale is not redrawn
    handle(JSON.parse(event.data));
  }

  function open() {
    close();
    if (document.hidden) {
      return;
    }
    source = new EventSource("/api/v1/stream");
    source.addEventListener("snapshot", (e) => hear(e, (d) => on.snapshot(d.time, d.view)));
    source.addEventListener("beat", (e) => hear(e, (d) => on.beat(d.time)));
    source.addEventListener("error", () => {
      // After an answer that is no stream the browser gives up; we do not.
      if (source && source.readyState === EventSource.CLOSED) {
        retry = setTimeout(open, retryAfter);
      }
    });
  }

  function close() {
    clearTimeout(retry);
    if (source) {
      source.close();
      source = null;
    }
  }

  // A browser has six connections for all its tabs, so a tab that nobody sees
  // gives its own back, and so does a page in the back/forward cache.
  function show() {
    if (document.hidden) {
      close();
      return;
    }
    heard = 0;
    began = performance.now();
    on.link("wait", 0);
    open();
  }

  setInterval(() => {
    if (document.hidden) {
      return;
    }
    const silent = performance.now() - (heard || began);
    if (silent > staleAfter) {
      on.link("stale", heard ? silent : 0);
    } else if (!heard) {
      on.link("wait", 0);
    }
  }, 500);
  document.addEventListener("visibilitychange", show);
  addEventListener("pagehide", close);
  addEventListener("pageshow", (e) => {
    if (e.persisted) {
      show();
    }
  });
  open();
}
