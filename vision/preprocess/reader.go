package preprocess

import (
	"fmt"
	"sync/atomic"
)

// Reader prepares picture files within limits. Several goroutines may use it.
type Reader struct {
	Config
	Limits
	Seen *Seen // counts pictures; nil: nobody counts
	// Decoded receives the pixels of each decoded picture, before they are resized; nil: nobody looks. It may not keep them.
	Decoded func(pixels []uint8, width, height int)
}

// Seen counts pictures whose transparency matters.
type Seen struct{ pictures, transparent atomic.Int64 }

// Warning says how many pictures a config draws without their alpha; empty if there are none.
func (s *Seen) Warning(c Config) string {
	all, transparent := s.Counts()
	if transparent == 0 || c.Background != "" {
		return ""
	}
	return fmt.Sprintf("%d of %d pictures read are transparent and are drawn without their alpha, which makes most of them black where "+
		"they are transparent; preprocess.background=white draws them on white", transparent, all)
}

// Counts returns the number of pictures that were prepared, and of those with a pixel that is not opaque.
func (s *Seen) Counts() (pictures, transparent int64) { return s.pictures.Load(), s.transparent.Load() }

// ApplyFile decodes a file within DefaultLimits and applies the evaluation transform.
func (c Config) ApplyFile(dst []uint8, file []byte) error {
	return Reader{Config: c, Limits: DefaultLimits()}.Apply(dst, file)
}

// TrainFile decodes a file within DefaultLimits and applies the training transform.
func (c Config) TrainFile(dst []uint8, file []byte, a Augment, key uint64) error {
	return Reader{Config: c, Limits: DefaultLimits()}.Train(dst, file, a, key)
}

// Apply decodes a file and applies the evaluation transform. It reuses the memory of earlier pictures, and waits while other pictures take
// the memory that Limits allow. With Draft, or if a JPEG is larger than DefaultLimits, libjpeg-turbo scales it down while decoding.
func (r Reader) Apply(dst []uint8, file []byte) error {
	return r.read(file, r.reductionWhole, func(im *Image) error { return r.Config.Apply(dst, im) })
}

// Train decodes a file and applies the training transform, as Apply does. A JPEG is scaled down only as long as the crop stays larger
// than Size.
func (r Reader) Train(dst []uint8, file []byte, a Augment, key uint64) error {
	reduce := func(width, height int) int {
		return r.reductionCrop(a.crop(width, height, forCrop.random(key)))(width, height)
	}
	return r.read(file, reduce, func(im *Image) error { return r.Config.Train(dst, im, a, key) })
}

// read decodes a file and calls use. reduce returns the divisor of a JPEG's sides for the size of the upright picture.
func (r Reader) read(file []byte, reduce func(width, height int) int, use func(*Image) error) error {
	back, err := r.Background.color()
	if err != nil {
		return err
	}
	d := decoding{Limits: r.Limits, reuse: true, flat: r.RGB != RGBLast, background: back,
		upright: r.Orientation == OrientationApply}
	d.reduce = func(width, height, orientation int) int { return r.divisor(width, height, orientation, reduce) }
	defer d.release()
	im, err := d.decode(file)
	if err != nil {
		return err
	}
	if r.Decoded != nil {
		r.Decoded(im.pix, im.width, im.height)
	}
	if err := use(im); err != nil {
		return err
	}
	if r.Seen != nil {
		r.Seen.pictures.Add(1)
		if im.transparent {
			r.Seen.transparent.Add(1)
		}
	}
	return nil
}

// divisor is that of a JPEG's sides. width and height are those of the stored picture.
func (r Reader) divisor(width, height, orientation int, reduce func(width, height int) int) int {
	if !r.Draft && !huge(width, height) {
		return 1
	}
	seen := reduced{width: width, height: height}.turned(r.turn(orientation))
	return reduce(seen.width, seen.height)
}
