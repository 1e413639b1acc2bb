// Package exif reads when, where and with which camera a picture was taken.
package exif

import (
	"bytes"
	"math"
	"strings"
	"time"

	"github.com/bep/imagemeta"

	"clipgo/search"
)

// What a file may make the reader do. Cameras write some hundred tags, most of them of some bytes.
const (
	mostTags  = 2000
	tagBytes  = 4096
	nameBytes = 100
)

// wanted are the tags that are read.
var wanted = map[string]bool{"Make": true, "Model": true, "DateTimeOriginal": true, "GPSLatitude": true, "GPSLatitudeRef": true,
	"GPSLongitude": true, "GPSLongitudeRef": true}

// Read reads the EXIF data of a picture's file. Files come from outside: whatever they hold that can't be meant is left out, and damage is
// the same as nothing.
func Read(file []byte) (facts search.Facts) {
	format, ok := formatOf(file)
	if !ok {
		return facts
	}
	tags := map[string]any{}
	func() {
		defer func() { _ = recover() }() // a panic of the decoder is damage of the file
		_, _ = imagemeta.Decode(imagemeta.Options{R: bytes.NewReader(file), ImageFormat: format, Sources: imagemeta.EXIF,
			LimitNumTags: mostTags, LimitTagSize: tagBytes,
			ShouldHandleTag: func(t imagemeta.TagInfo) bool { return wanted[t.Tag] },
			HandleTag: func(t imagemeta.TagInfo) error {
				if _, twice := tags[t.Tag]; !twice { // a preview in the file has tags of its own, later
					tags[t.Tag] = t.Value
				}
				return nil
			}})
	}()
	facts.Camera = camera(text(tags["Make"]), text(tags["Model"]))
	facts.Taken = taken(text(tags["DateTimeOriginal"]))
	facts.Latitude, facts.Longitude = place(tags)
	return facts
}

// formatOf is the format of a file by its first bytes; false: one that has no EXIF data, or whose data isn't read.
func formatOf(file []byte) (imagemeta.ImageFormat, bool) {
	switch {
	case bytes.HasPrefix(file, []byte("\xff\xd8\xff")):
		return imagemeta.JPEG, true
	case bytes.HasPrefix(file, []byte("\x89PNG\r\n\x1a\n")):
		return imagemeta.PNG, true
	case len(file) > 12 && string(file[:4]) == "RIFF" && string(file[8:12]) == "WEBP":
		return imagemeta.WebP, true
	case bytes.HasPrefix(file, []byte("II*\x00")), bytes.HasPrefix(file, []byte("MM\x00*")):
		return imagemeta.TIFF, true
	}
	return imagemeta.ImageFormatAuto, false
}

// text is a value as a name: one line, and not long.
func text(value any) string {
	s, _ := value.(string)
	s, _, _ = strings.Cut(s, "\x00")
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "")), " ")
	if len(s) > nameBytes {
		s = strings.ToValidUTF8(s[:nameBytes], "")
	}
	return s
}

// camera is the model, with the maker in front unless it begins with it: "Canon", "Canon EOS 5D" is Canon EOS 5D.
func camera(maker, model string) string {
	first, _, _ := strings.Cut(maker, " ")
	if model == "" {
		return maker
	}
	if maker == "" || strings.HasPrefix(strings.ToLower(model), strings.ToLower(first)) {
		return model
	}
	return maker + " " + model
}

// taken is a time by the clock of the camera, as if it were in the time zone of Greenwich: a day is then the day on which the picture was
// taken, wherever.
func taken(date string) int64 {
	t, err := time.Parse("2006:01:02 15:04:05", date)
	if err != nil || t.Year() < 1826 || t.Year() > 2200 { // before the first photograph; beyond what nanoseconds hold
		return 0
	}
	return t.UnixNano()
}

func place(tags map[string]any) (latitude, longitude float64) {
	latitude, ok := tags["GPSLatitude"].(float64)
	longitude, ok2 := tags["GPSLongitude"].(float64)
	if !ok || !ok2 || !(math.Abs(latitude) <= 90 && math.Abs(longitude) <= 180) {
		return 0, 0
	}
	if strings.HasPrefix(text(tags["GPSLatitudeRef"]), "S") {
		latitude = -math.Abs(latitude)
	}
	if strings.HasPrefix(text(tags["GPSLongitudeRef"]), "W") {
		longitude = -math.Abs(longitude)
	}
	return latitude, longitude
}
