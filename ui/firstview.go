package ui

import (
	"bytes"
	_ "embed"
	"fmt"
	"net/http"
)

//go:embed page/index.html
var indexPage []byte

// firstViewMark is the element of the page that holds the view of the moment
// in which it was asked for: data, which the browser does not execute.
const (
	firstViewMark = `<script type="application/json" id="first-view">`
	scriptEnd     = `</script>`
)

// getPage answers with the page and the view of this moment in it, so that
// whoever opens it sees the line at once and not when the stream has begun. A
// view that cannot be taken is left out; the page then waits for the stream,
// which tells of the failure.
func (s *Server) getPage(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	page := indexPage
	if now, view, err := s.snapshot(r.Context()); err == nil {
		// The view is escaped for HTML, see encode: it cannot end the element.
		first := fmt.Appendf(nil, `%s{"time":%d,"view":%s}%s`, firstViewMark, int64(now), view, scriptEnd)
		page = bytes.Replace(indexPage, []byte(firstViewMark+scriptEnd), first, 1)
	}
	w.Write(page) // a browser that has gone needs no page
}
