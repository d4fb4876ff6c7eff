/* Names of protocols and ICMP types, from the rows of proto.def and icmp.def. action_name stands in tables.h,
 * reason_name in packet/pkt.h. Every returned string is static. */
#pragma once

#include <stdbool.h>

/* The name of an IP protocol number, or NULL where the table has none. */
const char *proto_name(unsigned number);

/* The number of a name of that table, or PROTO_UNKNOWN. */
enum { PROTO_UNKNOWN = 256 };
unsigned proto_number(const char *name);
/* Does its header begin with ports? Those whose does, in words: */
bool proto_has_ports(unsigned number);
#define PROTOS_WITH_PORTS "tcp, udp and sctp"

/* The same for ICMP types; family is 4 (ICMP) or 6 (ICMPv6). */
const char *icmp_type_name(unsigned family, unsigned type);
