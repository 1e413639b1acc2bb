package pretrained

import (
	"errors"
	"math"
	"path/filepath"
	"strings"

	"clipgo/internal/durable"
	"clipgo/internal/fault"
	"clipgo/internal/paths"
)

// smallFile is the size up to which a file is hashed whenever its folder is opened: configs, prompts, tokenizers. Hashing weights takes
// longer than mapping them.
const smallFile = 64 << 20

// verifyFolder compares a folder that convert or merge wrote with its manifest: the sizes of all files, and the SHA-256 of those of at
// most limit bytes. A folder without one is accepted.
func verifyFolder(dir string, limit int64) error {
	if !paths.Exists(filepath.Join(dir, durable.Manifest)) {
		return nil
	}
	about := func(name string) bool { return strings.EqualFold(filepath.Ext(name), ".md") } // the model's card
	err := durable.VerifyListed(dir, limit, about)
	if damage, ok := errors.AsType[*durable.DamageError](err); ok {
		path := filepath.Join(dir, filepath.FromSlash(damage.File))
		return fault.Modelf(path, "%s: the file is not as it was written; if you changed it, remove %s", damage.Problem,
			filepath.Join(dir, durable.Manifest))
	}
	return err
}

// VerifyFiles hashes every file of the model's folder where that has a manifest.
func (src *Source) VerifyFiles() error {
	if src.Dir == "" {
		return nil
	}
	return verifyFolder(src.Dir, math.MaxInt64)
}
