//go:build !turbojpeg || !cgo

package jpeg

import (
	"fmt"
	"image"
)

// assemble converts a decoder's output to an interleaved picture.
func (o Options) assemble(im image.Image, f frame) (*Picture, error) {
	p := &Picture{Width: f.width, Height: f.height, Channels: f.components, Shrunk: 1, Pix: o.memory(f.width * f.height * f.components)}
	switch im := im.(type) {
	case *image.Gray:
		for y := range p.Height {
			copy(p.Pix[y*p.Width:(y+1)*p.Width], im.Pix[y*im.Stride:])
		}
	case *image.CMYK:
		n := 4 * p.Width
		for y := range p.Height {
			copy(p.Pix[y*n:(y+1)*n], im.Pix[y*im.Stride:])
		}
	case *image.RGBA:
		for y := range p.Height {
			dropAlpha(p.Pix[3*y*p.Width:3*(y+1)*p.Width], im.Pix[y*im.Stride:])
		}
	case *image.YCbCr:
		p.fromYCbCr(im)
	default:
		return nil, fmt.Errorf("jpeg: unsupported: a picture of type %T", im)
	}
	return p, nil
}

func dropAlpha(rgb, rgba []uint8) {
	for ; len(rgb) > 0; rgb, rgba = rgb[3:], rgba[4:] {
		copy(rgb[:3], rgba[:3])
	}
}

// fromYCbCr fills a picture of three channels, with libjpeg's chroma upsampling and its 16-bit fixed-point colour conversion.
func (p *Picture) fromYCbCr(im *image.YCbCr) {
	b := newChroma(im.Cb, im, p)
	r := newChroma(im.Cr, im, p)
	for y := range p.Height {
		luma := im.Y[y*im.YStride:][:p.Width]
		blue, red := b.row(y), r.row(y)
		toRGB(p.Pix[3*y*p.Width:][:3*p.Width], luma, blue, red)
	}
}

func toRGB(rgb, luma, blue, red []uint8) {
	blue, red = blue[:len(luma)], red[:len(luma)]
	for x, l := range luma {
		y, cb, cr := int(l), int(blue[x])-128, int(red[x])-128
		px := rgb[3*x : 3*x+3 : 3*x+3]
		px[0] = clip(y + (91881*cr+1<<15)>>16)           // 1.40200
		px[1] = clip(y + (-22554*cb-46802*cr+1<<15)>>16) // 0.34414, 0.71414
		px[2] = clip(y + (116130*cb+1<<15)>>16)          // 1.77200
	}
}

func clip(v int) uint8 { return uint8(min(max(v, 0), 255)) }
