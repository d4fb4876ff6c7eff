/* Computing checksums in full. */
#include "tests/lib/sums.h"

#include <stdbool.h>
#include <string.h>

#include "vm/packet/parse/header.h"

static uint64_t sum_of(const uint8_t *b, uint32_t len)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < len; i++) sum += (uint64_t)b[i] << (i % 2 ? 0 : 8);
    return sum;
}

static void put_sum(uint8_t *at, uint64_t sum, bool udp)
{
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    const unsigned value = udp && sum == 0xffff ? 0xffff : (unsigned)~sum & 0xffff;
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

void sums_fill(uint8_t *ip, uint32_t len)
{
    const bool v6 = ip[0] >> 4 == 6;
    const uint32_t head = v6 ? IP6_LEN : IP4_LEN, upper = len - head;
    const uint8_t proto = ip[v6 ? IP6_NEXT : IP4_PROTO];
    uint8_t *l4 = ip + head;
    const bool icmp = proto == (v6 ? IPPROTO_NR_ICMP6 : IPPROTO_NR_ICMP), udp = proto == IPPROTO_NR_UDP;
    uint8_t *at = l4 + (icmp ? ICMP_SUM : udp ? UDP_SUM : TCP_SUM);
    const uint64_t pseudo = icmp && !v6 ? 0 : sum_of(ip + (v6 ? IP6_SRC : IP4_SRC), v6 ? 32 : 8) + proto + upper;
    if (!v6) {
        memset(ip + IP4_SUM, 0, 2);
        put_sum(ip + IP4_SUM, sum_of(ip, head), false);
    }
    if (!icmp && !udp && proto != IPPROTO_NR_TCP) return;
    if (icmp && (v6 ? l4[0] < ICMP6_INFORMATIONAL : l4[0] == ICMP4_UNREACHABLE || l4[0] == ICMP4_TIME_EXCEEDED))
        sums_fill(l4 + ICMP_LEN, upper - ICMP_LEN);
    memset(at, 0, 2);
    put_sum(at, pseudo + sum_of(l4, upper), udp);
}
