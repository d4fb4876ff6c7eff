/* IPsec's policies: the packets that this machine encrypts, lets out as they are, or drops (RFC 4301, 4.4.1). They
 * come before all policy rules of the routes (routing.h): if a policy takes a packet, its way is unknown
 * (WAY_IPSEC), because only this machine's stack sends it. */
#pragma once

#include "runtime/host/host.h"

/* Return a descriptor of an unnamed file with the policies, as the kernel reports them; -EPROTONOSUPPORT: this
 * kernel has no IPsec; or another negative errno. The caller needs CAP_NET_ADMIN. */
int ipsec_told(void);
/* True if the policies have changed since they were read, or were never read. */
bool ipsec_is_stale(const struct host *h);
/* Read such a file into the view; fd -1: there are no policies. Return 0 or a negative errno, after ipsec_unknown. */
int ipsec_read(struct host *h, int fd);
/* True if there are policies; without them this machine decrypts nothing. */
bool ipsec_is_used(const struct host *h);
/* Treat every packet as taken by a policy, until the policies are read. */
void ipsec_unknown(struct host *h);
