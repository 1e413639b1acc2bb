package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime/debug"
	"time"

	"clipgo/internal/fault"
	"clipgo/search"
)

// statusError is an error with its HTTP status.
type statusError struct {
	code    int
	message string
}

func (e *statusError) Error() string { return e.message }

func badRequest(message string) error { return &statusError{http.StatusBadRequest, message} }

// status is the code for an error, and what the client is shown.
func status(err error) (int, string) {
	var known *statusError
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &known):
		return known.code, known.message
	case errors.As(err, &large):
		return http.StatusRequestEntityTooLarge, "the request is too large"
	case errors.Is(err, errBusy):
		return http.StatusServiceUnavailable, errBusy.Error()
	case errors.Is(err, search.ErrUnavailable):
		return http.StatusServiceUnavailable, search.ErrUnavailable.Error() + " now; try again in a moment"
	case errors.Is(err, search.ErrNoRow):
		return http.StatusNotFound, search.ErrNoRow.Error()
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable, "the request has ended"
	}
	if kind := fault.Of(err); kind == fault.Usage || kind == fault.Data {
		return http.StatusBadRequest, err.Error()
	}
	return http.StatusInternalServerError, "" // it may name paths
}

// fail answers with an error, as {"message": ...}.
func fail(w http.ResponseWriter, err error) {
	code, message := status(err)
	if message == "" {
		message = "the server failed; its log says why"
	}
	switch code {
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "1")
	case http.StatusRequestEntityTooLarge:
		w.Header().Set("Connection", "close")
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = encodeJSON(w, map[string]string{"message": message})
}

func writeJSON(w http.ResponseWriter, v any) error {
	w.Header().Set("Content-Type", "application/json")
	return encodeJSON(w, v)
}

func encodeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// readJSON reads a body of at most limit bytes, whatever its Content-Type: clip-retrieval's client sends none.
func readJSON(r *http.Request, limit int64, v any) error {
	data, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, limit))
	if err != nil {
		return cutShort(err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		return badRequest(fault.JSON(err).Error())
	}
	return nil
}

// handler answers a request, or returns why it can't.
type handler func(w http.ResponseWriter, r *http.Request) error

// route makes a handler count, and write its error.
func (s *Server) route(name string, h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		s.stats.running.Add(1)
		defer s.stats.running.Add(-1)
		err := recovered(func() error {
			if _, err := url.ParseQuery(r.URL.RawQuery); err != nil { // what can't be read would be as if it weren't there
				return badRequest("the parameters of the address can't be read: " + err.Error())
			}
			return h(w, r)
		})
		code := http.StatusOK
		if err != nil {
			if code, _ = status(err); code == http.StatusInternalServerError {
				s.log.Error("a request failed", "path", r.URL.Path, "error", err)
			}
			fail(w, err)
		}
		s.stats.request(name, code, time.Since(begun))
	})
}

// recovered runs a function, and turns a panic into an error with its place: net/http would close the connection, and the process would
// end if it came from another goroutine.
func recovered(run func() error) (err error) {
	defer func() {
		p := recover()
		if p == http.ErrAbortHandler {
			panic(p)
		}
		if p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return run()
}
