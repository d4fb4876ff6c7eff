/* Names of protocols and ICMP types, from the rows of proto.def and icmp.def. Actions and reasons have theirs in vm.h
 * and pkt.h. Every returned string is static. */
#ifndef VM_WORDS_NAMES_H
#define VM_WORDS_NAMES_H

#include <stddef.h>

/* The number that the first `len` bytes of `name` stand for, or -1. Exact spelling, lower case. */
int proto_by_name(const char *name, size_t len);
/* The name of an IP protocol number, or NULL where the table has none. */
const char *proto_name(unsigned number);

/* The same for ICMP types; family is 4 (ICMP) or 6 (ICMPv6). */
int icmp_type_by_name(unsigned family, const char *name, size_t len);
const char *icmp_type_name(unsigned family, unsigned type);

/* Every name once, in the tables' order, for suggestions: NULL when `i` is past the end. */
const char *proto_name_at(size_t i);
const char *icmp_type_name_at(unsigned family, size_t i);

#endif
