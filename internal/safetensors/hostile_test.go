package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"
)

// allowance is what opening a file may allocate beyond the file's own size.
const allowance = 64 << 20

// allocated is the number of bytes that f allocates in all, whether or not they are freed again, but for a few kB that the
// runtime has not counted yet. It is quick enough to look at every mutation.
func allocated(f func()) uint64 {
	var total [2]uint64
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	for i := range total {
		if i > 0 {
			f()
		}
		metrics.Read(sample)
		total[i] = sample[0].Value.Uint64()
	}
	return total[1] - total[0]
}

// Each header says one kind of thing, again and again, until it is as large as a header may be.
func TestNoHeaderAllocatesMoreThanItMay(t *testing.T) {
	for name, step := range map[string]func(i int) string{
		"tensors": func(i int) string { return fmt.Sprintf(`,"%x":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`, i) },
		"long shapes": func(i int) string {
			return fmt.Sprintf(`,"%x":{"dtype":"U8","shape":[0%s],"data_offsets":[0,0]}`, i, strings.Repeat(",1", 63))
		},
		"fields": func(i int) string {
			return fmt.Sprintf(`,"%x":{"dtype":"U8","a":[],"shape":[0],"data_offsets":[0,0]}`, i)
		},
		"unknown fields": func(i int) string { return fmt.Sprintf(`,"f%x":0`, i) },
		"long strings":   func(i int) string { return fmt.Sprintf(`,"%x":"%s"`, i, strings.Repeat("a", 1<<20)) },
		"metadata":       func(i int) string { return fmt.Sprintf(`,"%x":""`, i) },
		"lists":          func(int) string { return `,[]` },
		"spaces":         func(int) string { return "        " },
	} {
		var b strings.Builder
		for i := 0; b.Len() < maxHeader-17<<16; i++ {
			b.WriteString(step(i))
		}
		for start, inside := range map[string]string{"{\"\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}": "}",
			`{"a":{"dtype":"U8"`:     "}}",
			`{"__metadata__":{"":""`: "}}", `{"a":{"x":[0`: "]}}"} {
			data := file(start+b.String()+inside, "")
			var err error
			n := allocated(func() { _, err = parse(data) })
			if n > allowance+uint64(len(data)) {
				t.Errorf("%s after %s: %d MB for a file of %d bytes: %v", name, start, n>>20, len(data), err)
			}
			t.Logf("%s after %s: %.1f MB, %.100v", name, start, float64(n)/(1<<20), err)
		}
	}
}

// spices are parts of a header that mean something, and numbers at the edge.
var spices = []string{"{", "}", "[", "]", ",", ":", `"`, `\`, "-", "0", "1", "9", ".", "e9", "null", "true", "[]", "{}", " ", "\x00",
	"\xff", `\u0061`, `\ud800`,
	"9223372036854775807", "9223372036854775808", "18446744073709551615", "4294967296", `"F64"`, `"U8"`, `"shape":[0],`,
	`"data_offsets":[0,0],`,
	`"dtype":"F32",`, `"__metadata__":{},`, `"w":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},`}

// spoil changes one to three places of a header, and sometimes the length before it or the data behind it.
func spoil(r *rand.Rand, content []byte) []byte {
	n := int(binary.LittleEndian.Uint64(content))
	header, data := slices.Clone(content[8:8+n]), content[8+n:]
	for range 1 + r.IntN(3) {
		at := r.IntN(len(header))
		spice := spices[r.IntN(len(spices))]
		switch r.IntN(6) {
		case 0:
			header[at] ^= 1 << r.IntN(8)
		case 1: // one digit or letter for another
			header[at] = "0123456789abUF\"{}[],:"[r.IntN(21)]
		case 2:
			copy(header[at:], spice)
		case 3:
			header = slices.Insert(header, at, []byte(spice)...)
		case 4:
			header = slices.Delete(header, at, min(len(header), at+1+r.IntN(8)))
		case 5: // something from elsewhere in it
			from := r.IntN(len(header))
			header = slices.Insert(header, at, slices.Clone(header[from:min(len(header), from+r.IntN(80))])...)
		}
		if len(header) == 0 {
			break
		}
	}
	length := uint64(len(header))
	switch r.IntN(20) {
	case 0:
		length += uint64(r.IntN(9)) - 4
	case 1:
		length = r.Uint64()
	case 2:
		data = data[:r.IntN(len(data)+1)]
	case 3:
		data = append(slices.Clone(data), "more"...)
	}
	return file(string(header), string(data), length)
}

// A mutation that is read must be a sound file: its tensors cover the data without gap or overlap.
func TestAHundredThousandSpoiltHeaders(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, samples, map[string]string{"format": "pt"}); err != nil {
		t.Fatal(err)
	}
	seeds := [][]byte{b.Bytes(),
		file("{"+one("b", "U8", "[1]", "[2,3]")+`,"__metadata__":{"a":"b"},`+one("a", "U8", "[2]", "[0,2]")+"}", "xxx"),
		file("{"+one("a", "F32", "[2,3]", "[0,24]")+","+one("e", "F16", "[0,4]", "[24,24]")+","+one("b", "I64", "[]", "[24,32]")+"}",
			strings.Repeat("x", 32)),
	}
	r := rand.New(rand.NewPCG(3, 4))
	read := 0
	most := uint64(0)
	for i := range 100_000 {
		content := spoil(r, seeds[r.IntN(len(seeds))])
		var f *File
		var err error
		most = max(most, allocated(func() { f, err = parse(content) }))
		if err != nil {
			continue
		}
		read++
		if err := covers(f, content); err != nil {
			t.Fatalf("mutation %d: %v: %q", i, err, content)
		}
	}
	t.Logf("%d read, at most %d bytes allocated", read, most)
	if read < 1000 || most > allowance {
		t.Errorf("%d read, %d bytes allocated", read, most)
	}
}

// covers looks at each byte of the data on its own.
func covers(f *File, content []byte) error {
	body := content[8+binary.LittleEndian.Uint64(content):]
	owner := make([]string, len(body))
	total := 0
	for _, v := range f.tensors {
		size := v.DType.Size()
		for _, s := range v.Shape {
			size *= s
		}
		if size != int64(len(v.Data)) || v.DType.Size() == 0 {
			return fmt.Errorf("%q: %s %v has %d bytes", v.Name, v.DType, v.Shape, len(v.Data))
		}
		for i := range v.Data {
			at := int(v.begin) + i
			if owner[at] != "" || &body[at] != &v.Data[i] {
				return fmt.Errorf("byte %d is that of %q, too", at, v.Name)
			}
			owner[at] = "tensor " + v.Name
		}
		total += len(v.Data)
	}
	if total != len(body) {
		return errors.New("a gap")
	}
	return nil
}
