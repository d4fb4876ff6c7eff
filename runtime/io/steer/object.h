/* Kernel programs from objects that clang made at build time, and whose bytes are part of preyrun. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct bpf_object;

/* Load the object's only program, called `name`, and its maps. Return the program's descriptor, or a negative errno
 * with *o NULL. The caller closes *o, which closes the descriptors of program and maps. */
int object_load(const void *bytes, size_t len, const char *name, struct bpf_object **o);

/* The same for an object called `name` with several programs: load all but `without`, and return the descriptor of
 * `one`. */
int object_load_but(const void *bytes, size_t len, const char *name, const char *one, const char *without,
                    struct bpf_object **o);

/* The same as object_load, but with another process's map of that name instead of a new one; its descriptor stays
 * the caller's. */
int object_load_over(const void *bytes, size_t len, const char *name, const char *map, int fd, struct bpf_object **o);

/* Return the descriptor of a map, or a negative errno. */
int object_map(const struct bpf_object *o, const char *name);

/* Add up an entry of a per-CPU map, which has `words` words of 64 bits, to sum[]. */
void object_sum(int map, uint32_t at, void *sum, unsigned words);
