/* flood DEVICE MAC ADDRESS PORT KIND RATE SECONDS: sends RATE frames per second from this station to an IPv4
 * address, with sources in 198.18.0.0/15 that a generator with a fixed seed draws. KIND: syn, rst, udp, fragment
 * (firsts whose rest never comes), icmp (port unreachable, about flows that do not exist). Prints how many left. All
 * are well formed, including checksums. */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "vm/packet/wire.h"

enum { ETHER = 14, IP = 20, ROOM = 128, BURST = 64, TCP_SYN_FLAG = 2, TCP_RST_FLAG = 4, MORE_FRAGMENTS = 0x2000 };

struct flood {
    uint8_t own[6], mac[6];
    uint32_t to;
    uint16_t port;
    const char *kind;
    uint32_t seed;
};

static uint32_t draw(struct flood *f)
{
    f->seed ^= f->seed << 13;
    f->seed ^= f->seed >> 17;
    return f->seed ^= f->seed << 5;
}

static void ip(uint8_t *to, uint32_t src, uint32_t dst, uint8_t proto, uint16_t len, uint16_t id)
{
    memset(to, 0, IP);
    to[0] = 0x45;
    wire_put16(to + 2, len);
    wire_put16(to + 4, id);
    to[8] = 64;
    to[9] = proto;
    wire_put32(to + 12, src);
    wire_put32(to + 16, dst);
    wire_put16(to + 10, csum_of(to, IP));
}

static uint32_t tcp(struct flood *f, uint8_t *to, uint32_t src, uint8_t flags)
{
    enum { LEN = 20 };
    memset(to, 0, LEN);
    wire_put16(to, (uint16_t)(1024 + draw(f) % 60000));
    wire_put16(to + 2, f->port);
    wire_put32(to + 4, draw(f));
    to[12] = LEN / 4 << 4;
    to[13] = flags;
    wire_put16(to + 14, 65535);
    wire_put16(to + 16, csum_fold(csum_add(csum_pseudo4(src, f->to, 6, LEN), to, LEN)));
    return LEN;
}

static uint32_t udp(struct flood *f, uint8_t *to, uint32_t src, uint16_t whole)
{
    enum { LEN = 32 };
    memset(to, 0, LEN);
    wire_put16(to, (uint16_t)(1024 + draw(f) % 60000));
    wire_put16(to + 2, f->port);
    wire_put16(to + 4, whole ? whole : LEN);
    if (!whole) wire_put16(to + 6, csum_udp(csum_fold(csum_add(csum_pseudo4(src, f->to, 17, LEN), to, LEN))));
    return LEN;
}

static uint32_t icmp(struct flood *f, uint8_t *to, uint32_t src)
{
    enum { HEAD = 8, PORT_UNREACHABLE = 0x0303 };
    memset(to, 0, HEAD);
    wire_put16(to, PORT_UNREACHABLE);
    ip(to + HEAD, f->to, src, 17, IP + 32, (uint16_t)draw(f));
    const uint32_t len = HEAD + IP + udp(f, to + HEAD + IP, src, 0);
    wire_put16(to + 2, csum_of(to, len));
    return len;
}

static uint32_t make(struct flood *f, uint8_t *frame)
{
    const uint32_t src = 0xc6120000u | (draw(f) & 0x1ffff);
    uint8_t *l4 = frame + ETHER + IP;
    uint8_t proto = 6;
    uint32_t len;
    memcpy(frame, f->mac, 6);
    memcpy(frame + 6, f->own, 6);
    wire_put16(frame + 12, 0x0800);
    if (!strcmp(f->kind, "icmp")) {
        proto = 1;
        len = icmp(f, l4, src);
    } else if (!strcmp(f->kind, "syn") || !strcmp(f->kind, "rst")) {
        len = tcp(f, l4, src, f->kind[0] == 's' ? TCP_SYN_FLAG : TCP_RST_FLAG);
    } else {
        proto = 17;
        len = udp(f, l4, src, f->kind[0] == 'f' ? 2000 : 0);
    }
    ip(frame + ETHER, src, f->to, proto, (uint16_t)(IP + len), (uint16_t)draw(f));
    if (f->kind[0] == 'f') {
        wire_put16(frame + ETHER + 6, MORE_FRAGMENTS);
        wire_put16(frame + ETHER + 10, 0);
        wire_put16(frame + ETHER + 10, csum_of(frame + ETHER, IP));
    }
    return ETHER + IP + len;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Send a burst; returns how many frames left. */
static int burst(struct flood *f, int fd, unsigned n)
{
    static uint8_t frames[BURST][ROOM];
    struct iovec parts[BURST];
    struct mmsghdr messages[BURST];
    for (unsigned i = 0; i < n; i++) {
        parts[i] = (struct iovec){frames[i], make(f, frames[i])};
        messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &parts[i], .msg_iovlen = 1}};
    }
    const int sent = sendmmsg(fd, messages, n, 0);
    return sent < 0 ? 0 : sent;
}

static int begin(struct flood *f, const char *device)
{
    struct ifreq r = {0};
    const int fd = socket(AF_PACKET, SOCK_RAW, 0);
    const struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(device)};
    snprintf(r.ifr_name, sizeof r.ifr_name, "%s", device);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof at) || ioctl(fd, SIOCGIFHWADDR, &r)) return -1;
    memcpy(f->own, r.ifr_hwaddr.sa_data, 6);
    return fd;
}

int main(int argc, char *argv[])
{
    struct flood f = {.seed = 1};
    struct in_addr to;
    unsigned m[6];
    if (argc != 8 || !inet_aton(argv[3], &to) ||
        sscanf(argv[2], "%x:%x:%x:%x:%x:%x", &m[0], &m[1], &m[2], &m[3], &m[4], &m[5]) != 6) {
        fputs("usage: flood DEVICE MAC ADDRESS PORT syn|rst|udp|fragment|icmp RATE SECONDS\n", stderr);
        return 2;
    }
    for (unsigned i = 0; i < 6; i++) f.mac[i] = (uint8_t)m[i];
    f.to = ntohl(to.s_addr);
    f.port = (uint16_t)atoi(argv[4]);
    f.kind = argv[5];
    const double rate = atof(argv[6]), seconds = atof(argv[7]), from = now();
    const int fd = begin(&f, argv[1]);
    if (fd < 0) {
        perror(argv[1]);
        return 2;
    }
    long sent = 0;
    for (double t = 0; t < seconds; t = now() - from) {
        const long due = (long)(t * rate) - sent;
        if (due <= 0)
            usleep(500);
        else
            sent += burst(&f, fd, due < BURST ? (unsigned)due : BURST);
    }
    printf("%ld\n", sent);
    return 0;
}
