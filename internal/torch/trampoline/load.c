//go:build ignore

/* Fills the trampolines of a library that is opened late. See main.go. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

extern void *tch_slots[];
extern const char *tch_names[];
extern long tch_count;

/* tch_not_loaded is where every trampoline leads until tch_load has run. */
void tch_not_loaded(void) {
	fputs("libtch: called before it was loaded\n", stderr);
	abort();
}

/* tch_load opens the library and fills every slot. It returns null, or why it could not. */
const char *tch_load(const char *path) {
	void *library = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
	if (!library) return dlerror();
	for (long i = 0; i < tch_count; i++) {
		void *function = dlsym(library, tch_names[i]);
		if (!function) return dlerror();
		tch_slots[i] = function;
	}
	return 0;
}
