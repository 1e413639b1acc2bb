package training

import (
	"errors"
	"strings"
	"testing"

	"clipgo/internal/fault"
	"clipgo/training/dist"
)

// pair is a group of two, of which nothing is asked.
type pair struct{ dist.Group }

func (pair) World() int { return 2 }

func TestWhatCantBeSpreadIsRefused(t *testing.T) {
	tr := &Trainer{Objective: &toy{}}
	var usage *fault.Error
	err := tr.Join(pair{})
	if !errors.As(err, &usage) || !strings.Contains(err.Error(), "one process only, and there are 2") {
		t.Errorf("joined: %v", err)
	}
	if err := tr.Join(dist.Alone); err != nil || tr.joined() {
		t.Errorf("one process: %v", err)
	}
}
