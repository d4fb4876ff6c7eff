/* See first_frame.h. */
#include "runtime/worker/first_frame.h"

#include <string.h>

#include "vm/packet/key.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/pkt.h"

struct frame_spec first_frame(const struct flow_record *flow)
{
    struct frame_spec s = {.form = frame_form_of(flow->proto, flow->family == 6),
                           .family = flow->family,
                           .proto = flow->proto,
                           .src_port = flow->src_port,
                           .dst_port = flow->dst_port,
                           .flags = TCP_SYN,
                           .fragment = KIND_FRAG_NO,
                           .iface = IFACE_NONE,
                           .seq = 1};
    memcpy(s.src, flow->src, sizeof s.src);
    memcpy(s.dst, flow->dst, sizeof s.dst);
    for (unsigned i = 0; i < 2 && flow->vlan[i] != VLAN_UNTAGGED; i++) s.vid[s.tags++] = flow->vlan[i];
    if (s.form == FORM_ICMP) s.type = ICMP4_ECHO;
    if (s.form == FORM_ICMP6) s.type = ICMP6_ECHO;
    s.ttl = frame_ttl(&s);
    s.rest = (uint32_t)flow->src_port << 16 | 1;
    return s;
}
