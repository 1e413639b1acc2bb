package datasets

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"clipgo/internal/paths"
)

// shardSample is a sample of a shard, without its picture's bytes.
type shardSample struct {
	name         string // of the picture's member; the sample's key if there is none
	captions     []string
	weights      []float32 // of the captions; nil: equal
	label        int32     // -1: none
	shard        int32
	offset, size int64
	bad          string
}

// pictureFields are the extensions of members that hold a picture. The first that is present is used.
var pictureFields = withoutDots(paths.PictureExtensions())

func withoutDots(extensions []string) []string {
	out := make([]string, len(extensions))
	for i, e := range extensions {
		out[i] = strings.TrimPrefix(e, ".")
	}
	return out
}

// sampler makes samples of a shard's groups. It is safe for concurrent use.
type sampler struct {
	set     *shardSet
	need    Need
	repairs *captionRepairs
	dotted  atomic.Int64 // samples whose members have the part after the last dot as their type
}

// samples lists the samples of an indexed shard. If a part of it could not be read, one more sample represents that part.
func (s *sampler) samples(x tarIndex, shard int32) []shardSample {
	out := make([]shardSample, 0, len(x.groups)+1)
	first := make(map[string]int, len(x.groups)) // index of the sample
	groups := s.regroup(x.groups)
	for i, g := range groups {
		one := s.sample(g)
		one.shard = shard
		at, again := first[g.key]
		switch {
		case !again:
			first[g.key] = i
		case groups[at].completes(g):
			one.bad = separated(groups[at])
			if out[at].bad != "" {
				out[at].bad = separated(g)
			}
		default:
			one.bad = fmt.Sprintf("its key occurs a second time, first at byte %d", groups[at].members[0].offset)
		}
		out = append(out, one)
	}
	if x.broken != "" {
		out = append(out, shardSample{label: -1, shard: shard, offset: x.brokenAt, bad: "the shard " + x.broken})
	}
	return out
}

// separated says where the other members of a sample are.
func separated(other tarGroup) string {
	m := other.members[0]
	return fmt.Sprintf("its members are not next to each other: %s is at byte %d; make the archive with tar --sort=name", m.name, m.offset)
}

func (s *sampler) sample(g tarGroup) shardSample {
	fields := make(map[string]*tarMember, len(g.members))
	one := shardSample{name: g.key, label: -1, offset: g.members[0].offset}
	for i := range g.members {
		m := &g.members[i]
		switch {
		case m.problem != "":
			one.fail(m.name + " " + m.problem)
		case fields[m.field] != nil:
			one.fail("two members have the name " + g.key + "." + m.field)
		}
		fields[m.field] = m
	}
	s.picture(&one, g, fields)
	s.text(&one, g, fields)
	return one
}

// fail records why a sample can't be used. The first reason is kept.
func (one *shardSample) fail(reason string) {
	if one.bad == "" {
		one.bad = reason
	}
}

func (s *sampler) picture(one *shardSample, g tarGroup, fields map[string]*tarMember) {
	i := slices.IndexFunc(pictureFields, func(f string) bool { return fields[f] != nil })
	if i < 0 {
		one.fail("no picture (" + strings.Join(pictureFields, ", ") + ")" + g.about())
		return
	}
	m := fields[pictureFields[i]]
	one.name, one.offset, one.size = m.name, m.offset, m.size
	if m.size == 0 {
		one.fail(m.name + " is empty")
	}
}

// text fills in label and captions.
func (s *sampler) text(one *shardSample, g tarGroup, fields map[string]*tarMember) {
	if m := fields["cls"]; m != nil {
		label, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(string(m.text), byteOrderMark)))
		switch n := len(s.set.classes); {
		case err != nil || label < 0 || label > math.MaxInt32:
			one.fail(fmt.Sprintf("its label %.20q is not a class number", m.text))
		case n > 0 && label >= n:
			one.fail(fmt.Sprintf("its label %d is not below the %d of classnames.txt", label, n))
		default:
			one.label = int32(label)
		}
	}
	one.captions = s.captions(fields)
	if m := fields["json"]; m != nil && s.repairs.wantJSON(one.captions) {
		one.captions, one.weights = s.repairs.fromJSON(m.text, one.captions)
	} else {
		one.captions = s.repairs.keys.beside(one.captions)
	}
	if len(one.captions) == 0 && one.label >= 0 && len(s.set.classes) > 0 {
		one.captions = []string{s.set.classes[one.label]}
	}
	if len(one.captions) == 0 && s.need == NeedCaptions {
		one.fail("no caption (txt, or caption or text in json)" + g.about())
	}
	if one.label < 0 && s.need == NeedLabels {
		one.fail("no label (cls)" + g.about())
	}
}

// captions takes txt as one caption with its line breaks.
func (s *sampler) captions(fields map[string]*tarMember) (out []string) {
	if m := fields["txt"]; m != nil {
		if s.set.captionLines {
			out = s.trimmed(strings.Split(string(m.text), "\n"))
		} else {
			out = s.repairs.usable([]string{string(m.text)})
		}
	}
	return out
}

func (s *sampler) trimmed(lines []string) []string {
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return s.repairs.usable(lines)
}
