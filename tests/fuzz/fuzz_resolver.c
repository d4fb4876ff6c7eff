/* Fuzzes the resolver with any bytes, as a reply with SRV records in memory of exactly that length, and as hosts(5).
 * The result is bounded, sorted and repeatable. */
#include <stdlib.h>
#include <string.h>

#include "runtime/parent/dns/dns_hosts.h"
#include "runtime/parent/dns/dns_ttl.h"

enum { TTL_MOST = 3600 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static struct host_line *lines_of(const uint8_t *bytes, size_t len, uint32_t *found)
{
    static const struct dns_name names[] = {{"www.example.net"}, {"a"}, {"b"}, {"_a"}};
    FILE *file = fmemopen((void *)(uintptr_t)bytes, len, "r");
    if (!file) abort();
    struct host_line *lines = hosts_read(file, names, sizeof names / sizeof *names, found);
    fclose(file);
    if (!lines) abort();
    return lines;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    uint32_t found, again;
    if (!len || len > 65535) return 0;
    const int64_t ttl = srv_ttl(bytes, (int)len, TTL_MOST);
    if (ttl < -1 || ttl > TTL_MOST || srv_ttl(bytes, (int)len, TTL_MOST) != ttl) abort();
    struct host_line *of = lines_of(bytes, len, &found), *twice = lines_of(bytes, len, &again);
    if (found != again || found > len / 2) abort();
    for (uint32_t i = 0; i < found; i++) {
        if (of[i].name > 2 || (of[i].family != 4 && of[i].family != 6)) abort();
        if (of[i].family == 4 && (of[i].addr[1] || of[i].addr[2] || of[i].addr[3])) abort();
        if (i && (of[i].name < of[i - 1].name || (of[i].name == of[i - 1].name && of[i].family < of[i - 1].family)))
            abort();
    }
    free(of);
    free(twice);
    return 0;
}
