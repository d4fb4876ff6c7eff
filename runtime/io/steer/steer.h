/* The steering program on one interface: it gives frames to prey's AF_XDP sockets and leaves the others to the host. */
#pragma once

#include "runtime/host/guard/program/guarded.h"
#include "vm/packet/facts.h"

struct gate_count;
struct steer;

/* Frames to take. */
struct steer_rules {
    const struct guarded *guarded; /* services, their replies, and translated packets */
    bool routed;                   /* all frames for other addresses than the host's own */
    bool all;                      /* all frames: a port of a bridge */
    bool translates;               /* echo replies to own addresses that `nat` or a service may have requested */
};
enum { STEER_RULES_MOST = 2048 }; /* per program, counted by steer_count */
unsigned steer_count(const struct steer_rules *r);

/* Load the program; frames longer than `frame_most` bytes are dropped and counted. The program takes no frames
 * before steer_rules and steer_begin. NULL: one line in err; always NULL if built without clang. Needs CAP_NET_ADMIN
 * and CAP_BPF. */
struct steer *steer_open(unsigned frame_most, char *err, size_t err_len);

/* Descriptors of a steering program that another process continues: the link that attaches it to its interface, and
 * the table of its sockets. */
enum { STEER_LINK, STEER_SOCKETS, STEER_LENT };
/* Give copies of these descriptors, which the caller closes. False: the program is not attached, or no descriptors
 * are left. */
bool steer_lend(const struct steer *s, int lent[STEER_LENT]);
/* The same as steer_open, with the sockets of the interface's present program; steer_begin replaces that program
 * atomically. The descriptors are not trusted, and stay the caller's. */
struct steer *steer_over(const int lent[STEER_LENT], unsigned frame_most, unsigned ifindex, char *err, size_t err_len);

/* Set the rules, at most twice STEER_RULES_MOST: those of two programs. Return 0, or a negative errno with the old
 * rules still in force. */
int steer_rules(struct steer *s, const struct steer_rules *r);

void steer_close(struct steer *s); /* detach and free the program; the end of the process also detaches it */

/* Set the socket for the frames of a queue. Return 0 or a negative errno. */
int steer_socket(struct steer *s, unsigned queue, int fd);

/* Set the host's own addresses and the interface's MAC address. Return 0 or a negative errno. */
int steer_world(struct steer *s, const struct facts *facts, uint64_t mac);

/* Attach the program to the interface, in the driver if possible, else in the kernel's generic way (*generic).
 * replace: another program is removed first, for good. Return 0, or a negative errno with one line in err. */
int steer_begin(struct steer *s, unsigned ifindex, bool replace, bool *generic, char *err, size_t err_len);

/* Return the number of frames that were too long. */
uint64_t steer_too_long(const struct steer *s);
/* Add the frames of the proxy's connections that passed to the host to *sum. */
void steer_counts(const struct steer *s, struct gate_count *sum);
