package datasets

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"
)

const (
	tarBlock = 512
	// maxMemberText is the maximum number of bytes read of a text member while a shard is indexed. Captions are cut to far fewer.
	maxMemberText = textLimit
)

// tarMember is a file in a shard.
type tarMember struct {
	name         string // as in the archive
	field        string // its extension in lower case: everything after the first dot of the base name
	offset, size int64  // of its bytes in the archive
	text         []byte // of txt, json, cls and npy members; x.txt is one too
	picture      []byte // of pictures, if they are kept
	problem      string // why its bytes can't be read
}

// tarGroup is a sample as WebDataset groups it: consecutive members with the same key.
type tarGroup struct {
	key     string
	members []tarMember
}

// tarIndex is the content of a shard, as far as it could be read.
type tarIndex struct {
	groups []tarGroup
	passed int    // files without a key or an extension, which WebDataset ignores
	broken string // why samples after brokenAt are lost or may be lost
	// brokenAt is the position of the damage in bytes.
	brokenAt int64
	// cut says that the last member or a part of the end is missing, or that there is data after the end.
	cut string
	// fault is what reading failed with, if it did: the samples after brokenAt may be there.
	fault error
	// packed is true if the archive is compressed and can be read in sequence.
	packed bool
}

// webdatasetMeta matches members that WebDataset reserves.
var webdatasetMeta = regexp.MustCompile(`^__[^/]*__($|/)`)

// indexTar reads the headers of an archive and its small text members; with labels, those of labelsField too. It never fails: damage is
// part of the result.
func indexTar(in tarInput, labels bool) tarIndex {
	x := &tarIndexer{in: in, labels: labels, members: tar.NewReader(in)}
	for x.step() {
	}
	return x.tarIndex
}

// step reads a member. It returns false if it was the last one that can be read.
func (x *tarIndexer) step() bool {
	header, err := x.members.Next()
	if errors.Is(err, io.EOF) {
		x.checkEnd()
		return false
	}
	if err != nil && !errors.Is(err, tar.ErrInsecurePath) { // any name is safe, since nothing is unpacked
		x.fail(err)
		return false
	}
	return x.add(header)
}

type tarIndexer struct {
	tarIndex
	in      tarInput
	members *tar.Reader
	end     int64 // where the last member ends, including padding; -1: unknown
	whole   bool  // keep the bytes of pictures
	labels  bool  // read members of classes
}

// add adds a member. It returns false if the archive ends inside it.
func (x *tarIndexer) add(h *tar.Header) bool {
	m := tarMember{name: h.Name, offset: x.in.at(), size: h.Size}
	switch h.Typeflag {
	case tar.TypeReg:
	case tar.TypeGNUSparse:
		m.problem = "is a sparse member"
	default:
		x.end = m.offset
		return true
	}
	for k := range h.PAXRecords {
		if strings.HasPrefix(k, "GNU.sparse.") {
			m.problem = "is a sparse member"
		}
	}
	if m.problem != "" {
		x.end = -1
		x.group(m)
		return true
	}
	if size := x.in.length(); size >= 0 && h.Size > size-m.offset {
		m.problem = fmt.Sprintf("is cut: the archive ends %d bytes too early", h.Size-(size-m.offset))
		x.cut = fmt.Sprintf("is truncated: it ends inside %s", h.Name)
	}
	x.end = m.offset + (h.Size+tarBlock-1)/tarBlock*tarBlock
	x.read(&m)
	x.group(m)
	return m.problem == ""
}

// read reads the text of a member that has one. Of an archive without a known length it reads every member, to see whether it is whole.
func (x *tarIndexer) read(m *tarMember) {
	_, field, ok := splitKey(m.name)
	kind := lastPart(field)
	if m.problem != "" {
		return
	}
	if ok && (kind == "txt" || kind == "json" || kind == "cls" || kind == labelsField && x.labels) {
		m.text = make([]byte, min(m.size, maxMemberText))
		if _, err := io.ReadFull(x.members, m.text); err != nil {
			x.lose(m, err)
			return
		}
	}
	if x.whole && slices.Contains(pictureFields, kind) && m.size <= pictureLimit {
		m.picture = make([]byte, m.size)
		if _, err := io.ReadFull(x.members, m.picture); err != nil {
			x.lose(m, err)
		}
		return
	}
	if x.in.length() < 0 {
		if _, err := io.Copy(io.Discard, x.members); err != nil {
			x.lose(m, err)
		}
	}
}

// lose records that a member could not be read to its end.
func (x *tarIndexer) lose(m *tarMember, err error) {
	if errors.Is(err, io.ErrUnexpectedEOF) && x.in.failed() == nil {
		m.problem = fmt.Sprintf("is cut: the archive ends %d bytes too early", m.offset+m.size-x.in.at())
		x.cut = fmt.Sprintf("is truncated: it ends inside %s", m.name)
		return
	}
	m.problem = "can't be read: " + err.Error()
	x.end = m.offset
	x.fail(err)
}

// group adds a member to the sample that it belongs to.
func (x *tarIndexer) group(m tarMember) {
	key, field, ok := splitKey(m.name)
	if webdatasetMeta.MatchString(m.name) || !ok {
		x.passed++
		return
	}
	m.field = field
	if n := len(x.groups); n == 0 || x.groups[n-1].key != key {
		x.groups = append(x.groups, tarGroup{key: key})
	}
	g := &x.groups[len(x.groups)-1]
	g.members = append(g.members, m)
}

// splitKey cuts a member's name at the first dot of its base name, as WebDataset does.
func splitKey(name string) (key, field string, ok bool) {
	dir, base := path.Split(name)
	stem, ext, found := strings.Cut(base, ".")
	if !found || stem == "" {
		return "", "", false
	}
	return dir + stem, strings.ToLower(ext), true
}

// lastPart is what follows the last dot of a field.
func lastPart(field string) string { return field[strings.LastIndexByte(field, '.')+1:] }

// checkEnd reads the bytes where the reader saw the end: archive/tar reads an archive that was cut between two members without an error.
func (x *tarIndexer) checkEnd() {
	from := x.end
	if from < 0 { // after a sparse member; the reader is after the end blocks
		from = max(x.in.at()-2*tarBlock, 0)
	}
	var blocks [2 * tarBlock]byte
	n := x.in.peek(blocks[:], from)
	switch {
	case x.in.failed() != nil:
		x.fail(x.in.failed())
	case n == 0 && from == 0:
		x.broken = "is empty"
	case !allZero(blocks[:n]):
		x.broken, x.brokenAt = "is truncated: it ends inside a header", from
	case n < tarBlock: // most readers accept one zero block as the end
		x.broken, x.brokenAt = "is truncated or was not closed: its end-of-archive blocks are missing", from
	case n < len(blocks):
		x.cut = "is truncated or was not closed: one of its two end-of-archive blocks is missing"
	default:
		x.checkBehind(from + int64(n))
	}
}

// checkBehind looks for a second archive after the end, as cat a.tar b.tar gives.
func (x *tarIndexer) checkBehind(from int64) {
	rest := make([]byte, 1<<16)
	n := x.in.peek(rest, from)
	if !allZero(rest[:n]) {
		x.cut = fmt.Sprintf("holds more behind its end at byte %d, which is not read", from)
	}
}

// fail records why no further header could be read.
func (x *tarIndexer) fail(err error) {
	x.brokenAt = max(x.end, 0)
	var start [packedMagic]byte
	if x.brokenAt == 0 && x.in.length() >= 0 {
		x.in.peek(start[:], 0)
	}
	switch name, ok := packedBy(start[:]); {
	case x.in.failed() != nil:
		x.fault = x.in.failed()
		x.broken = "can't be read: " + x.fault.Error()
	case name != "":
		x.packed, x.broken = ok, "is compressed with "+name+"; "+unpack
	case x.foreign(err) != "":
		x.broken = x.foreign(err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		x.broken = fmt.Sprintf("is truncated: it ends inside a header or member behind byte %d", x.brokenAt)
	case errors.Is(err, tar.ErrHeader):
		x.broken = fmt.Sprintf("has no valid tar header at byte %d; the data after it is lost", x.brokenAt)
	default:
		x.broken = "can't be read: " + err.Error()
	}
}

// foreign says what has no tar header at its beginning. It is empty for what may be an archive.
func (x *tarIndexer) foreign(err error) string {
	if x.brokenAt > 0 || len(x.groups) > 0 {
		return ""
	}
	var head [20]byte
	start := bytes.TrimLeft(head[:x.in.peek(head[:], 0)], " \t\r\n")
	switch {
	case bytes.HasPrefix(start, []byte("<")):
		return fmt.Sprintf("is no tar archive: it begins with %q, as a web page does", start)
	case errors.Is(err, tar.ErrHeader):
		return fmt.Sprintf("is no tar archive, or its first header is damaged: it begins with %q", start)
	}
	return ""
}

func allZero(b []byte) bool {
	for _, v := range b {
		if v != 0 {
			return false
		}
	}
	return true
}
