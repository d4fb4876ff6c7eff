/* Joints of flows, see joint.h: the options announced to each side, and the splice that translates between them */
#include "vm/forward/cookie/joint.h"

struct tcp_options joint_answer(const struct cookie_terms *t, uint16_t mss, uint32_t stamp, uint32_t echo)
{
    return (struct tcp_options){.mss = mss,
                                .sack_ok = t->sack,
                                .has_scale = t->has_scale,
                                .scale = JOINT_SCALE_OURS,
                                .has_stamps = t->has_stamps,
                                .stamp = stamp,
                                .echo = echo};
}

struct tcp_options joint_repeat(const struct cookie_terms *t, uint32_t recent)
{
    return (struct tcp_options){.mss = t->mss,
                                .sack_ok = t->sack,
                                .has_scale = t->has_scale,
                                .scale = t->scale,
                                .has_stamps = t->has_stamps,
                                .stamp = recent};
}

void joint_begin(struct flow_joint *j, const struct cookie_terms *t, const struct tcp_syn_options *options)
{
    *j = (struct flow_joint){.stamp_delta = options->echo, .stamp_recent = options->stamp};
    j->client_mss = (uint8_t)cookie_mss_index(t->mss);
    if (t->has_stamps) j->has |= JOINT_STAMPS;
    if (t->sack) j->has |= JOINT_SACK;
    if (t->has_scale) j->has |= JOINT_SCALE;
}

struct cookie_terms joint_terms(const struct flow_joint *j, const struct tcp_track *t)
{
    return (struct cookie_terms){.mss = cookie_mss(j->client_mss),
                                 .has_scale = j->has & JOINT_SCALE,
                                 .scale = (uint8_t)tcp_track_shift(t, FLOW_ORIGINAL),
                                 .sack = j->has & JOINT_SACK,
                                 .has_stamps = j->has & JOINT_STAMPS};
}

/* Let the client's timestamps continue from prey's last one, so that no segment looks old to the client (RFC 7323,
 * 5). */
void joint_complete(struct flow_joint *j, const struct tcp_syn_options *server)
{
    j->mss = server->mss;
    if (server->sack && j->has & JOINT_SACK) j->has |= JOINT_SERVER_SACK;
    if (!server->has_stamps || !(j->has & JOINT_STAMPS)) return;
    j->has |= JOINT_SERVER_STAMPS;
    j->stamp_delta = server->stamp - j->stamp_delta;
}

void joint_splice(const struct flow_joint *j, const struct tcp_track *t, uint32_t delta, uint32_t clock_ms,
                  struct splice *s)
{
    const bool shifted = j->has & JOINT_SCALE, both = t->flags & TCP_TRACK_SCALED;
    struct splice_end client = {.mss = cookie_mss(j->client_mss)}, server = {.in = delta, .mss = j->mss};
    if (shifted) {
        client.scale_in = (uint8_t)tcp_track_shift(t, FLOW_ORIGINAL);
        client.scale_out = JOINT_SCALE_OURS;
    }
    if (both) {
        server.scale_in = (uint8_t)tcp_track_shift(t, FLOW_REPLY);
        server.scale_out = (uint8_t)tcp_track_shift(t, FLOW_ORIGINAL);
    }
    if (j->has & JOINT_STAMPS) client.has |= SPLICE_STAMPS;
    if (j->has & JOINT_SACK) client.has |= SPLICE_SACK;
    if (j->has & JOINT_SERVER_STAMPS) {
        server.has |= SPLICE_STAMPS;
        server.stamp_in = j->stamp_delta;
    }
    if (j->has & JOINT_SERVER_SACK) server.has |= SPLICE_SACK;
    splice_join(s, (const struct splice_end[]){client, server}, 0);
    s->stamp_recent[0] = j->stamp_recent;
    s->stamp_sent[0] = clock_ms;
    s->acked[0] = t->side[FLOW_REPLY].acked;
}

uint16_t joint_window(const struct flow_joint *j, uint16_t window)
{
    return j->has & JOINT_SCALE ? (uint16_t)(window >> JOINT_SCALE_OURS) : window;
}

struct tcp_options joint_stamps(const struct flow_joint *j, uint32_t server_stamp, uint32_t clock_ms)
{
    if (!(j->has & JOINT_STAMPS)) return (struct tcp_options){0};
    const bool known = j->has & JOINT_SERVER_STAMPS;
    return (struct tcp_options){
        .has_stamps = true, .stamp = known ? server_stamp - j->stamp_delta : clock_ms, .echo = j->stamp_recent};
}
