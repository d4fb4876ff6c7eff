/* A frame of a process's own, which shows whether an interface sends what programs give it (runtime/host/hook/xmit.h). It
 * goes to an address that no bridge passes on and no host takes, and has a type for experiments (IEEE 802, 10.9). */
#pragma once

#include <linux/types.h>

#define TRIAL_TO   "\x01\x80\xc2\x00\x00\x01" /* of PAUSE (IEEE 802.3, 31B) */
#define TRIAL_FROM "\x02\x00\x00\x00\x00\x00"
enum { TRIAL_TYPE = 0x88b5 };

struct trial {
    __u8 to[6], from[6];
    __u8 type[2]; /* as on the wire */
    __u8 unused[2];
    __u32 ifindex; /* where it leaves */
    __u8 padding[40];
};
