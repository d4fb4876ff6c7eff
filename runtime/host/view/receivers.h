/* Devices of this machine that receive frames with VLAN tags, found as its stack finds them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct host;
struct pkt;

/* The device that gets frames of another one */
struct receiver {
    uint32_t under;  /* ifindex by which frames come */
    uint32_t tag;    /* outermost tag, TPID << 16 | VID, which is taken off; 0: frames not taken by a VLAN device */
    uint32_t device; /* ifindex of the receiver: a VLAN device; for tag 0 a bridge or bond; 0: the receiver is down */
};

struct receivers {
    struct receiver *all; /* in the order of receivers_sort; on the heap */
    uint32_t count;
};

/* Return the machine's present receivers. False: out of memory. */
bool receivers_of(const struct host *h, struct receivers *to);
void receivers_sort(struct receivers *r);

/* True if a frame with these tags, outermost first, which came by that device, has a receiver on this machine. As in
 * Linux, a tag with VID 0 is ignored if no device has it; any other tag without a device drops the frame, as does a
 * TPID that is neither 802.1Q's nor 802.1ad's. */
bool receivers_take(const struct receivers *r, uint32_t device, const uint32_t tags[], unsigned count);
/* The same for a parsed Ethernet frame, with tags that the kernel took off and those in its bytes */
bool receivers_take_frame(const struct receivers *r, uint32_t device, const struct pkt *pkt);
