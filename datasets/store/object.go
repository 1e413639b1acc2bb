package store

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"clipgo/internal/fault"
)

// Object is a file in a store at one version.
type Object struct {
	// Name is the object's path or URL without credentials, as messages show it. Find takes it too.
	Name string
	// Size is the number of bytes, -1 if it isn't known before everything is read.
	Size int64
	// Version changes when the content does: an ETag, or size and time of a file. It is empty if the object has none.
	Version string
	ModTime time.Time // zero if it isn't known
	// Sequential is true if the object can only be read from its beginning to its end, such as the output of a command.
	Sequential bool

	address string // where it is, with what is secret; empty: Name
}

// where is the address to read the object at.
func (o Object) where() string {
	if o.address != "" {
		return o.address
	}
	return o.Name
}

// Key is a name for what is known of this version of the object, for use as a file's name. It is the same in each process.
func (o Object) Key() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%d", o.Name, o.Version, o.Size))
	return hex.EncodeToString(sum[:16])
}

// ChangedError reports an object that is not what it was when it was found.
type ChangedError struct{ Name string }

func (e *ChangedError) Error() string {
	return fmt.Sprintf("%s has changed since it was first read; start again to use the new content", e.Name)
}

// Fault is the error's kind.
func (e *ChangedError) Fault() fault.Kind { return fault.Data }

// Beside is the name for Find of another object in the same folder or, with up, in its parent. It is empty if there is no such place.
func (o Object) Beside(name string, up bool) string {
	place := o.Name
	if scheme := schemeOf(place); scheme == "http://" || scheme == "https://" {
		place = o.where() // with the user and the password for the host
	}
	place, query, _ := strings.Cut(place, "?")
	root := 0
	if _, rest, ok := strings.Cut(place, "://"); ok {
		root = len(place) - len(rest)
	}
	folder := strings.LastIndexByte(place, '/')
	if up && folder > root {
		folder = strings.LastIndexByte(place[:folder], '/')
	}
	if folder <= root || query != "" || schemeOf(place) == pipeScheme {
		return ""
	}
	return place[:folder+1] + name
}
