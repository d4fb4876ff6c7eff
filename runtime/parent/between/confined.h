/* Shared parts of the confinement of processes that the parent forks. */
#pragma once

#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>

/* Sanitizers and coverage inspect the process and write files at its end, so such a build is confined loosely */
#if defined(PREY_LOOSE) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { CONFINED_LOOSE = true };
#else
enum { CONFINED_LOOSE = false };
#endif

/* Keep only these capabilities, and no other one in the bounding set. Return 0 or -EPERM. */
int confined_capabilities(const unsigned kept[], size_t count);
/* Allow stream and datagram sockets of IPv4 and IPv6, but not raw ones. Return 0 or a negative errno of libseccomp. */
int confined_sockets(scmp_filter_ctx f);
/* Allow these calls, whatever their arguments. Return 0 or a negative errno of libseccomp. */
int confined_calls(scmp_filter_ctx f, const int calls[], size_t count);
