// libjpeg-turbo for Go: one call decodes one picture.
#ifndef CLIPGO_JPEG_TURBO_H
#define CLIPGO_JPEG_TURBO_H

// The picture that the file's header promises, its sides divided by shrink, and how many scans to follow.
typedef struct {
	unsigned width, height, channels, shrink;
	int max_scans;
} clipgo_jpeg_picture;

// The library's name and version.
const char *clipgo_jpeg_library(void);

// Decodes file into pix, [height, width, channels]. Returns NULL, or what was wrong, for the caller to free.
char *clipgo_jpeg_decode(const unsigned char *file, unsigned long size, unsigned char *pix, clipgo_jpeg_picture want);

#endif
