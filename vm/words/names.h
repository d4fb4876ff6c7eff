/* Names of protocols and ICMP types, from the rows of proto.def and icmp.def. action_name stands in tables.h,
 * reason_name in packet/pkt.h. Every returned string is static. */
#pragma once

/* The name of an IP protocol number, or NULL where the table has none. */
const char *proto_name(unsigned number);

/* The same for ICMP types; family is 4 (ICMP) or 6 (ICMPv6). */
const char *icmp_type_name(unsigned family, unsigned type);
