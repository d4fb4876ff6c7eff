/* Checksums of a packet, computed in full, byte by byte: the reference for incremental ones. */
#ifndef TESTS_LIB_SUMS_H
#define TESTS_LIB_SUMS_H

#include <stdint.h>

/* Fill in the checksums of the complete packet without options that begins at `ip`, and of the packet that it
 * quotes: IPv4's, TCP's, UDP's, ICMP's and ICMPv6's. */
void sums_fill(uint8_t *ip, uint32_t len);

#endif
