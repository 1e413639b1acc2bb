package sentencepiece

import (
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"clipgo/internal/golden"
)

// message is a ModelProto under construction.
type message []byte

func (m message) piece(text string, score float32, k kind) message {
	var p []byte
	p = protowire.AppendString(protowire.AppendTag(p, 1, protowire.BytesType), text)
	p = protowire.AppendFixed32(protowire.AppendTag(p, 2, protowire.Fixed32Type), math.Float32bits(score))
	p = protowire.AppendVarint(protowire.AppendTag(p, 3, protowire.VarintType), uint64(k))
	return m.bytes(1, p)
}

func (m message) bytes(field protowire.Number, b []byte) message {
	return protowire.AppendBytes(protowire.AppendTag(slices.Clip(m), field, protowire.BytesType), b)
}

// flag appends a message of one number.
func (m message) flag(field, inner protowire.Number, n uint64) message {
	return m.bytes(field, protowire.AppendVarint(protowire.AppendTag(nil, inner, protowire.VarintType), n))
}

func TestBrokenModelsAreRefused(t *testing.T) {
	good := message{}.piece("<unk>", 0, unknown).piece("a", -1, normal)
	if _, err := Read(good); err != nil {
		t.Fatalf("the whole model: %v", err)
	}
	rules := func(b string) message { return good.bytes(3, message{}.bytes(2, []byte(b))) }
	for _, c := range []struct {
		name string
		data message
		want string
	}{
		{"empty", nil, "no pieces"},
		{"no unknown", message{}.piece("a", -1, normal), "unknown"},
		{"two unknowns", good.piece("<u>", 0, unknown), "both"},
		{"nothing matches", message{}.piece("<unk>", 0, unknown), "no pieces"},
		{"an empty piece", good.piece("", 0, normal), "empty"},
		{"the same twice", good.piece("a", -2, normal), "both"},
		{"not a number", good.piece("b", float32(math.NaN()), normal), "score"},
		{"an unknown type", good.piece("b", 0, 77), "type"},
		{"BPE", good.flag(2, 3, 2), "BPE isn't supported"},
		{"half the bytes", good.flag(2, 35, 1).piece("<0x00>", 0, byteValue), "256"},
		{"bytes that are none", good.flag(2, 35, 1).piece("<0x0g>", 0, byteValue), "no byte piece"},
		{"bytes unasked for", good.piece("<0x00>", 0, byteValue), "byte_fallback"},
		{"a huge length", append(message{}.piece("<unk>", 0, unknown), 0x0a, 0xff, 0xff, 0xff, 0xff, 0x7f), "EOF"},
		{"short rules", rules("\x01"), "header"},
		{"a huge trie", rules("\xff\xff\xff\x7fxxxx\x00"), "trie"},
		{"an odd trie", rules("\x03\x00\x00\x00xxxx\x00"), "trie"},
		{"no last zero", rules("\x04\x00\x00\x00xxxxabc"), "end"},
		{"no UTF-8", rules("\x04\x00\x00\x00xxxx\xff\x00"), "UTF-8"},
		{"a long replacement", rules("\x04\x00\x00\x00xxxx" + strings.Repeat("x", 2000) + "\x00"), "2000 bytes"},
	} {
		if _, err := Read(c.data); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// Damage leads to an error or to a model that encodes something.
func TestDamagedModelsNeverPanic(t *testing.T) {
	data := golden.Read(t, filepath.Join(golden.Dir(t, "tokenizers/sentencepiece/bytes"), "spiece.model.gz"))
	r := rand.New(rand.NewPCG(5, 7))
	read := 0
	for range 300 {
		bad := append([]byte{}, data...)
		for range 1 + r.IntN(20) {
			bad[r.IntN(len(bad))] = byte(r.IntN(256))
		}
		if r.IntN(4) == 0 {
			bad = bad[:r.IntN(len(bad))]
		}
		if m, err := Read(bad); err == nil {
			read++
			m.Append(nil, "a photo \u00e9\u0301 \ufb01 <user> \xff \u4e2d\u00bd \ufdfa")
		}
	}
	t.Logf("%d are models still", read)
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(message{}.piece("<unk>", 0, unknown).piece("a", -1, normal).piece("\u2581", -2, userDefined)), "a b")
	f.Fuzz(func(t *testing.T, data []byte, text string) {
		m, err := Read(data)
		if err != nil {
			return
		}
		for _, id := range m.Append(nil, text) {
			if id < 0 || int(id) >= m.Size() {
				t.Fatalf("id %d of %d", id, m.Size())
			}
		}
	})
}

func TestLongTextsTakeTimeByLength(t *testing.T) {
	m, err := Read(golden.Read(t, filepath.Join(golden.Dir(t, "tokenizers/sentencepiece/t5"), "spiece.model.gz")))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat("a photo of a cat ", 60_000)
	once := m.Append(nil, "a photo of a cat")
	if got := len(m.Append(nil, text)); got != 60_000*len(once) {
		t.Errorf("%d ids, want %d", got, 60_000*len(once))
	}
}
