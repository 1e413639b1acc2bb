package main

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"clipgo/internal/golden"
	"clipgo/pretrained"
)

// TestIndexesOfBeforeAreStillOpened gives an index the fingerprint that its model had when it was of the whole file.
func TestIndexesOfBeforeAreStillOpened(t *testing.T) {
	run, index := filepath.Join(t.TempDir(), "run"), filepath.Join(t.TempDir(), "index")
	must(t, tinyRun(tiny(t), run, "--steps", "1")...)
	must(t, "embed", "--model", run, pairs(t, 4), "--index", index)
	src, err := pretrained.Find(run, "")
	if err != nil {
		t.Fatal(err)
	}
	now, err := src.Fingerprint(0)
	if err != nil {
		t.Fatal(err)
	}
	before, err := src.LegacyFingerprint()
	if err != nil {
		t.Fatal(err)
	}
	meta := regexp.MustCompile(`,\n  "sha256": .*`).ReplaceAllString(string(read(t, index, "meta.json")), "") // they had no digest
	for kept, code := range map[string]int{now: 0, before: 0, strings.Repeat("0", 32): exitModel} {
		write(t, filepath.Join(index, "meta.json"), strings.ReplaceAll(meta, now, kept))
		if r := clipgo(t, "search", "--index", index, "a red heart"); r.code != code {
			t.Errorf("fingerprint %s: exit %d, want %d: %s", kept, r.code, code, r.err)
		}
	}
}

// TestFingerprintsStay pins what indexes keep: a change of the config's JSON or of the digest would orphan them all.
func TestFingerprintsStay(t *testing.T) {
	i := decodeJSON[pretrained.Description](t, must(t, "info", filepath.Join(golden.Own(t, "model"), "clip-gelu"), "--json"))
	if want := "809697e093feb8ad90424bfa222f5504"; i.Stored.Fingerprint != want {
		t.Errorf("fingerprint %s, want %s", i.Stored.Fingerprint, want)
	}
}
