"""Writes JPEGs that cost what photographs cost to decode: noise whose amplitude falls with its frequency, under hard edges."""
import os
import sys

import numpy
from PIL import Image, ImageDraw

folder, count = sys.argv[1], int(sys.argv[2])
width, height = 500, 375
rng = numpy.random.default_rng(0)
frequency = numpy.hypot(numpy.fft.fftfreq(height)[:, None], numpy.fft.fftfreq(width)[None])
frequency[0, 0] = 1  # the mean; anything but zero

os.makedirs(folder)
for i in range(count):
    phases = rng.normal(size=(3, height, width)) + 1j * rng.normal(size=(3, height, width))
    planes = numpy.fft.ifft2(phases / frequency).real
    low, high = planes.min(axis=(1, 2), keepdims=True), planes.max(axis=(1, 2), keepdims=True)
    picture = Image.fromarray(((planes - low) / (high - low) * 255).astype(numpy.uint8).transpose(1, 2, 0).copy())
    x, y = rng.integers(0, width * 2 // 3), rng.integers(0, height * 2 // 3)
    ImageDraw.Draw(picture).ellipse([x, y, x + width // 4, y + height // 4], outline="white", width=5)
    picture.save(os.path.join(folder, "%04d.jpg" % i), quality=90)
