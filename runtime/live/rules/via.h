/* Health checks through services (`via service`). A separate network stack (runtime/host/device/aside.h) makes the
 * probe. Its packets go to the server as the service's mode sends clients' packets. The replies come to this machine
 * as to any client, and go back into that stack.
 *
 *     probe's socket ─▶ TUN ─▶ [ MAC address, tunnel, or another destination ] ─▶ link
 *     link ─▶ filter ─▶ TUN ─▶ probe's socket
 *
 * No worker and no flow takes part. Guard rules hide the replies from the host's own stack, because it would reset
 * an unknown connection (runtime/host/guard/program/guarded.h). */
#pragma once

#include "runtime/live/rules/rules_state.h"

struct via;

/* Make the stack for checks through services, if the program has such checks. False, with one line in err. */
bool via_follow(struct rules *rules, const struct program *p, char *err, size_t err_len);
void via_links(struct rules *rules); /* call after interfaces have got other numbers */
void via_fini(struct rules *rules);

/* Return the callbacks for checks_cfg. */
struct check_stack via_stack(struct rules *rules);

/* Return a descriptor to poll for reading; -1: none. First function: packets of probes; second: replies to them. */
int via_said_fd(const struct rules *rules);
int via_heard_fd(const struct rules *rules);
/* Carry a bounded number of waiting packets in both directions. */
void via_carry(struct rules *rules);
