package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"image/color"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"clipgo/internal/visible"
)

// Logs for people escape messages and values, on a terminal with colors, too, also what a file's name spells out.
func TestLogLinesAreVisible(t *testing.T) {
	for _, colored := range []bool{false, true} {
		var b bytes.Buffer
		log := slog.New(textHandler(&b, slog.LevelInfo, colored)).With("of", "a\x1bz b")
		log.Info("m\x1b[2J", "name", "x y\x1b[3J\xe9", "error", fmt.Errorf("e \x9b %s", "\a"), "spelt", `\x1b[4J c`, "n", 3)
		text := b.String()
		for _, bad := range []string{"\x1b[2J", "\x1b[3J", "\x1b[4J", "\x1bz", "\x9b", "\a"} {
			if strings.Contains(text, bad) {
				t.Errorf("colored %v: %q holds %q", colored, text, bad)
			}
		}
		if !strings.Contains(text, "xe9") {
			t.Errorf("colored %v: %q lost the end of a value", colored, text)
		}
	}
}

const hostile = "x\x1b]0;pwn\a\u009b2J\r\x7f\n\u202e\xff"

// raw finds what a terminal would act on.
func raw(text string) string {
	for i, r := range text {
		_, size := utf8.DecodeRuneInString(text[i:])
		if r != '\n' && r != '\t' && visible.Hidden(r) || r == utf8.RuneError && size == 1 {
			return fmt.Sprintf("%q", text[max(0, i-20):min(len(text), i+10)])
		}
	}
	return ""
}

// TestNothingFromOutsideReachesTheTerminal runs commands over names, captions, classes and keys with control characters.
func TestNothingFromOutsideReachesTheTerminal(t *testing.T) {
	model, captioner, dir := tiny(t), tinyCaptioner(t), t.TempDir()
	pictures, index := filepath.Join(dir, "p"), filepath.Join(dir, "ix")
	shot := picture(t, filepath.Join(pictures, hostile+".png"), color.White)
	write(t, filepath.Join(pictures, hostile+".txt"), "a caption\x1b[2J\u009b3J\n")
	write(t, filepath.Join(pictures, hostile+"broken.png"), "no picture")
	classes := filepath.Join(dir, "classes")
	for _, name := range []string{"a", "b"} {
		picture(t, filepath.Join(classes, name+strings.ReplaceAll(hostile, "\n", ""), "1.png"), color.Black)
	}
	table := write(t, filepath.Join(dir, "t.csv"), "file\x1b[2Jpath,tit\u009ble\nx\x1b[2J.png,y\n")
	shard := filepath.Join(dir, "s.tar")
	writeTar(t, shard, map[string]string{"k\x1b[2J.png": string(read(t, pictures, hostile+".png")), "k\x1b[2J.txt": "c\x1b[2J"})
	lines := [][]string{
		{"embed", "--model", model, pictures, "--index", index, "--max-skip", "1"},
		{"search", "--index", index, "--model", model, "a\x1b[2J word", "--plus", hostile},
		{"search", "--index", index, "--model", model, "--image", shot, "--text", "-x", "--paths"},
		{"zeroshot", "--model", model, shot, "--classes", "cl\x1b[2Jass,b\u009b"},
		{"zeroshot", "--model", model, classes},
		{"caption", "--model", captioner, shot},
		{"info", shard}, {"info", table}, {"info", pictures}, {"info", hostile}, {"info", classes},
		{"embed", "--model", model, table, "--index", index},
		{"train", "--train-data", hostile, "--out", hostile}, {hostile}, {"search", "--" + hostile}, {"search", "-" + hostile},
		{"eval", "retrieval", "--model", model, pictures, "--max-skip", "1"}, {"index", "rm", "--index", hostile, hostile},
		{"search", "--index", index, "--model", hostile, "a"},
	}
	for _, line := range lines {
		r := clipgo(t, line...)
		if bad := raw(r.out + r.err); bad != "" {
			t.Errorf("clipgo %q: exit %d, %s", line, r.code, bad)
		}
		if r.out == "" && r.err == "" {
			t.Errorf("clipgo %q printed nothing", line)
		}
	}
	meta := strings.Replace(string(read(t, index, "meta.json")), `"model": "`, `"model": "\u001b[2J\u009b`, 1)
	write(t, filepath.Join(index, "meta.json"), strings.Replace(meta, `"sha256": "`, `"sha999": "`, -1))
	for _, line := range [][]string{{"search", "--index", index, "a"}, {"info", index}} {
		if r := clipgo(t, line...); raw(r.out+r.err) != "" {
			t.Errorf("clipgo %q: %s", line, raw(r.out+r.err))
		}
	}
}

func writeTar(t *testing.T, path string, members map[string]string) {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, ext := range []string{".png", ".txt"} {
		for name, data := range members {
			if filepath.Ext(name) != ext {
				continue
			}
			if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(data)), Mode: 0o644}); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write([]byte(data)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
