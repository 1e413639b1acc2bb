package preprocess

import "clipgo/internal/jpeg"

// channelModes are the modes of JPEG's numbers of channels.
var channelModes = [...]mode{1: grey, 3: rgb, 4: cmyk}

func decodeJPEG(file []byte, d *decoding) (*Image, error) {
	width, height, err := jpeg.Size(file)
	if err != nil {
		return nil, err
	}
	if err := d.checkSize(width, height); err != nil {
		return nil, err
	}
	var o jpeg.Options
	if d.reduce != nil {
		o.Shrink = d.reduce(width, height, d.orientation)
	}
	need, err := o.Need(file)
	if err != nil {
		return nil, err
	}
	d.reserve(need)
	if d.memory != nil {
		o.Memory = d.memory.pixels
	}
	p, err := o.Decode(file)
	if err != nil {
		return nil, err
	}
	if d.memory != nil {
		d.memory.pixels = p.Pix
	}
	im := newImage(p.Pix, channelModes[p.Channels], p.Width, p.Height)
	if p.Shrunk > 1 {
		im.reduced = reduced{width, height, p.Shrunk}
	}
	im.inks = im.mode == cmyk
	if d.flat && im.mode == cmyk {
		im.raster = im.inPlace()
	}
	return im, nil
}
