/* Requests of the service to its parent, a function for each row of request.def. Any thread may call; they are served
 * in turn.
 *
 * Each returns 0, or a negative errno with one line in err. `port` is an index into the command line's interfaces. */
#pragma once

#include <pthread.h>
#include <sys/types.h>

#include "runtime/host/file/login.h"
#include "runtime/host/guard/program/guarded.h"
#include "runtime/host/socket/transparent.h"
#include "runtime/io/io.h"
#include "runtime/io/steer/steer.h"
#include "runtime/kernel/adopt.h"
#include "runtime/kernel/prove.h"
#include "runtime/parent/request.h"
#include "vm/kernel/gate.h"
#include "vm/packet/facts.h"

/* The service's end of the socket pair */
struct channel {
    int fd;
    pid_t parent;
    uid_t user; /* user that started preyrun */
    pthread_mutex_t lock;
};

/* Reserve these ports, so that the host's own connections avoid them; ports in *kept stay with the host
 * (host/guard/ports.h) */
int ask_ports(struct channel *c, const struct guarded *g, struct host_kept *kept, char *err, size_t err_len);
/* Test if ask_ports would be refused, without a change */
int ask_ports_look(struct channel *c, const struct guarded *g, char *err, size_t err_len);
/* Shut these devices (host/guard/shut.h), from the next ask_guard on */
int ask_shut(struct channel *c, const struct guard_shut *all, unsigned count, char *err, size_t err_len);
/* Hide matching packets from the host's stack; replaces the rules before */
int ask_guard(struct channel *c, const struct guarded *g, char *err, size_t err_len);

/* Make the sockets of a port; the parent sets ask->ifindex */
int ask_port(struct channel *c, const struct io_ask *ask, struct io_made *made, char *err, size_t err_len);
/* Bind the sockets of the last ask_port, once the port is open */
int ask_bind(struct channel *c, char *err, size_t err_len);

/* Make the TUN device (runtime/host/device/tun.h) and return it as one descriptor */
int ask_tun(struct channel *c, int *fd, unsigned *ifindex, char *err, size_t err_len);
/* Turn off offloads of an interface (offloads_off) */
int ask_offloads(struct channel *c, unsigned port, unsigned which, unsigned *off, char *err, size_t err_len);

/* Load the steering program (runtime/io/steer/steer.h), give it rules and own addresses, attach it */
int ask_steer(struct channel *c, unsigned port, unsigned frame_most, char *err, size_t err_len);
int ask_steer_rules(struct channel *c, unsigned port, const struct steer_rules *r, char *err, size_t err_len);
int ask_world(struct channel *c, unsigned port, const struct facts *f, uint64_t mac, char *err, size_t err_len);
int ask_steering(struct channel *c, unsigned port, bool *generic, char *err, size_t err_len);
/* Make the kernel executor (runtime/kernel/adopt.h) from the program's file alone; once. The caller frees *k. */
int ask_kernel(struct channel *c, const struct program *p, struct kernel **k, char *err, size_t err_len);
/* Load a judge of the kernel executor into *j, which the caller owns. ask_swap puts it in force in place of the last
 * judge; call kernel_took then. */
int ask_prepare(struct channel *c, const struct kernel *k, const struct program *p, struct judge **j,
                struct proof *proof, char *err, size_t err_len);
int ask_swap(struct channel *c, char *err, size_t err_len);
/* Have everything undone at the end, whatever --on-exit says */
int ask_open(struct channel *c, char *err, size_t err_len);
/* Put the kernel executor's programs on a port; *generic: they do not run in the driver */
int ask_hooks(struct channel *c, unsigned port, bool *generic, char *err, size_t err_len);
/* Take steering programs, filters and the kernel executor's programs off a port whose interface has another name now */
int ask_leave(struct channel *c, unsigned port, char *err, size_t err_len);
/* Set filters of traffic control again that another program removed from a port; links need none of this. Return the
 * number of filters set, or a negative errno. */
int ask_keep(struct channel *c, unsigned port, char *err, size_t err_len);
uint64_t ask_too_long(struct channel *c, unsigned port);
/* Return what connections of the proxy carried past our sockets (runtime/io/steer/gate.h) */
struct gate_count ask_carried(struct channel *c, unsigned port);

/* Ask for the neighbour with that address; the kernel's notification brings the answer */
void ask_neighbour(struct channel *c, unsigned port, const struct host_addr *addr);
int ask_announce(struct channel *c, unsigned port, const struct host_addr *addr, char *err, size_t err_len);

/* Keep a file of the history (host/file/past_files.h) in place of the one before; without bytes, remove it */
int ask_history_keep(struct channel *c, unsigned file, const void *bytes, size_t len);
/* Return a descriptor of it to read, or a negative errno; -ENOENT: there is none */
int ask_history(struct channel *c, unsigned file);
/* Return the user who logged in (host/file/login.h); LOGIN_NONE: nobody */
uint32_t ask_login(struct channel *c, pid_t pid);

/* Get the descriptors of a thing that exists once; the caller closes them. RULES: the program's file, for reading; LOG:
 * the target of --log, for writing; CONTROL, STATS: listening sockets (the parent removes CONTROL's name at the end);
 * ECHO: raw sockets for echo requests and replies, IPv4 and IPv6; ASIDE: the TUN device of the network stack aside
 * (runtime/host/device/aside.h), and the socket with its notifications. */
int ask_fds(struct channel *c, enum request_kind kind, int fds[], unsigned count, char *err, size_t err_len);
/* Return a socket in the stack aside, or a negative errno */
int ask_aside_socket(struct channel *c, const struct host_addr *from, int type);
/* Make the stack aside for inline connections (runtime/host/device/inside.h), once. Return the number of descriptors in
 * fds, or a negative errno. ask_inside_sockets: as ask_transparent, in that stack. */
int ask_inside(struct channel *c, const struct inside_ask *ask, int fds[IO_FDS_MOST], char *err, size_t err_len);
int ask_inside_sockets(struct channel *c, unsigned family, int fds[TRANSPARENT_BATCH]);
/* Open a file, which the caller closes. CERTIFICATES: certificates (PEM) for reading, refused if the file also holds a
 * key. ACCESS_LOG: an access log for writing (runtime/host/sinks.h). */
int ask_path(struct channel *c, enum request_kind kind, const char *path, int *fd, char *err, size_t err_len);
/* Open the files of a certificate and its private key: two descriptors. Return 0, or a negative errno and a line in
 * err. */
int ask_keypair(struct channel *c, const char *cert, const char *key, int fds[2], char *err, size_t err_len);

/* Directories of watched connections' bytes (host/file/streams.h): test if one may be opened; open it, with the bytes
 * of earlier runs' files; make, append to or remove a file, a descriptor, 0 or a negative errno; remove the oldest
 * files of earlier runs, the bytes freed */
int ask_stream_look(struct channel *c, const char *dir, char *err, size_t err_len);
int ask_stream_begin(struct channel *c, const char *dir, uint64_t *earlier, char *err, size_t err_len);
int ask_stream_file(struct channel *c, const char *dir, const char *name, enum stream_how how);
uint64_t ask_stream_trim(struct channel *c, const char *dir, uint64_t bytes);

/* Test if ask_path would open that access log, without making it */
int ask_access_look(struct channel *c, const char *path, char *err, size_t err_len);

/* Connect two streams to a socket of a program in the middle (runtime/host/file/middle.h); the caller closes them. Test
 * if that socket may be connected to (second function). */
int ask_middle(struct channel *c, const char *path, int fds[2]);
int ask_middle_look(struct channel *c, const char *path, char *err, size_t err_len);

/* For copies of packets: a packet socket that is bound to nothing; a file, which may take the place of the one there;
 * the listening socket of `--tap NAME=PATH` (-ENOENT: no such option). The caller closes them. Each returns a
 * descriptor, or a negative errno. */
int ask_copy_device(struct channel *c, char *err, size_t err_len);
int ask_copy_file(struct channel *c, const char *path, bool turn, char *err, size_t err_len);
int ask_copy_socket(struct channel *c, const char *name, char *err, size_t err_len);

/* Open a new file of the recording for writing; shorten a file to `bytes`; remove a file */
int ask_recording(struct channel *c, uint64_t number, int *fd, char *err, size_t err_len);
int ask_recording_shorter(struct channel *c, uint64_t number, uint64_t bytes, char *err, size_t err_len);
int ask_recording_gone(struct channel *c, uint64_t number, char *err, size_t err_len);
/* Get a descriptor that is readable when the program's file may have changed (host/watch.h); the caller closes it */
/* IPsec's policies, in a file (runtime/host/view/ipsec.h); *fd -1: this kernel has no IPsec */
int ask_ipsec(struct channel *c, int *fd, char *err, size_t err_len);
int ask_watch(struct channel *c, int *fd, bool *linked, char *err, size_t err_len);
/* Replace the program's file atomically */
int ask_save(struct channel *c, const uint8_t *bytes, size_t len, char *err, size_t err_len);

/* Open a listening socket for a proxy service, which may be one of several there (runtime/host/socket/listen.h); the
 * caller closes it */
int ask_listen(struct channel *c, const struct host_addr *addr, uint16_t port, int *fd, char *err, size_t err_len);

/* Get a batch of sockets that may use clients' addresses (runtime/host/socket/transparent.h); the caller closes them.
 * Return their number, or a negative errno. */
int ask_transparent(struct channel *c, unsigned family, int fds[TRANSPARENT_BATCH]);

/* Send the service manager a word of enum manager_word */
void ask_notify(struct channel *c, uint32_t word);
