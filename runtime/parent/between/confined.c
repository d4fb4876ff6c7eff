/* Rows of system call filters that several processes have. */
#include "runtime/parent/between/confined.h"

#include <sys/socket.h>

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
