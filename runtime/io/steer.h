/* The steering program on one interface: which frames come to prey's AF_XDP sockets; the host keeps the others. */
#ifndef RUNTIME_IO_STEER_H
#define RUNTIME_IO_STEER_H

#include "runtime/host/guarded.h"
#include "vm/packet/facts.h"

struct steer;

/* Load the program for what the rules handle (guarded.h); frames longer than that many bytes are dropped and counted.
 * It takes nothing before steer_begin. NULL, with one line in err: without clang at build time, too. Needs
 * CAP_NET_ADMIN and CAP_BPF. */
struct steer *steer_open(const struct guarded *g, unsigned frame_most, char *err, size_t err_len);
void steer_close(struct steer *s); /* takes it off the interface, as the process's end does */

/* The socket that gets the frames of a queue. 0 or a negative errno. */
int steer_socket(struct steer *s, unsigned queue, int fd);

/* The host's own addresses and the interface's MAC. 0 or a negative errno. */
int steer_world(struct steer *s, const struct facts *facts, uint64_t mac);

/* On the interface, in the driver where it can, else in the kernel's generic way (*generic). 0, or a negative errno
 * with one line in err. */
int steer_begin(struct steer *s, unsigned ifindex, bool *generic, char *err, size_t err_len);

/* Frames that were too long. */
uint64_t steer_too_long(const struct steer *s);

#endif
