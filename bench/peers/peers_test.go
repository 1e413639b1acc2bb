package main

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestRatiosAreWithinARepetition(t *testing.T) {
	// The machine was twice as slow in the second repetition, for both: the ratio is the same.
	steps := []float64{1}
	r := measuredRow{Repetitions: []repetition{
		{"clipgo pytorch": {Seconds: 1, PeakBytes: 60, Steps: steps}, openCLIP: {Seconds: 1.5, PeakBytes: 100}},
		{"clipgo pytorch": {Seconds: 2, PeakBytes: 70, Steps: steps}, openCLIP: {Seconds: 3, PeakBytes: 100}},
		{"clipgo pytorch": {Seconds: 1, PeakBytes: 80, Steps: steps}, openCLIP: {Seconds: 2, PeakBytes: 100}},
	}}
	r.compare()
	if got, want := r.Speed["clipgo pytorch"], (spread{1.5, 1.5, 2}); got != want {
		t.Errorf("speed %v, want %v", got, want)
	}
	if got, want := r.Memory["clipgo pytorch"], (spread{0.6, 0.7, 0.8}); got != want {
		t.Errorf("memory %v, want %v", got, want)
	}
	if _, ok := r.Speed[openCLIP]; ok {
		t.Error("open_clip is compared with itself")
	}
}

func TestAStepIsTheMedianOfItsProcess(t *testing.T) {
	m, err := medianStep(output{stdout: []byte(`{"seconds": [3, 1, 2, 10]}`)})
	if err != nil || m.Seconds != 2.5 {
		t.Errorf("%v s, %v; want 2.5", m.Seconds, err)
	}
	for _, bad := range []string{`{"images_per_second": 3}`, `{"seconds": []}`, `Traceback`} {
		if _, err := medianStep(output{stdout: []byte(bad)}); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}

func TestSecondsOfAPictureAndOfAProcess(t *testing.T) {
	if m, err := perPicture(output{stdout: []byte(`{"images_per_second": 25}`)}); err != nil || m.Seconds != 0.04 {
		t.Errorf("%v, %v; want 0.04", m.Seconds, err)
	}
	if m, err := wholeProcess(output{stdout: []byte("anything"), wall: 2 * time.Second}); err != nil || m.Seconds != 2 {
		t.Errorf("%v, %v; want 2", m.Seconds, err)
	}
}

func TestHostTimeLeavesNativeCodeOut(t *testing.T) {
	const top = `File: clipgo
Type: cpu
Duration: 5s, Total samples = 10000ms (200%)
      flat  flat%   sum%        cum   cum%
    6000ms 60.00% 60.00%     6000ms 60.00%  runtime._ExternalCode
    3900ms 39.00% 99.00%     3950ms 39.50%  runtime.cgocall
     330ms  3.30% 99.00%      330ms  3.30%  [libgomp.so.1]
      60ms  0.60% 99.60%       70ms  0.70%  runtime.scanobject
    39.5ms 0.395% 99.99%     39.5ms 0.395%  clipgo/internal/torch.call (inline)
         0     0% 99.99%      100ms  1.00%  main.main
`
	if ms, err := hostMilliseconds(top); err != nil || math.Abs(ms-99.5) > 1e-9 {
		t.Errorf("%v ms, %v; want 99.5", ms, err)
	}
	if _, err := hostMilliseconds("no samples"); err == nil {
		t.Error("no table, and no error")
	}
}

func TestBF16IsNamedByWhatTheCPUHas(t *testing.T) {
	for flags, want := range map[string]string{
		"fpu amx_bf16 avx512_bf16 amx_tile": "AMX",
		"avx512f avx512_bf16":               "AVX512-BF16",
		"avx512f avx512_bf16_not":           "",
	} {
		if got := bf16Of(flags); got != want {
			t.Errorf("%s: %q, want %q", flags, got, want)
		}
	}
}

func TestRowsAreChosenByName(t *testing.T) {
	all := allRows()
	if got, err := choose(all, nil); err != nil || len(got) != len(all) {
		t.Errorf("no names: %d rows, %v", len(got), err)
	}
	if got, err := choose(all, []string{"start", "load"}); err != nil || len(got) != 2 || got[0].name != "start" {
		t.Errorf("two names: %v, %v", got, err)
	}
	if _, err := choose(all, []string{"statr"}); err == nil || !strings.Contains(err.Error(), "start") {
		t.Errorf("a name that doesn't exist: %v", err)
	}
}

func TestTableHasALineForEachRow(t *testing.T) {
	r := result{Machine: machine{CPU: "some CPU", Cores: 2, BF16: "AMX"}, Libraries: []library{{Name: "pytorch"}}, Repetitions: 1,
		Rows: []measuredRow{
			{Name: "train", Goal: goal{Least: 1.3, AMX: true},
				Repetitions: []repetition{{"clipgo pytorch": {Seconds: 1, PeakBytes: 1, Steps: []float64{1}},
					openCLIP: {Seconds: 1.5, PeakBytes: 2}}}},
			{Name: "host", Repetitions: []repetition{{"clipgo pytorch": {Seconds: 1, HostShare: 0.0125}}}},
		}}
	for i := range r.Rows {
		r.Rows[i].compare()
	}
	got := r.table()
	for _, want := range []string{"some CPU, 2 cores, bf16 by AMX", "1.50 (1.50 to 1.50)", "1.3 with AMX", "0.50 (0.50 to 0.50)",
		"1.25 (1.25 to 1.25) %"} {
		if !strings.Contains(got, want) {
			t.Errorf("the table lacks %q:\n%s", want, got)
		}
	}
}

// TestConfigsOfTheRowsExist: the rows name files of this repository; one that was moved would fail in the middle of a measurement.
func TestConfigsOfTheRowsExist(t *testing.T) {
	t.Chdir("../..")
	for _, r := range allRows() {
		s, ok := r.work.(*steps)
		if !ok {
			continue
		}
		if n, err := contextLength(s.config()); err != nil || n <= 0 {
			t.Errorf("%s: context of %d tokens, %v", r.name, n, err)
		}
	}
}
