package store

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"clipgo/internal/fault"
	"clipgo/internal/hub"
	"clipgo/internal/remote"
)

// hubFiles reads files of data sets on the Hugging Face hub.
type hubFiles struct {
	web
	client *hub.Client

	mu      sync.Mutex
	repos   map[string]*hubRepo // by name and revision
	located map[version]located
}

// hubRepo is a data set that is listed once, so that all files of a run are from the same commit.
type hubRepo struct {
	mu      sync.Mutex
	listing *hub.Dataset
}

func newHub(f *far) *hubFiles {
	client := hub.FromEnvironment()
	client.Log = f.options.Log
	return &hubFiles{web: web{far: f}, client: client, repos: map[string]*hubRepo{}, located: map[version]located{}}
}

// listing lists the data set of a name and returns the path in it, and what comes before it in the name.
func (h *hubFiles) listing(ctx context.Context, name string) (d *hub.Dataset, file, prefix string, err error) {
	repo, rev, file, err := hub.ParseDataset(name)
	if err != nil {
		return nil, "", "", fault.Usagef("%v", err)
	}
	h.mu.Lock()
	r := h.repos[repo+"@"+rev]
	if r == nil {
		r = &hubRepo{}
		h.repos[repo+"@"+rev] = r
	}
	h.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.listing == nil {
		if r.listing, err = h.client.Dataset(ctx, repo, rev); err != nil {
			return nil, "", "", lookupError(name, err)
		}
	}
	return r.listing, file, strings.TrimSuffix(name[:len(name)-len(file)], "/") + "/", nil
}

func (h *hubFiles) object(d *hub.Dataset, f hub.DatasetFile, prefix string) Object {
	return Object{Name: prefix + f.Name, Size: f.Size, Version: f.ETag, Sequential: f.Size < 0, address: h.client.Address(d, f.Name)}
}

func (h *hubFiles) find(ctx context.Context, name string) ([]Object, error) {
	d, file, prefix, err := h.listing(ctx, name)
	if err != nil {
		return nil, err
	}
	matches, err := matcher(file)
	if err != nil {
		return nil, fault.Usagef("%s: %v", name, err)
	}
	var out []Object
	nearest := ""
	for _, f := range d.Files {
		if matches(f.Name) {
			out = append(out, h.object(d, f, prefix))
		}
		nearest = nearer(file, nearest, f.Name)
	}
	if len(out) > 0 {
		return out, nil
	}
	missing := &MissingError{Name: name}
	if nearest != "" {
		missing.Nearest = prefix + nearest
	}
	return nil, missing
}

func (h *hubFiles) list(ctx context.Context, folder string) ([]Object, error) {
	d, dir, prefix, err := h.listing(ctx, folder)
	if err != nil {
		return nil, err
	}
	dir = strings.Trim(dir, "/")
	var out []Object
	found := dir == ""
	for _, f := range d.Files {
		parent := strings.TrimPrefix(path.Dir("/"+f.Name), "/")
		if parent == dir {
			out = append(out, h.object(d, f, prefix))
		}
		found = found || strings.HasPrefix(f.Name, dir+"/")
	}
	if !found {
		return nil, &MissingError{Name: folder, Reason: fmt.Sprintf("%s has no such folder", d.Repo)}
	}
	return out, nil
}

// located is where the hub's last answer has sent the requests for a file. The address is signed and valid for about an hour.
type located struct {
	address string
	version string // the ETag there, which is not the hub's
	since   time.Time
}

// locatedFor is how long a file is read without asking the hub again, which limits the number of requests.
const locatedFor = 10 * time.Minute

// open follows the hub's redirect to where the content is, and remembers it.
func (h *hubFiles) open(ctx context.Context, o Object, from, to int64) (io.ReadCloser, error) {
	if at, ok := h.location(o); ok {
		direct := o
		direct.address = at.address
		body, err := h.get(ctx, direct, from, to, remote.Request{}, func(a *answer) {
			if a.version == at.version { // of the same server
				a.version = o.Version
			}
		})
		if err == nil {
			return body, nil
		}
		h.forget(o) // the signature may have expired
	}
	return h.ask(ctx, o, from, to)
}

// ask requests a part of a file from the hub. The version is that of the hub, not that of the server which has the content.
func (h *hubFiles) ask(ctx context.Context, o Object, from, to int64) (io.ReadCloser, error) {
	linked, last := "", ""
	q := remote.Request{Authorize: h.client.Authorize, See: func(r *http.Response) {
		if tag := r.Header.Get("X-Linked-Etag"); tag != "" && linked == "" {
			linked = remote.ETag(tag)
		}
		last = r.Request.URL.String()
	}}
	there := ""
	body, err := h.get(ctx, o, from, to, q, func(a *answer) {
		there = a.version
		if linked != "" {
			a.version = linked
		}
	})
	if err == nil && linked != "" && last != o.where() {
		h.mu.Lock()
		h.located[version{o.Name, o.Version}] = located{last, there, time.Now()}
		h.mu.Unlock()
	}
	return body, err
}

func (h *hubFiles) location(o Object) (located, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	at, ok := h.located[version{o.Name, o.Version}]
	return at, ok && time.Since(at.since) < locatedFor
}

func (h *hubFiles) forget(o Object) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.located, version{o.Name, o.Version})
}
