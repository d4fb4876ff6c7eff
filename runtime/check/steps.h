/* Steps of tcp and udp checks: bytes to send, and bytes to find in the reply. The reply is read once, in order: each
 * `expect` begins where the previous one ended, even if bytes were sent between them. */
#pragma once

#include "runtime/check/probe.h"

/* Set p->talk to the steps of a tcp check, and to the bytes that come before its first `expect`, if any. */
void steps_talk(struct probe *p);
/* Judge the datagram that a udp check got */
enum probe_result steps_datagram(struct probe *p, const uint8_t *bytes, size_t n);
/* End a probe that has expired, `within` in words: "1 s". Return PROBE_BAD with the step and the bytes received so
 * far. */
enum probe_result steps_late(struct probe *p, const char *within);
