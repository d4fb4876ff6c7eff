/* The joint of a flow that a cookie began: client and server were told other numbers, and perhaps other options, so
 * every segment is rewritten by a splice (splice/splice.h). The splice is made anew for each packet, of what the flow
 * keeps: flow_bind.seq_delta, flow_cold.joint, and the window scales that the flow's track knows from the SYN which we
 * sent to the server and its answer.
 *
 *     client ── cookie's numbers, our timestamps ──  us  ── the client's own SYN, repeated ── server
 *
 * Flows are followed (flow/flow.h) in the numbers and windows that the server sends and gets. */
#pragma once

#include "vm/flow/track/joined.h"
#include "vm/forward/cookie/cookie.h"
#include "vm/forward/splice/splice.h"
#include "vm/packet/reply/frame.h"

enum { JOINT_SCALE_OURS = 7 /* the shift of our windows to clients: 128 bytes, up to 8 MB */ };

/* The options of our answer to a SYN, and of the SYN by which we repeat it to the server. mss: ours, to the client.
 * stamp: the cookie's; echo, recent: the client's newest timestamp. */
struct tcp_options joint_answer(const struct cookie_terms *t, uint16_t mss, uint32_t stamp, uint32_t echo);
struct tcp_options joint_repeat(const struct cookie_terms *t, uint32_t recent);

/* A cookie was proven by a segment with these options. */
void joint_begin(struct flow_joint *j, const struct cookie_terms *t, const struct tcp_syn_options *options);
/* The client's offer, once more. t: of the flow. */
struct cookie_terms joint_terms(const struct flow_joint *j, const struct tcp_track *t);
/* The server has answered with these options. */
void joint_complete(struct flow_joint *j, const struct tcp_syn_options *server);

/* For one segment. clock_ms: cookie_clock. Afterwards joint_keep. */
void joint_splice(const struct flow_joint *j, const struct tcp_track *t, uint32_t delta, uint32_t clock_ms,
                  struct splice *s);
static inline void joint_keep(struct flow_joint *j, const struct splice *s) { j->stamp_recent = s->stamp_recent[0]; }

/* The first segment to the client that tells of the server's window: the one in its SYN, which is never shifted. */
uint16_t joint_window(const struct flow_joint *j, uint16_t window);
/* Timestamps of what we say to the client ourselves, after joint_complete. */
struct tcp_options joint_stamps(const struct flow_joint *j, uint32_t server_stamp, uint32_t clock_ms);
