package datasets

import (
	"path"
	"slices"
	"strings"
)

// A member's type is what follows the first dot of its name, as in WebDataset: 1.05.jpg is the member 05.jpg of sample 1. A group without
// any plain name such as 1.jpg or 1.txt can't be meant that way. Then the type is what follows the last dot, if that gives a picture.

// regroup gives the members of such groups their types.
func (s *sampler) regroup(groups []tarGroup) []tarGroup {
	if !slices.ContainsFunc(groups, tarGroup.dotted) {
		return groups
	}
	out := make([]tarGroup, 0, len(groups))
	for _, g := range groups {
		if g.dotted() {
			parts := g.byLastDot()
			if !strings.Contains(parts[0].members[0].field, ".") {
				s.dotted += len(parts)
			}
			out = append(out, parts...)
			continue
		}
		out = append(out, g)
	}
	return out
}

// dotted reports whether the types of all members have a dot, and one is a picture's name.
func (g tarGroup) dotted() bool {
	return !slices.ContainsFunc(g.members, func(m tarMember) bool { return !strings.Contains(m.field, ".") }) && g.pictures() > 0
}

// pictures is the number of members whose last part is that of a picture.
func (g tarGroup) pictures() (n int) {
	for _, m := range g.members {
		if slices.Contains(pictureFields, lastPart(m.field)) {
			n++
		}
	}
	return n
}

// byLastDot splits a group at the last dots of its names if each part has a picture: 1.05.jpg 1.05.txt 1.06.jpg 1.06.txt. A group with one
// picture stays whole: x.input.jpg x.output.txt. Any other stays as it is.
func (g tarGroup) byLastDot() []tarGroup {
	var parts []tarGroup
	whole := tarGroup{key: g.key}
	for _, m := range g.members {
		key := strings.TrimSuffix(m.name, path.Ext(m.name))
		m.field = lastPart(m.field)
		if n := len(parts); n == 0 || parts[n-1].key != key {
			parts = append(parts, tarGroup{key: key})
		}
		last := &parts[len(parts)-1]
		last.members, whole.members = append(last.members, m), append(whole.members, m)
	}
	switch {
	case !slices.ContainsFunc(parts, func(part tarGroup) bool { return part.pictures() == 0 }):
		return parts
	case whole.pictures() == 1:
		return []tarGroup{whole}
	}
	return []tarGroup{g}
}

// completes reports whether two groups of one key are parts of one sample: one has pictures, the other only texts.
func (g tarGroup) completes(other tarGroup) bool {
	return (g.plainPictures() == 0) != (other.plainPictures() == 0)
}

func (g tarGroup) plainPictures() (n int) {
	for _, m := range g.members {
		if slices.Contains(pictureFields, m.field) {
			n++
		}
	}
	return n
}

// namedMembers is the number of members that a message names.
const namedMembers = 4

// about lists the members for a message.
func (g tarGroup) about() string {
	var names []string
	dots := ""
	for i, m := range g.members {
		if i == namedMembers {
			names = append(names, "...")
			break
		}
		names = append(names, m.field)
		if strings.Contains(m.field, ".") {
			dots = "; a type begins at the first dot of a name"
		}
	}
	return "; its members are " + strings.Join(names, ", ") + dots
}
