/* The filter of packet sockets (filter.bpf.c): frames that the kernel cannot describe to one are kept from it. */
#pragma once

#include <stdint.h>

struct bpf_object;
struct filter;

/* Load it, in the form that the kernel takes; all sockets may share it. NULL: the kernel has not what it needs (its
 * types, /sys/kernel/btf/vmlinux), this process may not (errno says which), or the build has no clang. Then a socket's
 * ring may stall (io.h). */
struct filter *filter_open(void);
void filter_close(struct filter *f);
/* What holds its maps, the filter's. */
const struct bpf_object *filter_object(const struct filter *f);
/* On a socket, in the place of any other filter. 0 or a negative errno. */
int filter_attach(const struct filter *f, int socket);
/* A descriptor of the memory where it counts, the caller's; -1: none. */
int filter_memory(const struct filter *f);

/* That memory, mapped; the descriptor is closed. NULL: it can't be. */
const uint64_t *filter_map(int memory);
void filter_unmap(const uint64_t *at);
/* Frames of that interface (or one that differs by a multiple of FILTER_COUNTS) that were kept away. */
uint64_t filter_refused(const uint64_t *at, unsigned ifindex);
