//go:build turbojpeg && cgo

#include "turbo.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

const char *clipgo_jpeg_library(void) { return "libjpeg-turbo " TEXT(LIBJPEG_TURBO_VERSION); }

// The library's callbacks get at the rest through the error manager, its first member.
struct decoder {
	struct jpeg_error_mgr errors;
	struct jpeg_progress_mgr progress;
	struct jpeg_decompress_struct info;
	int max_scans;
	jmp_buf failed;
	char message[JMSG_LENGTH_MAX + 16];
};

static void fail(struct decoder *d, const char *what, const char *detail) {
	snprintf(d->message, sizeof d->message, "%s: %s", what, detail);
	longjmp(d->failed, 1);
}

static void on_error(j_common_ptr info) {
	char detail[JMSG_LENGTH_MAX];
	info->err->format_message(info, detail);
	fail((struct decoder *)info->err, "corrupt", detail);
}

// After a warning the library makes pixels up; only stray bytes before a marker, which many cameras write, cost none.
// Levels from 0 on are traces.
static void on_message(j_common_ptr info, int level) {
	if (level < 0 && info->err->msg_code != JWRN_EXTRANEOUS_DATA)
		on_error(info);
}

static void on_progress(j_common_ptr info) {
	struct decoder *d = (struct decoder *)info->err;
	if (d->info.input_scan_number > d->max_scans)
		fail(d, "unsupported", "too many scans");
}

static void read_rows(j_decompress_ptr info, unsigned char *pix, size_t stride) {
	while (info->output_scanline < info->output_height) {
		JSAMPROW rows[8]; // the library gives up to 4 at a time
		unsigned n = 0;
		for (unsigned y = info->output_scanline; n < 8 && y < info->output_height; n++, y++)
			rows[n] = pix + y * stride;
		jpeg_read_scanlines(info, rows, n);
	}
}

// Colours and filters are the library's defaults, as in Pillow: grey, RGB or CMYK by the number of channels.
static void decode(struct decoder *d, unsigned char *pix, clipgo_jpeg_picture want) {
	j_decompress_ptr info = &d->info;
	jpeg_read_header(info, TRUE);
	info->scale_num = 1;
	info->scale_denom = want.shrink;
	jpeg_start_decompress(info);
	if (info->output_width != want.width || info->output_height != want.height || (unsigned)info->output_components != want.channels)
		fail(d, "corrupt", "two headers disagree");

	size_t stride = (size_t)want.width * want.channels;
	read_rows(info, pix, stride);
	jpeg_finish_decompress(info); // reads on to the end marker
	if (want.channels == 4)
		for (size_t i = 0; i < stride * want.height; i++)
			pix[i] = 255 - pix[i]; // files hold CMYK inverted, a convention of Adobe's
}

char *clipgo_jpeg_decode(const unsigned char *file, unsigned long size, unsigned char *pix, clipgo_jpeg_picture want) {
	struct decoder d;
	memset(&d, 0, sizeof d);
	d.max_scans = want.max_scans;
	d.info.err = jpeg_std_error(&d.errors);
	d.errors.error_exit = on_error;
	d.errors.emit_message = on_message;
	d.progress.progress_monitor = on_progress;

	char *volatile message = NULL;
	if (setjmp(d.failed) == 0) {
		jpeg_create_decompress(&d.info);
		d.info.progress = &d.progress;
		jpeg_mem_src(&d.info, file, size);
		decode(&d, pix, want);
	} else {
		message = strdup(d.message);
	}
	jpeg_destroy_decompress(&d.info);
	return message;
}
