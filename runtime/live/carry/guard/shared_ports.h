/* Ports of this machine's own addresses, which its sockets and `masquerade` share. Guard rules and workers get the
 * ports that stay with sockets. Ports wanted by both are counted. */
#pragma once

#include "runtime/live/carry/carry_state.h"

/* Look at the sockets before any change, for this program, and keep the access to look at them later. */
void shared_ports_look(struct carry *carry, const struct program *p);
/* Also let sockets keep those ports to which only the new program translates. Call before a change of programs. */
void shared_ports_widen(struct carry *carry, const struct program *before, const struct program *next);
/* Reserve the program's ports through the parent, and learn which stay with this machine. Return 0, or a negative errno
 * with one line in err. */
int shared_ports_reserve(struct carry *carry, const struct program *p, char *err, size_t err_len);
/* True if ranges of the program may grow in the user executor: this needs guard rules that test for sockets, and a
 * device by which packets are given back. */
bool shared_ports_grow(const struct carry *carry, const struct program *p);
/* Note that guard rules hide the ports that are given back, so that mappings may draw them from now on. */
void shared_ports_hidden(struct carry *carry);
/* Let no range grow from now on. */
void shared_ports_stay(struct carry *carry);
/* Return 0 if shared_ports_reserve would succeed, else its negative errno with its line in err. */
int shared_ports_would(const struct carry *carry, const struct program *p, char *err, size_t err_len);
/* Return the ports in the form that workers get. */
struct facts_ports shared_ports_facts(const struct carry *carry);
/* If a look is due, look for sockets bound to ports of translation, count them (limit.def), and keep mappings from
 * drawing these ports. True: the ports have changed and must be published. */
bool shared_ports_tick(struct carry *carry, uint64_t now_ns);
void shared_ports_fini(struct carry *carry);
