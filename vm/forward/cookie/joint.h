/* The joint of a flow that a cookie began: client and server use different numbers, and perhaps options, so a splice
 * (splice/splice.h) rewrites every segment. The splice is made again for each packet from the flow's state:
 * flow_bind.seq_delta, flow_cold.joint, and the window scales in the flow's track, from prey's SYN to the server and
 * its reply.
 *
 *     client ── cookie's numbers, prey's timestamps ──  prey  ── the client's own SYN, repeated ── server
 *
 * Flows are tracked (flow/flow.h) in the numbers and windows that the server sends and gets. */
#pragma once

#include "vm/flow/track/joined.h"
#include "vm/forward/cookie/cookie.h"
#include "vm/forward/splice/splice.h"
#include "vm/packet/reply/frame.h"

enum { JOINT_SCALE_OURS = 7 /* shift of prey's windows to clients: 128 bytes, up to 8 MB */ };

/* Return the options of prey's reply to a SYN; those of the SYN repeated to the server (second function). mss:
 * prey's, to the client. stamp: the cookie's; echo, recent: the client's newest timestamp. */
struct tcp_options joint_answer(const struct cookie_terms *t, uint16_t mss, uint32_t stamp, uint32_t echo);
struct tcp_options joint_repeat(const struct cookie_terms *t, uint32_t recent);

/* Begin the joint after a segment with these options proved a cookie. */
void joint_begin(struct flow_joint *j, const struct cookie_terms *t, const struct tcp_syn_options *options);
/* Return the client's original offer. t: the track of the flow. */
struct cookie_terms joint_terms(const struct flow_joint *j, const struct tcp_track *t);
/* Complete the joint when the server has answered with these options. */
void joint_complete(struct flow_joint *j, const struct tcp_syn_options *server);

/* Make the splice of one segment; call joint_keep afterwards. clock_ms: cookie_clock. */
void joint_splice(const struct flow_joint *j, const struct tcp_track *t, uint32_t delta, uint32_t clock_ms,
                  struct splice *s);
static inline void joint_keep(struct flow_joint *j, const struct splice *s) { j->stamp_recent = s->stamp_recent[0]; }

/* Return the window for the first segment to the client after the server's SYN, whose window is never shifted. */
uint16_t joint_window(const struct flow_joint *j, uint16_t window);
/* Return the timestamps of prey's own segments to the client, after joint_complete. */
struct tcp_options joint_stamps(const struct flow_joint *j, uint32_t server_stamp, uint32_t clock_ms);
