package serve

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// The histograms of clip-retrieval's back, in its order, with its descriptions. Its dashboard reads their sums and counts.
var retrievalSteps = [][2]string{
	{"full_knn_request_time", "Time spent processing knn request"},
	{"download_time", "Time spent downloading image"},
	{"text_clip_inference_time", "Time spent doing a text clip inference"},
	{"image_clip_inference_time", "Time spent doing a image clip inference"},
	{"metadata_get_time", "Time spent retrieving metadata"},
	{"knn_index_time", "Time spent doing a knn on the index"},
	{"dedup_time", "Time spent deduplicating"},
	{"safety_time", "Time spent filtering unsafe images"},
	{"image_prepro_time", "Time spent doing the image preprocessing"},
	{"text_prepro_time", "Time spent doing the text preprocessing"},
}

// buckets are the upper bounds of the histograms, in seconds.
var buckets = []float64{.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10}

// histogram counts durations.
type histogram struct {
	counts []int64 // of buckets, then of all above
	sum    float64
	n      int64
}

// stats are the numbers of /metrics.
type stats struct {
	running          atomic.Int64
	batches, encoded atomic.Int64

	mu       sync.Mutex
	created  time.Time
	times    map[string]*histogram
	requests map[string]int64 // by labels
}

func newStats() *stats {
	st := &stats{created: time.Now(), times: map[string]*histogram{}, requests: map[string]int64{}}
	for _, step := range retrievalSteps {
		st.times[step[0]] = newHistogram()
	}
	return st
}

func newHistogram() *histogram { return &histogram{counts: make([]int64, len(buckets)+1)} }

func (h *histogram) observe(seconds float64) {
	at, _ := slices.BinarySearch(buckets, seconds)
	h.counts[at]++
	h.sum += seconds
	h.n++
}

// since counts the time that a step took.
func (st *stats) since(name string, begun time.Time) { st.observe(name, time.Since(begun)) }

func (st *stats) observe(name string, d time.Duration) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.times[name] == nil {
		st.times[name] = newHistogram()
	}
	st.times[name].observe(d.Seconds())
}

func (st *stats) request(route string, code int, d time.Duration) {
	st.observe(fmt.Sprintf("clipgo_request_seconds{route=%q}", route), d)
	st.mu.Lock()
	defer st.mu.Unlock()
	st.requests[fmt.Sprintf("route=%q,code=\"%d\"", route, code)]++
}

// metrics writes all numbers as Prometheus reads them.
func (s *Server) metrics(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	st := s.stats
	for _, c := range s.collections {
		snap, err := c.acquire("")
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "clipgo_index_rows{index=%q} %d\n", c.name, snap.info.Live)
		c.release(snap)
	}
	waiting := 0
	for _, e := range s.encoders {
		waiting += len(e.jobs)
	}
	fmt.Fprintf(w, "# TYPE clipgo_requests_running gauge\nclipgo_requests_running %d\n", st.running.Load())
	fmt.Fprintf(w, "# TYPE clipgo_encode_waiting gauge\nclipgo_encode_waiting %d\n", waiting)
	fmt.Fprintf(w, "# TYPE clipgo_encode_batches_total counter\nclipgo_encode_batches_total %d\n", st.batches.Load())
	fmt.Fprintf(w, "# TYPE clipgo_encoded_total counter\nclipgo_encoded_total %d\n", st.encoded.Load())
	st.mu.Lock()
	defer st.mu.Unlock()
	fmt.Fprintln(w, "# TYPE clipgo_requests_total counter")
	for _, labels := range slices.Sorted(maps.Keys(st.requests)) {
		fmt.Fprintf(w, "clipgo_requests_total{%s} %d\n", labels, st.requests[labels])
	}
	for _, step := range retrievalSteps {
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s histogram\n", step[0], step[1], step[0])
		st.times[step[0]].write(w, step[0], "")
		fmt.Fprintf(w, "%s_created %d\n", step[0], st.created.Unix())
	}
	fmt.Fprintln(w, "# TYPE clipgo_request_seconds histogram")
	for _, name := range slices.Sorted(maps.Keys(st.times)) {
		var route string
		if n, _ := fmt.Sscanf(name, "clipgo_request_seconds{route=%q}", &route); n == 1 {
			st.times[name].write(w, "clipgo_request_seconds", fmt.Sprintf("route=%q", route))
		}
	}
	return nil
}

func (h *histogram) write(w io.Writer, name, labels string) {
	with, alone := "", ""
	if labels != "" {
		with, alone = labels+",", "{"+labels+"}"
	}
	sum := int64(0)
	for i, n := range h.counts {
		sum += n
		bound := "+Inf"
		if i < len(buckets) {
			bound = fmt.Sprint(buckets[i])
		}
		fmt.Fprintf(w, "%s_bucket{%sle=%q} %d\n", name, with, bound, sum)
	}
	fmt.Fprintf(w, "%s_sum%s %g\n%s_count%s %d\n", name, alone, h.sum, name, alone, h.n)
}

// metricsSummary is clipgo-readable text as clip-retrieval has it: what the steps of a request took.
func (s *Server) metricsSummary(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	s.stats.mu.Lock()
	defer s.stats.mu.Unlock()
	full := s.stats.times["full_knn_request_time"]
	if full.n == 0 {
		_, err := io.WriteString(w, "No request yet, go do some")
		return err
	}
	fmt.Fprintf(w, "Among %d calls to the knn end point with an average latency of %.4fs per request, the step costs are (in order): \n\n",
		full.n, full.sum/float64(full.n))
	steps := slices.Clone(retrievalSteps)
	slices.SortStableFunc(steps, func(a, b [2]string) int {
		return int(1e6 * (s.stats.times[b[0]].sum - s.stats.times[a[0]].sum))
	})
	fmt.Fprintf(w, "%-28s%-48s%8s%12s%12s\n", "name", "description", "calls", "average", "proportion")
	for _, step := range steps {
		if h := s.stats.times[step[0]]; h.n > 0 {
			fmt.Fprintf(w, "%-28s%-48s%8d%11.4fs%11.1f%%\n", step[0], step[1], h.n, h.sum/float64(h.n), 100*h.sum/full.sum)
		}
	}
	return nil
}
