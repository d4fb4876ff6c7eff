/* The inline stack for inline connections: hand-made packets reach its listeners, its sockets' packets come out of
 * the worker's device, super-packets go both ways, and its sockets are in no other namespace. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "runtime/base/sockaddr.h"
#include "runtime/host/device/inline_stack.h"
#include "runtime/host/device/tun.h"
#include "runtime/io/inline_io.h"
#include "runtime/io/io.h"
#include "tests/unit/runtime/netns.h"
#include "vm/flow/inline_addr.h"

enum { WORKERS = 2, MTU = 1500, MOST = 65600, MANY = 20, EACH = 1000, PORT = 7, BATCH = 4 };

struct seen { /* a packet from a device */
    struct virtio_net_hdr how;
    uint8_t bytes[MOST];
    size_t len;
    uint32_t src[4], dst[4];
    struct tcphdr tcp;
    size_t payload;
};

static struct aside *aside;
static int fds[WORKERS * INLINE_STACK_FDS];
static unsigned each; /* descriptors per worker */

static int device(unsigned worker) { return fds[worker * each]; }
static int listener(unsigned worker, bool v6) { return fds[worker * each + 1 + v6]; }
static bool has_ip6(void) { return each == INLINE_STACK_FDS; }

static void begin(void)
{
    const struct inline_stack_ask ask = {.workers = WORKERS, .mtu = MTU, .whole = 1};
    char err[300] = "";
    aside = aside_new("a test", NULL, err, sizeof err);
    assert_non_null(aside);
    const int made = inline_stack_make(aside, &ask, fds, err, sizeof err);
    if (made < 0) print_error("# %s\n", err);
    assert_true(made == WORKERS * INLINE_STACK_FDS || made == WORKERS * (INLINE_STACK_FDS - 1));
    each = (unsigned)made / WORKERS;
}

static void finish(void)
{
    for (unsigned i = 0; i < WORKERS * each; i++) close(fds[i]);
    aside_free(aside);
}

static void words(const uint8_t *from, uint32_t to[4], bool v6)
{
    to[0] = to[1] = to[2] = to[3] = 0;
    for (unsigned i = 0; i < (v6 ? 4 : 1); i++) {
        uint32_t one;
        memcpy(&one, from + 4 * i, sizeof one);
        to[i] = ntohl(one);
    }
}

/* Read the next TCP packet of a family, which its device must have soon. */
static void next_of(int tun, bool v6, struct seen *s)
{
    do {
        struct pollfd ready = {.fd = tun, .events = POLLIN};
        assert_int_equal(poll(&ready, 1, 10000), 1);
        uint8_t all[sizeof s->how + MOST];
        const ssize_t n = read(tun, all, sizeof all);
        assert_true(n > (ssize_t)sizeof s->how);
        memcpy(&s->how, all, sizeof s->how);
        s->len = (size_t)n - sizeof s->how;
        memcpy(s->bytes, all + sizeof s->how, s->len);
    } while (s->bytes[0] >> 4 != (v6 ? 6 : 4) || s->bytes[v6 ? 6 : 9] != IPPROTO_TCP);
    const size_t l4 = v6 ? 40 : 20;
    words(s->bytes + (v6 ? 8 : 12), s->src, v6);
    words(s->bytes + (v6 ? 24 : 16), s->dst, v6);
    memcpy(&s->tcp, s->bytes + l4, sizeof s->tcp);
    s->payload = s->len - l4 - 4u * s->tcp.doff;
}

static void put_words(uint8_t *to, const uint32_t from[4], bool v6)
{
    for (unsigned i = 0; i < (v6 ? 4 : 1); i++) {
        const uint32_t one = htonl(from[i]);
        memcpy(to + 4 * i, &one, sizeof one);
    }
}

/* Write a client's TCP packet to a worker's listener, with its checksum left to the receiver; segment: payload of
 * the packets that it is cut into. */
static void say(bool v6, struct inline_name client, const struct tcphdr *tcp, const uint8_t *payload, size_t len,
                uint16_t segment)
{
    uint8_t bytes[MOST] = {0};
    uint32_t from[4], to[4];
    const size_t l4 = v6 ? 40 : 20;
    inline_address(from, v6, client);
    inline_listener(to, v6, client.worker);
    const uint16_t length = htons((uint16_t)(20 + len + (v6 ? 0 : 20)));
    bytes[0] = v6 ? 0x60 : 0x45;
    memcpy(bytes + (v6 ? 4 : 2), &length, sizeof length);
    bytes[v6 ? 6 : 9] = IPPROTO_TCP;
    bytes[v6 ? 7 : 8] = 64;
    put_words(bytes + (v6 ? 8 : 12), from, v6);
    put_words(bytes + (v6 ? 24 : 16), to, v6);
    uint32_t sum = 0;
    for (unsigned i = 0; !v6 && i < 20; i += 2) sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
    const uint16_t ip_sum = htons((uint16_t) ~((sum >> 16) + (sum & 0xffff)));
    if (!v6) memcpy(bytes + 10, &ip_sum, sizeof ip_sum);
    memcpy(bytes + l4, tcp, 20);
    if (len) memcpy(bytes + l4 + 20, payload, len);
    const struct virtio_net_hdr how = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                                       .csum_start = (uint16_t)l4,
                                       .csum_offset = 16,
                                       .hdr_len = segment ? (uint16_t)(l4 + 20) : 0,
                                       .gso_size = segment,
                                       .gso_type = !segment ? VIRTIO_NET_HDR_GSO_NONE
                                                   : v6     ? VIRTIO_NET_HDR_GSO_TCPV6
                                                            : VIRTIO_NET_HDR_GSO_TCPV4};
    assert_int_equal(tun_give(device(client.worker), &how, bytes, l4 + 20 + len), 0);
}

static struct tcphdr header(uint32_t seq, uint32_t ack)
{
    return (struct tcphdr){.source = htons(PORT),
                           .dest = htons(INLINE_LISTENS),
                           .seq = htonl(seq),
                           .ack_seq = htonl(ack),
                           .doff = 5,
                           .window = 0xffff};
}

/* Connect manually. Return the accepted socket; *ack: the listener's next number. */
static int connected(bool v6, struct inline_name client, uint32_t *ack)
{
    struct seen s;
    uint32_t at[4];
    struct tcphdr syn = header(999, 0), last;
    syn.syn = 1;
    say(v6, client, &syn, NULL, 0, 0);
    next_of(device(client.worker), v6, &s);
    assert_true(s.tcp.syn && s.tcp.ack && !s.tcp.rst);
    inline_listener(at, v6, client.worker);
    assert_memory_equal(s.src, at, sizeof at);
    const struct inline_name back = inline_read(s.dst, v6);
    assert_true(back.end == INLINE_CLIENT && back.worker == client.worker && back.number == client.number);
    assert_int_equal(ntohs(s.tcp.dest), PORT);
    *ack = ntohl(s.tcp.seq) + 1;
    last = header(1000, *ack);
    last.ack = 1;
    say(v6, client, &last, NULL, 0, 0);
    union sockaddr_any peer;
    socklen_t len = sizeof peer;
    const int fd = accept4(listener(client.worker, v6), &peer.any, &len, SOCK_NONBLOCK);
    assert_true(fd >= 0);
    assert_int_equal(ntohs(v6 ? peer.v6.sin6_port : peer.v4.sin_port), PORT);
    return fd;
}

static void speaks_both(bool v6)
{
    static uint8_t sent[MANY * EACH], got[MANY * EACH + 1];
    const struct inline_name client = {.end = INLINE_CLIENT, .worker = 1, .number = 0xabcdef};
    struct seen s;
    uint32_t ack;
    const int fd = connected(v6, client, &ack);
    for (unsigned i = 0; i < sizeof sent; i++) sent[i] = (uint8_t)(i * 7 + i / 251);
    struct tcphdr data = header(1000, ack);
    data.ack = data.psh = 1;
    say(v6, client, &data, sent, sizeof sent, EACH);
    assert_int_equal(read(fd, got, sizeof got), sizeof sent);
    assert_memory_equal(sent, got, sizeof sent);
    assert_int_equal(write(fd, sent, sizeof sent), sizeof sent);
    do {
        next_of(device(1), v6, &s);
    } while (!s.payload);
    assert_true(s.len > MTU);
    assert_int_equal(s.how.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_F_NEEDS_CSUM);
    assert_int_equal(s.how.gso_type, v6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4);
    assert_true(s.how.gso_size && s.how.gso_size < MTU);
    assert_memory_equal(s.bytes + s.len - s.payload, sent, s.payload);
    close(fd);
}

static void listens(void **state)
{
    (void)state;
    begin();
    assert_int_equal(if_nametoindex("prey-in0"), 0);
    speaks_both(false);
    if (has_ip6()) speaks_both(true);
    finish();
}

static void connects_out(bool v6)
{
    int own_fds[BATCH];
    struct seen s;
    union sockaddr_any own, server;
    uint32_t addr[4];
    struct inline_name n = {.end = INLINE_OWN, .worker = 0, .number = 0x10203};
    assert_int_equal(inline_stack_batch(aside, v6 ? 6 : 4, own_fds, BATCH), BATCH);
    inline_address(addr, v6, n);
    sockaddr_of(&own, v6 ? 6 : 4, addr, 0);
    n.end = INLINE_SERVER;
    inline_address(addr, v6, n);
    sockaddr_of(&server, v6 ? 6 : 4, addr, INLINE_SERVERS + 3);
    assert_int_equal(bind(own_fds[0], &own.any, sizeof own), 0);
    assert_int_equal(connect(own_fds[0], &server.any, sizeof server), -1);
    assert_int_equal(errno, EINPROGRESS);
    next_of(device(0), v6, &s);
    assert_true(s.tcp.syn && !s.tcp.ack);
    assert_int_equal(ntohs(s.tcp.dest), INLINE_SERVERS + 3);
    const struct inline_name from = inline_read(s.src, v6), to = inline_read(s.dst, v6);
    assert_true(from.end == INLINE_OWN && from.worker == 0 && from.number == n.number);
    assert_true(to.end == INLINE_SERVER && to.worker == 0 && to.number == n.number);
    for (unsigned i = 0; i < BATCH; i++) close(own_fds[i]);
}

static void connects(void **state)
{
    (void)state;
    begin();
    connects_out(false);
    if (has_ip6()) connects_out(true);
    finish();
}

/* Read through the worker's port: views with headroom, and one look per few when nothing is likely */
static void views(void **state)
{
    (void)state;
    begin();
    struct inline_io io = {.fd = device(1)};
    struct pkt *pkts[INLINE_IO_BATCH];
    static uint8_t sent[MANY * EACH];
    const struct inline_name client = {.end = INLINE_CLIENT, .worker = 1, .number = 3};
    uint32_t ack;
    const int fd = connected(false, client, &ack);
    assert_int_equal(inline_io_init(&io), 0);
    assert_int_equal(write(fd, sent, sizeof sent), sizeof sent);
    struct pollfd ready = {.fd = io.fd, .events = POLLIN};
    assert_int_equal(poll(&ready, 1, 10000), 1);
    unsigned looks = 1, n;
    while (!(n = inline_io_read(&io, pkts))) looks++;
    assert_true(looks > 1 && looks < 10);
    assert_true(io.likely);
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(pkts[i]->link, LINK_RAW);
        assert_int_equal(pkts[i]->data[0], 0x45);
        assert_int_equal(pkts[i]->headroom, IO_HEADROOM);
        assert_int_equal(pkts[i]->flags, PKT_WRITABLE | PKT_CSUM_PARTIAL);
    }
    assert_true(pkts[0]->segment && pkts[0]->head_len > MTU);
    while (inline_io_read(&io, pkts)) {}
    assert_false(io.likely);
    inline_io_fini(&io);
    close(fd);
    finish();
}

/* Read a number of the stack's settings, in its namespace */
static int read_setting(void *with)
{
    int number = -1;
    FILE *f = fopen(with, "r");
    if (!f) return -errno;
    const bool read = fscanf(f, "%d", &number) == 1;
    fclose(f);
    return read ? number : -EINVAL;
}

static int setting(const char *path) { return aside_run(aside, read_setting, (void *)(uintptr_t)path); }

static void is_set(void **state)
{
    (void)state;
    begin();
    assert_int_equal(setting("/proc/sys/net/ipv4/ip_forward"), 0);
    assert_int_equal(setting("/proc/sys/net/ipv4/conf/all/rp_filter"), 0);
    assert_int_equal(setting("/proc/sys/net/ipv4/conf/prey-in1/rp_filter"), 0);
    assert_int_equal(setting("/proc/sys/net/ipv4/conf/prey-in1/accept_local"), 1);
    assert_int_equal(setting("/proc/sys/net/ipv4/tcp_mtu_probing"), 1);
    assert_int_equal(setting("/proc/sys/net/ipv4/ip_local_port_range"), 1024);
    assert_int_equal(setting("/proc/sys/net/core/somaxconn"), 65535);
    assert_int_equal(setting("/proc/sys/net/ipv4/tcp_no_metrics_save"), 1);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {netns_test(listens), netns_test(connects), netns_test(views),
                                       netns_test(is_set)};
    return netns_run(tests, sizeof tests / sizeof *tests);
}
