/* IPsec's policies: the packets that this machine encrypts, lets out as they are, or drops (RFC 4301, 4.4.1). They
 * are before all policy rules of the routes (routing.h): the way of a packet that one takes is unknown, for
 * WAY_IPSEC, as nobody but this machine's stack sends it. */
#pragma once

#include "runtime/host/host.h"

/* Return a file without a name that holds the policies, as the kernel reports them; -EPROTONOSUPPORT: this kernel
 * has no IPsec; or another negative errno. For a process with CAP_NET_ADMIN. */
int ipsec_told(void);
/* True if they have changed since they were read, or were never read. */
bool ipsec_is_stale(const struct host *h);
/* Read such a file into the view; fd -1: there are no policies. Return 0 or a negative errno, after ipsec_unknown. */
int ipsec_read(struct host *h, int fd);
/* True if there are policies; without them this machine decrypts nothing. */
bool ipsec_is_used(const struct host *h);
/* Take every packet for one that a policy takes, until they are read. */
void ipsec_unknown(struct host *h);
