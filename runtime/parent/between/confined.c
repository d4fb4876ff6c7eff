/* Capabilities, and rows of system call filters, that several processes give up in the same way. */
#include "runtime/parent/between/confined.h"

#include <cap-ng.h>
#include <errno.h>
#include <sys/socket.h>

int confined_capabilities(const unsigned kept[], size_t count)
{
    const bool may_bound = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
    capng_clear(CAPNG_SELECT_ALL);
    for (size_t i = 0; i < count; i++) capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, kept[i]);
    /* libcap-ng complains if a process without CAP_SETPCAP asks for bounds; no_new_privs has the same effect. */
    if (may_bound) capng_apply(CAPNG_SELECT_BOUNDS);
    return capng_apply(CAPNG_SELECT_CAPS) ? -EPERM : 0;
}

int confined_sockets(scmp_filter_ctx f)
{
    static const scmp_datum_t families[] = {AF_INET, AF_INET6}, types[] = {SOCK_STREAM, SOCK_DGRAM};
    const scmp_datum_t type_bits = 0xf;
    int failed = 0;
    for (unsigned i = 0; i < 4 && !failed; i++)
        failed = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2, SCMP_A0(SCMP_CMP_EQ, families[i / 2], 0),
                                  SCMP_A1(SCMP_CMP_MASKED_EQ, type_bits, types[i % 2]));
    return failed;
}

int confined_calls(scmp_filter_ctx f, const int calls[], size_t count)
{
    int failed = 0;
    for (size_t i = 0; i < count && !failed; i++) failed = seccomp_rule_add(f, SCMP_ACT_ALLOW, calls[i], 0);
    return failed;
}
