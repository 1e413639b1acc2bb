package exif

import (
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"clipgo/search"
	"clipgo/search/exif/exiftest"
)

func TestFactsAreRead(t *testing.T) {
	noon := time.Date(2019, 7, 14, 12, 30, 5, 0, time.UTC).UnixNano()
	for _, c := range []struct {
		in   exiftest.Facts
		want search.Facts
	}{
		{exiftest.Facts{Make: "Canon", Model: "Canon EOS 5D", Date: "2019:07:14 12:30:05", Latitude: 48.8584, Longitude: 2.2945},
			search.Facts{Camera: "Canon EOS 5D", Taken: noon, Latitude: 48.8584, Longitude: 2.2945}},
		{exiftest.Facts{Make: "NIKON CORPORATION", Model: "NIKON D70"}, search.Facts{Camera: "NIKON D70"}},
		{exiftest.Facts{Make: "Apple", Model: "iPhone  12\t", Latitude: -33.8568, Longitude: -151.2153},
			search.Facts{Camera: "Apple iPhone 12", Latitude: -33.8568, Longitude: -151.2153}},
		{exiftest.Facts{Make: "Leica"}, search.Facts{Camera: "Leica"}},
		{exiftest.Facts{Date: "0000:00:00 00:00:00"}, search.Facts{}},
		{exiftest.Facts{Date: "9999:01:01 00:00:00", Latitude: 95, Longitude: 7}, search.Facts{}},
		{exiftest.Facts{Model: strings.Repeat("x", 300)}, search.Facts{Camera: strings.Repeat("x", nameBytes)}},
	} {
		got := Read(c.in.JPEG(8, 8))
		far := math.Abs(got.Latitude-c.want.Latitude) + math.Abs(got.Longitude-c.want.Longitude)
		got.Latitude, got.Longitude = c.want.Latitude, c.want.Longitude
		if got != c.want || far > 1e-5 {
			t.Errorf("%+v: %+v, %g degrees away", c.in, got, far)
		}
	}
	if got := Read(exiftest.Facts{Model: "scanner"}.TIFF()); got.Camera != "scanner" {
		t.Errorf("TIFF: %+v", got)
	}
}

func TestFilesWithoutFactsHaveNone(t *testing.T) {
	plain, err := os.ReadFile("../../testdata/golden/preprocess/src/jpeg_exif6.jpg")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range [][]byte{plain, nil, []byte("text"), []byte("\xff\xd8\xff"), []byte("RIFF\x00\x00\x00\x00WEBPVP8 ")} {
		if got := Read(file); got != (search.Facts{}) {
			t.Errorf("%.10q: %+v", file, got)
		}
	}
}

// FuzzRead wants facts that can be meant, whatever the file is.
func FuzzRead(f *testing.F) {
	whole := exiftest.Facts{Make: "Canon", Model: "EOS", Date: "2019:07:14 12:30:05", Latitude: 48, Longitude: 2}
	f.Add(whole.JPEG(8, 8))
	f.Add(whole.TIFF())
	f.Add(whole.JPEG(8, 8)[:400])
	f.Add([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0deXIfII*\x00\xff\xff\xff\x7f"))
	f.Fuzz(func(t *testing.T, file []byte) {
		got := Read(file)
		if !(math.Abs(got.Latitude) <= 90 && math.Abs(got.Longitude) <= 180) || len(got.Camera) > 2*nameBytes+1 {
			t.Errorf("%+v", got)
		}
	})
}
