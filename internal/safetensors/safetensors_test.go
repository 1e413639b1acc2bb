package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// file is a file of that header and data; the length is the header's unless it is given.
func file(header, data string, length ...uint64) []byte {
	n := uint64(len(header))
	if len(length) > 0 {
		n = length[0]
	}
	return slices.Concat(binary.LittleEndian.AppendUint64(nil, n), []byte(header), []byte(data))
}

func save(t testing.TB, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.safetensors")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t testing.TB, path string) *File {
	t.Helper()
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// all copies what is in a file, in the order of its data.
func all(t testing.TB, f *File) (out []Tensor) {
	t.Helper()
	for _, name := range f.Names() {
		v, ok := f.Tensor(name)
		if !ok || v.Name != name {
			t.Fatalf("%q is listed, and is %v, %v", name, v, ok)
		}
		v.Data = append([]byte{}, v.Data...)
		out = append(out, v)
	}
	return out
}

var samples = []Tensor{
	{"w", F32, []int64{2, 3}, bytes.Repeat([]byte{1, 2, 3, 4}, 6)},
	{"empty", F64, []int64{0, 7}, []byte{}},
	{"scalar", I64, []int64{}, []byte{8, 7, 6, 5, 4, 3, 2, 1}},
	{`q"uo<te\`, BF16, []int64{1}, []byte{9, 9}},
	{"h", F16, []int64{1}, []byte{0, 60}},
	{"i", I32, []int64{1}, []byte{1, 0, 0, 0}},
	{"s", I16, []int64{2}, []byte{1, 0, 2, 0}},
	{"b", Bool, []int64{3}, []byte{0, 1, 0}},
	{"caf\u00e9", U8, []int64{1}, []byte{255}},
	{"i8", I8, []int64{1, 1, 1, 2}, []byte{128, 127}},
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	meta := map[string]string{"format": "pt", "a": "b"}
	var first, second bytes.Buffer
	for _, b := range []*bytes.Buffer{&first, &second} {
		if err := Write(b, samples, meta); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("the same input gave other bytes")
	}
	if n := binary.LittleEndian.Uint64(first.Bytes()); n%8 != 0 {
		t.Errorf("the data begins at %d", 8+n)
	}
	f := open(t, save(t, first.Bytes()))
	if got := all(t, f); !reflect.DeepEqual(got, samples) {
		t.Errorf("%v", got)
	}
	if !reflect.DeepEqual(f.Metadata(), meta) {
		t.Errorf("%v", f.Metadata())
	}
	if _, ok := f.Tensor("other"); ok {
		t.Error("a tensor that isn't there")
	}
}

// The bytes by hand, from the format's description.
func TestBytesAreTheFormats(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, []Tensor{{"a", U8, []int64{2}, []byte{5, 6}}, {"b", I8, nil, []byte{7}}}, nil); err != nil {
		t.Fatal(err)
	}
	header := `{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"I8","shape":[],"data_offsets":[2,3]}}`
	header += strings.Repeat(" ", -len(header)&7)
	if want := file(header, "\x05\x06\x07"); !bytes.Equal(b.Bytes(), want) {
		t.Errorf("%q, want %q", b.Bytes(), want)
	}
	b.Reset()
	if err := Write(&b, nil, nil); err != nil || !bytes.Equal(b.Bytes(), file("{}      ", "")) {
		t.Errorf("nothing: %q, %v", b.Bytes(), err)
	}
}

func TestWriteRefusesWhatCouldNotBeRead(t *testing.T) {
	one := []byte{1}
	for name, list := range map[string][]Tensor{
		"too little data": {{"a", F32, []int64{1}, one}},
		"unknown type":    {{"a", "F31", []int64{1}, one}},
		"negative":        {{"a", U8, []int64{-1}, one}},
		"overflow":        {{"a", U8, []int64{math.MaxInt64, 3}, one}},
		"twice":           {{"a", U8, []int64{1}, one}, {"a", U8, []int64{1}, one}},
		"reserved name":   {{"__metadata__", U8, []int64{1}, one}},
		"not a name":      {{"\xff", U8, []int64{1}, one}},
	} {
		var b bytes.Buffer
		if err := Write(&b, list, nil); err == nil || b.Len() > 0 {
			t.Errorf("%s: %v, %d bytes", name, err, b.Len())
		}
	}
	full := errors.New("full")
	for room := range 3 {
		if err := Write(&limited{room, full}, samples, nil); !errors.Is(err, full) {
			t.Errorf("no room after %d writes: %v", room, err)
		}
	}
}

// What is written can be read: the bound on what a header says is one bound.
func TestTheLargestHeaderIsReadBack(t *testing.T) {
	list := make([]Tensor, (maxTokens-9)/19)
	for i := range list {
		list[i] = Tensor{Name: strconv.Itoa(i), DType: F32, Shape: []int64{3, 0}}
	}
	var b bytes.Buffer
	if err := Write(&b, list, map[string]string{"a": "b"}); err != nil {
		t.Fatal(err)
	}
	f, err := parse(b.Bytes())
	if err != nil || len(f.Names()) != len(list) {
		t.Errorf("%d tensors: %v", len(list), err)
	}
	b.Reset()
	list = append(list, Tensor{Name: "one more", DType: F32, Shape: []int64{0}})
	if err := Write(&b, list, nil); err == nil || !strings.Contains(err.Error(), "larger than is read") || b.Len() > 0 {
		t.Errorf("one more: %v", err)
	}
}

// limited takes so many writes.
type limited struct {
	room int
	err  error
}

func (l *limited) Write(p []byte) (int, error) {
	if l.room--; l.room < 0 {
		return 0, l.err
	}
	return len(p), nil
}

// one is an entry of the header.
func one(name, dtype, shape, offsets string) string {
	return fmt.Sprintf(`%q:{"dtype":%q,"shape":%s,"data_offsets":%s}`, name, dtype, shape, offsets)
}

// A header that lies is refused with a word about what it lies about, before any of the data is touched.
func TestLyingFilesAreRefused(t *testing.T) {
	good := one("a", "U8", "[2]", "[0,2]")
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"empty":                  {nil, "0 bytes are too few"},
		"seven bytes":            {[]byte("1234567"), "7 bytes are too few"},
		"a pointer of git-lfs":   {[]byte("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"), "git lfs pull"},
		"no header":              {file("", ""), "not a JSON object"},
		"100 MB that aren't":     {file("{}", "", 100<<20), "says that it has 104857600 bytes"},
		"more than the format's": {file("{}", "", 100<<20+1), "says that it has"},
		"one byte more":          {file("{}", "", 3), "says that it has 3 bytes"},
		"negative length":        {file("{}", "", 1<<63), "says that it has"},
		"largest length":         {file("{}", "", math.MaxUint64), "says that it has"},
		"a list":                 {file("[]", ""), "not a JSON object"},
		"space first":            {file(" {}", ""), "not a JSON object"},
		"not JSON":               {file("{a}", ""), "header"},
		"cut":                    {file(`{"a":`, ""), "header"},
		"no end":                 {file(`{`, ""), "header"},
		"something after":        {file(`{}{}`, ""), "2 bytes follow its end"},
		"nested deeply":          {file(`{"a":`+strings.Repeat("[", 1<<20), ""), "not an object"},
		"a number for a tensor":  {file(`{"a":3}`, ""), "not an object"},
		"nothing for a tensor":   {file(`{"a":null}`, ""), "not an object"},
		"no offsets":             {file(`{"a":{"dtype":"U8","shape":[0]}}`, ""), "needs a shape and two data_offsets"},
		"no shape":               {file(`{"a":{"dtype":"U8","data_offsets":[0,1]}}`, "x"), "needs a shape"},
		"one offset":             {file("{"+one("a", "U8", "[0]", "[0]")+"}", ""), "two data_offsets"},
		"three offsets":          {file("{"+one("a", "U8", "[2]", "[0,2,9]")+"}", "xx"), "two data_offsets"},
		"a broken offset":        {file("{"+one("a", "U8", "[2]", "[0,2.5]")+"}", "xx"), "2.5 is not a whole number"},
		"twice":                  {file("{"+good+","+good+"}", "xx"), `"a" occurs twice`},
		"twice, spelt otherwise": {file("{"+good+`,"\u0061":{"dtype":"U8","shape":[0],"data_offsets":[2,2]}}`, "xx"), `"a" occurs twice`},
		"a field nested deeply":  {file(`{"a":{"note":`+strings.Repeat("[", 1<<20), ""), "more than any model"},
		"a field twice": {file(`{"a":{"dtype":"U8","shape":[2],"shape":[0],"data_offsets":[0,2]}}`, "xx"),
			`"shape" occurs twice`},
		"a field spelt otherwise": {file(`{"a":{"dtype":"U8","Shape":[2],"data_offsets":[0,2]}}`, "xx"), "needs a shape"},
		"offsets twice": {file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2],"data_offsets":[0,2]}}`, "xx"),
			`"data_offsets" occurs twice`},
		"a shape that is none": {file(`{"a":{"dtype":"U8","shape":2,"data_offsets":[0,2]}}`, "xx"), "not a list"},
		"a shape of strings":   {file(`{"a":{"dtype":"U8","shape":["2"],"data_offsets":[0,2]}}`, "xx"), "not a whole number"},
		"a shape of shapes":    {file(`{"a":{"dtype":"U8","shape":[[2]],"data_offsets":[0,2]}}`, "xx"), "not a whole number"},
		"a long shape": {file(`{"a":{"dtype":"U8","shape":[`+strings.Repeat("1,", 1<<18)+`2],"data_offsets":[0,2]}}`, "xx"),
			"more than any model"},
		"a type that is none":    {file(`{"a":{"dtype":8,"shape":[2],"data_offsets":[0,2]}}`, "xx"), "8 is not a string"},
		"metadata says it twice": {file(`{"__metadata__":{"a":"1","\u0061":"2"}}`, ""), `"a" occurs twice`},
		"metadata in a list":     {file(`{"__metadata__":[]}`, ""), "not an object"},
		"metadata twice":         {file(`{"__metadata__":{},"__metadata__":{}}`, ""), "occurs twice"},
		"metadata with a number": {file(`{"__metadata__":{"a":1}}`, ""), "not a string"},
		"negative offset":        {file("{"+one("a", "U8", "[2]", "[-2,0]")+"}", "xx"), "not within"},
		"backwards":              {file("{"+one("a", "U8", "[2]", "[2,0]")+"}", "xx"), "not within"},
		"beyond the end":         {file("{"+one("a", "U8", "[3]", "[0,3]")+"}", "xx"), "not within the file's 2"},
		"far beyond":             {file("{"+one("a", "U8", "[9223372036854775807]", "[0,9223372036854775807]")+"}", "xx"), "not within"},
		"an offset that is none": {file("{"+one("a", "U8", "[1]", "[0,9223372036854775808]")+"}", "xx"), "not a whole number"},
		"unknown type":           {file("{"+one("a", "U9", "[2]", "[0,2]")+"}", "xx"), `type "U9" is not known`},
		"wrong size":             {file("{"+one("a", "F32", "[1]", "[0,2]")+"}", "xx"), "is 4 bytes, the header gives it 2"},
		"negative size":          {file("{"+one("a", "U8", "[-1,-2]", "[0,2]")+"}", "xx"), "negative"},
		"sizes that overflow":    {file("{"+one("a", "F32", "[4294967296,4294967296]", "[0,0]")+"}", ""), "overflows"},
		"sizes that wrap to fit": {file("{"+one("a", "F64", "[2305843009213693952,1]", "[0,0]")+"}", ""), "overflows"},
		"a gap at the beginning": {file("{"+one("a", "U8", "[1]", "[1,2]")+"}", "xx"), "begins at byte 1"},
		"a gap": {file("{"+one("a", "U8", "[1]", "[0,1]")+","+one("b", "U8", "[1]", "[2,3]")+"}", "xxx"),
			"begins at byte 2"},
		"an overlap":              {file("{"+good+","+one("b", "U8", "[2]", "[1,3]")+"}", "xxx"), "begins at byte 1"},
		"the same bytes":          {file("{"+good+","+one("b", "U8", "[2]", "[0,2]")+"}", "xx"), "begins at byte 0"},
		"trailing garbage":        {file("{"+good+"}", "xxx"), "1 bytes belong to no tensor"},
		"an empty one in another": {file("{"+good+","+one("b", "U8", "[0]", "[1,1]")+"}", "xx"), "begins at byte 1"},
	} {
		_, err := Open(save(t, c.content))
		if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Other writers order the header as they like, give metadata anywhere and pad with spaces.
func TestHonestFilesAreRead(t *testing.T) {
	for name, c := range map[string]struct {
		content []byte
		want    []string
	}{
		"nothing": {file("{}", ""), nil},
		"spaces":  {file("{ }    ", ""), nil},
		"another order": {file("{"+one("b", "U8", "[1]", "[2,3]")+`,"__metadata__":{},`+one("a", "U8", "[2]", "[0,2]")+"}", "xxx"),
			[]string{"a", "b"}},
		"an empty one behind": {file("{"+one("b", "U8", "[1]", "[0,1]")+","+one("a", "U8", "[0]", "[0,0]")+"}", "x"), []string{"a", "b"}},
		"an unknown field":    {file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"note":{}}}`, "x"), []string{"a"}},
	} {
		f := open(t, save(t, c.content))
		if got := f.Names(); len(got) != len(c.want) || len(got) > 0 && !slices.Equal(got, c.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestOpenRefusesWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{dir: "not a regular file", pipe: "not a regular file",
		filepath.Join(dir, "x"): "no such file"} {
		_, err := Open(path)
		var named *fs.PathError
		if !errors.As(err, &named) || !strings.Contains(err.Error(), want) || errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestCloseTwiceIsHarmless(t *testing.T) {
	f, err := Open(save(t, file("{}", "")))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Close(), f.Close()); err != nil || len(f.Names()) != 0 {
		t.Error(err)
	}
}

// No file makes Open panic or read beyond its data, and one that is taken survives a second writing unchanged.
func FuzzOpen(f *testing.F) {
	var b bytes.Buffer
	if err := Write(&b, samples, map[string]string{"k": "v"}); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(file("{}", ""))
	f.Add(file("{"+one("b", "U8", "[1]", "[2,3]")+","+one("a", "U8", "[2]", "[0,2]")+"}", "xxx"))
	f.Add(file("{}", "", math.MaxUint64))
	f.Fuzz(func(t *testing.T, content []byte) {
		var got *File
		var err error
		if n := allocated(func() { got, err = parse(content) }); n > 64<<20+64*uint64(len(content)) {
			t.Fatalf("%d MB for a file of %d bytes", n>>20, len(content))
		}
		if err != nil {
			return
		}
		tensors := all(t, got)
		n := 8 + binary.LittleEndian.Uint64(content)
		for _, v := range tensors {
			n += uint64(len(v.Data))
		}
		if n != uint64(len(content)) {
			t.Fatalf("%d of %d bytes accounted for", n, len(content))
		}
		var again bytes.Buffer
		if err := Write(&again, tensors, got.Metadata()); err != nil {
			t.Fatal(err)
		}
		second, err := parse(again.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(all(t, second), tensors) {
			t.Fatal("another content")
		}
	})
}

func TestWriteEachRefusesDataThatIsNotWhatWasPlanned(t *testing.T) {
	plan := []Tensor{{Name: "x", DType: F32, Shape: []int64{2}}}
	for _, data := range [][]byte{nil, make([]byte, 4), make([]byte, 12)} {
		err := WriteEach(io.Discard, plan, nil, func(x Tensor) (Tensor, error) { x.Data = data; return x, nil })
		if err == nil {
			t.Errorf("%d bytes were written for 8", len(data))
		}
	}
	if err := WriteEach(io.Discard, plan, nil, func(Tensor) (Tensor, error) { return Tensor{}, io.ErrUnexpectedEOF }); !errors.Is(err,
		io.ErrUnexpectedEOF) {
		t.Errorf("the reason is lost: %v", err)
	}
}
