/* Packet I/O over a pair of links in a namespace: frames arrive, are rewritten in place, and leave with their VLAN
 * tags, partial checksums and super-packets. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#include "runtime/io/gso.h"
#include "runtime/io/io.h"
#include "runtime/io/offload.h"
#include "tests/unit/runtime/netns.h"
#include "vm/packet/key.h"
#include "vm/packet/wire.h"

enum { ETH = 14, IP = 20, TCP = 20, UDP = 8, RING = 1 << 20 };

/* The other end of the link: a plain packet socket, with the kernel's header before each frame. */
static int peer;

static void peer_open(void)
{
    const int one = 1;
    const struct sockaddr_ll at = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)if_nametoindex("there")};
    peer = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);
    assert_true(peer >= 0);
    assert_int_equal(setsockopt(peer, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof one), 0);
    assert_int_equal(setsockopt(peer, SOL_PACKET, PACKET_AUXDATA, &one, sizeof one), 0);
    assert_int_equal(setsockopt(peer, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one), 0);
    assert_int_equal(bind(peer, (const struct sockaddr *)&at, sizeof at), 0);
}

static void peer_send(const struct virtio_net_hdr *h, const uint8_t *frame, size_t len)
{
    const struct iovec parts[2] = {{(void *)(uintptr_t)h, sizeof *h}, {(void *)(uintptr_t)frame, len}};
    assert_int_equal(writev(peer, parts, 2), (ssize_t)(sizeof *h + len));
}

/* Receive one of our frames (of type 0x0800 or tagged, not the kernel's own); returns its length. */
static size_t peer_receive(struct virtio_net_hdr *h, uint8_t *frame, size_t room, uint16_t *tci)
{
    char control[256];
    for (int i = 0; i < 100; i++) {
        struct iovec parts[2] = {{h, sizeof *h}, {frame, room}};
        struct msghdr m = {.msg_iov = parts, .msg_iovlen = 2, .msg_control = control, .msg_controllen = sizeof control};
        const ssize_t got = recvmsg(peer, &m, 0);
        struct pollfd p = {.fd = peer, .events = POLLIN};
        *tci = 0;
        if (got < 0) {
            poll(&p, 1, 100);
            continue;
        }
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
            struct tpacket_auxdata aux;
            memcpy(&aux, CMSG_DATA(c), sizeof aux);
            if (c->cmsg_type == PACKET_AUXDATA && aux.tp_status & TP_STATUS_VLAN_VALID) *tci = aux.tp_vlan_tci;
        }
        if (wire_get16(frame + 12) == ETH_P_IP && wire_get32(frame + ETH + 12) >> 24 == 10)
            return (size_t)got - sizeof *h;
    }
    fail_msg("no frame within ten seconds");
    return 0;
}

/* Make Ethernet, IPv4 and UDP or TCP from 10.0.0.1 to 10.0.0.2 with `payload` bytes; the L4 checksum is right. */
static size_t make(uint8_t *f, bool tcp, size_t payload)
{
    const size_t l4 = tcp ? TCP : UDP, len = ETH + IP + l4 + payload;
    memset(f, 0, len);
    memcpy(f, "\2\0\0\0\0\1\2\0\0\0\0\2\x8\0", ETH);
    uint8_t *ip = f + ETH, *up = ip + IP;
    ip[0] = 0x45;
    wire_put16(ip + 2, (uint16_t)(len - ETH));
    ip[6] = 0x40;
    ip[8] = 64;
    ip[9] = tcp ? 6 : 17;
    wire_put32(ip + 12, 0x0a000001);
    wire_put32(ip + 16, 0x0a000002);
    wire_put16(ip + 10, csum_of(ip, IP));
    wire_put16(up, 5000);
    wire_put16(up + 2, 7);
    if (tcp) {
        up[12] = 5 << 4;
        up[13] = 16;
        wire_put16(up + 14, 1000);
    } else {
        wire_put16(up + 4, (uint16_t)(UDP + payload));
    }
    for (size_t i = 0; i < payload; i++) up[l4 + i] = (uint8_t)i;
    const uint64_t pseudo = csum_pseudo4(0x0a000001, 0x0a000002, ip[9], (uint32_t)(l4 + payload));
    wire_put16(up + (tcp ? 16 : 6), csum_fold(csum_add(pseudo, up, l4 + payload)));
    return len;
}

/* Leave the checksum partial: the field has the sum of the pseudo header. */
static struct virtio_net_hdr left_open(uint8_t *f, bool tcp, size_t len)
{
    uint8_t *up = f + ETH + IP;
    const uint64_t pseudo = csum_pseudo4(0x0a000001, 0x0a000002, tcp ? 6 : 17, (uint32_t)(len - ETH - IP));
    wire_put16(up + (tcp ? 16 : 6), (uint16_t)~csum_fold(pseudo));
    return (struct virtio_net_hdr){
        .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = ETH + IP, .csum_offset = tcp ? 16 : 6};
}

/* Open a port on an interface; NULL with the reason in err. */
static struct io_port *port_on(unsigned ifindex, char *err, size_t len)
{
    const struct io_ask ask = {.ring_bytes = RING, .mtu = 1500, .ifindex = ifindex, .group = -1};
    struct io_made made;
    struct io_maker maker = {0};
    const bool bad = io_PACKET.make(&maker, &ask, &made, err, len);
    io_maker_fini(&maker);
    return bad ? NULL : io_PACKET.open(&ask, &made, NULL, err, len);
}

static struct io_port *port_open(void)
{
    char err[200] = "";
    struct io_port *p = port_on(if_nametoindex("here"), err, sizeof err);
    if (!p) print_error("%s\n", err);
    assert_non_null(p);
    return p;
}

static struct io_port *begin(void)
{
    sh(NETNS_PAIR);
    peer_open();
    return port_open();
}

static bool is_ours(const struct pkt *pkt)
{
    return pkt->head_len > ETH + IP && wire_get32(pkt->data + ETH + 12) >> 24 == 10;
}

/* Return the peer's next frame within `tenths` tenths of a second, or NULL. The kernel's own frames are released. */
static struct pkt *within(struct io_port *p, unsigned tenths)
{
    struct pkt *pkts[IO_BATCH];
    for (unsigned i = 0; i < tenths; i++) {
        struct pollfd fd = {.fd = io_PACKET.fd(p), .events = POLLIN};
        poll(&fd, 1, 100);
        while (io_PACKET.receive(p, pkts, 1)) {
            if (is_ours(pkts[0])) return pkts[0];
            io_PACKET.release(p);
        }
    }
    return NULL;
}

static struct pkt *receive(struct io_port *p)
{
    struct pkt *pkt = within(p, 100);
    if (!pkt) fail_msg("no frame within ten seconds");
    return pkt;
}

static void parse(struct pkt *pkt)
{
    struct key key;
    assert_int_equal(pkt_parse(pkt, NULL, &key), REASON_NONE);
}

static void answer(struct io_port *p, struct pkt *pkt)
{
    io_PACKET.send(p, pkt);
    io_PACKET.flush(p);
    io_PACKET.release(p);
}

static void in_place(void **state)
{
    (void)state;
    uint8_t f[2000], back[2000];
    struct virtio_net_hdr none = {0}, h;
    uint16_t tci;
    struct io_port *p = begin();
    const size_t len = make(f, false, 100);
    for (int i = 0; i < 2000; i++) { /* several times round the ring */
        peer_send(&none, f, len);
        struct pkt *pkt = receive(p);
        assert_int_equal(pkt->wire_len, len);
        assert_memory_equal(pkt->data, f, len);
        assert_true(pkt->flags & PKT_WRITABLE && pkt->headroom >= IO_HEADROOM && !pkt->tag_count && !pkt->segment);
        parse(pkt);
        pkt->data[ETH + IP + UDP] = (uint8_t)(i + 1);
        answer(p, pkt);
        assert_int_equal(peer_receive(&h, back, sizeof back, &tci), len);
        assert_int_equal(back[ETH + IP + UDP], (uint8_t)(i + 1));
        assert_int_equal(h.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM, 0);
    }
    struct io_stats s;
    io_PACKET.stats(p, &s);
    assert_int_equal(s.sent, 2000);
    assert_true(s.received >= 2000 && !s.lost && !s.cut && !s.not_sent && !s.copied);
    io_PACKET.close(p);
}

static uint64_t wall_ns(void)
{
    struct timespec t;
    assert_int_equal(clock_gettime(CLOCK_REALTIME, &t), 0);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* A frame's time is between its sending and its receipt; two frames' times are in order. */
static void when_it_came(void **state)
{
    (void)state;
    uint8_t f[2000];
    struct virtio_net_hdr none = {0};
    struct io_port *p = begin();
    const size_t len = make(f, false, 100);
    const uint64_t before = wall_ns();
    peer_send(&none, f, len);
    const struct pkt *one = receive(p);
    const uint64_t between = wall_ns();
    peer_send(&none, f, len);
    const struct pkt *two = receive(p);
    const uint64_t after = wall_ns();
    assert_true(before <= io_PACKET.came(p, one) && io_PACKET.came(p, one) <= between);
    assert_true(between <= io_PACKET.came(p, two) && io_PACKET.came(p, two) <= after);
    const struct pkt other = {0};
    assert_int_equal(io_PACKET.came(p, &other), 0);
    io_PACKET.release(p);
    assert_int_equal(io_PACKET.came(p, one), 0);
    io_PACKET.close(p);
}

/* Bytes written into the headroom leave before the frame. */
static void grown(void **state)
{
    (void)state;
    uint8_t f[2000], back[2000];
    struct virtio_net_hdr none = {0}, h;
    uint16_t tci;
    struct io_port *p = begin();
    const size_t len = make(f, false, 1400);
    peer_send(&none, f, len);
    struct pkt *pkt = receive(p);
    parse(pkt);
    memset(pkt->data - IO_HEADROOM, 0xee, IO_HEADROOM); /* all of the headroom is ours */
    pkt->data -= IO_HEADROOM;
    memmove(pkt->data, pkt->data + IO_HEADROOM, pkt->head_len);
    answer(p, pkt);
    assert_int_equal(peer_receive(&h, back, sizeof back, &tci), len);
    assert_memory_equal(back, f, len);
    io_PACKET.close(p);
}

static void tagged(void **state)
{
    (void)state;
    uint8_t f[2000], with[2000], back[2000];
    struct virtio_net_hdr none = {0}, h;
    uint16_t tci;
    struct io_port *p = begin();
    const size_t len = make(f, true, 50);
    memcpy(with, f, 12);
    memcpy(with + 12, "\x81\0\x20\x07", 4);
    memcpy(with + 16, f + 12, len - 12);
    peer_send(&none, with, len + 4);
    struct pkt *pkt = receive(p);
    assert_int_equal(pkt->tag_count, 1);
    assert_int_equal(pkt->tags[0].tpid, 0x8100);
    assert_int_equal(pkt->tags[0].tci, 0x2007);
    assert_memory_equal(pkt->data, f, len);
    parse(pkt);
    answer(p, pkt);
    assert_int_equal(peer_receive(&h, back, sizeof back, &tci), len);
    assert_int_equal(tci, 0x2007);
    assert_memory_equal(back, f, len);
    io_PACKET.close(p);
}

/* A partial checksum stays partial: the bytes are the same, and the header marks it again, also behind a tag. */
static void partial(void **state)
{
    (void)state;
    uint8_t f[2000], back[2000];
    uint16_t tci;
    struct virtio_net_hdr h;
    struct io_port *p = begin();
    for (int tcp = 0; tcp < 2; tcp++) {
        const size_t len = make(f, tcp, 500);
        const struct virtio_net_hdr open = left_open(f, tcp, len);
        peer_send(&open, f, len);
        struct pkt *pkt = receive(p);
        assert_true(pkt->flags & PKT_CSUM_PARTIAL);
        assert_int_equal(pkt->segment, 0);
        parse(pkt);
        if (tcp) {
            pkt->tag_count = 1;
            pkt->tags[0].tpid = ETH_P_8021Q;
            pkt->tags[0].tci = 9;
        }
        answer(p, pkt);
        assert_int_equal(peer_receive(&h, back, sizeof back, &tci), len);
        assert_int_equal(tci, tcp ? 9 : 0);
        assert_int_equal(h.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
        assert_int_equal(h.csum_start, open.csum_start);
        assert_int_equal(h.csum_offset, open.csum_offset);
        assert_memory_equal(back, f, len);
    }
    io_PACKET.close(p);
}

/* A frame longer than any slot of the ring arrives complete, and leaves unchanged. */
static void super_packet(void **state)
{
    (void)state;
    static uint8_t f[65536], back[65536];
    struct virtio_net_hdr h;
    uint16_t tci;
    struct io_port *p = begin();
    const size_t len = make(f, true, 40 * 1448);
    struct virtio_net_hdr open = left_open(f, true, len);
    open.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
    open.gso_size = 1448;
    open.hdr_len = ETH + IP + TCP;
    for (int i = 0; i < 100; i++) {
        peer_send(&open, f, len);
        struct pkt *pkt = receive(p);
        assert_true(pkt->flags & PKT_CSUM_PARTIAL);
        assert_int_equal(pkt->segment, 1448);
        assert_int_equal(pkt->wire_len, len);
        assert_memory_equal(pkt->data, f, len);
        parse(pkt);
        assert_int_equal(pkt_longest(pkt, (uint16_t)(len - ETH)), IP + TCP + 1448);
        answer(p, pkt);
        assert_int_equal(peer_receive(&h, back, sizeof back, &tci), len);
        assert_int_equal(h.gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
        assert_int_equal(h.gso_size, 1448);
        assert_memory_equal(back, f, len);
    }
    struct io_stats s;
    io_PACKET.stats(p, &s);
    assert_true(s.super == 100 && s.copied == 100 && !s.cut);
    io_PACKET.close(p);
}

/* Open a TUN device, whose other end is the test's, with a card's work left to it. ppp: it claims to be a PPP
 * device. */
static int tun_end(const char *name, bool ppp)
{
    struct ifreq r = {.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR};
    const int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    snprintf(r.ifr_name, sizeof r.ifr_name, "%s", name);
    assert_true(fd >= 0);
    assert_int_equal(ioctl(fd, TUNSETIFF, &r), 0);
    assert_int_equal(ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6), 0);
    if (ppp) assert_int_equal(ioctl(fd, TUNSETLINK, ARPHRD_PPP), 0);
    sh("ip link set bare0 up");
    return fd;
}

static void tun_send(int fd, const struct virtio_net_hdr *h, const uint8_t *ip, size_t len)
{
    const struct iovec parts[2] = {{(void *)(uintptr_t)h, sizeof *h}, {(void *)(uintptr_t)ip, len}};
    assert_int_equal(writev(fd, parts, 2), sizeof *h + len);
}

/* Receive a packet that the port sent: IPv4, but not the host stack's own. */
static size_t tun_receive(int fd, struct virtio_net_hdr *h, uint8_t *ip, size_t room)
{
    const struct iovec parts[2] = {{h, sizeof *h}, {ip, room}};
    struct pollfd there = {.fd = fd, .events = POLLIN};
    while (poll(&there, 1, 10000) > 0) {
        const ssize_t got = readv(fd, parts, 2);
        if (got > (ssize_t)sizeof *h && ip[0] >> 4 == 4) return (size_t)got - sizeof *h;
    }
    fail_msg("no packet within ten seconds");
    return 0;
}

/* Return the next IPv4 packet; others are the device's neighbour discovery. */
static struct pkt *next_ip4(struct io_port *p)
{
    struct pkt *pkt = NULL;
    for (unsigned i = 0; i < 100; i++) {
        if (io_PACKET.receive(p, &pkt, 1) && pkt->data[0] >> 4 == 4) return pkt;
        poll(&(struct pollfd){io_PACKET.fd(p), POLLIN, 0}, 1, 100);
    }
    fail_msg("no packet within ten seconds");
    return NULL;
}

/* Check that a bare super-packet is cut into bare segments with all its data. */
static void is_cut(struct pkt *pkt, struct pool *pool, size_t carried)
{
    struct pkt *pieces[GSO_PIECES];
    unsigned n = 0, bytes = 0;
    assert_true(gso_cut(pkt, pool, pieces, &n));
    for (unsigned k = 0; k < n; k++) {
        assert_int_equal(pieces[k]->link, LINK_RAW);
        assert_int_equal(csum_of(pieces[k]->data, IP), 0);
        bytes += pieces[k]->head_len - IP - TCP;
        pool_put(pieces[k]);
    }
    assert_int_equal(bytes, carried);
}

/* Send a packet with that much data from the device behind fd, and back. */
static void there_and_back(struct io_port *p, struct pool *pool, int fd, size_t carried)
{
    static uint8_t f[65600], back[65600];
    const size_t len = make(f, true, carried) - ETH;
    const bool super = carried > 1380;
    struct virtio_net_hdr h, open = left_open(f, true, len + ETH);
    open.csum_start -= ETH;
    open.gso_type = super ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_NONE;
    open.gso_size = super ? 1380 : 0;
    open.hdr_len = super ? IP + TCP : 0;
    tun_send(fd, &open, f + ETH, len);
    struct pkt *pkt = next_ip4(p);
    assert_int_equal(pkt->link, LINK_RAW);
    assert_int_equal(pkt->wire_len, len);
    assert_int_equal(pkt->segment, super ? 1380 : 0);
    assert_true(pkt->flags & PKT_CSUM_PARTIAL);
    assert_memory_equal(pkt->data, f + ETH, len);
    parse(pkt);
    assert_int_equal(pkt_longest(pkt, (uint32_t)len), super ? IP + TCP + 1380 : len);
    if (super) is_cut(pkt, pool, carried);
    io_PACKET.send(p, pkt);
    io_PACKET.flush(p);
    assert_int_equal(tun_receive(fd, &h, back, sizeof back), len);
    assert_memory_equal(back, f + ETH, len);
    assert_int_equal(h.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
    assert_int_equal(h.csum_start, IP);
    assert_int_equal(h.gso_size, super ? 1380 : 0);
    pkt->link = LINK_ETHER;
    io_PACKET.send(p, pkt);
    io_PACKET.flush(p);
    io_PACKET.release(p);
}

/* On a device without Ethernet, packets come and go from their IP header on, super-packets complete. A packet of
 * another link isn't sent. */
static void bare(void **state)
{
    (void)state;
    static const size_t carried[] = {20, 1380, 2920 - 40, 14600, 65000 - 40};
    const int fd = tun_end("bare0", false);
    char err[200] = "";
    struct io_ask ask = {
        .ring_bytes = RING, .mtu = 1420, .ifindex = if_nametoindex("bare0"), .group = -1, .link = LINK_ETHER};
    struct io_made made;
    struct io_maker maker = {0};
    assert_true(io_PACKET.make(&maker, &ask, &made, err, sizeof err)); /* it has another kind */
    ask.link = LINK_RAW;
    assert_false(io_PACKET.make(&maker, &ask, &made, err, sizeof err));
    io_maker_fini(&maker);
    struct io_port *p = io_PACKET.open(&ask, &made, NULL, err, sizeof err);
    struct pool *pool = pool_new(GSO_PIECES, 2048);
    assert_true(p && pool);
    for (unsigned i = 0; i < sizeof carried / sizeof *carried; i++) there_and_back(p, pool, fd, carried[i]);
    struct io_stats s;
    io_PACKET.stats(p, &s);
    assert_true(s.super == 3 && s.not_sent == 5 && s.sent == 5 && !s.cut);
    io_PACKET.close(p);
    free(pool);
    close(fd);
}

/* On PPP a super-packet leaves in segments that have its bytes in order, each with a complete checksum. */
static void by_ppp(void **state)
{
    (void)state;
    static uint8_t f[65600], back[65600];
    const size_t carried = 14600, len = make(f, true, carried) - ETH;
    const int fd = tun_end("bare0", true);
    char err[200] = "";
    struct io_ask ask = {
        .ring_bytes = RING, .mtu = 1492, .ifindex = if_nametoindex("bare0"), .group = -1, .link = LINK_RAW};
    struct io_made made;
    struct io_maker maker = {0};
    assert_false(io_PACKET.make(&maker, &ask, &made, err, sizeof err));
    io_maker_fini(&maker);
    struct io_port *p = io_PACKET.open(&ask, &made, NULL, err, sizeof err);
    assert_non_null(p);
    struct virtio_net_hdr h, open = left_open(f, true, len + ETH);
    open.csum_start -= ETH;
    open.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
    open.gso_size = 1440;
    open.hdr_len = IP + TCP;
    for (unsigned round = 0; round < 100; round++) {
        tun_send(fd, &open, f + ETH, len);
        struct pkt *pkt = next_ip4(p);
        assert_int_equal(pkt->segment, 1440);
        io_PACKET.send(p, pkt);
        io_PACKET.flush(p);
        for (size_t at = 0; at < carried; at += 1440) {
            const size_t size = carried - at < 1440 ? carried - at : 1440;
            assert_int_equal(tun_receive(fd, &h, back, sizeof back), IP + TCP + size);
            assert_int_equal(h.gso_type, VIRTIO_NET_HDR_GSO_NONE);
            assert_memory_equal(back + IP + TCP, f + ETH + IP + TCP + at, size);
        }
        io_PACKET.release(p);
    }
    struct io_stats s;
    io_PACKET.stats(p, &s);
    assert_true(s.super == 100 && s.sent == 1100 && !s.not_sent);
    io_PACKET.close(p);
    close(fd);
}

/* Behind unreleased views there is no room: other frames wait in the ring or are counted as lost. */
static void overrun(void **state)
{
    (void)state;
    enum { MANY = 2000 };
    uint8_t f[2000];
    struct virtio_net_hdr none = {0};
    struct pkt *pkts[IO_BATCH];
    struct io_port *p = begin();
    const size_t len = make(f, false, 100);
    unsigned got = 0, n;
    for (int i = 0; i < MANY; i++) peer_send(&none, f, len);
    while ((n = io_PACKET.receive(p, pkts, IO_BATCH)) > 0) {
        for (unsigned i = 0; i < n; i++) got += is_ours(pkts[i]);
        io_PACKET.release(p);
    }
    struct io_stats s;
    io_PACKET.stats(p, &s);
    assert_true(s.lost > 0 && got > 0);
    assert_true(got + s.lost >= MANY);
    io_PACKET.close(p);
}

/* A frame to another station, seen only because the link was made promiscuous, isn't for this machine. */
static void others(void **state)
{
    (void)state;
    uint8_t f[2000];
    struct virtio_net_hdr none = {0};
    struct io_port *p = begin();
    const size_t len = make(f, false, 10);
    f[5] = 77;
    peer_send(&none, f, len);
    f[5] = 1;
    f[ETH + IP + UDP] = 42;
    peer_send(&none, f, len);
    assert_int_equal(receive(p)->data[ETH + IP + UDP], 42);
    io_PACKET.close(p);
}

/* Wait until the link passes frames: one that has just come up passes none until the kernel has noticed it. */
static void comes_through(struct io_port *p, const uint8_t *frame, size_t len)
{
    const struct virtio_net_hdr none = {0};
    struct pkt *came = NULL;
    for (int i = 0; i < 100 && !came;
         i++) { /* the kernel drops frames sent before it has noticed that the link is up */
        peer_send(&none, frame, len);
        came = within(p, 1);
    }
    assert_non_null(came);
}

static void link_down(void **state)
{
    (void)state;
    uint8_t f[2000];
    struct virtio_net_hdr none = {0};
    struct io_port *p = begin();
    const size_t len = make(f, false, 10);
    peer_send(&none, f, len);
    struct pkt *pkt = receive(p);
    parse(pkt);
    sh("ip link set here down");
    struct pollfd fd = {.fd = io_PACKET.fd(p), .events = POLLIN};
    assert_int_equal(poll(&fd, 1, 5000), 1);
    assert_int_equal(io_PACKET.fault(p), ENETDOWN);
    assert_int_equal(io_PACKET.fault(p), 0);
    answer(p, pkt);
    struct io_stats s;
    io_PACKET.stats(p, &s);
    assert_true(s.not_sent == 1 && s.last_errno == ENETDOWN);
    sh("ip link set here up");
    comes_through(p, f, len);
    io_PACKET.close(p);
}

/* The port of an absent interface counts frames that it can't send, like one whose link is down. */
static void away(void **state)
{
    (void)state;
    char err[200] = "";
    struct io_port *p = io_AWAY.open(NULL, NULL, NULL, err, sizeof err);
    struct pkt pkt = {.wire_len = 60}, *none[1];
    struct io_stats s;
    assert_non_null(p);
    for (unsigned i = 0; i < 3; i++) io_AWAY.send(p, &pkt);
    io_AWAY.flush(p);
    assert_int_equal(io_AWAY.receive(p, none, 1), 0);
    io_AWAY.stats(p, &s);
    assert_true(s.not_sent == 3 && s.last_errno == ENETDOWN && !s.sent && !s.lost);
    io_AWAY.close(p);
}

static void refused(void **state)
{
    (void)state;
    char err[200] = "";
    assert_null(port_on(4711, err, sizeof err));
    assert_non_null(strstr(err, "No such device"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        netns_test(in_place), netns_test(when_it_came), netns_test(grown),  netns_test(tagged),
        netns_test(partial),  netns_test(super_packet), netns_test(bare),   netns_test(by_ppp),
        netns_test(overrun),  netns_test(link_down),    netns_test(others), netns_test(refused),
        netns_test(away),
    };
    return netns_run(tests, sizeof tests / sizeof tests[0]);
}
