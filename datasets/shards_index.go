package datasets

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
)

// A shard's index has, in little endian,
//
//	8 bytes   "clipgoS3"
//	4 bytes   CRC-32C of all that follows
//	4 bytes   length of the head
//	8 bytes   number of samples n
//	          the head: shardHead as JSON
//	8(n+1)    where each record begins, from the first one's beginning; the last number is the end of the file
//	          the records
//
// A record is the sample's texts and numbers as encode writes them, about 15 bytes beside its name and its captions. A process that has the
// file mapped holds no other memory for a sample.

const (
	indexMagic  = "clipgoS3"
	indexFixed  = 24
	indexOffset = 8
)

// shardHead is what an index says of the whole shard.
type shardHead struct {
	Name     string `json:"name"`    // the shard's
	Version  string `json:"version"` // the shard's
	Settings string `json:"settings"`
	Size     int64  `json:"size"`
	// Sequential is true if the shard is compressed or can't be read in any order for another reason.
	Sequential bool     `json:"sequential,omitempty"`
	Notes      []string `json:"notes,omitempty"` // damage and oddities
	// Long, Invalid and Dotted count captions that were cut, captions that were repaired, and samples as sampler does.
	Long    int64 `json:"long,omitempty"`
	Invalid int64 `json:"invalid,omitempty"`
	Dotted  int   `json:"dotted,omitempty"`
	// Members are the texts that records refer to by number.
	Members []string `json:"members,omitempty"`
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encodeIndex is the index of a shard's samples. It sets the head's Members.
func encodeIndex(head shardHead, samples []shardSample) ([]byte, error) {
	texts := map[string]uint64{}
	offsets, records := make([]byte, 0, indexOffset*(len(samples)+1)), []byte(nil)
	for i := range samples {
		one := &samples[i]
		number, known := texts[one.members]
		if !known {
			number = uint64(len(head.Members))
			texts[one.members], head.Members = number, append(head.Members, one.members)
		}
		offsets = binary.LittleEndian.AppendUint64(offsets, uint64(len(records)))
		records = one.encode(records, number)
	}
	offsets = binary.LittleEndian.AppendUint64(offsets, uint64(len(records)))
	text, err := json.Marshal(head)
	if err != nil {
		return nil, err
	}
	out := make([]byte, indexFixed, indexFixed+len(text)+len(offsets)+len(records))
	copy(out, indexMagic)
	binary.LittleEndian.PutUint32(out[12:], uint32(len(text)))
	binary.LittleEndian.PutUint64(out[16:], uint64(len(samples)))
	out = append(append(append(out, text...), offsets...), records...)
	binary.LittleEndian.PutUint32(out[8:], crc32.Checksum(out[12:], castagnoli))
	return out, nil
}

// encode appends the sample's record.
func (one *shardSample) encode(b []byte, members uint64) []byte {
	text := func(s string) { b = append(binary.AppendUvarint(b, uint64(len(s))), s...) }
	b = binary.AppendUvarint(b, uint64(one.offset))
	b = binary.AppendUvarint(b, uint64(one.size))
	b = binary.AppendVarint(b, int64(one.label))
	b = binary.AppendUvarint(b, members)
	text(one.name)
	text(one.bad)
	text(one.apart)
	b = binary.AppendUvarint(b, uint64(len(one.captions)))
	for _, c := range one.captions {
		text(c)
	}
	b = binary.AppendUvarint(b, uint64(one.width))
	if one.width > 0 {
		b = binary.AppendUvarint(b, uint64(len(one.positives)))
	}
	for _, c := range one.positives {
		b = binary.AppendUvarint(b, uint64(c))
	}
	b = binary.AppendUvarint(b, uint64(len(one.groups)))
	for _, g := range one.groups {
		b = binary.AppendVarint(b, int64(g))
	}
	for _, w := range one.weights {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(w))
	}
	return b
}

// shardIndex is a shard's index in memory or mapped.
type shardIndex struct {
	head    shardHead
	n       int
	offsets []byte
	records []byte
}

var errIndex = errors.New("the shard's index is damaged")

// decodeIndex reads the frame of an index whose checksum is right.
func decodeIndex(data []byte) (x shardIndex, err error) {
	if len(data) < indexFixed || string(data[:len(indexMagic)]) != indexMagic {
		return x, errIndex
	}
	head, n := uint64(binary.LittleEndian.Uint32(data[12:])), binary.LittleEndian.Uint64(data[16:])
	rest := data[indexFixed:]
	if head > uint64(len(rest)) || n >= uint64(len(rest))/indexOffset {
		return x, errIndex
	}
	if err := json.Unmarshal(rest[:head], &x.head); err != nil {
		return x, fmt.Errorf("%w: %w", errIndex, err)
	}
	if rest = rest[head:]; uint64(len(rest)) < indexOffset*(n+1) {
		return x, errIndex
	}
	x.n, x.offsets, x.records = int(n), rest[:indexOffset*(n+1)], rest[indexOffset*(n+1):]
	if x.begin(x.n) != uint64(len(x.records)) {
		return x, errIndex
	}
	return x, nil
}

// checkIndex compares the checksum of an index.
func checkIndex(r io.Reader) error {
	var start [12]byte
	if _, err := io.ReadFull(r, start[:]); err != nil || string(start[:8]) != indexMagic {
		return errIndex
	}
	sum := crc32.New(castagnoli)
	if _, err := io.Copy(sum, r); err != nil {
		return err
	}
	if sum.Sum32() != binary.LittleEndian.Uint32(start[8:]) {
		return errIndex
	}
	return nil
}

func (x *shardIndex) begin(i int) uint64 {
	return binary.LittleEndian.Uint64(x.offsets[indexOffset*i:])
}

// sample reads a record. A damaged one is a sample that can't be used.
func (x *shardIndex) sample(i int) shardSample {
	damaged := shardSample{label: -1, bad: errIndex.Error()}
	from, to := x.begin(i), x.begin(i+1)
	if from > to || to > uint64(len(x.records)) {
		return damaged
	}
	r := record{x.records[from:to], true}
	one := shardSample{offset: int64(r.number()), size: int64(r.number()), label: int32(r.signed())}
	members := r.number()
	one.name, one.bad, one.apart = r.text(), r.text(), r.text()
	if count := r.number(); count > 0 && count <= uint64(len(r.rest)) {
		one.captions = make([]string, count)
		for i := range one.captions {
			one.captions[i] = r.text()
		}
	}
	if width := r.number(); width > 0 && width <= maxMemberText {
		one.width, one.positives = int32(width), r.numbers(width)
	}
	one.groups = r.groups()
	if len(one.captions) > 0 && len(r.rest) == 4*len(one.captions) {
		one.weights = make([]float32, len(one.captions))
		for i := range one.weights {
			one.weights[i] = math.Float32frombits(binary.LittleEndian.Uint32(r.rest[4*i:]))
		}
		r.rest = nil
	}
	if !r.ok || len(r.rest) > 0 || members >= uint64(len(x.head.Members)) || one.offset < 0 || one.size < 0 || one.label < -1 {
		return damaged
	}
	one.members = x.head.Members[members]
	return one
}

// record is what is left of a sample's record; ok is false once something is missing.
type record struct {
	rest []byte
	ok   bool
}

func (r *record) number() uint64 {
	v, n := binary.Uvarint(r.rest)
	r.skip(n)
	return v
}

func (r *record) signed() int64 {
	v, n := binary.Varint(r.rest)
	r.skip(n)
	return v
}

// numbers are as many as the first number says, each below a limit and above the one before it.
func (r *record) numbers(limit uint64) []int32 {
	n := r.number()
	if n > uint64(len(r.rest)) || n > limit {
		r.ok = false
		return nil
	}
	var out []int32
	for range n {
		v := r.number()
		if v >= limit || len(out) > 0 && int32(v) <= out[len(out)-1] {
			r.ok = false
			return nil
		}
		out = append(out, int32(v))
	}
	return out
}

// groups are signed numbers, at most as many as a sample may have groups.
func (r *record) groups() (out []int32) {
	n := r.number()
	if n > mostGroups {
		r.ok = false
		return nil
	}
	for range n {
		out = append(out, int32(r.signed()))
	}
	return out
}

func (r *record) skip(n int) {
	if n <= 0 {
		r.ok, n = false, len(r.rest)
	}
	r.rest = r.rest[n:]
}

// text copies a text, since the record may be unmapped while it is used.
func (r *record) text() string {
	n := r.number()
	if n > uint64(len(r.rest)) {
		r.ok, r.rest = false, nil
		return ""
	}
	s := string(r.rest[:n])
	r.rest = r.rest[n:]
	return s
}
