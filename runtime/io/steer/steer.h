/* The steering program on one interface: which frames come to prey's AF_XDP sockets; the host keeps the others. */
#pragma once

#include "runtime/host/guard/guarded.h"
#include "vm/packet/facts.h"

struct gate_count;
struct steer;

/* What it is to take. */
struct steer_rules {
    const struct guarded *guarded; /* services, their replies, what is translated */
    bool routed;                   /* all that is for none of the host's own addresses */
    bool all;                      /* whatever comes: the port of a bridge */
    bool translates; /* echo replies to own addresses that others may have asked for, by `nat` or a service */
};
enum { STEER_RULES_MOST = 2048 }; /* of one program, as steer_count has it */
unsigned steer_count(const struct steer_rules *r);

/* Load the program; frames longer than that many bytes are dropped and counted. It takes nothing before steer_rules and
 * steer_begin. NULL, with one line in err: without clang at build time, too. Needs CAP_NET_ADMIN and CAP_BPF. */
struct steer *steer_open(unsigned frame_most, char *err, size_t err_len);

/* These rules from now on, at most twice STEER_RULES_MOST: those of two programs. 0 or a negative errno: then those
 * that were hold. */
int steer_rules(struct steer *s, const struct steer_rules *r);

void steer_close(struct steer *s); /* takes it off the interface, as the process's end does */

/* The socket that gets the frames of a queue. 0 or a negative errno. */
int steer_socket(struct steer *s, unsigned queue, int fd);

/* The host's own addresses and the interface's MAC. 0 or a negative errno. */
int steer_world(struct steer *s, const struct facts *facts, uint64_t mac);

/* On the interface, in the driver where it can, else in the kernel's generic way (*generic); replace: another program
 * is taken off first, for good. 0, or a negative errno with one line in err. */
int steer_begin(struct steer *s, unsigned ifindex, bool replace, bool *generic, char *err, size_t err_len);

/* Frames that were too long. */
uint64_t steer_too_long(const struct steer *s);
/* What connections of the proxy carried, which passed to the host; added to *sum. */
void steer_counts(const struct steer *s, struct gate_count *sum);
