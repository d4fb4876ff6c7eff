/* Dealing of frames to the workers that own them: the program of a fanout group (deal.bpf.c), and its tables. The
 * privileged process loads and attaches the program; another process, which has the facts, fills the tables, in
 * shared memory. */
#pragma once

#include "vm/packet/facts.h"
#include "vm/worker/owner.h"

struct deal;
struct deal_tables;

/* Load the program, which all groups may share. NULL: the kernel, this process's privileges or the build do not
 * allow it; frames are then dealt by hash. */
struct deal *deal_open(void);
void deal_close(struct deal *d);
/* Attach the program to the group of the socket, in place of another. Return 0 or a negative errno. */
int deal_join(const struct deal *d, int socket);
int deal_join_program(int program, int socket);
/* True if the memory has tables in this version's form, which another process may have filled. */
bool deal_reads(int memory);
/* Take the program of another process, by descriptors of it and of its tables' memory, which the result owns. NULL:
 * deal_reads is false, or out of memory; both are closed. */
struct deal *deal_adopt(int program, int memory);
/* Return a descriptor of the program, owned by the caller; -1: none. */
int deal_program(const struct deal *d);
/* Return a descriptor of the tables' memory, owned by the caller; -1: none. */
int deal_memory(const struct deal *d);

/* Map the tables and close the descriptor. `ports` are complete pages of unused anonymous memory, which then map the
 * program's own table. NULL: impossible; `ports` keep their memory. */
struct deal_tables *deal_map(int memory, struct port_owners *ports);
void deal_unmap(struct deal_tables *t);

struct deal_world {
    const struct owners *owners;
    const struct facts *facts;
    const unsigned *ifindex; /* [ports] */
    const uint16_t *iface;   /* [ports] interface ids in the program */
    unsigned ports, workers;
};
/* Fill the tables. False: they do not fit, or tunnels are opened; frames are then dealt by hash among the same
 * sockets. */
bool deal_fill(struct deal_tables *t, const struct deal_world *w);
