package tokenizer

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
)

// Fingerprint returns the fingerprint of Open's tokenizer without opening it. A large tokenizer.json (Gemma's has 34 MB) is not parsed,
// so Open may still refuse it.
func Fingerprint(dir string, spec Spec) (string, error) {
	f := folder{dir: dir, spec: spec}
	if err := f.readConfigs(); err != nil {
		return "", fmt.Errorf("tokenizer of %s: %w", dir, err)
	}
	if f.large() {
		file, err := f.read("tokenizer.json")
		if err != nil {
			return "", fmt.Errorf("tokenizer of %s: %w", dir, err)
		}
		return f.fileFingerprint(file), nil
	}
	t, err := Open(dir, spec)
	if err != nil {
		return "", err
	}
	return t.Fingerprint(), nil
}

// large reports whether the tokenizer is a tokenizer.json that is too large to be CLIP's.
func (f *folder) large() bool {
	if _, err := os.Stat(filepath.Join(f.dir, "spiece.model")); err == nil && f.siglip() {
		return false
	}
	info, err := os.Stat(filepath.Join(f.dir, "tokenizer.json"))
	return err == nil && info.Size() > largestCLIP
}

// fileFingerprint identifies a tokenizer.json and the other files of the folder that affect the ids.
func (f *folder) fileFingerprint(file []byte) string {
	c := f.config
	h := sha256.New()
	fmt.Fprintf(h, "tokenizer.json %x %q %t %q", sha256.Sum256(file), f.spec.Clean, f.lower(), []name{c.Pad, c.Begin, c.End})
	for _, add := range []*bool{c.AddBegin, c.AddEnd} {
		if add != nil {
			fmt.Fprintf(h, " %t", *add)
		} else {
			fmt.Fprint(h, " unsaid")
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
