/* A filter in classic BPF (Documentation/networking/filter.rst) for Ethernet frames, whose tags the kernel keeps
 * beside them; it receives nothing on other links. Long jumps use JA, the only jump with a 32-bit offset. */
#include "runtime/host/device/heard.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <netpacket/packet.h>
#include <string.h>
#include <sys/socket.h>

enum { LINK = 14, INSNS = 4096, ALL_OF_IT = 0x40000, V4_MOST = 1000, V6_MOST = 200 };

struct text {
    struct sock_filter code[INSNS];
    unsigned len;
};

static void insn_put(struct text *t, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
    t->code[t->len++] = (struct sock_filter){.code = code, .jt = yes, .jf = no, .k = k};
}
/* Load from an offset into the IP packet. */
static void insn_load(struct text *t, unsigned size, uint32_t at)
{
    insn_put(t, (uint16_t)(BPF_LD | size | BPF_ABS), LINK + at, 0, 0);
}
static void insn_answer(struct text *t, bool heard) { insn_put(t, BPF_RET | BPF_K, heard ? ALL_OF_IT : 0, 0, 0); }

/* Drop the packet unless the accumulator passes the test. */
static void want(struct text *t, uint16_t test, uint32_t value)
{
    insn_put(t, (uint16_t)(BPF_JMP | test | BPF_K), value, 1, 0);
    insn_answer(t, false);
}

/* Test the upper header: destination port of TCP and UDP, type of ICMP. `at`: its offset in the packet, or from X. */
static void upper(struct text *t, bool by_x, uint32_t at, uint32_t icmp, uint32_t reply)
{
    const uint16_t mode = by_x ? BPF_IND : BPF_ABS;
    insn_put(t, BPF_JMP | BPF_JEQ | BPF_K, icmp, 0, 4);
    insn_put(t, (uint16_t)(BPF_LD | BPF_B | mode), LINK + at, 0, 0);
    insn_put(t, BPF_JMP | BPF_JEQ | BPF_K, reply, 1, 0);
    insn_answer(t, false);
    insn_put(t, BPF_JMP | BPF_JA, 6, 0, 0);
    insn_put(t, BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 2, 0);
    insn_put(t, BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 1, 0);
    insn_answer(t, false);
    insn_put(t, (uint16_t)(BPF_LD | BPF_H | mode), LINK + at + 2, 0, 0);
    want(t, BPF_JGE, PBC_OWN_PORT_LO);
}

/* Hear packets from service addresses that probes go through; beyond V4_MOST or V6_MOST addresses, from any address. */
static void from(struct text *t, const struct program *p, bool v6)
{
    const uint8_t words = v6 ? 4 : 1;
    const unsigned most = v6 ? V6_MOST : V4_MOST;
    unsigned n = 0;
    if (!v6) insn_load(t, BPF_W, 12);
    for (uint32_t i = 0; i < p->endpoints_count && n <= most; i++) {
        const struct pbc_endpoint *e = &p->endpoints[i];
        if (e->to != PBC_TO_ADDRESS || e->family != (v6 ? 6 : 4) || !service_checked_via(&p->services[e->service]))
            continue;
        if (n++ == most) continue;
        for (uint8_t w = 0; w < words; w++) {
            if (v6) insn_load(t, BPF_W, 8 + 4u * w);
            insn_put(t, BPF_JMP | BPF_JEQ | BPF_K, e->addr[w], 0, (uint8_t)(2 * (words - w) - 1));
        }
        insn_answer(t, true);
    }
    insn_answer(t, n > most);
}

/* Hear only these interfaces; the filter sees frames of all interfaces. */
static void by(struct text *t, const unsigned ifindex[], unsigned count)
{
    insn_put(t, BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_IFINDEX), 0, 0);
    for (unsigned i = 0; i < count; i++) insn_put(t, BPF_JMP | BPF_JEQ | BPF_K, ifindex[i], (uint8_t)(count - i), 0);
    insn_answer(t, false);
}

static void all(struct text *t, const struct program *p)
{
    insn_put(t, BPF_LD | BPF_H | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL), 0, 0);
    insn_put(t, BPF_JMP | BPF_JEQ | BPF_K, 0x0800, 1, 0);
    const unsigned six = t->len;
    insn_put(t, BPF_JMP | BPF_JA, 0, 0, 0);
    insn_load(t, BPF_H, 6); /* drop fragments */
    insn_put(t, BPF_ALU | BPF_AND | BPF_K, 0x3fff, 0, 0);
    want(t, BPF_JEQ, 0);
    insn_put(t, BPF_LDX | BPF_B | BPF_MSH, LINK, 0, 0);
    insn_load(t, BPF_B, 9);
    upper(t, true, 0, IPPROTO_ICMP, ICMP_ECHOREPLY);
    from(t, p, false);
    t->code[six].k = t->len - six - 1;
    want(t, BPF_JEQ, 0x86dd);
    insn_load(t, BPF_B, 6);
    upper(t, false, 40, IPPROTO_ICMPV6, ICMP6_ECHO_REPLY);
    from(t, p, true);
}

int heard_filter(int fd, const struct program *p, const unsigned ifindex[], unsigned count)
{
    const struct sockaddr_ll everything = {.sll_family = AF_PACKET, .sll_protocol = htons(0x0003 /* ETH_P_ALL */)};
    struct text t;
    t.len = 0;
    by(&t, ifindex, count);
    all(&t, p);
    const struct sock_fprog program = {.len = (unsigned short)t.len, .filter = t.code};
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program)) return -errno;
    return bind(fd, (const void *)&everything, sizeof everything) ? -errno : 0;
}
