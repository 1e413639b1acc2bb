package fault_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"

	"clipgo/internal/fault"
)

func TestTheStrongestKindCounts(t *testing.T) {
	inUse := fault.New(fault.InUse, "in use")
	for _, c := range []struct {
		err  error
		want fault.Kind
	}{
		{errors.New("no space"), fault.Failed},
		{fault.Usagef("bad %d", 1), fault.Usage},
		{fmt.Errorf("open: %w", fault.Modelf("m", "is damaged")), fault.Model},
		{errors.Join(fault.Usagef("x"), fault.Dataf("y")), fault.Data},
		{errors.Join(fault.Modelf("m", "x"), fmt.Errorf("out: %w", inUse)), fault.InUse},
		{fmt.Errorf("read: %w", fs.ErrNotExist), fault.Usage},
		{errors.Join(fs.ErrNotExist, fault.Modelf("m", "x")), fault.Model},
		{fmt.Errorf("%w and %w", fault.Dataf("y"), os.ErrClosed), fault.Data},
	} {
		if got := fault.Of(c.err); got != c.want {
			t.Errorf("%v: kind %d, want %d", c.err, got, c.want)
		}
	}
}

func TestASettingNamesItsKey(t *testing.T) {
	err := fmt.Errorf("start: %w", fault.Setting("device", "%q is not known", "tpu"))
	var f *fault.Error
	if !errors.As(err, &f) || f.Key != "device" || err.Error() != `start: device: "tpu" is not known` {
		t.Errorf("%v, key %q", err, f.Key)
	}
}
