package pickle

import (
	"archive/tar"
	"bytes"
	"slices"
	"strings"
	"testing"
)

// oneTensor rebuilds four float32 of the storage that pack puts into an archive.
const oneTensor = "ctorch._utils\n_rebuild_tensor_v2\n((\x8c\x07storagectorch\nFloatStorage\n\x8c\x010NK\x04tQK\x00K\x04\x85K\x01\x85tR"

// saidDict is the program of a dict of keys and the programs of their values.
func saidDict(items ...string) string {
	program := "}("
	for i, s := range items {
		if i%2 == 0 {
			s = "\x8c" + string(rune(len(s))) + s
		}
		program += s
	}
	return program + "u"
}

func TestTheAverageIsReadWhereItIsAlone(t *testing.T) {
	for _, c := range []struct {
		program, tensor, note string
	}{
		{saidDict("w", oneTensor), "w", ""},
		{saidDict("epoch", "K\x01", "state_dict", saidDict("w", oneTensor)), "w", ""},
		{saidDict("state_dict_ema", saidDict("a", oneTensor), "state_dict", saidDict("w", oneTensor)), "w",
			"state_dict_ema is passed over"},
		{saidDict("model", saidDict("w", oneTensor), "state_dict_ema", saidDict("a", oneTensor)), "w", "state_dict_ema is passed over"},
		{saidDict("epoch", "K\x01", "state_dict_ema", saidDict("a", oneTensor)), "a", "there are no others"},
		{saidDict("model_state_dict", saidDict("w", oneTensor), "epoch", "K\x01"), "w", ""},
		{saidDict("module", saidDict("w", oneTensor), "epoch", "K\x01"), "w", ""},
		{saidDict("args", "cargparse\nNamespace\n)\x81}b", "w", oneTensor), "w", ""},
		{saidDict("state_dict", "N", "state_dict_ema", saidDict("a", oneTensor)), "a", "there are no others"},
	} {
		f, err := parse(pack(t, []byte("\x80\x02"+c.program+".")))
		if err != nil {
			t.Fatal(err)
		}
		notes := strings.Join(f.Notes(), "; ")
		if !slices.Equal(f.Names(), []string{c.tensor}) || (notes == "") != (c.note == "") || !strings.Contains(notes, c.note) {
			t.Errorf("%q: %q, %q; want %s and %q", c.program, f.Names(), notes, c.tensor, c.note)
		}
	}
}

func TestOldLayoutsSayWhatToDo(t *testing.T) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: "sys_info", Mode: 0o600, Format: tar.FormatPAX}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for data, want := range map[string]string{
		b.String():           "it is a tar archive",
		legacy + "\x80\x02.": "the layout of PyTorch before 1.6",
	} {
		if _, err := parse([]byte(data)); err == nil || !strings.Contains(err.Error(), want) ||
			!strings.Contains(err.Error(), "save it again") {
			t.Errorf("want %q and what to do: %v", want, err)
		}
	}
}
