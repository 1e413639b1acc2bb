package store

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"clipgo/internal/fault"
	"clipgo/internal/remote"
)

// answer is what a server says about an object, or about the part of it that it sends.
type answer struct {
	host     string
	from, to int64 // the bytes of the part; to is -1 if it isn't known
	total    int64 // of the object; -1: unknown
	partial  bool  // the answer is a part, or says that the server knows parts
	version  string
	modified time.Time
	page     bool // it is HTML
}

// describe reads the headers of a 200 or 206.
func describe(host string, h http.Header, length int64) answer {
	a := answer{host: host, to: -1, total: -1}
	a.version, a.modified = versionOf(h)
	media, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	a.page = strings.EqualFold(strings.TrimSpace(media), "text/html")
	if span := h.Get("Content-Range"); span != "" {
		a.partial = true
		a.from, a.to, a.total = remote.ContentRange(span)
		if length >= 0 && a.from >= 0 && length != a.to-a.from {
			a.to = a.from + min(length, a.to-a.from)
		}
		return a
	}
	a.to, a.total = length, length
	a.partial = strings.EqualFold(h.Get("Accept-Ranges"), "bytes")
	return a
}

// modifiedVersion begins the version of an object without ETag.
const modifiedVersion = "modified "

func versionOf(h http.Header) (string, time.Time) {
	modified, err := http.ParseTime(h.Get("Last-Modified"))
	if err != nil {
		modified = time.Time{}
	}
	switch tag := h.Get("ETag"); {
	case remote.ETag(tag) != "":
		return remote.Line(strings.ReplaceAll(tag, `"`, "")), modified
	case !modified.IsZero():
		return modifiedVersion + modified.UTC().Format(time.RFC3339), modified
	}
	return "", modified
}

// same reports whether nothing speaks against that an answer is of the version that was found: the ETag, or the time where one of them
// has no ETag. Some servers send an ETag as a weak one when they compress.
func (a answer) same(o Object) bool {
	was, is := strings.TrimPrefix(o.Version, "W/"), strings.TrimPrefix(a.version, "W/")
	tags := was != "" && is != "" && !strings.HasPrefix(was, modifiedVersion) && !strings.HasPrefix(is, modifiedVersion)
	if tags {
		return was == is
	}
	return o.ModTime.IsZero() || a.modified.IsZero() || o.ModTime.Equal(a.modified)
}

// check compares an answer with the object that was found and the part [from, to) that is wanted; to < 0: up to the end. What a server may
// do once in a while is a *remote.AwayError.
func (a answer) check(o Object, from, to int64) error {
	if to < 0 {
		to = o.Size
	}
	switch {
	case a.page:
		return &remote.AwayError{Cause: webPage(a.host), Patience: fickleAttempts}
	case !a.same(o):
		return &remote.AwayError{Cause: &ChangedError{o.Name}, Patience: fickleAttempts}
	case o.Size >= 0 && a.total >= 0 && a.total != o.Size:
		if o.Version == "" {
			return &remote.AwayError{Cause: &ChangedError{o.Name}, Patience: fickleAttempts}
		}
		return &remote.AwayError{Reason: fmt.Sprintf("%s says that it has %d bytes, not %d", a.host, a.total, o.Size)}
	case a.from == 0 && from > 0:
		return &remote.AwayError{Reason: a.host + " answers with the whole object in place of a part"}
	case a.from != from || a.to >= 0 && to >= 0 && a.to > to && a.to != o.Size:
		return &remote.AwayError{Reason: a.host + " answers with another part"}
	}
	return nil
}

func webPage(host string) error {
	return fault.Dataf("%s answers with a web page (HTML), not with data: a login page, or a page about the file; "+
		"use the address that downloads the file itself", host)
}

// refusal is the error of a status that is neither 200 nor 206. While an object is looked up, it is final; the object that was found before
// is asked for again, since some servers refuse once in a while.
func refusal(name, host string, code int, h http.Header, said string) error {
	if busy := remote.Busy(host, code, h); busy != nil {
		return busy
	}
	if said != "" {
		said = ": " + said
	}
	switch code {
	case http.StatusNotFound, http.StatusGone:
		return &MissingError{Name: name}
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired:
		return fault.Usagef("%s answers %d (%s): it gives the object to other users, or only with credentials%s", host, code,
			http.StatusText(code), said)
	case http.StatusPreconditionFailed, http.StatusRequestedRangeNotSatisfiable:
		return &ChangedError{name}
	}
	return fault.Usagef("%s answers %d (%s)%s", host, code, http.StatusText(code), said)
}

// fickle makes an error of an object that was found before one that is tried again a few times.
func fickle(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		err = fault.Dataf("it is not there any more")
	}
	if fault.Of(err) == fault.Failed {
		return err
	}
	return &remote.AwayError{Cause: err, Patience: fickleAttempts}
}
