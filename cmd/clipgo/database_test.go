package main

import (
	"context"
	"encoding/json"
	"errors"
	"image/color"
	"net/http"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"clipgo/search"
	"clipgo/search/postgres"
	"clipgo/search/postgres/pgtest"
)

// asked is the answer of a server to a question, without what differs from run to run.
func asked(t *testing.T, address, ask string) (code int, answer map[string]any) {
	t.Helper()
	r, err := http.Get(address + ask)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if err := json.NewDecoder(r.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"took_ms", "snapshot", "index", "mean", "deviation", "levels", "next"} {
		delete(answer, name)
	}
	hits, _ := answer["hits"].([]any)
	for _, h := range hits { // the background is a sum of float32 scores, which the two add in other orders
		delete(h.(map[string]any), "z")
	}
	return r.StatusCode, answer
}

// TestTheDatabaseIsFilledAndServed: embed fills the database, serve answers from it with the hits of the folder, tells clients of a
// database that is away to try again, and answers when it is back.
func TestTheDatabaseIsFilledAndServed(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		model, pictures, _ := indexOf(t)
		index := filepath.Join(t.TempDir(), "halves.index")
		embed := []string{"embed", "--model", model, pictures, "--index", index, "--dtype", "float16", "--json", "--database"}
		var did embedResult
		if did = decodeJSON[embedResult](t, must(t, append(embed, s.URL)...)); did.Database == nil ||
			*did.Database != (postgres.Synced{Segments: 1, Added: 3, Rows: 3}) {
			t.Errorf("%+v", did.Database)
		}
		picture(t, filepath.Join(pictures, "d.png"), color.NRGBA{200, 99, 20, 255})
		did = decodeJSON[embedResult](t, must(t, append(embed, s.URL)...))
		if did.Added != 1 || *did.Database != (postgres.Synced{Segments: 1, Added: 1, Rows: 4}) {
			t.Errorf("%+v", did.Database)
		}
		folder, end := serving(t, "--index", index)
		defer end()
		database, stop := serving(t, "--index", index, "--database", s.URL)
		defer stop()
		questions := []string{"api/search?q=a+red+square", "api/search?q=red&q=-blue&limit=2", "api/search?q=red&text=b", "api/search",
			"api/folders"}
		for _, ask := range questions {
			_, want := asked(t, folder, ask)
			if code, got := asked(t, database, ask); code != 200 || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %d\n got %v\nwant %v", ask, code, got, want)
			}
		}
		s.Kill(t)
		code, got := asked(t, database, "api/search?q=something+else")
		if message, _ := got["message"].(string); code != 503 || !strings.Contains(message, "try again") {
			t.Errorf("without a database: %d %v", code, got)
		}
		away := strings.Replace(s.URL, "tester@", "tester:secret@", 1)
		r := clipgo(t, append(embed, away)...)
		says(t, r, exitFailed, "database")
		if strings.Contains(r.err+r.out, "secret") {
			t.Errorf("the password: %s", r.err)
		}
		s.Start(t)
		if code, got := asked(t, database, "api/search?q=something+else"); code != 200 || got["total"] != 4.0 {
			t.Errorf("after it came back: %d %v", code, got)
		}
		says(t, clipgo(t, "serve", "--database", s.URL, "--collection", "none", "--addr", "127.0.0.1:0"), exitUsage, "no collection none")
	})
}

// serving starts a server and returns its address.
func serving(t *testing.T, args ...string) (address string, end func()) {
	t.Helper()
	ctx, interrupted := context.WithCancelCause(t.Context())
	address, code := started(t, ctx, append([]string{"serve", "--addr", "127.0.0.1:0", "--thumb-cache", t.TempDir()}, args...))
	return address, func() {
		interrupted(errors.New("the test has ended"))
		<-code
	}
}

// TestOneBitCodesSayWhatTheyFind: embed, info and search say the measured recall; a word that isn't one of the three is refused.
func TestOneBitCodesSayWhatTheyFind(t *testing.T) {
	model, pictures, index := indexOf(t)
	says(t, clipgo(t, "search", "--index", index, "a", "--set", "one_bit=always"), exitUsage, "clipgo: --set one_bit: ", "no 1-bit codes")
	for _, wrong := range [][]string{{"search", "--index", index, "a"}, {"serve", "--index", index, "--addr", "127.0.0.1:0"},
		{"embed", "--model", model, pictures, "--index", index}} {
		says(t, clipgo(t, append(wrong, "--collection", "c")...), exitUsage, "--collection c", "--database is missing")
	}
	says(t, clipgo(t, "embed", "--model", model, pictures, "--index", index, "--set", "one_bit=often"), exitUsage, "one_bit", "often")
	did := decodeJSON[embedResult](t, must(t, "embed", "--model", model, pictures, "--index", index, "--set", "one_bit=always", "--json"))
	if did.OneBit == nil || did.OneBit.At10 != 1 || did.OneBit.Queries != 3 {
		t.Errorf("%+v", did.OneBit)
	}
	if info := decodeJSON[search.Info](t, must(t, "info", index, "--json")); info.OneBit == nil || *info.OneBit != *did.OneBit {
		t.Errorf("%+v", info)
	}
	exact := must(t, "search", "--index", index, "a red square")
	near := must(t, "search", "--index", index, "a red square", "--set", "one_bit=always")
	if near.out != exact.out || !strings.Contains(near.err, "find 1.0000 of the ten best") || strings.Contains(exact.err, "approximate") {
		t.Errorf("%s%s, want %s", near.out, near.err, exact.out)
	}
}
