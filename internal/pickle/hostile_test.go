package pickle

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"clipgo/internal/golden"
)

// allowance is what opening a file and loading all that is in it may allocate beyond the file's own size.
const allowance = 64 << 20

// consume opens an archive and touches all that it offers.
func consume(data []byte) (*File, error) {
	f, err := parse(data)
	if err != nil {
		return nil, err
	}
	sum := byte(0)
	for _, name := range f.Names() {
		v, _ := f.Tensor(name)
		for _, b := range v.Data {
			sum += b
		}
	}
	runtime.KeepAlive(sum)
	return f, nil
}

// allocated is the number of bytes that f allocates in all, whether or not they are freed again.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// pack is an archive of that program with one storage of 16 bytes.
func pack(t testing.TB, program []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, e := range []struct {
		name    string
		content []byte
	}{{"a/data.pkl", program}, {"a/data/0", make([]byte, 16)}} {
		w, err := z.CreateHeader(&zip.FileHeader{Name: e.name, Method: zip.Store})
		if err == nil {
			_, err = w.Write(e.content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Each program makes one kind of value until something stops it, in 3 MB.
func TestNoProgramAllocatesMoreThanItMay(t *testing.T) {
	number := func(i int) []byte { return binary.LittleEndian.AppendUint32(nil, uint32(i)) }
	same := func(s string) func(int) []byte { return func(int) []byte { return []byte(s) } }
	for name, c := range map[string]struct {
		start string
		step  func(i int) []byte
	}{
		"nothing":          {"", same("N0")},
		"stack":            {"", same("N")},
		"marks":            {"", same("(")},
		"numbers":          {"", same("M\xff\xff0")},
		"long numbers":     {"", same("\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f0")},
		"floats":           {"", same("G\x00\x00\x00\x00\x00\x00\x00\x000")},
		"strings":          {"", same("\x8c\x01a0")},
		"large strings":    {"", same("X\x00\x00\x10\x00" + strings.Repeat("a", 1<<20) + "0")},
		"lists":            {"]", same("]a")},
		"items":            {"]", same("Na")},
		"items in batches": {"]", same("(" + strings.Repeat("N", 1000) + "e")},
		"dicts":            {"]", same("}a")},
		"entries":          {"}", same("NNs")},
		"entries batched":  {"}", same("(" + strings.Repeat("N", 1000) + "u")},
		"tuples":           {"N", same("\x85")},
		"wide tuples":      {"", same("(" + strings.Repeat("N", 1000) + "t0")},
		"copies":           {"]", same("2a")},
		"memos":            {"N", func(i int) []byte { return append([]byte("r"), number(i)...) }},
		"memos, far apart": {"N", func(i int) []byte { return append([]byte("r"), number(i*0x9e3779b1)...) }},
		"memoized":         {"N", same("\x94")},
		"names":            {"", same("ctorch\nfloat32\n0")},
		"foreign names":    {"", func(i int) []byte { return fmt.Appendf(nil, "ca\n%d\n0", i) }},
		"foreign calls":    {"ca\nb\nq\x000", same("h\x00)R0")},
		"bytes":            {"", same("B\x00\x00\x10\x00" + strings.Repeat("a", 1<<20) + "0")},
		"encoded": {"c_codecs\nencode\nq\x000X\x00\x00\x10\x00" + strings.Repeat("a", 1<<20) + "\x8c\x06latin1\x86q\x010",
			same("h\x00h\x01R0")},
		"types":         {"cnumpy\ndtype\nq\x000\x8c\x02f8\x85q\x010]", same("h\x00h\x01Ra")},
		"sets":          {"]", same("\x8fa")},
		"records":       {"]", same("c__torch__.a\nb\n)\x81a")},
		"ordered dicts": {"]ccollections\nOrderedDict\nq\x00" + "0", same("h\x00)Ra")},
		"storages":      {"]", same("(\x8c\x07storagectorch\nFloatStorage\n\x8c\x00NK\x00tQa")},
		"tensors": {"](\x8c\x07storagectorch\nFloatStorage\n\x8c\x00NK\x00tQq\x000ctorch._utils\n_rebuild_tensor_v2\nq\x010" +
			"(" + strings.Repeat("K\x01", maxRank) + "tq\x020", same("h\x01(h\x00K\x00h\x02h\x02tRa")},
		"one tensor with many names": {"}(\x8c\x07storagectorch\nFloatStorage\n\x8c\x010NK\x04tQq\x000ctorch._utils\n_rebuild_tensor_v2\n" +
			"(h\x00K\x00K\x01\x85K\x01\x85tRq\x010", func(i int) []byte { return fmt.Appendf(nil, "\x8c\x06%06xh\x01s", i) }},
	} {
		program := []byte("\x80\x02" + c.start)
		for i := 0; len(program) < maxProgram-5<<20; i++ {
			program = append(program, c.step(i)...)
		}
		program = append(program, '.')
		data := pack(t, program)
		var err error
		n := allocated(func() { _, err = consume(data) })
		if err == nil || n > allowance-maxProgram { // the program itself may be deflated
			t.Errorf("%s: %d MB for a file of %d bytes: %v", name, n>>20, len(data), err)
		}
		t.Logf("%s: %.1f MB, %v", name, float64(n)/(1<<20), err)
	}
}

// A dict of 150 dicts of 150 dicts of 150 tensors takes 3 kB to say where each is the same one.
func TestPartsThatAreSharedAreNotMultiplied(t *testing.T) {
	program := []byte("\x80\x02(\x8c\x07storagectorch\nFloatStorage\n\x8c\x010NK\x04tQq\x000ctorch._utils\n_rebuild_tensor_v2\n" +
		"(h\x00K\x00K\x01\x85K\x01\x85tRq\x010")
	for level := byte(1); level <= 3; level++ {
		program = append(program, "}("...)
		for i := range 150 {
			program = fmt.Appendf(program, "\x8c\x02%02xh%c", i, level)
		}
		program = append(program, 'u', 'q', level+1)
	}
	data := pack(t, append(program, '.'))
	var err error
	n := allocated(func() { _, err = consume(data) })
	if err == nil || !strings.Contains(err.Error(), "repeats its parts") || n > allowance {
		t.Errorf("%d MB, %v", n>>20, err)
	}
	t.Logf("%d MB", n>>20)
}

// A zip's directory costs several times its size once it is read.
func TestALargeDirectoryIsNotRead(t *testing.T) {
	entry := make([]byte, 47)
	copy(entry, "PK\x01\x02")
	entry[28], entry[46] = 1, 'a' // the length of a name, the name
	const n = 600_000
	data := bytes.Repeat(entry, n)
	end := make([]byte, 22)
	copy(end, "PK\x05\x06")
	binary.LittleEndian.PutUint16(end[8:], n&0xffff)
	binary.LittleEndian.PutUint16(end[10:], n&0xffff)
	binary.LittleEndian.PutUint32(end[12:], uint32(len(data)))
	data = append(data, end...)
	var err error
	if used := allocated(func() { _, err = consume(data) }); err == nil || used > allowance {
		t.Errorf("%d MB, %v", used>>20, err)
	}
}

// seeds are small archives of the fixtures.
func seeds(t testing.TB, patterns ...string) (out [][]byte) {
	dir := golden.Dir(t, "containers")
	for _, pattern := range patterns {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if len(data) < 32<<10 {
				out = append(out, data)
			}
		}
	}
	return out
}

// spices are bytes that mean something in a pickle or in a zip.
var spices = []string{"\xff\xff\xff\xff", "\x00\x00\x00\x00", "\xff\xff\xff\x7f", "\xff", "\x8b\xff\xff\xff\x7f", "X\xff\xff\xff\x7f",
	"cos\nsystem\n",
	"R", "b", "\x81", "Q", "(", "t", "u", "e", "h\x00", "q\x00", "0", "2", "}", "]", ".", "PK\x01\x02", "PK\x05\x06", "PK\x06\x06",
	"c__torch__.a\nb\n)\x81"}

// spoil changes one to three places.
func spoil(r *rand.Rand, data []byte) []byte {
	data = slices.Clone(data)
	for range 1 + r.IntN(3) {
		if len(data) == 0 {
			return data
		}
		at := r.IntN(len(data))
		spice := spices[r.IntN(len(spices))]
		switch r.IntN(6) {
		case 0:
			data[at] ^= 1 << r.IntN(8)
		case 1:
			data[at] = byte(r.Uint32())
		case 2:
			copy(data[at:], spice)
		case 3:
			data = slices.Insert(data, at, []byte(spice)...)
		case 4:
			data = slices.Delete(data, at, min(len(data), at+1+r.IntN(8)))
		case 5:
			from := r.IntN(len(data))
			copy(data[at:], data[from:min(len(data), from+r.IntN(64))])
		}
	}
	return data
}

// Half of the mutations are of whole files, half of the program in a sound archive. None panics or allocates more than
// it may; enough of each kind are read for the test to mean something.
func TestTenThousandSpoiltArchives(t *testing.T) {
	honest, hostile := seeds(t, "*.pt", "*.bin"), seeds(t, "hostile/*.pt")
	all := slices.Concat(hostile, slices.Repeat(honest, 3*len(hostile)/len(honest)))
	var programs [][]byte
	for _, data := range all {
		if a, err := openArchive(data); err == nil {
			programs = append(programs, a.program)
		}
	}
	r := rand.New(rand.NewPCG(7, 8))
	read, refused := 0, map[string]int{}
	for i := range 10_000 {
		var data []byte
		if i%2 == 0 {
			data = spoil(r, all[r.IntN(len(all))])
		} else {
			data = pack(t, spoil(r, programs[r.IntN(len(programs))]))
		}
		var err error
		n := allocated(func() { _, err = consume(data) })
		if n > allowance+uint64(len(data)) {
			t.Fatalf("mutation %d: %d MB for a file of %d bytes", i, n>>20, len(data))
		}
		if err == nil {
			read++
		} else {
			word, _, _ := strings.Cut(err.Error(), ",")
			refused[word]++
		}
	}
	t.Logf("%d read, %d refused", read, 10_000-read)
	if read < 100 || refused["data.pkl"] < 1000 {
		t.Errorf("%d read, refused %v", read, refused)
	}
}

// quick is the length of the seeds of a fuzzer, whose time grows with its square. TestTenThousandSpoiltArchives has longer ones too.
const quick = 4 << 10

// No file makes the reader panic, take memory, or give a tensor whose data has not the size of its shape.
func FuzzParse(f *testing.F) {
	for _, data := range seeds(f, "*.pt", "*.bin", "hostile/*.pt") {
		if len(data) < quick {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) { fuzzed(t, data) })
}

// FuzzProgram spares the fuzzer the zip around the pickle.
func FuzzProgram(f *testing.F) {
	for _, data := range seeds(f, "*.pt", "*.bin", "hostile/*.pt") {
		if a, err := openArchive(data); err == nil && len(a.program) < quick {
			f.Add(a.program)
		}
	}
	f.Fuzz(func(t *testing.T, program []byte) { fuzzed(t, pack(t, program)) })
}

// fuzzed reads an archive, whose tensors have to be sound, within the allowance.
func fuzzed(t *testing.T, data []byte) {
	var got *File
	var err error
	if n := allocated(func() { got, err = consume(data) }); n > allowance+uint64(len(data)) {
		t.Fatalf("%d MB for a file of %d bytes", n>>20, len(data))
	}
	if err == nil {
		sound(t, got)
	}
}

func sound(t *testing.T, f *File) {
	for _, name := range f.Names() {
		v, ok := f.Tensor(name)
		n := v.DType.Size()
		for _, s := range v.Shape {
			n *= s
		}
		if !ok || v.Name != name || n != int64(len(v.Data)) || v.DType.Size() == 0 {
			t.Fatalf("%q: %s %v has %d bytes", name, v.DType, v.Shape, len(v.Data))
		}
	}
}
