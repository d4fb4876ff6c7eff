/* Joined flows: what a cookie answered to the client, and what the server says, have numbers of their own. A joined
 * flow is followed in the numbers and windows that the server sends and gets. */
#pragma once

#include "vm/flow/flow.h"

enum joint_has {
    JOINT_STAMPS = 1 << 0, /* the client has timestamps, */
    JOINT_SACK = 1 << 1,
    JOINT_SCALE = 1 << 2, /* and its windows and ours to it are shifted */
    JOINT_SERVER_STAMPS = 1 << 3,
    JOINT_SERVER_SACK = 1 << 4,
};

/* A segment of the client becomes what the server gets: its acknowledgement moved by `delta`, its window as the server
 * reads it. */
void joint_follow(const struct flow_joint *j, const struct tcp_track *t, uint32_t delta, struct tcp_segment *s);

/* The window shift that the side announced; 0 where it announced none. */
unsigned tcp_track_shift(const struct tcp_track *t, enum flow_dir dir);
