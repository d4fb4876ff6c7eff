/* Health checks through services (`via service`): a probe is spoken by a network stack aside
 * (runtime/host/device/aside.h); what it says goes to its server as the service's mode sends clients' packets, and the
 * server's answers, which come to this machine as to any client, go back into that stack.
 *
 *     probe's socket ─▶ TUN ─▶ [ MAC address, tunnel, or another destination ] ─▶ link
 *     link ─▶ filter ─▶ TUN ─▶ probe's socket
 *
 * No worker and no flow takes part. The host's own stack would answer a connection that it does not know with a reset:
 * guard rules hide these answers from it (runtime/host/guard/guarded.h). */
#pragma once

#include "runtime/live/rules/state.h"

struct via;

/* For the checks of the program: all that is needed, if some go through a service, and there is not yet. False, with
 * one line in err. */
bool via_follow(struct rules *rules, const struct program *p, char *err, size_t err_len);
void via_links(struct rules *rules); /* interfaces have other numbers */
void via_fini(struct rules *rules);

/* For checks_cfg. */
struct checks_aside via_aside(struct rules *rules);

/* Polled for reading; -1: there is none. What probes say; what arrives for them. */
int via_said_fd(const struct rules *rules);
int via_heard_fd(const struct rules *rules);
/* Carry what is there, in either direction: bounded. */
void via_carry(struct rules *rules);
