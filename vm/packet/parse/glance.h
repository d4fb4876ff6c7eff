/* A glance at a frame's first bytes, before it is parsed. */
#ifndef VM_PACKET_PARSE_GLANCE_H
#define VM_PACKET_PARSE_GLANCE_H

#include "vm/packet/pkt.h"

/* May the frame be a fragment? Never wrong when it says no; of VLANs, cooked links and IPv6 extension headers it says
 * yes without looking further. */
bool glance_fragment(const uint8_t *bytes, uint32_t cap_len, enum pkt_link link);

#endif
