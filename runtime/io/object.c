/* Objects loaded by libbpf. */
#include "runtime/io/object.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>

int object_load(const void *bytes, size_t len, const char *name, struct bpf_object **o)
{
    LIBBPF_OPTS(bpf_object_open_opts, named, .object_name = name);
    libbpf_set_print(NULL);
    *o = bpf_object__open_mem(bytes, len, &named);
    int failed = *o ? bpf_object__load(*o) : -errno;
    const struct bpf_program *program = failed ? NULL : bpf_object__find_program_by_name(*o, name);
    if (program) return bpf_program__fd(program);
    bpf_object__close(*o);
    *o = NULL;
    return failed ? failed : -ENOENT;
}

int object_map(const struct bpf_object *o, const char *name) { return bpf_object__find_map_fd_by_name(o, name); }
