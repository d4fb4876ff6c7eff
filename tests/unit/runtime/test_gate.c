/* Connections of the proxy. An unknown client's first packet reaches the listener only if it is given to the host;
 * later packets pass in the kernel, past packet sockets. Packets without a connection are held back. The listener's
 * address isn't the host's. Servers' replies to the host's own address also pass, except to ports that something
 * else uses. The test is the host, and plays the vm; a client sends from a separate namespace. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <net/ethernet.h>
#include <netinet/tcp.h>
#include <netpacket/packet.h>
#include <sys/socket.h>

#include "runtime/host/view/here.h"
#include "runtime/host/state.h"
#include "runtime/host/device/tun.h"
#include "runtime/io/steer/filter.h"
#include "runtime/io/steer/gate.h"
#include "runtime/io/steer/own.h"
#include "tests/unit/runtime/old_kernel.h"

static int host, client; /* descriptors of the namespaces */
static char run[64];

static void go(int to) { assert_int_equal(setns(to, CLONE_NEWNET), 0); }

static void make_places(void)
{
    char line[500];
    host = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    assert_int_equal(unshare(CLONE_NEWNET), 0);
    client = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    assert_true(host >= 0 && client >= 0);
    sh("ip link set lo up; echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad");
    go(host);
    snprintf(line, sizeof line,
             "echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad; ip link set lo up; "
             "ip link add wan type veth peer name port netns /proc/%d/fd/%d && ip addr add 192.0.2.1/24 dev wan && "
             "ip addr add 2001:db8::1/64 dev wan && ip link set wan up",
             getpid(), client);
    sh(line);
    go(client);
    sh("ip addr add 192.0.2.2/24 dev port && ip addr add 2001:db8::2/64 dev port && ip link set port up && "
       "ip route add 203.0.113.7 via 192.0.2.1 && ip -6 route add 2001:db8:5::7 via 2001:db8::1 && "
       "until ip -6 route show table local | grep -q 'local 2001:db8::2'; do sleep 0.01; done");
    go(host);
    strcpy(run, "/tmp/prey-test-XXXXXX");
    assert_non_null(mkdtemp(run));
}

static struct sockaddr_storage at(const char *text, unsigned port)
{
    struct sockaddr_storage s = {.ss_family = strchr(text, ':') ? AF_INET6 : AF_INET};
    struct sockaddr_in *v4 = (void *)&s;
    struct sockaddr_in6 *v6 = (void *)&s;
    assert_int_equal(inet_pton(s.ss_family, text, s.ss_family == AF_INET ? (void *)&v4->sin_addr : &v6->sin6_addr), 1);
    v4->sin_port = htons((uint16_t)port);
    return s;
}

static struct guard_match served(const char *text, unsigned port)
{
    struct host_addr a = {.family = strchr(text, ':') ? 6 : 4};
    assert_int_equal(inet_pton(a.family == 4 ? AF_INET : AF_INET6, text, a.word), 1);
    for (unsigned i = 0; i < 4; i++) a.word[i] = ntohl(a.word[i]);
    return (struct guard_match){.to = {a, a},
                                .from_ports = GUARD_ANY_PORT,
                                .to_ports = {(uint16_t)port, (uint16_t)port},
                                .proto = IPPROTO_TCP,
                                .proxied = 1};
}

/* Open the ends of connections, with any addresses. */
static int listener(const char *text, unsigned port)
{
    const struct sockaddr_storage s = at(text, port);
    const int fd = socket(s.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    const bool v4 = s.ss_family == AF_INET;
    assert_int_equal(setsockopt(fd, v4 ? SOL_IP : SOL_IPV6, v4 ? IP_TRANSPARENT : IPV6_TRANSPARENT, &on, sizeof on), 0);
    assert_int_equal(bind(fd, (const void *)&s, sizeof s) | listen(fd, 9), 0);
    return fd;
}

static int begin_connect(const char *text, unsigned port)
{
    const struct sockaddr_storage s = at(text, port);
    go(client);
    const int fd = socket(s.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    go(host);
    assert_true(connect(fd, (const void *)&s, sizeof s) == -1 && errno == EINPROGRESS);
    return fd;
}

/* Return 0 or an errno; EINPROGRESS: no reply yet. */
static int outcome(int fd, int wait_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int error = 0;
    socklen_t len = sizeof error;
    if (poll(&p, 1, wait_ms) == 0) return EINPROGRESS;
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len), 0);
    return error;
}

/* Open a socket like a port's, with the filter. */
static int packet_socket(const struct filter *f)
{
    const struct sockaddr_ll by = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)if_nametoindex("wan")};
    const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), on = 1;
    assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on), 0);
    assert_int_equal(filter_attach(f, fd), 0);
    assert_int_equal(bind(fd, (const void *)&by, sizeof by), 0);
    return fd;
}

/* Read the next TCP segment without its Ethernet header; wait false: return 0 if there is none. */
static size_t next_segment(int fd, uint8_t *to, size_t room, bool wait)
{
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, wait ? 20000 : 0) != 1) return 0;
        uint8_t frame[2048];
        const ssize_t len = recv(fd, frame, sizeof frame, 0);
        const bool v4 = len > 54 - 1 && frame[12] == 8 && !frame[13] && frame[23] == IPPROTO_TCP;
        const bool v6 = len > 74 - 1 && frame[12] == 0x86 && frame[13] == 0xdd && frame[20] == IPPROTO_TCP;
        if (!v4 && !v6) continue;
        assert_true((size_t)len - 14 <= room);
        memcpy(to, frame + 14, (size_t)len - 14);
        return (size_t)len - 14;
    }
}

static uint8_t flags_of(const uint8_t *packet) { return packet[(packet[0] >> 4 == 4 ? 20 : 40) + 13]; }

/* Write a packet whose checksum is left to the card, because such links have none. */
static void give(int tun, const uint8_t *packet, size_t len)
{
    const uint16_t ip = packet[0] >> 4 == 4 ? 20 : 40;
    const struct virtio_net_hdr how = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = ip, .csum_offset = 16};
    assert_int_equal(tun_give(tun, &how, packet, len), 0);
}

/* Send a segment with only ACK, without a connection, from the client's port 9; the reply is in its packet socket. */
static void send_stray(const char *to)
{
    const struct sockaddr_storage s = at(to, 0);
    const bool v6 = s.ss_family == AF_INET6;
    const struct tcphdr ack = {.source = htons(9), .dest = htons(80), .doff = 5, .ack = 1, .window = 1000};
    const int offset = 16;
    go(client);
    const int fd = socket(s.ss_family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_TCP);
    go(host);
    if (v6) assert_int_equal(setsockopt(fd, SOL_IPV6, IPV6_CHECKSUM, &offset, sizeof offset), 0);
    assert_int_equal(sendto(fd, &ack, sizeof ack, 0, (const void *)&s, sizeof s), sizeof ack);
    close(fd);
}

struct site {
    struct state *state;
    struct filter *filter;
    struct gate *gate;
    int tun, packets;
};

static struct site open_site(const struct guard_match *m, unsigned count)
{
    static const char *const wan[] = {"wan"};
    char name[IF_NAMESIZE], err[300] = "";
    const struct guard g = {.ports = wan, .port_count = 1, .matches = m, .match_count = count};
    struct site s = {.state = state_open(run, "wan", NULL, NULL, NULL, err, sizeof err), .filter = filter_open()};
    if (!s.filter) {
        print_message("no filter: the kernel is too old, or the build has no clang\n");
        skip();
    }
    s.gate = gate_open(s.filter);
    assert_non_null(s.state);
    assert_int_equal(tun_open("wan", &s.tun, 1, name, err, sizeof err), 0);
    if (guard_set(s.state, "wan", &g, err, sizeof err) || here_set(s.state, "wan", m, count, err, sizeof err))
        fail_msg("%s", err);
    assert_int_equal(gate_rules(s.gate, m, count, true), 0);
    if (gate_attach(s.gate, s.state, 0, "wan", if_nametoindex("wan"), err, sizeof err)) fail_msg("%s", err);
    s.packets = packet_socket(s.filter);
    return s;
}

static void close_site(struct site *s)
{
    if (kernel_is_old) sh("tc filter show dev wan ingress | grep -q handle");
    assert_int_equal(state_undo(s->state, STATE_OPEN, NULL, NULL), 0);
    state_close(s->state);
    assert_int_equal(rmdir(run), 0);
    sh("! tc qdisc show dev wan | grep clsact");
    gate_close(s->gate);
    filter_close(s->filter);
    close(s->tun);
    close(s->packets);
    sh("test -z \"$(nft list ruleset)$(ip rule show pref 28793)$(ip -6 rule show pref 28793)"
       "$(ip route show table all proto 112)$(ip -6 route show table all proto 112)\"");
}

static void one_address(const struct site *s, const char *to)
{
    uint8_t packet[2048], bytes[64];
    const int listens = listener(to, 80), fd = begin_connect(to, 80);
    size_t len = next_segment(s->packets, packet, sizeof packet, true);
    assert_int_equal(flags_of(packet) & 0x12, 0x02);
    assert_int_equal(outcome(fd, 100), EINPROGRESS); /* dropped: the listener knows nothing */
    give(s->tun, packet, len);
    assert_int_equal(outcome(fd, 20000), 0);
    const int there = accept(listens, NULL, NULL);
    assert_true(there >= 0);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(send(fd, "question", 8, 0), 8);
        assert_int_equal(recv(there, bytes, 8, MSG_WAITALL), 8);
        assert_int_equal(send(there, "answer", 6, 0), 6);
        struct pollfd p = {.fd = fd, .events = POLLIN};
        assert_int_equal(poll(&p, 1, 20000), 1);
        assert_int_equal(recv(fd, bytes, sizeof bytes, 0), 6);
    }
    struct gate_count before = {0}, c;
    gate_counts(s->gate, if_nametoindex("wan"), &before);
    assert_true(before.passed >= 20);
    c = before;
    send_stray(to);
    for (int i = 0; i < 2000 && c.strays == before.strays; i++) {
        usleep(10000);
        c = (struct gate_count){0};
        gate_counts(s->gate, if_nametoindex("wan"), &c);
    }
    assert_int_equal(c.strays, before.strays + 1);
    while ((len = next_segment(s->packets, packet, sizeof packet, false)))
        assert_int_equal(flags_of(packet) & 0x12, 0x02); /* packet sockets get first packets only */
    close(fd), close(there), close(listens);
}

static void passes_in_the_kernel(void **state)
{
    (void)state;
    make_places();
    const struct guard_match m[] = {served("203.0.113.7", 80), served("2001:db8:5::7", 80)};
    struct site s = open_site(m, 2);
    sh("ip rule show pref 28793 | grep -q 'to 203.0.113.7 ipproto tcp dport 80'");
    one_address(&s, "203.0.113.7");
    one_address(&s, "2001:db8:5::7");
    close_site(&s);
}

/* The same address's other ports belong to the host. */
static void others_are_untouched(void **state)
{
    (void)state;
    make_places();
    const struct guard_match m[] = {served("192.0.2.1", 80)};
    struct site s = open_site(m, 1);
    const int fd = begin_connect("192.0.2.1", 80), other = begin_connect("192.0.2.1", 81);
    assert_int_equal(outcome(other, 20000), ECONNREFUSED);
    assert_int_equal(outcome(fd, 0), EINPROGRESS);
    close(fd), close(other);
    uint8_t packet[2048];
    while (next_segment(s.packets, packet, sizeof packet, false)) {}
    one_address(&s, "192.0.2.1");
    close_site(&s);
}

/* After the gate's owner is gone, packets without a connection get the host's reply again. */
static void let_go(void **state)
{
    (void)state;
    struct gate_count c = {0};
    make_places();
    const struct guard_match m[] = {served("203.0.113.7", 80)};
    struct site s = open_site(m, 1);
    gate_detach(s.gate, 0);
    sh("! tc filter show dev wan ingress | grep handle");
    char err[300];
    assert_int_equal(gate_attach(s.gate, s.state, 0, "wan", if_nametoindex("wan"), err, sizeof err), 0);
    const int listens = listener("203.0.113.7", 80), packets = packet_socket(s.filter);
    send_stray("203.0.113.7");
    for (int i = 0; i < 2000 && !c.strays; i++, usleep(10000)) gate_counts(s.gate, if_nametoindex("wan"), &c);
    assert_int_equal(c.strays, 1);
    close(packets), close(listens);
    close_site(&s);
}

/* Parts that another program removes are set again. */
static void is_kept(void **state)
{
    char err[300] = "";
    (void)state;
    make_places();
    const struct guard_match m[] = {served("203.0.113.7", 80)};
    struct site s = open_site(m, 1);
    assert_int_equal(gate_keep(s.gate, s.state, 0, "wan", err, sizeof err), 0);
    sh("tc qdisc del dev wan clsact");
    assert_int_equal(gate_keep(s.gate, s.state, 0, "wan", err, sizeof err), 1);
    assert_int_equal(gate_keep(s.gate, s.state, 0, "wan", err, sizeof err), 0);
    one_address(&s, "203.0.113.7");
    gate_detach(s.gate, 0);
    assert_int_equal(gate_keep(s.gate, s.state, 0, "wan", err, sizeof err), 0);
    assert_int_equal(gate_attach(s.gate, s.state, 0, "wan", if_nametoindex("wan"), err, sizeof err), 0);
    close_site(&s);
}

/* Make a connection of the host from this port to port 8080 of the client, which replies. True if the packet socket
 * sees it. */
static bool is_seen(const struct site *s, unsigned from)
{
    const struct sockaddr_storage mine = at("192.0.2.1", from), its = at("192.0.2.2", 8080);
    uint8_t packet[2048], bytes[8];
    go(client);
    const int listens = listener("192.0.2.2", 8080);
    go(host);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const void *)&mine, sizeof mine), 0);
    assert_int_equal(connect(fd, (const void *)&its, sizeof its), 0);
    const int there = accept(listens, NULL, NULL);
    assert_int_equal(send(there, "answer", 6, 0), 6);
    assert_int_equal(recv(fd, bytes, 6, MSG_WAITALL), 6);
    bool seen = false;
    while (next_segment(s->packets, packet, sizeof packet, false)) seen |= (packet[22] << 8 | packet[23]) == (int)from;
    close(fd), close(there), close(listens);
    return seen;
}

static void servers_answer_the_host(void **state)
{
    (void)state;
    make_places();
    const uint32_t own = 0xc0000201;
    const struct facts f = {.self4 = &own, .self4_count = 1};
    const struct host_addr server = {{0xc0000202}, 4};
    const struct guard_match m[] = {
        served("203.0.113.7", 80),
        {.from = {server, server},
         .from_ports = {8080, 8080},
         .to_ports = GUARD_ANY_PORT,
         .proto = IPPROTO_TCP,
         .reach = GUARD_OWN,
         .proxied = GUARD_ANSWERS},
        {.from_ports = {1, 1}, .to_ports = {61000, 65535}, .proto = IPPROTO_TCP, .reach = GUARD_OWN}, /* translation */
    };
    struct site s = open_site(m, 3);
    assert_true(is_seen(&s, 40000)); /* an address with an unknown owner */
    assert_int_equal(gate_world(s.gate, &f), 0);
    assert_false(is_seen(&s, 40001));
    assert_false(is_seen(&s, 60999));
    assert_true(is_seen(&s, 61000));
    assert_int_equal(gate_rules(s.gate, m, 3, false), 0);
    assert_true(is_seen(&s, 40002));
    assert_int_equal(gate_rules(s.gate, m, 1, true), 0);
    assert_true(is_seen(&s, 40003)); /* not a service's server */
    close_site(&s);
}

/* A full map: addresses that are gone make room first, and one without room delays no other. */
static void own_addresses_change_in_a_full_map(void **state)
{
    (void)state;
    const uint32_t old[] = {1, 2, 3}, fresh[] = {3, 4, 5}, many[] = {5, 6, 7, 8};
    const struct pbc_range6 six = {.lo_hi = 1ull << 60, .lo_lo = 1, .hi_hi = 1ull << 60, .hi_lo = 1};
    const struct numbered_ip addr6 = {six.lo_hi, six.lo_lo};
    LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);
    const int map = bpf_map_create(BPF_MAP_TYPE_HASH, "own", sizeof(struct numbered_ip), 1, 4, &opts);
    struct facts f = {.self4 = old, .self4_count = 3, .self6 = &six, .self6_count = 1};
    uint8_t here;
    if (map < 0) skip();
    assert_int_equal(own_addresses(map, &f), 0);
    f.self4 = fresh;
    assert_int_equal(own_addresses(map, &f), 0);
    for (uint32_t i = 1; i <= 5; i++) {
        const struct numbered_ip addr = {0, NUMBERED_V4 | i};
        assert_int_equal(!bpf_map_lookup_elem(map, &addr, &here), i >= 3);
    }
    assert_int_equal(bpf_map_lookup_elem(map, &addr6, &here), 0);
    f.self4 = many, f.self4_count = 4, f.self6_count = 0;
    assert_int_equal(own_addresses(map, &f), 0);
    f.self6_count = 1;
    assert_int_equal(own_addresses(map, &f), -E2BIG);
    for (uint32_t i = 5; i <= 8; i++) {
        const struct numbered_ip addr = {0, NUMBERED_V4 | i};
        assert_int_equal(bpf_map_lookup_elem(map, &addr, &here), 0);
    }
    close(map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {as_is_test(passes_in_the_kernel),
                                       as_is_test(others_are_untouched),
                                       as_is_test(servers_answer_the_host),
                                       as_is_test(own_addresses_change_in_a_full_map),
                                       old_test(passes_in_the_kernel),
                                       as_is_test(let_go),
                                       old_test(let_go),
                                       old_test(is_kept)};
    int failed = 0;
    for (unsigned i = 0; i < sizeof tests / sizeof tests[0]; i++) failed |= netns_alone(&tests[i]);
    return failed;
}
