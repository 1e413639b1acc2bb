package serve

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"clipgo/search"
	"clipgo/search/columns"
)

// takenLayout is a time by the clock of a camera, which is in no time zone that is known.
const takenLayout = "2006-01-02T15:04:05"

// facts reads the parameters that only pictures with EXIF data satisfy.
func (p *params) facts(s *search.Selection) {
	s.Camera, s.TakenAfter, s.TakenBefore = p.q.Get("camera"), p.dateIn("taken_after", time.UTC), p.dateIn("taken_before", time.UTC)
	if len(s.Camera) > maxText {
		p.fail("camera", "the name of one")
	}
	if box := p.numbers("box", "south,west,north,east in degrees", 4); box != nil {
		s.Box = search.Box{South: box[0], West: box[1], North: box[2], East: box[3]}
		if !isPlace(box[0], box[1]) || !isPlace(box[2], box[3]) || box[0] > box[2] || s.Box == (search.Box{}) {
			p.fail("box", "south,west,north,east in degrees")
		}
	}
	if near := p.numbers("near", "latitude,longitude,kilometres", 3); near != nil {
		s.Near = search.Circle{Latitude: near[0], Longitude: near[1], Kilometres: near[2]}
		if !isPlace(near[0], near[1]) || near[2] <= 0 {
			p.fail("near", "latitude,longitude,kilometres")
		}
	}
}

func isPlace(latitude, longitude float64) bool {
	return latitude >= -90 && latitude <= 90 && longitude >= -180 && longitude <= 180
}

// numbers reads n numbers with commas between them; nil: the parameter is not there, or can't be read.
func (p *params) numbers(name, want string, n int) []float64 {
	text := p.q.Get(name)
	if text == "" {
		return nil
	}
	var out []float64
	for part := range strings.SplitSeq(text, ",") {
		x, err := strconv.ParseFloat(strings.TrimSpace(part), 64)
		if err != nil || !(x >= -maxScore && x <= maxScore) || len(out) == n {
			p.fail(name, want)
			return nil
		}
		out = append(out, x)
	}
	if len(out) != n {
		p.fail(name, want)
		return nil
	}
	return out
}

// hitFacts is what a picture's file says of how it was taken.
type hitFacts struct {
	Camera    string   `json:"camera,omitempty"`
	Taken     string   `json:"taken,omitempty"` // by the clock of the camera
	Latitude  *float64 `json:"latitude,omitempty"`
	Longitude *float64 `json:"longitude,omitempty"`
}

func factsOf(f search.Facts) (out hitFacts) {
	out.Camera = f.Camera
	if f.Taken != 0 {
		out.Taken = time.Unix(0, f.Taken).UTC().Format(takenLayout)
	}
	if f.Located() {
		out.Latitude, out.Longitude = &f.Latitude, &f.Longitude
	}
	return out
}

// facets answers GET /api/facets: the cameras of an index, how many pictures have a date and a place, and the further columns.
func (s *Server) facets(w http.ResponseWriter, r *http.Request) error {
	c, snap, cat, err := s.openCatalog(r.URL.Query().Get("index"))
	if err != nil {
		return err
	}
	defer c.release(snap)
	counts := cat.Facts()
	if counts.Cameras == nil {
		counts.Cameras = []search.NameCount{}
	}
	further, err := snap.Columns()
	if err != nil {
		return err
	}
	if further == nil {
		further = []columns.Column{}
	}
	return writeJSON(w, map[string]any{"cameras": counts.Cameras, "dated": counts.Dated, "located": counts.Located, "columns": further})
}
