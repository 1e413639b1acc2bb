package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/datasets/pack"
)

// What is packed is data for the other commands, and every sample is accounted for.
func TestPackAccountsForAllSamples(t *testing.T) {
	photos := pairs(t, 9)
	write(t, filepath.Join(photos, "p003.png"), "broken")
	list := write(t, filepath.Join(t.TempDir(), "keep.csv"), "path,keep\n"+filepath.Join(photos, "p001.png")+",0\n")
	out := filepath.Join(t.TempDir(), "shards")
	args := []string{"pack", photos, out, "--side", "32", "--shard-count", "3", "--filter", list, "--max-skip", "0.2"}
	did := decodeJSON[pack.Result](t, must(t, append(args, "--json")...))
	if did.Present != 9 || did.Used != 7 || did.Skipped != 1 || did.Filtered != 1 || did.Shards != 3 || did.Captions != 7 {
		t.Errorf("%+v", did)
	}
	again := must(t, args...)
	for _, want := range []string{"all was there already: 7 of 9 samples, 7 captions; shards: 3",
		"1 can't be used, 1 were left out by the filter", "  1: not a JPEG"} {
		if !strings.Contains(again.out, want) {
			t.Errorf("%q is not in %s", want, again.out)
		}
	}
	info := decodeJSON[struct {
		Samples int `json:"samples"`
	}](t, must(t, "info", out, "--json"))
	if info.Samples != 7 {
		t.Errorf("info counts %d samples", info.Samples)
	}
	var sizes map[string]int
	err := json.Unmarshal(read(t, out, pack.SizesFile), &sizes)
	if err != nil || fmt.Sprint(sizes) != "map[00000.tar:3 00001.tar:3 00002.tar:1]" {
		t.Errorf("%v %v", sizes, err)
	}
}

func TestPackRefusesWhatItCannotMean(t *testing.T) {
	photos, full := pairs(t, 3), t.TempDir()
	write(t, filepath.Join(full, "notes.txt"), "mine")
	broken := t.TempDir()
	write(t, filepath.Join(broken, "a.jpg"), "broken")
	out := filepath.Join(t.TempDir(), "out")
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{2, "is not empty", []string{photos, full}},
		{2, "--shard-size: \"many\" is not a number of bytes", []string{photos, out, "--shard-size", "many"}},
		{2, "--quality: quality = 0: want at least 1", []string{photos, out, "--quality", "0"}},
		{2, "--image-format: \"webp\" is none of keep, jpeg, png", []string{photos, out, "--image-format", "webp"}},
		{2, "no such file or directory", []string{photos + "x", out}},
		{2, "an argument is missing", []string{photos}},
		{2, "s3://bucket/out: shards are written into a directory of this machine", []string{photos, "s3://bucket/out"}},
		{3, "none of its 1 samples can be used", []string{broken, out, "--max-skip", "1"}},
		{3, "--max-skip SHARE accepts more", []string{broken, out}},
	} {
		r := clipgo(t, append([]string{"pack"}, c.args...)...)
		if r.code != c.code || !strings.Contains(r.err, c.want) {
			t.Errorf("%q: exit %d, %s", c.args, r.code, r.err)
		}
	}
}

// The filter of a training is for what it trains on; the data that it is evaluated on stays whole.
func TestATrainingIsFiltered(t *testing.T) {
	model, photos, other := tiny(t), pairs(t, 12), pairs(t, 4)
	var list strings.Builder
	for i := range 8 {
		fmt.Fprintln(&list, filepath.Join(photos, fmt.Sprintf("p%03d.png", i)))
	}
	out := filepath.Join(t.TempDir(), "run")
	keep := write(t, filepath.Join(t.TempDir(), "keep.txt"), list.String())
	r := must(t, tinyRun(model, out, "--train-data", photos, "--val-data", other, "--filter", keep, "--steps", "2", "--batch-size", "4")...)
	if !strings.Contains(r.err, "keep.txt keeps 8 of 12 samples") {
		t.Errorf("%s", r.err)
	}
	if r := clipgo(t, "align", "preference", "--train-data", "builtin:shapes-preferences?n=10", "--model", model, "--filter", keep,
		"--out", out+"2"); r.code != 2 || !strings.Contains(r.err, "--filter: judged pairs can't be filtered") {
		t.Errorf("judged pairs: exit %d, %s", r.code, r.err)
	}
}
