package datasets

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"clipgo/datasets/table"
)

// shardSample is a sample of a shard, without its picture's bytes.
type shardSample struct {
	name         string // of the picture's member; the sample's key if there is none
	captions     []string
	label        int32 // -1: none
	shard        int32
	offset, size int64
	bad          string
}

// pictureFields are the extensions of members that hold a picture. The first that is present is used.
var pictureFields = []string{"jpg", "jpeg", "png", "webp", "gif"}

// sampler makes samples of a shard's groups.
type sampler struct {
	set     *shardSet
	need    Need
	repairs *captionRepairs
}

// samples lists the samples of an indexed shard. If a part of it could not be read, one more sample represents that part.
func (s *sampler) samples(x tarIndex, shard int32) []shardSample {
	out := make([]shardSample, 0, len(x.groups)+1)
	first := make(map[string]int64, len(x.groups))
	for _, g := range x.groups {
		one := s.sample(g)
		one.shard = shard
		if at, ok := first[g.key]; ok {
			one.bad = fmt.Sprintf("its key occurs a second time, first at byte %d", at)
		} else {
			first[g.key] = g.members[0].offset
		}
		out = append(out, one)
	}
	if x.broken != "" {
		out = append(out, shardSample{label: -1, shard: shard, offset: x.brokenAt, bad: "the shard " + x.broken})
	}
	return out
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
	s.picture(&one, fields)
	s.text(&one, fields)
	return one
}

// fail records why a sample can't be used. The first reason is kept.
func (one *shardSample) fail(reason string) {
	if one.bad == "" {
		one.bad = reason
	}
}

func (s *sampler) picture(one *shardSample, fields map[string]*tarMember) {
	i := slices.IndexFunc(pictureFields, func(f string) bool { return fields[f] != nil })
	if i < 0 {
		one.fail("no picture (" + strings.Join(pictureFields, ", ") + ")")
		return
	}
	m := fields[pictureFields[i]]
	one.name, one.offset, one.size = m.name, m.offset, m.size
	if m.size == 0 {
		one.fail(m.name + " is empty")
	}
}

// text fills in label and captions.
func (s *sampler) text(one *shardSample, fields map[string]*tarMember) {
	if m := fields["cls"]; m != nil {
		label, err := strconv.Atoi(strings.TrimSpace(string(m.text)))
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
	if len(one.captions) == 0 && one.label >= 0 && len(s.set.classes) > 0 {
		one.captions = []string{s.set.classes[one.label]}
	}
	if len(one.captions) == 0 && s.need == NeedCaptions {
		one.fail("no caption (txt, or caption in json)")
	}
	if one.label < 0 && s.need == NeedLabels {
		one.fail("no label (cls)")
	}
}

// captions takes txt as one caption with its line breaks or, without txt, the caption of json.
func (s *sampler) captions(fields map[string]*tarMember) []string {
	if m := fields["txt"]; m != nil {
		if s.set.captionLines {
			return s.trimmed(strings.Split(string(m.text), "\n"))
		}
		return s.repairs.usable([]string{string(m.text)})
	}
	if m := fields["json"]; m != nil {
		var about struct{ Caption table.Texts }
		if json.Unmarshal(m.text, &about) == nil {
			return s.repairs.usable(about.Caption)
		}
	}
	return nil
}

func (s *sampler) trimmed(lines []string) []string {
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return s.repairs.usable(lines)
}
