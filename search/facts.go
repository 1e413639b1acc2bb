package search

import (
	"math"
	"strings"
)

// Facts are what a picture's file says of how it was taken. The zero value says nothing.
type Facts struct {
	Camera              string
	Taken               int64   // nanoseconds since 1970 by the camera's clock; 0: not known
	Latitude, Longitude float64 // degrees; both 0: not known
}

// Located reports whether the place is known.
func (f Facts) Located() bool { return f.Latitude != 0 || f.Longitude != 0 }

// sane leaves out what no file can mean: an index that somebody made may hold anything.
func (f Facts) sane() Facts {
	if !(math.Abs(f.Latitude) <= 90 && math.Abs(f.Longitude) <= 180) { // NaN too
		f.Latitude, f.Longitude = 0, 0
	}
	f.Camera = strings.ToValidUTF8(f.Camera, "\ufffd")
	return f
}

// Box is an area between two parallels and two meridians. West is greater than East if it crosses the date line.
type Box struct{ South, West, North, East float64 }

func (b Box) has(latitude, longitude float64) bool {
	if latitude < b.South || latitude > b.North {
		return false
	}
	if b.West <= b.East {
		return longitude >= b.West && longitude <= b.East
	}
	return longitude >= b.West || longitude <= b.East
}

// Circle is the area around a place.
type Circle struct{ Latitude, Longitude, Kilometres float64 }

// has compares the length of the chord, which needs no inverse functions.
func (c Circle) has(latitude, longitude float64) bool {
	const earth, degree = 6371.0, math.Pi / 180
	x := c.Kilometres / (2 * earth)
	if x >= math.Pi/2 {
		return true
	}
	half := func(a, b float64) float64 { s := math.Sin((a - b) * degree / 2); return s * s }
	h := half(latitude, c.Latitude) + math.Cos(latitude*degree)*math.Cos(c.Latitude*degree)*half(longitude, c.Longitude)
	s := math.Sin(x)
	return h <= s*s
}

// factTable holds the facts of a catalog's rows. It is empty until a row has some.
type factTable struct {
	cameras []string
	byName  map[string]uint16
	camera  []uint16 // of each row, in cameras; 0: not known
	taken   []int64
	place   [][2]float32 // latitude and longitude
}

// manyCameras is more than a collection has; the rest count as not known.
const manyCameras = math.MaxUint16

// add notes the facts of a row.
func (t *factTable) add(row int, f Facts) {
	if f = f.sane(); f == (Facts{}) {
		return
	}
	if t.byName == nil {
		t.cameras, t.byName = []string{""}, map[string]uint16{"": 0}
	}
	for len(t.camera) <= row {
		t.camera, t.taken, t.place = append(t.camera, 0), append(t.taken, 0), append(t.place, [2]float32{})
	}
	number, known := t.byName[f.Camera]
	if !known && len(t.cameras) < manyCameras {
		number = uint16(len(t.cameras))
		t.cameras, t.byName[f.Camera] = append(t.cameras, f.Camera), number
	}
	t.camera[row], t.taken[row] = number, f.Taken
	t.place[row] = [2]float32{float32(f.Latitude), float32(f.Longitude)}
}

func (t *factTable) of(row int) Facts {
	if row >= len(t.camera) {
		return Facts{}
	}
	at := t.place[row]
	return Facts{t.cameras[t.camera[row]], t.taken[row], float64(at[0]), float64(at[1])}
}

// needsFacts reports whether a selection asks for something that only facts say.
func (s Selection) needsFacts() bool {
	return s.Camera != "" || s.TakenAfter != 0 || s.TakenBefore != 0 || s.Box != Box{} || s.Near.Kilometres != 0
}

// has reports whether a row is one that a selection's facts allow.
func (t *factTable) has(row int, s Selection) bool {
	if row >= len(t.camera) {
		return false
	}
	taken, at := t.taken[row], t.place[row]
	latitude, longitude := float64(at[0]), float64(at[1])
	located := at != [2]float32{}
	switch {
	case s.Camera != "" && t.cameras[t.camera[row]] != s.Camera,
		(s.TakenAfter != 0 || s.TakenBefore != 0) && taken == 0,
		s.TakenAfter != 0 && taken < s.TakenAfter, s.TakenBefore != 0 && taken >= s.TakenBefore,
		s.Box != Box{} && !(located && s.Box.has(latitude, longitude)),
		s.Near.Kilometres != 0 && !(located && s.Near.has(latitude, longitude)):
		return false
	}
	return true
}

// FactCounts says which facts the live rows of a catalog have.
type FactCounts struct {
	Cameras []NameCount // by name
	Dated   int
	Located int
}

// NameCount is a name and its number of rows.
type NameCount struct {
	Name string `json:"name"`
	Rows int    `json:"rows"`
}
