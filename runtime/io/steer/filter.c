/* Loads the program for newer kernels, or else the one for older kernels. Its counters are mapped read-only */
#include "runtime/io/steer/filter.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/embed.h"
#include "runtime/io/steer/filter.bpf.h"
#include "runtime/io/steer/object.h"

EMBED(object, "runtime/io/steer/filter.bpf.o");

struct filter {
    struct bpf_object *object;
    int program, memory; /* descriptors, owned by the object */
};

struct filter *filter_open(void)
{
    struct filter *f = calloc(1, sizeof *f);
    if (!f) return NULL;
    f->program = object_load_but(object, EMBEDDED_LEN(object), "filter", "filter", "filter_old", &f->object);
    if (f->program < 0)
        f->program = object_load_but(object, EMBEDDED_LEN(object), "filter", "filter_old", "filter", &f->object);
    f->memory = f->object ? object_map(f->object, "filter.bss") : -1;
    if (f->memory >= 0) return f;
    const int failed = f->program < 0 ? f->program : f->memory;
    filter_close(f);
    errno = -failed;
    return NULL;
}

void filter_close(struct filter *f)
{
    if (f) bpf_object__close(f->object);
    free(f);
}

const struct bpf_object *filter_object(const struct filter *f) { return f->object; }

int filter_attach(const struct filter *f, int socket) { return filter_attach_program(f->program, socket); }

int filter_program(const struct filter *f) { return fcntl(f->program, F_DUPFD_CLOEXEC, 0); }

int filter_attach_program(int program, int socket)
{
    return setsockopt(socket, SOL_SOCKET, SO_ATTACH_BPF, &program, sizeof program) ? -errno : 0;
}

int filter_memory(const struct filter *f) { return fcntl(f->memory, F_DUPFD_CLOEXEC, 0); }

const uint64_t *filter_map(int memory)
{
    void *at = mmap(NULL, FILTER_COUNTS * sizeof(uint64_t), PROT_READ, MAP_SHARED, memory, 0);
    close(memory);
    return at == MAP_FAILED ? NULL : at;
}

void filter_unmap(const uint64_t *at)
{
    if (at) munmap((void *)(uintptr_t)at, FILTER_COUNTS * sizeof *at);
}

uint64_t filter_refused(const uint64_t *at, unsigned ifindex)
{
    return at ? __atomic_load_n(&at[ifindex % FILTER_COUNTS], __ATOMIC_RELAXED) : 0;
}
