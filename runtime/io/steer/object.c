/* libbpf opens the bytes, silently, and loads all programs but one that may be left out */
#include "runtime/io/steer/object.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>

static int object_open(const void *bytes, size_t len, const char *name, struct bpf_object **o)
{
    LIBBPF_OPTS(bpf_object_open_opts, named, .object_name = name);
    libbpf_set_print(NULL);
    *o = bpf_object__open_mem(bytes, len, &named);
    return *o ? 0 : -errno;
}

/* Load an opened object, or close it. Return the same as object_load. */
static int object_end(struct bpf_object **o, const char *one, int failed)
{
    if (!failed) failed = bpf_object__load(*o);
    const struct bpf_program *program = failed ? NULL : bpf_object__find_program_by_name(*o, one);
    if (program) return bpf_program__fd(program);
    bpf_object__close(*o);
    *o = NULL;
    return failed ? failed : -ENOENT;
}

int object_load_but(const void *bytes, size_t len, const char *name, const char *one, const char *without,
                    struct bpf_object **o)
{
    const int failed = object_open(bytes, len, name, o);
    struct bpf_program *left = *o && without ? bpf_object__find_program_by_name(*o, without) : NULL;
    if (left) bpf_program__set_autoload(left, false);
    return object_end(o, one, failed);
}

int object_load_over(const void *bytes, size_t len, const char *name, const char *map, int fd, struct bpf_object **o)
{
    int failed = object_open(bytes, len, name, o);
    struct bpf_map *over = failed ? NULL : bpf_object__find_map_by_name(*o, map);
    if (!failed) failed = over ? bpf_map__reuse_fd(over, fd) : -ENOENT;
    return object_end(o, name, failed);
}

int object_load(const void *bytes, size_t len, const char *name, struct bpf_object **o)
{
    return object_load_but(bytes, len, name, name, NULL, o);
}

int object_map(const struct bpf_object *o, const char *name) { return bpf_object__find_map_fd_by_name(o, name); }

void object_sum(int map, uint32_t at, void *sum, unsigned words)
{
    const int cpus = libbpf_num_possible_cpus();
    uint64_t *each = cpus > 0 ? calloc((size_t)cpus * words, sizeof *each) : NULL, *to = sum;
    if (each && !bpf_map_lookup_elem(map, &at, each))
        for (unsigned i = 0; i < (unsigned)cpus * words; i++) to[i % words] += each[i];
    free(each);
}
