/* Joined flows: prey's SYN|ACK to the client, with a cookie, and the server's segments have different numbers. A
 * joined flow is followed in the numbers and windows that the server sends and gets. */
#pragma once

#include "vm/flow/flow.h"

enum joint_has {
    JOINT_STAMPS = 1 << 0, /* the client uses timestamps */
    JOINT_SACK = 1 << 1,
    JOINT_SCALE = 1 << 2, /* windows between the client and prey are shifted */
    JOINT_SERVER_STAMPS = 1 << 3,
    JOINT_SERVER_SACK = 1 << 4,
};

/* Turn a client's segment into the one that the server gets: its acknowledgement moved by `delta`, its window as the
 * server reads it. */
void joint_follow(const struct flow_joint *j, const struct tcp_track *t, uint32_t delta, struct tcp_segment *s);

/* Return the window shift that the side announced; 0: none. */
unsigned tcp_track_shift(const struct tcp_track *t, enum flow_dir dir);
