/* What the service asks its parent for, a function a row of request.def. Any thread may ask; one at a time is served.
 *
 * 0, or a negative errno with one line in err. `port` is a place among the interfaces of the command line. */
#pragma once

#include <pthread.h>
#include <sys/types.h>

#include "runtime/host/guard/guarded.h"
#include "runtime/host/guard/transparent.h"
#include "runtime/io/io.h"
#include "runtime/io/steer/steer.h"
#include "runtime/kernel/adopt.h"
#include "runtime/kernel/prove.h"
#include "runtime/parent/request.h"
#include "vm/kernel/gate.h"
#include "vm/packet/facts.h"

/* The service's end. */
struct channel {
    int fd;
    pid_t parent;
    uid_t user; /* who started it */
    pthread_mutex_t lock;
};

/* Keep these ports from the host's own connections, but for *kept, which is what stays with them
 * (host/guard/ports.h). */
int ask_ports(struct channel *c, const struct guarded *g, struct host_kept *kept, char *err, size_t err_len);
/* Would that be refused? Nothing is changed. */
int ask_ports_look(struct channel *c, const struct guarded *g, char *err, size_t err_len);
/* Hide from the host's stack what matches: in place of what was. */
int ask_guard(struct channel *c, const struct guarded *g, char *err, size_t err_len);

/* The sockets of a port; ask->ifindex is the parent's to find. */
int ask_port(struct channel *c, const struct io_ask *ask, struct io_made *made, char *err, size_t err_len);
/* The sockets of the port that was asked for last, once it is open. */
int ask_bind(struct channel *c, char *err, size_t err_len);

/* The TUN device (runtime/host/device/tun.h), by one descriptor. */
int ask_tun(struct channel *c, int *fd, unsigned *ifindex, char *err, size_t err_len);
int ask_offloads(struct channel *c, unsigned port, unsigned which, char *err, size_t err_len);

/* The steering program (runtime/io/steer/steer.h): loaded, told what to take and of the world, attached. */
int ask_steer(struct channel *c, unsigned port, unsigned frame_most, char *err, size_t err_len);
int ask_steer_rules(struct channel *c, unsigned port, const struct steer_rules *r, char *err, size_t err_len);
int ask_world(struct channel *c, unsigned port, const struct facts *f, uint64_t mac, char *err, size_t err_len);
int ask_steering(struct channel *c, unsigned port, bool *generic, char *err, size_t err_len);
/* The kernel executor (runtime/kernel/adopt.h) for the program, of its file alone: *k is the caller's to free. Once. */
int ask_kernel(struct channel *c, const struct program *p, struct kernel **k, char *err, size_t err_len);
/* Its judge, loaded: *j is the caller's. And put in force in place of the one before: then kernel_took. */
int ask_prepare(struct channel *c, const struct program *p, struct judge **j, struct proof *proof, char *err,
                size_t err_len);
int ask_swap(struct channel *c, char *err, size_t err_len);
/* Its programs on a port; generic: not in its driver. */
int ask_hooks(struct channel *c, unsigned port, bool *generic, char *err, size_t err_len);
/* Filters of traffic control on a port, where these are in the place of links, are set again if another program has
 * taken them away: how many, or a negative errno. */
int ask_keep(struct channel *c, unsigned port, char *err, size_t err_len);
uint64_t ask_too_long(struct channel *c, unsigned port);
/* What connections of the proxy carried, past our sockets (runtime/io/steer/gate.h). */
struct gate_count ask_carried(struct channel *c, unsigned port);

/* Who has that address? The answer comes as the kernel's notification. */
void ask_neighbour(struct channel *c, unsigned port, const struct host_addr *addr);
int ask_announce(struct channel *c, unsigned port, const struct host_addr *addr, char *err, size_t err_len);

/* What is there once, by its descriptors, the caller's to close. RULES: the program's file, to be read; LOG: what --log
 * names, to be written; CONTROL, STATS: sockets that listen (the parent takes the name of the first away at the end);
 * ECHO: raw sockets for echo requests and their replies, IPv4 and IPv6; ASIDE: the TUN device of the network stack
 * aside (runtime/host/device/aside.h), and the socket that hears for it. */
int ask_fds(struct channel *c, enum request_kind kind, int fds[], unsigned count, char *err, size_t err_len);
/* A socket in the stack aside, or a negative errno. */
int ask_aside_socket(struct channel *c, const struct host_addr *from, int type);
/* A file, the caller's to close. CERTIFICATES: of certificates (PEM), to be read; what holds a key as well is not
 * opened. ACCESS_LOG: an access log, to be written (runtime/host/sinks.h). */
int ask_path(struct channel *c, enum request_kind kind, const char *path, int *fd, char *err, size_t err_len);
/* The files of a certificate and the private key that belongs to it: two descriptors. 0 or a negative errno with one
 * line in err. */
int ask_keypair(struct channel *c, const char *cert, const char *key, int fds[2], char *err, size_t err_len);

/* Would that access log be opened? Nothing is made. */
int ask_access_look(struct channel *c, const char *path, char *err, size_t err_len);

/* A file of the recording, to be written: it must be new. One of which only so many bytes are kept, and one that is not
 * kept any more. */
int ask_recording(struct channel *c, uint64_t number, int *fd, char *err, size_t err_len);
int ask_recording_shorter(struct channel *c, uint64_t number, uint64_t bytes, char *err, size_t err_len);
int ask_recording_gone(struct channel *c, uint64_t number, char *err, size_t err_len);
/* A descriptor that becomes readable when the program's file may have changed (host/watch.h), the caller's to close. */
int ask_watch(struct channel *c, int *fd, bool *linked, char *err, size_t err_len);
/* Replace it, at once and whole. */
int ask_save(struct channel *c, const uint8_t *bytes, size_t len, char *err, size_t err_len);

/* A socket that listens there for a proxy service, one of several (runtime/host/guard/listen.h), likewise. */
int ask_listen(struct channel *c, const struct host_addr *addr, uint16_t port, int *fd, char *err, size_t err_len);

/* A batch of sockets that may have clients' addresses (runtime/host/guard/transparent.h), the caller's to close. How
 * many there are, or a negative errno. */
int ask_transparent(struct channel *c, unsigned family, int fds[TRANSPARENT_BATCH]);

/* One of enum manager_word, for the service manager. */
void ask_notify(struct channel *c, uint32_t word);
