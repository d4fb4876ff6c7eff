/* The filter of packet sockets (filter.bpf.c): it keeps away frames that the kernel cannot describe to a socket. */
#pragma once

#include <stdint.h>

struct bpf_object;
struct filter;

/* Load the filter in the form that the kernel takes; all sockets may share it. NULL: the kernel lacks its type
 * information (/sys/kernel/btf/vmlinux), this process lacks privileges (see errno), or the build has no clang. A
 * socket's ring may then stall (io.h). */
struct filter *filter_open(void);
void filter_close(struct filter *f);
/* Return the object with the filter's maps, owned by the filter. */
const struct bpf_object *filter_object(const struct filter *f);
/* Attach the filter to a socket, in place of any other. Return 0 or a negative errno. */
int filter_attach(const struct filter *f, int socket);
/* Return a descriptor of the filter's program, owned by the caller, for filter_attach_program; negative: none (errno).
 */
int filter_program(const struct filter *f);
int filter_attach_program(int program, int socket);
/* Return a descriptor of the counters' memory, owned by the caller; -1: none. */
int filter_memory(const struct filter *f);

/* Map that memory and close the descriptor. NULL: impossible. */
const uint64_t *filter_map(int memory);
void filter_unmap(const uint64_t *at);
/* Return the number of refused frames of the interface, or of any that differs by a multiple of FILTER_COUNTS. */
uint64_t filter_refused(const uint64_t *at, unsigned ifindex);
