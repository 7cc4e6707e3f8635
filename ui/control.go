package ui

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"path"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json"

	"linewatch"
)

// problem answers with an error in the form of RFC 9457.
func problem(w http.ResponseWriter, code int, detail string) {
	body, err := json.Marshal(struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}{"about:blank", http.StatusText(code), code, strings.ToValidUTF8(detail, "\uFFFD")})
	if err != nil {
		body = []byte("{}")
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(code)
	w.Write(body) // a client that is gone needs no answer
}

// fail answers with what went wrong: the sender's own mistake in full, and
// for anything else that the log has it.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	var refused Refused
	switch {
	case errors.As(err, &refused):
		problem(w, http.StatusUnprocessableEntity, refused.Error())
	case errors.Is(err, ErrConflict), errors.As(err, new(Declined)):
		problem(w, http.StatusConflict, err.Error())
	case errors.Is(err, ErrUnknownRule):
		problem(w, http.StatusNotFound, err.Error())
	default:
		s.opts.Log.Error("answer request", "method", r.Method, "path", r.URL.Path, "error", err)
		problem(w, http.StatusInternalServerError, "this is no mistake of yours; the log of linewatch says what went wrong")
	}
}

// document reads the file in the body of a request. Its name, for messages
// only, comes in the query.
func document(w http.ResponseWriter, r *http.Request) (name string, body []byte, ok bool) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/yaml" && kind != "application/json" {
		problem(w, http.StatusUnsupportedMediaType, "Content-Type: want application/yaml or application/json")
		return "", nil, false
	}
	body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		problem(w, http.StatusRequestEntityTooLarge, "the file is larger than 1 MiB")
		return "", nil, false
	case err != nil:
		problem(w, http.StatusBadRequest, "the body ended early")
		return "", nil, false
	case len(body) == 0:
		problem(w, http.StatusBadRequest, "the body is empty; send the file")
		return "", nil, false
	}
	return fileName(r.URL.Query().Get("file")), body, true
}

// fileName keeps of a name what is safe in a message.
func fileName(name string) string {
	name = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, path.Base(strings.ReplaceAll(strings.ToValidUTF8(name, ""), `\`, "/")))
	if name == "." || name == "/" || name == "" || len(name) > linewatch.MaxName {
		return "request body"
	}
	return name
}

func (s *Server) postAssets(w http.ResponseWriter, r *http.Request) {
	name, body, ok := document(w, r)
	if !ok {
		return
	}
	said, err := s.opts.Registry.ApplyAssets(r.Context(), name, body)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.answer(w, http.StatusOK, said)
}

func (s *Server) postTable(w http.ResponseWriter, r *http.Request) {
	name, body, ok := document(w, r)
	if !ok {
		return
	}
	said, err := s.opts.Registry.ApplyTable(r.Context(), name, body)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.answer(w, http.StatusOK, said)
}
