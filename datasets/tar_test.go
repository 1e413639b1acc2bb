package datasets

import (
	"archive/tar"
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// member is a file for a test's archive.
type member struct{ name, content string }

// archive writes members in a tar format, with its end.
func archive(t testing.TB, format tar.Format, members ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range members {
		h := &tar.Header{Name: m.name, Mode: 0o644, Size: int64(len(m.content)), Format: format}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(m.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func indexBytes(data []byte) tarIndex {
	return indexTar(newCursor(bytes.NewReader(data), int64(len(data)), nearWindow), false)
}

// groupsLine writes an index as key:field,field key:field.
func groupsLine(x tarIndex) string {
	var out []string
	for _, g := range x.groups {
		var fields []string
		for _, m := range g.members {
			fields = append(fields, m.field)
		}
		out = append(out, g.key+":"+strings.Join(fields, ","))
	}
	return strings.Join(out, " ")
}

func TestMembersGroupByKeyAsInWebDataset(t *testing.T) {
	long := strings.Repeat("long/", 60)
	for _, format := range []tar.Format{tar.FormatGNU, tar.FormatPAX} {
		x := indexBytes(archive(t, format,
			member{"a.jpg", "1"}, member{"a.txt", "2"}, member{"dir/", ""}, member{"dir/a.TXT", "3"}, member{"v1.0/b.seg.png", "4"},
			member{"v1.0/b.jpg", "5"}, member{"README", "6"}, member{".hidden", "7"}, member{"__meta__/x.txt", "8"},
			member{long + "c.jpg", "9"}, member{"../d.jpg", "10"}, member{"a.json", "{}"}))
		want := "a:jpg,txt dir/a:txt v1.0/b:seg.png,jpg " + long + "c:jpg ../d:jpg a:json"
		if got := groupsLine(x); got != want || x.broken != "" || x.cut != "" || x.passed != 3 {
			t.Errorf("%v: %s\nwant %s\nbroken %q cut %q passed over %d", format, got, want, x.broken, x.cut, x.passed)
		}
	}
}

func TestOffsetsPointAtTheMembersBytes(t *testing.T) {
	members := []member{
		{"a.jpg", strings.Repeat("x", 700)}, {"a.txt", "caption"},
		{strings.Repeat("n", 200) + ".jpg", "y"}, {"b.jpg", strings.Repeat("z", 20000)},
	}
	for _, format := range []tar.Format{tar.FormatGNU, tar.FormatPAX} {
		data := archive(t, format, members...)
		i := 0
		for _, g := range indexBytes(data).groups {
			for _, m := range g.members {
				if got := string(data[m.offset : m.offset+m.size]); got != members[i].content {
					t.Errorf("%v: %s holds %.20q; want %.20q", format, m.name, got, members[i].content)
				}
				i++
			}
		}
		if i != len(members) {
			t.Errorf("%v: %d members; want %d", format, i, len(members))
		}
	}
}

// smallShard has samples of a picture and a caption, one with a name too long for a plain header.
func smallShard(t testing.TB, format tar.Format) []byte { return shardOf(t, format, 12) }

// shardOf is a shard of n samples, of which the longest key is the last but one of the first half.
func shardOf(t testing.TB, format tar.Format, n int) []byte {
	var members []member
	for i := range n {
		key := fmt.Sprintf("%03d", i)
		if i == max(0, n/2-1) {
			key = strings.Repeat("k", 180)
		}
		members = append(members, member{key + ".jpg", strings.Repeat("p", 100+300*i)}, member{key + ".txt", "caption " + key})
	}
	return archive(t, format, members...)
}

// Cut anywhere, a shard says so, and each sample that began before the cut is there: whole, with all its bytes, or
// unusable.
func TestTruncationIsAlwaysReported(t *testing.T) {
	for _, format := range []tar.Format{tar.FormatGNU, tar.FormatPAX} {
		data := smallShard(t, format)
		whole := indexBytes(data)
		if whole.cut != "" || whole.broken != "" || len(whole.groups) != 12 {
			t.Fatalf("%v: %d samples, cut %q, broken %q", format, len(whole.groups), whole.cut, whole.broken)
		}
		for at := 0; at < len(data); at++ {
			if at%tarBlock != 0 && at%37 != 0 {
				continue
			}
			x := indexBytes(data[:at])
			if x.cut == "" && x.broken == "" {
				t.Fatalf("%v: cut at byte %d of %d without a word", format, at, len(data))
			}
			checkAccount(t, at, whole, x)
		}
	}
}

func checkAccount(t *testing.T, at int, whole, x tarIndex) {
	t.Helper()
	sample := func(need Need) []shardSample {
		out := (&sampler{}).samples(x)
		for i := range out {
			out[i].serve(need, nil, false)
		}
		return out
	}
	samples, pictures := sample(NeedCaptions), sample(NeedNothing)
	began, start := 0, int64(0)
	for i, g := range whole.groups {
		if start < int64(at) {
			began++
		}
		picture, text := g.members[0], g.members[1]
		end := text.offset + text.size
		start = (end + tarBlock - 1) / tarBlock * tarBlock
		good := i < len(samples) && samples[i].bad == ""
		if whole := end <= int64(at); good != whole {
			t.Fatalf("cut at %d: sample %s is used: %t; it is whole: %t", at, g.key, good, whole)
		}
		if i < len(pictures) && pictures[i].bad == "" && picture.offset+picture.size > int64(at) {
			t.Fatalf("cut at %d: the picture of %s is used though it isn't whole", at, g.key)
		}
	}
	if len(samples) < began {
		t.Fatalf("cut at %d: %d samples are accounted for; %d began", at, len(samples), began)
	}
}

func TestDamagedArchivesSayWhatIsWrong(t *testing.T) {
	good := smallShard(t, tar.FormatGNU)
	garbled := bytes.Clone(good)
	copy(garbled[5*tarBlock:], bytes.Repeat([]byte{0xA5}, 5*tarBlock))
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "is empty"},
		{"gzip", []byte("\x1f\x8b\x08\x00" + strings.Repeat("q", 2000)), "gzip"},
		{"text", bytes.Repeat([]byte("no archive at all "), 100), "is no tar archive, or its first header is damaged: it begins with"},
		{"short text", []byte("oops"), "truncated"},
		{"garbage inside", garbled, "no valid tar header at byte"},
		{"two archives", append(bytes.Clone(good), good...), "behind its end"},
		{"one end block", good[:len(good)-tarBlock], "one of its two end-of-archive blocks is missing"},
		{"no end block", good[:len(good)-2*tarBlock], "its end-of-archive blocks are missing"},
	} {
		x := indexBytes(c.data)
		if !strings.Contains(x.broken+x.cut, c.want) {
			t.Errorf("%s: %q %q; want %q", c.name, x.broken, x.cut, c.want)
		}
	}
}

func TestLinksAndSparseMembersAreNoPictures(t *testing.T) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range []tar.Header{
		{Name: "a.jpg", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"},
		{Name: "a.png", Typeflag: tar.TypeLink, Linkname: "a.jpg"},
		{Name: "b.jpg", Typeflag: tar.TypeFifo},
	} {
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if x := indexBytes(b.Bytes()); len(x.groups) != 0 || x.cut != "" || x.broken != "" {
		t.Errorf("samples %s, cut %q, broken %q; want none", groupsLine(x), x.cut, x.broken)
	}
}

func FuzzTar(f *testing.F) {
	// Seeds are small: the fuzzer removes byte after byte of an input that reaches something new, so its time grows with their square.
	good := shardOf(f, tar.FormatGNU, 2)
	f.Add(good)
	f.Add(shardOf(f, tar.FormatPAX, 1))
	f.Add(good[:len(good)/2])
	f.Fuzz(func(t *testing.T, data []byte) {
		x := indexBytes(data)
		kept := 0
		for _, g := range x.groups {
			for _, m := range g.members {
				kept += len(m.text)
				if m.problem == "" && (m.offset < 0 || m.size < 0 || m.offset+m.size > int64(len(data))) {
					t.Errorf("%s: bytes %d to %d of %d", m.name, m.offset, m.offset+m.size, len(data))
				}
			}
		}
		if kept > len(data)+maxMemberText {
			t.Errorf("%d bytes kept of %d", kept, len(data))
		}
		for _, need := range []Need{NeedNothing, NeedCaptions, NeedLabels} {
			for _, one := range (&sampler{}).samples(x) {
				one.serve(need, []string{"a", "b"}, false)
			}
		}
	})
}
