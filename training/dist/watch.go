package dist

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// A collective that fails doesn't say which process is gone. So each process counts up a key of the store all the time. After a
// failure, those whose key doesn't change have ended or hang. The first process that knows writes it for the others, which would otherwise
// find that it has ended, too. Whoever leaves the group says so.

// beatEvery is the time from one beat to the next, stillFor how long the keys are watched after a failure.
const (
	beatEvery = 300 * time.Millisecond
	stillFor  = 2500 * time.Millisecond
	// answerIn bounds what a store that hangs may cost.
	answerIn = 5 * time.Second
)

// GoneError is the failure of a group because of some of its processes.
type GoneError struct {
	Ranks []int  // who has ended or doesn't answer; nil if that isn't known
	Why   string // a line
	cause error
}

func (e *GoneError) Error() string { return e.Why }

// Unwrap is the engine's error.
func (e *GoneError) Unwrap() error { return e.cause }

// verdict is a GoneError in the store.
type verdict struct {
	Ranks []int  `json:"ranks"`
	Why   string `json:"why"`
}

type watcher struct {
	board *board
	stop  chan struct{}
	ended sync.WaitGroup

	mu      sync.Mutex
	verdict *verdict // the first one that was published
}

func watch(b *board) *watcher {
	w := &watcher{board: b, stop: make(chan struct{})}
	w.ended.Add(1)
	go w.beats()
	return w
}

func (w *watcher) beats() {
	defer w.ended.Done()
	for {
		_, err := w.board.add(fmt.Sprintf("alive/%d", w.board.at.Rank), 1)
		text, err2 := w.board.get("verdict")
		if errors.Join(err, err2) == nil && w.took(text) {
			_, _ = w.board.add("heard", 1) // a help for linger
		}
		select {
		case <-w.stop:
			return
		case <-time.After(beatEvery):
		}
	}
}

// took records an answer of the store, and says whether it is a verdict that is new here.
func (w *watcher) took(text []byte) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	var v verdict
	if w.verdict == nil && text != nil && json.Unmarshal(text, &v) == nil {
		w.verdict = &v
		return true
	}
	return false
}

func (w *watcher) known() *verdict {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.verdict
}

// close tells the others that this process has left, unless the group has failed, and ends the beats.
func (w *watcher) close(failed bool) {
	if !failed {
		w.board.asking(w.leave)
	}
	close(w.stop)
	if !failed {
		w.board.asking(w.ended.Wait)
	}
}

// leave says that this process has left. A process whose store ends with it gives the others a moment to leave as well; those that stay
// learn that it has left.
func (w *watcher) leave() {
	_ = w.board.set(fmt.Sprintf("left/%d", w.board.at.Rank), nil)
	n, err := w.board.add("gone", 1)
	for until := time.Now().Add(time.Second); w.board.serves() && err == nil && n < int64(w.board.at.World); time.Sleep(beatEvery / 30) {
		if time.Now().After(until) {
			w.publish(verdict{[]int{0}, w.named([]int{0}) + leftEarly})
			w.linger(1)
			return
		}
		n, err = w.board.add("gone", 0)
	}
}

const leftEarly = " left the group before the others"

// blame finds out who is gone, and makes the failure of an operation a line that says so.
func (w *watcher) blame(op string, cause error) error {
	v, err := within(context.Background(), answerIn+stillFor, w.inquire)
	if err != nil {
		v = w.silent()
	}
	if len(v.Ranks) > 0 {
		w.board.asking(func() { w.linger(len(v.Ranks)) })
	}
	e := &GoneError{Ranks: v.Ranks, Why: v.Why, cause: cause}
	if e.Why == "" {
		e.Why = fmt.Sprintf("%s: all %d processes are there, but the exchange failed: %v", op, w.board.at.World, cause)
		if errors.Is(cause, errLate) {
			e.Why = fmt.Sprintf("%s: all %d processes are there, but not all have come to this exchange in time", op, w.board.at.World)
		}
	}
	return e
}

// inquire returns what is known already, or watches the keys and publishes what they show.
func (w *watcher) inquire() (verdict, error) {
	before, err := w.counts()
	if err != nil {
		return w.silent(), nil
	}
	for until := time.Now().Add(stillFor); time.Now().Before(until); time.Sleep(beatEvery / 3) {
		if v := w.known(); v != nil {
			return *v, nil
		}
	}
	after, err := w.counts()
	if err != nil {
		return w.silent(), nil
	}
	v := w.compare(before, after)
	if len(v.Ranks) > 0 {
		w.publish(v)
		if first := w.known(); first != nil {
			return *first, nil
		}
	}
	return v, nil
}

// counts reads the beats of all processes; -1 for one that has left.
func (w *watcher) counts() ([]int64, error) {
	out := make([]int64, w.board.at.World)
	for r := range out {
		n, err := w.board.add(fmt.Sprintf("alive/%d", r), 0)
		if err != nil {
			return nil, err
		}
		left, err := w.board.get(fmt.Sprintf("left/%d", r))
		if err != nil {
			return nil, err
		}
		if out[r] = n; left != nil {
			out[r] = -1
		}
	}
	return out, nil
}

// compare says whose beats have not changed between two readings.
func (w *watcher) compare(before, after []int64) verdict {
	var left, still []int
	for r := range after {
		switch {
		case r == w.board.at.Rank:
		case after[r] < 0:
			left = append(left, r)
		case after[r] == before[r]:
			still = append(still, r)
		}
	}
	var why []string
	if len(still) > 0 {
		why = append(why, w.named(still)+" ended or stopped")
	}
	if len(left) > 0 {
		why = append(why, w.named(left)+leftEarly)
	}
	gone := slices.Concat(still, left)
	slices.Sort(gone)
	return verdict{gone, strings.Join(why, ", and ")}
}

// named is a list of ranks with their machines.
func (w *watcher) named(list []int) string {
	verb := map[bool]string{true: " has", false: " have"}[len(list) == 1]
	host := w.board.all[list[0]].Host
	for _, r := range list {
		if w.board.all[r].Host != host {
			return ranks(list) + verb
		}
	}
	return fmt.Sprintf("%s on %s%s", ranks(list), host, verb)
}

// publish writes a verdict for the others, unless one is there.
func (w *watcher) publish(v verdict) {
	if n, err := w.board.add("verdicts", 1); err != nil || n > 1 {
		time.Sleep(2 * beatEvery) // for the beat that reads the first one
		return
	}
	text, err := json.Marshal(v)
	if err != nil {
		return
	}
	if w.board.set("verdict", text) == nil && w.took(text) { // if not, the others find out by themselves
		_, _ = w.board.add("heard", 1)
	}
}

// linger waits until all processes that are there have read the verdict, where the store ends with this process.
func (w *watcher) linger(gone int) {
	w.board.lingers(func() (bool, error) {
		n, err := w.board.add("heard", 0)
		return int(n)+gone >= w.board.at.World, err
	})
}

// silent is the verdict where the store doesn't answer: it is in rank 0, or in the launcher.
func (w *watcher) silent() verdict {
	if v := w.known(); v != nil {
		return *v
	}
	if w.board.at.AgentStore {
		return verdict{nil, "the launcher's store at " + w.board.master + " has ended or doesn't answer"}
	}
	return verdict{[]int{0}, fmt.Sprintf("%s ended or stopped: its store at %s doesn't answer", w.named([]int{0}), w.board.master)}
}
