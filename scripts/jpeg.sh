#!/bin/sh
# Prints the build tag for JPEG through libjpeg-turbo where its header and library are there, else nothing.
printf '#include <stdio.h>\n#include <jpeglib.h>\nint main(void) { return LIBJPEG_TURBO_VERSION_NUMBER ? jpeg_resync_to_restart == 0 : 1; }\n' |
	${CC:-cc} -x c - -o /dev/null -ljpeg 2>/dev/null && echo turbojpeg
exit 0
