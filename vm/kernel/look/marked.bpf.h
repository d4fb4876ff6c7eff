/* Packets that may belong to an inline connection: user space has the connection's ends (vm/forward/inline/), and
 * its tuple is marked here. The worker checks the rest, such as tags. If a packet belongs to no connection, the
 * worker judges it, with the same result. */
#pragma once

#include "vm/flow/marks.h"
#include "vm/flow/track/ordinary.h"
#include "vm/flow/track/tuple_ports.h"
#include "vm/kernel/bpf.h"
#include "vm/packet/parse/header.h"

extern struct inline_marks state_marks;

/* True for TCP, or an error that quotes it, whose tuple is marked. An open flow never belongs to such a connection:
 * when a service takes a connection, an earlier flow of its tuple is over, or was never answered (forward.c,
 * is_hollow). */
inline_whole bool is_marked(const struct kpkt *k)
{
    const struct track_seen *s = &k->seen;
    const struct flow_id *id = &s->id;
    if (!state_marks.live || s->how < HOW_TCP || id->proto != IPPROTO_NR_TCP || kpkt_is_left(k)) return false;
    if (s->slot != FLOW_NONE && ordinary_is_open(&k->flow)) return false;
    return state_marks.at[mark_of(&state_marks, id->low, id->low_port, id->high, id->high_port)] != 0;
}
