package hub

import (
	"net/http"

	"clipgo/internal/remote"
)

// judge converts an answer without success to an error with advice. what names the requested file.
func (s *snapshot) judge(r *http.Response, what string) error {
	code, busy := r.StatusCode, remote.Busy(r.Request.URL.Host, r.StatusCode, r.Header)
	switch {
	case code == http.StatusOK || code == http.StatusPartialContent:
		return nil
	case busy != nil:
		return busy
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return s.denied(r)
	case code == http.StatusNotFound:
		return s.absent(r, what)
	default:
		return s.refuse("%s answers %d (%s) for %s%s", r.Request.URL.Host, code, http.StatusText(code), what, said(r))
	}
}

// denied returns the error of a gated or private model, with the way to get access.
func (s *snapshot) denied(r *http.Response) error {
	page := s.endpoint() + "/" + s.repo
	gated := r.Header.Get("X-Error-Code") == "GatedRepo"
	switch {
	case gated && s.Token == "":
		return s.refuse("gated (%d): accept its terms at %s, make a token at %s/settings/tokens and set HF_TOKEN", r.StatusCode, page,
			s.endpoint())
	case gated:
		return s.refuse("gated (%d), and the token's owner has no access: accept its terms at %s", r.StatusCode, page)
	case s.Token == "":
		return s.refuse("no such repository, or a private one (%d): check the name, or set HF_TOKEN", r.StatusCode)
	default:
		return s.refuse("the hub refuses the token (%d): check HF_TOKEN and the repository's name%s", r.StatusCode, said(r))
	}
}

func (s *snapshot) absent(r *http.Response, what string) error {
	switch r.Header.Get("X-Error-Code") {
	case "RepoNotFound":
		return s.refuse("no such repository at %s (404), or a private one", s.endpoint())
	case "RevisionNotFound":
		return s.refuse("the repository has no %s (404)", what)
	default:
		return s.refuse("no %s at %s (404)%s", what, s.endpoint(), said(r))
	}
}

// said is the server's own message, after a colon.
func said(r *http.Response) string {
	text := remote.Line(r.Header.Get("X-Error-Message"))
	if text == "" {
		return ""
	}
	return ": " + text
}
