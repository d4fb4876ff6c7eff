/* The C library reads the message: c-ares reports all of an SRV record but its time to live. */
#include "runtime/parent/dns/dns_ttl.h"

#include <arpa/nameser.h>
#include <stdbool.h>

int64_t srv_ttl(const uint8_t *bytes, int len, uint32_t most)
{
    ns_msg message;
    ns_rr record;
    uint32_t least = most;
    if (ns_initparse(bytes, len, &message)) return -1;
    const int count = ns_msg_count(message, ns_s_an);
    for (int i = 0; i < count; i++) {
        if (ns_parserr(&message, ns_s_an, i, &record)) return -1;
        const uint32_t ttl = ns_rr_ttl(record);
        const bool of_service = ns_rr_type(record) == ns_t_srv || ns_rr_type(record) == ns_t_cname;
        if (of_service && ttl < least) least = ttl;
    }
    return least;
}
