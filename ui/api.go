package ui

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"linewatch"
)

//go:embed page
var pageFiles embed.FS

// The stream carries no more than this; the API has all of it.
const (
	streamInstances = 500
	streamChanges   = 50
)

func (s *Server) routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/v1/status", s.getStatus)
	mux.HandleFunc("GET /api/v1/changes", s.getChanges)
	mux.HandleFunc("GET /api/v1/changes/{id}", s.getChange)
	mux.HandleFunc("GET /api/v1/stream", s.getStream)
	s.ruleRoutes(mux)
	mux.HandleFunc("POST /api/v1/assets", s.authorised(s.postAssets))
	mux.HandleFunc("POST /api/v1/tables", s.authorised(s.postTable))
	mux.HandleFunc("GET /api/", func(w http.ResponseWriter, r *http.Request) {
		problem(w, http.StatusNotFound, "no such route: "+r.URL.Path)
	})
	page, err := fs.Sub(pageFiles, "page")
	if err != nil {
		panic(err) // "page" is a valid path, which is all that Sub asks for
	}
	mux.HandleFunc("GET /{$}", s.getPage)
	files := http.FileServerFS(page)
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/") {
			http.NotFound(w, r) // no listings
			return
		}
		w.Header().Set("Cache-Control", "no-cache") // the files change with the program only, but then at once
		files.ServeHTTP(w, r)
	})
}

// instanceView and changeView add the sentence for people.
type instanceView struct {
	Instance
	Sentence string `json:"sentence"`
}

type changeView struct {
	Change   jsontext.Value `json:"change"`
	Sentence string         `json:"sentence"`
	Evidence []groupView    `json:"evidence"` // its explanation, as people read it
}

type statusView struct {
	Status
	Instances []instanceView `json:"instances"`
	Shadows   []instanceView `json:"shadows,omitempty"`
	// Total is the number of instances, of which Instances may hold the most
	// severe ones only.
	Total    int             `json:"instancesTotal"`
	Balanced map[string]bool `json:"balanced"`
	Streams  streamCounts    `json:"streams"`
}

func (s *Server) view(st Status, most int) statusView {
	list := sortInstances(st.Instances)
	v := statusView{Status: st, Total: len(list), Streams: s.hub.counts(), Balanced: map[string]bool{
		"edge": st.Edge.Balanced(), "engine": st.Engine.Balanced(),
	}}
	v.Machines = sortMachines(st.Machines)
	for _, d := range st.Domains {
		v.Balanced["domain "+d.Name] = d.Balanced()
	}
	names := namesOf(&st)
	v.Instances = instanceViews(list[:min(most, len(list))], names)
	list = sortInstances(st.Shadows)
	v.Shadows = instanceViews(list[:min(most, len(list))], names)
	return v
}

func instanceViews(list []Instance, names names) []instanceView {
	views := make([]instanceView, len(list))
	for i, in := range list {
		views[i] = instanceView{in, names.of(in.Equipment).sentence(in.State, in.Why)}
	}
	return views
}

func changeViews(changes []linewatch.StateChange, names names) []changeView {
	views := make([]changeView, len(changes))
	for i := range changes {
		views[i] = viewOf(changes[i], names)
	}
	return views
}

func viewOf(c linewatch.StateChange, names names) changeView {
	s := names.of(c.Equipment)
	return changeView{c.AppendJSON(nil), s.change(&c), s.groupViews(c.Why)}
}

// encode writes v as JSON with unknown times as null. Text is escaped for
// HTML as well, should a browser ever be talked into reading it so.
func encode(v any) ([]byte, error) {
	return json.Marshal(v, json.Deterministic(true), jsontext.EscapeForHTML(true),
		json.WithMarshalers(json.MarshalToFunc(func(e *jsontext.Encoder, t linewatch.Time) error {
			if !t.Known() {
				return e.WriteToken(jsontext.Null)
			}
			return e.WriteToken(jsontext.Int(int64(t)))
		})))
}

func (s *Server) getStatus(w http.ResponseWriter, _ *http.Request) {
	st := s.opts.Status()
	s.answer(w, http.StatusOK, s.view(st, max(len(st.Instances), len(st.Shadows))))
}

func (s *Server) getChanges(w http.ResponseWriter, r *http.Request) {
	limit := streamChanges
	if text := r.URL.Query().Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxChanges {
			problem(w, http.StatusBadRequest, "limit: want a number from 1 to "+strconv.Itoa(maxChanges))
			return
		}
		limit = n
	}
	ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
	defer cancel()
	history := s.opts.History
	switch kind := r.URL.Query().Get("kind"); linewatch.ChangeKind(kind) {
	case "", linewatch.Live:
	case linewatch.Shadow:
		history = s.opts.Shadows
	default:
		problem(w, http.StatusBadRequest, "kind: want live or shadow")
		return
	}
	changes, err := history.Newest(ctx, limit)
	if err != nil {
		s.fail(w, r, fmt.Errorf("read history: %w", err))
		return
	}
	st := s.opts.Status()
	s.answer(w, http.StatusOK, struct {
		Changes []changeView `json:"changes"`
	}{changeViews(changes, namesOf(&st))})
}

// snapshot is what the stream sends: all that the page shows.
func (s *Server) snapshot(ctx context.Context) (linewatch.Time, []byte, error) {
	changes, err := s.opts.History.Newest(ctx, streamChanges)
	if err != nil {
		return 0, nil, fmt.Errorf("read history: %w", err)
	}
	st := s.opts.Status()
	now := st.Time
	st.Time = linewatch.NoTime // so that equal snapshots have equal bytes; the beat carries the time
	data, err := encode(struct {
		Status  statusView   `json:"status"`
		Changes []changeView `json:"changes"`
	}{s.view(st, streamInstances), changeViews(changes, namesOf(&st))})
	return now, data, err
}

// answer writes v as JSON.
func (s *Server) answer(w http.ResponseWriter, code int, v any) {
	body, err := encode(v)
	if err != nil {
		s.opts.Log.Error("encode answer", "error", err)
		problem(w, http.StatusInternalServerError, "the answer cannot be written; the log says why")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	w.Write(body) // a client that is gone needs no answer
}
