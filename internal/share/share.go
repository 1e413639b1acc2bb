// Package share divides work among processes that don't talk to each other: each does what a hash of its key gives it.
package share

import (
	"fmt"
	"hash/fnv"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"clipgo/internal/fault"
)

// Share is the I-th of N shares of some work, 1 <= I <= N. The zero value is all of it, and so is the first of one.
type Share struct{ I, N int }

// Auto is what Parse takes for the share that the launcher's variables say.
const Auto = "auto"

// Most bounds the number of shares.
const Most = 1_000_000

// Parse reads i/n; nothing is all of the work. Auto is what the variables of lookup, such as os.LookupEnv, say.
func Parse(text string, lookup func(string) (string, bool)) (Share, error) {
	switch text {
	case "":
		return Share{}, nil
	case Auto:
		s, err := Environment(lookup)
		if err != nil {
			return Share{}, fault.Setting("part", "auto: %w", err)
		}
		return s.checked()
	}
	first, second, _ := strings.Cut(text, "/")
	i, wrongI := strconv.Atoi(first)
	n, wrongN := strconv.Atoi(second)
	if wrongI != nil || wrongN != nil {
		return Share{}, fault.Setting("part", "%q is not i/n, such as 1/4, nor %s", text, Auto)
	}
	return Share{I: i, N: n}.checked()
}

func (s Share) checked() (Share, error) {
	if s.N < 1 || s.N > Most || s.I < 1 || s.I > s.N {
		return s, fault.Setting("part", "%d/%d: the first number is from 1 to the second, which is at most %d", s.I, s.N, Most)
	}
	return s, nil
}

// All reports whether the share is all of the work.
func (s Share) All() bool { return s.N < 2 }

// Has reports whether the work with this key belongs to the share. It belongs to exactly one of the N.
func (s Share) Has(key string) bool {
	if s.All() {
		return true
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(key)) // it has no errors
	return h.Sum64()%uint64(s.N) == uint64(s.I-1)
}

func (s Share) String() string { return fmt.Sprintf("%d/%d", s.I, s.N) }

// Folder is the folder of the share in another one: part-02-of-16. It is that folder itself if the share is all of the work.
func (s Share) Folder(of string) string {
	if s.N == 0 {
		return of
	}
	return filepath.Join(of, fmt.Sprintf("part-%0*d-of-%d", len(strconv.Itoa(s.N)), s.I, s.N))
}

var folderName = regexp.MustCompile(`^part-(\d+)-of-(\d+)$`)

// OfFolder is the share that a folder's name says.
func OfFolder(dir string) (s Share, ok bool) {
	found := folderName.FindStringSubmatch(filepath.Base(dir))
	if found == nil {
		return s, false
	}
	i, wrongI := strconv.Atoi(found[1])
	n, wrongN := strconv.Atoi(found[2])
	s, err := Share{I: i, N: n}.checked()
	return s, err == nil && wrongI == nil && wrongN == nil
}

// Missing are the folders that some folders of shares lack to be all shares of their work. Folders of other names are left out.
func Missing(dirs []string) (missing []string) {
	type work struct {
		parent string
		n      int
	}
	var order []work
	have := map[work]map[int]bool{}
	for _, dir := range dirs {
		s, ok := OfFolder(dir)
		if !ok {
			continue
		}
		w := work{filepath.Dir(filepath.Clean(dir)), s.N}
		if have[w] == nil {
			have[w], order = map[int]bool{}, append(order, w)
		}
		have[w][s.I] = true
	}
	for _, w := range order {
		for i := 1; i <= w.n; i++ {
			if !have[w][i] {
				missing = append(missing, Share{I: i, N: w.n}.Folder(w.parent))
			}
		}
	}
	return missing
}
