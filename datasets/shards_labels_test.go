package datasets

import (
	"archive/tar"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// benchmarkFolder writes a set in CLIP_benchmark's layout: files beside the split, and its only shard.
func benchmarkFolder(t *testing.T, files map[string]string, members ...member) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "wds_x")
	all := map[string]string{"test/0.tar": string(archive(t, tar.FormatUnknown, members...)), "test/nshards.txt": "1"}
	for name, text := range files {
		all[name] = text
	}
	for name, text := range all {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// vector is a .npy file of int64 as numpy writes it.
func vector(numbers ...int64) string {
	head := fmt.Sprintf("{'descr': '<i8', 'fortran_order': False, 'shape': (%d,), }", len(numbers))
	head += strings.Repeat(" ", 63-(10+len(head))%64) + "\n"
	out := append(binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(head))), head...)
	for _, n := range numbers {
		out = binary.LittleEndian.AppendUint64(out, uint64(n))
	}
	return string(out)
}

func TestSeveralLabelsOfASampleAreRead(t *testing.T) {
	dir := benchmarkFolder(t, map[string]string{"classnames.txt": "a\nb\nc\n", "dataset_type.txt": " MultiLabel \n"},
		member{"0.npy", vector(1, 0, -7)}, member{"0.png", "x"},
		member{"1.npy", vector(0, 0, 0)}, member{"1.png", "x"},
		member{"2.npy", vector(0, 1)}, member{"2.png", "x"},
		member{"3.npy", "1 0 1"}, member{"3.png", "x"},
		member{"4.png", "x"},
		member{"5.npy", strings.Replace(vector(0x7ff8000000000000, 0, 0), "<i8", "<f8", 1)}, member{"5.png", "x"},
	)
	s := openForTest(t, dir, Options{Need: NeedLabels, Evaluation: true})
	if kind := s.Info().Type; kind != MultiLabelType {
		t.Errorf("type %q", kind)
	}
	for i, want := range []struct {
		labels []int
		bad    string
	}{
		{labels: []int{0, 2}}, {labels: []int{}}, {bad: "has labels for 2 classes, but there are 3 class names"},
		{bad: "its labels in 3.npy can't be read: not a .npy file"}, {bad: "no label"},
		{bad: "number 1 is NaN"},
	} {
		e := entryOf(t, s, i)
		if !slices.Equal(e.Labels, want.labels) || (e.Labels == nil) != (want.labels == nil) || !strings.Contains(e.Bad, want.bad) ||
			(e.Bad == "") != (want.bad == "") {
			t.Errorf("sample %d: %v, %q; want %+v", i, e.Labels, e.Bad, want)
		}
	}
	if e := entryOf(t, openForTest(t, dir, Options{}), 0); e.Labels != nil {
		t.Errorf("outside of evaluations members npy may be anything, but were read as %v", e.Labels)
	}
}

// A set is multi-label without dataset_type.txt if its samples have such labels and no others. Its fingerprint depends on them.
func TestSeveralLabelsGiveASetItsType(t *testing.T) {
	names := map[string]string{"classnames.txt": "a\nb\n"}
	one := benchmarkFolder(t, names, member{"0.npy", vector(1, 0)}, member{"0.png", "x"})
	other := benchmarkFolder(t, names, member{"0.npy", vector(0, 1)}, member{"0.png", "x"})
	single := benchmarkFolder(t, names, member{"0.cls", "1"}, member{"0.npy", vector(1, 0)}, member{"0.png", "x"})
	var prints []string
	for dir, want := range map[string]string{one: MultiLabelType, other: MultiLabelType, single: ""} {
		info := openForTest(t, dir, Options{Need: NeedLabels, Evaluation: true}).Info()
		if info.Type != want {
			t.Errorf("type %q, want %q", info.Type, want)
		}
		prints = append(prints, info.Fingerprint)
	}
	slices.Sort(prints)
	if len(slices.Compact(prints)) != 3 {
		t.Error("sets with other labels have the same fingerprint")
	}
}

// Beside a class npy has groups, in evaluations alone. Its length has nothing to do with the classes, and what isn't a short vector of
// numbers is passed over. They survive the kept index, and the fingerprint depends on them.
func TestGroupsOfASampleAreRead(t *testing.T) {
	set := func(region int64) string {
		return benchmarkFolder(t, map[string]string{"classnames.txt": "a\nb\n"},
			member{"0.cls", "1"}, member{"0.npy", vector(region, -2016, 0)}, member{"0.png", "x"},
			member{"1.cls", "0"}, member{"1.npy", vector(make([]int64, 512)...)}, member{"1.png", "x"},
			member{"2.cls", "0"}, member{"2.npy", "text"}, member{"2.png", "x"})
	}
	dir := set(4)
	cached := Options{Need: NeedLabels, Evaluation: true, DataCache: t.TempDir()}
	for range 2 { // the second reads the index
		s := openForTest(t, dir, cached)
		for i, want := range [][]int{{4, -2016, 0}, nil, nil} {
			if e := entryOf(t, s, i); e.Bad != "" || e.Labels != nil || !slices.Equal(e.Groups, want) {
				t.Errorf("sample %d: %+v, want groups %v", i, e, want)
			}
		}
	}
	if e := entryOf(t, openForTest(t, dir, Options{}), 0); e.Groups != nil {
		t.Errorf("outside of evaluations members npy may be anything, but were read as %v", e.Groups)
	}
	if a, b := openForTest(t, dir, cached).Info(), openForTest(t, set(5), cached).Info(); a.Fingerprint == b.Fingerprint {
		t.Error("sets with other groups have the same fingerprint")
	}
}

// In evaluations of retrieval a line ends as in Python's str.splitlines, blank captions count, and so do pictures without captions.
func TestRetrievalSetsAreReadLineByLine(t *testing.T) {
	dir := benchmarkFolder(t, map[string]string{"dataset_type.txt": "retrieval\n"},
		member{"0.png", "x"}, member{"0.txt", "a\r\nb\rc\u2028 d \x85e\n\nf"},
		member{"1.png", "x"}, member{"1.txt", ""},
		member{"2.png", "x"}, member{"2.txt", "\n"},
	)
	s := openForTest(t, dir, Options{Need: NeedCaptions, Evaluation: true})
	for i, want := range [][]string{{"a", "b", "c", " d \uFFFDe", "", "f"}, nil, {""}} {
		if e := entryOf(t, s, i); !slices.Equal(e.Captions, want) || e.Bad != "" {
			t.Errorf("sample %d: %q, %q; want %q", i, e.Captions, e.Bad, want)
		}
	}
	notes := strings.Join(s.Info().Notes, "\n")
	for _, want := range []string{"1 of 3 pictures have no caption", "2 captions are blank"} {
		if !strings.Contains(notes, want) {
			t.Errorf("%q is not in %q", want, notes)
		}
	}
	s = openForTest(t, dir, Options{Need: NeedCaptions})
	if e := entryOf(t, s, 0); !slices.Equal(e.Captions, []string{"a\rb\rc\u2028 d \uFFFDe", "f"}) && len(e.Captions) != 3 {
		t.Errorf("in a training: %q", e.Captions)
	}
	if e := entryOf(t, s, 1); e.Bad == "" {
		t.Error("a training takes a picture without a caption")
	}
}

func TestLinesEndAsInPython(t *testing.T) {
	for text, want := range map[string][]string{
		"": nil, "\n": {""}, "a": {"a"}, "a\n": {"a"}, "a\n\n": {"a", ""}, "\r\n\n\r": {"", "", ""},
		"é\u0085b\u2029\x1cc\vd\fe": {"é", "b", "", "c", "d", "e"},
	} {
		if got := pythonLines(text); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// Blank lines between others count in evaluations, as class names and templates; at the end they don't, and that is said.
func TestBlankLinesBesideShards(t *testing.T) {
	dir := benchmarkFolder(t, map[string]string{
		"classnames.txt": "a\n\n b \n\n\n", "zeroshot_classification_templates.txt": "x {c}\n\n {c} \n",
	}, member{"0.cls", "2"}, member{"0.png", "x"})
	info := openForTest(t, dir, Options{Need: NeedLabels, Evaluation: true}).Info()
	if !slices.Equal(info.Classes, []string{"a", "", "b"}) || !slices.Equal(info.Templates, []string{"x {c}", "", "{c}"}) {
		t.Errorf("%q, %q", info.Classes, info.Templates)
	}
	notes := strings.Join(info.Notes, "\n")
	for _, want := range []string{
		"1 of 3 class names are blank", "1 of 3 lines of zeroshot", "classnames.txt ends with 2 blank",
	} {
		if !strings.Contains(notes, want) {
			t.Errorf("%q is not in %q", want, notes)
		}
	}
	info = openForTest(t, dir, Options{Need: NeedLabels}).Info()
	if !slices.Equal(info.Templates, []string{"x {c}", "{c}"}) || len(info.Notes) != 1 {
		t.Errorf("in a training: %q, %q", info.Templates, info.Notes)
	}
}

// Of several pictures an evaluation takes CLIP_benchmark's first, and a training open_clip's.
func TestTheFirstOfSeveralPictures(t *testing.T) {
	var members []member
	for _, kind := range []string{"bmp", "jpeg", "jpg", "png", "webp"} {
		members = append(members, member{"0." + kind, kind})
	}
	dir := benchmarkFolder(t, map[string]string{"classnames.txt": "a\n"}, append([]member{{"0.cls", "0"}}, members...)...)
	for evaluation, want := range map[bool]string{true: "0.webp", false: "0.jpg"} {
		s := openForTest(t, dir, Options{Evaluation: evaluation})
		if e := entryOf(t, s, 0); filepath.Base(e.Key) != want {
			t.Errorf("evaluation %v: %s, want %s", evaluation, e.Key, want)
		}
	}
	dir = benchmarkFolder(t, nil, members[1], members[3])
	if e := entryOf(t, openForTest(t, dir, Options{}), 0); filepath.Base(e.Key) != "0.png" {
		t.Errorf("a training takes %s before png", e.Key)
	}
}
