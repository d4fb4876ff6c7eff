/* A program of the kernel's from the object that clang made at build time, whose bytes are part of preyrun. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct bpf_object;

/* Load its one program, of that name, and its maps. Errors are negative errno, and *o is NULL then; else it is the
 * caller's to close, and the descriptors of the program, which is returned, and of the maps are gone with it. */
int object_load(const void *bytes, size_t len, const char *name, struct bpf_object **o);

/* Likewise of an object that is called `name` and has several programs: all but `without` are loaded, and the
 * descriptor is that of `one`. */
int object_load_but(const void *bytes, size_t len, const char *name, const char *one, const char *without,
                    struct bpf_object **o);

/* The descriptor of a map, or a negative errno. */
int object_map(const struct bpf_object *o, const char *name);

/* An entry of a map that each CPU has its own of, of so many words of 64 bits: all of them added to sum[]. */
void object_sum(int map, uint32_t at, void *sum, unsigned words);
