/* Guard rules: packets that are hidden from the host's stack, and the rest, which reaches it. The test is the host;
 * one or two others send to it from separate namespaces. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <signal.h>
#include <sys/socket.h>

#include "runtime/host/guard/guard.h"
#include "runtime/host/state.h"
#include "tests/unit/runtime/netns.h"

enum { HOST, CLIENT, SERVER, PLACES };
static int place[PLACES]; /* descriptors of the namespaces */
static char run[64];

static void go(int to) { assert_int_equal(setns(place[to], CLONE_NEWNET), 0); }

static void sh_in(int where, const char *line)
{
    go(where);
    sh(line);
    go(HOST);
}

static int socket_in(int where, int family, int type, int proto)
{
    go(where);
    const int fd = socket(family, type | SOCK_CLOEXEC, proto);
    go(HOST);
    assert_true(fd >= 0);
    return fd;
}

/* Host: `client` 192.0.2.1, 2001:db8::1 and `server` 198.51.100.1, 2001:db8:5::1; the other ends have ….2 and ….2. */
static void make_places(void)
{
    char line[600];
    cpu_set_t one; /* frames that one CPU sends stay in order */
    CPU_ZERO(&one);
    CPU_SET((unsigned)sched_getcpu(), &one);
    sched_setaffinity(0, sizeof one, &one);
    for (int i = 0; i < PLACES; i++) {
        if (i) assert_int_equal(unshare(CLONE_NEWNET), 0);
        place[i] = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        assert_true(place[i] >= 0);
        sh("ip link set lo up; echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad");
    }
    go(HOST);
    snprintf(line, sizeof line,
             "ip link add client type veth peer name port netns /proc/%d/fd/%d && "
             "ip link add server type veth peer name port netns /proc/%d/fd/%d && "
             "ip addr add 192.0.2.1/24 dev client && ip addr add 2001:db8::1/64 dev client && "
             "ip addr add 198.51.100.1/24 dev server && ip addr add 2001:db8:5::1/64 dev server && "
             "ip link set client up && ip link set server up",
             getpid(), place[CLIENT], getpid(), place[SERVER]);
    sh(line);
    sh_in(CLIENT, "ip addr add 192.0.2.2/24 dev port && ip addr add 2001:db8::2/64 dev port && ip link set port up && "
                  "ip route add default via 192.0.2.1 && ip -6 route add default via 2001:db8::1");
    sh_in(SERVER,
          "ip addr add 198.51.100.2/24 dev port && ip addr add 2001:db8:5::2/64 dev port && ip link set port up && "
          "ip route add default via 198.51.100.1 && ip -6 route add default via 2001:db8:5::1");
    sh("for a in 2001:db8::1 2001:db8:5::1; do until ip -6 route show table local | grep -q \"local $a\"; "
       "do sleep 0.01; done; done");
    strcpy(run, "/tmp/prey-test-XXXXXX");
    assert_non_null(mkdtemp(run));
}

static struct host_addr addr(const char *text)
{
    struct host_addr a = {.family = strchr(text, ':') ? 6 : 4};
    assert_int_equal(inet_pton(a.family == 4 ? AF_INET : AF_INET6, text, a.word), 1);
    for (unsigned i = 0; i < 4; i++) a.word[i] = ntohl(a.word[i]);
    return a;
}

static struct sockaddr_storage at(const char *text, unsigned port)
{
    struct sockaddr_storage s = {.ss_family = strchr(text, ':') ? AF_INET6 : AF_INET};
    struct sockaddr_in *v4 = (void *)&s;
    struct sockaddr_in6 *v6 = (void *)&s;
    assert_int_equal(inet_pton(s.ss_family, text, s.ss_family == AF_INET ? (void *)&v4->sin_addr : &v6->sin6_addr), 1);
    v4->sin_port = htons((uint16_t)port); /* both have it at the same offset */
    return s;
}

static struct guard_match to_service(const char *address, uint8_t proto, uint16_t lo, uint16_t hi)
{
    const struct host_addr a = addr(address);
    return (struct guard_match){.to = {a, a}, .from_ports = GUARD_ANY_PORT, .to_ports = {lo, hi}, .proto = proto};
}

static const char *const both[] = {"client", "server"};
static void set(struct state *s, const struct guard_match *m, unsigned count, bool routed)
{
    char err[300] = "";
    const struct guard g = {.ports = both, .port_count = 2, .matches = m, .match_count = count, .routed = routed};
    const int failed = guard_set(s, "eth0.5", &g, err, sizeof err);
    if (failed) print_error("%s\n", err);
    assert_int_equal(failed, 0);
}

static struct state *open_state(void)
{
    char err[300] = "";
    struct state *s = state_open(run, "eth0.5", NULL, NULL, NULL, err, sizeof err);
    if (!s) print_error("%s\n", err);
    assert_non_null(s);
    return s;
}

static void no_table(void) { sh("test -z \"$(nft list ruleset)\""); }

static void end(struct state *s)
{
    assert_int_equal(state_undo(s, STATE_OPEN, NULL, NULL), 0);
    state_close(s);
    no_table();
    assert_int_equal(rmdir(run), 0);
}

/* Begin to connect; a reply, if any, comes later. */
static int begin_connect(int where, const char *to, unsigned port)
{
    const struct sockaddr_storage s = at(to, port);
    const int fd = socket_in(where, s.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_true(connect(fd, (const void *)&s, sizeof s) == -1 && errno == EINPROGRESS);
    return fd;
}

/* Return the outcome: 0 or an errno; EINPROGRESS: no reply yet. */
static int outcome(int fd, int wait_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int error = 0;
    socklen_t len = sizeof error;
    if (poll(&p, 1, wait_ms) == 0) return EINPROGRESS;
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len), 0);
    return error;
}

/* Return the reply to a connect from there. Without a reply, the reply to a later connect by the same link has come. */
static int answer(int where, const char *to, unsigned port, const char *sure, unsigned sure_port)
{
    const int fd = begin_connect(where, to, port);
    const int later = begin_connect(where, sure, sure_port);
    assert_int_equal(outcome(later, 20000), ECONNREFUSED);
    const int result = outcome(fd, 0);
    close(fd);
    close(later);
    return result;
}

static void no_reset(void **state)
{
    (void)state;
    make_places();
    struct state *s = open_state();
    const struct guard_match m[] = {to_service("192.0.2.1", IPPROTO_TCP, 80, 80),
                                    to_service("2001:db8::1", IPPROTO_TCP, 400, 500)};
    assert_int_equal(answer(CLIENT, "192.0.2.1", 80, "192.0.2.1", 81), ECONNREFUSED);
    set(s, m, 2, false);
    assert_int_equal(answer(CLIENT, "192.0.2.1", 80, "192.0.2.1", 81), EINPROGRESS);
    assert_int_equal(answer(CLIENT, "2001:db8::1", 400, "2001:db8::1", 399), EINPROGRESS);
    assert_int_equal(answer(CLIENT, "2001:db8::1", 500, "2001:db8::1", 501), EINPROGRESS);
    sh("nft list tables | grep -qx 'table netdev prey_eth0_2e5'");
    set(s, m + 1, 1, false); /* another program: in place of the first */
    assert_int_equal(answer(CLIENT, "192.0.2.1", 80, "192.0.2.1", 81), ECONNREFUSED);
    assert_int_equal(answer(CLIENT, "2001:db8::1", 400, "2001:db8::1", 399), EINPROGRESS);
    assert_int_equal(state_undo(s, STATE_OPEN, NULL, NULL), 0);
    assert_int_equal(answer(CLIENT, "2001:db8::1", 400, "2001:db8::1", 399), ECONNREFUSED);
    end(s);
}

/* If ports are hidden unless a socket takes them, a listener has its port from the moment that it listens. */
static void untaken(void **state)
{
    (void)state;
    make_places();
    struct state *s = open_state();
    const struct guard_match m = {
        .from_ports = GUARD_ANY_PORT, .to_ports = {2000, 2999}, .reach = GUARD_OWN, .hides = GUARD_HIDES_UNTAKEN};
    assert_true(guard_match_valid(&m));
    set(s, &m, 1, false);
    for (unsigned six = 0; six < 2; six++) {
        const char *const own = six ? "2001:db8::1" : "192.0.2.1";
        const struct sockaddr_storage a = at(own, 2500);
        assert_int_equal(answer(CLIENT, own, 2500, own, 3000), EINPROGRESS);
        const int listener = socket_in(HOST, a.ss_family, SOCK_STREAM, 0);
        assert_int_equal(bind(listener, (const void *)&a, sizeof a) | listen(listener, 9), 0);
        const int fd = begin_connect(CLIENT, own, 2500);
        assert_int_equal(outcome(fd, 20000), 0);
        assert_int_equal(answer(CLIENT, own, 2501, own, 1999), EINPROGRESS);
        close(fd);
        close(listener);
    }
    end(s);
}

static void after_a_kill(void **state)
{
    (void)state;
    make_places();
    const struct guard_match m = to_service("192.0.2.1", IPPROTO_TCP, 80, 80);
    fflush(NULL);
    const pid_t pid = fork();
    if (!pid) {
        set(open_state(), &m, 1, false);
        raise(SIGKILL);
    }
    int status;
    waitpid(pid, &status, 0);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_int_equal(answer(CLIENT, "192.0.2.1", 80, "192.0.2.1", 81),
                     EINPROGRESS); /* a crash leaves the guard closed */
    struct state *s = open_state();
    no_table();
    assert_int_equal(answer(CLIENT, "192.0.2.1", 80, "192.0.2.1", 81), ECONNREFUSED);
    end(s);
}

/* A connection of the host to a server is its own, except from a port that is translated to. */
static void own_connections(void **state)
{
    (void)state;
    make_places();
    struct state *s = open_state();
    const struct host_addr server = addr("198.51.100.2"), source = addr("198.51.100.1");
    const struct guard_match m[] = {
        {.from = {server, server},
         .to = {source, source},
         .from_ports = {8080, 8080},
         .to_ports = {61000, 65535},
         .proto = IPPROTO_TCP},
        {.from = {server, server},
         .from_ports = {8080, 8080},
         .to_ports = GUARD_ANY_PORT,
         .proto = IPPROTO_TCP,
         .reach = GUARD_FOREIGN},
    };
    set(s, m, 2, false);
    struct sockaddr_storage a = at("198.51.100.2", 8080);
    const int listener = socket_in(SERVER, AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (const void *)&a, sizeof a) | listen(listener, 9), 0);
    for (unsigned port = 61000; port >= 60999; port--) {
        const struct sockaddr_storage mine = at("198.51.100.1", port);
        const int fd = socket_in(HOST, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        assert_int_equal(bind(fd, (const void *)&mine, sizeof mine), 0);
        assert_int_equal(connect(fd, (const void *)&a, sizeof a), -1);
        if (port == 60999) assert_int_equal(outcome(fd, 20000), 0);
        const int later = begin_connect(HOST, "198.51.100.2", 8081);
        assert_int_equal(outcome(later, 20000), ECONNREFUSED);
        assert_int_equal(outcome(fd, 0), port == 60999 ? 0 : EINPROGRESS);
        close(later);
        close(fd);
    }
    end(s);
}

static void send_to(int fd, const char *to, unsigned port, size_t len)
{
    static char bytes[8192];
    const struct sockaddr_storage s = at(to, port);
    assert_int_equal(sendto(fd, bytes, len, 0, (const void *)&s, sizeof s), len);
}

static ssize_t receive(int fd)
{
    static char bytes[8192];
    struct pollfd p = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 20000), 1);
    return recv(fd, bytes, sizeof bytes, 0);
}

/* A service's address also belongs to the host: its other ports do, even in fragments. */
static void own_pieces(void **state)
{
    (void)state;
    make_places();
    struct state *s = open_state();
    const struct guard_match m[] = {to_service("192.0.2.1", IPPROTO_UDP, 53, 53),
                                    to_service("2001:db8::1", IPPROTO_UDP, 53, 53)};
    set(s, m, 2, false);
    static const char *const own[] = {"192.0.2.1", "2001:db8::1"};
    for (int i = 0; i < 2; i++) {
        const struct sockaddr_storage a = at(own[i], 54), service = at(own[i], 53);
        const int fd = socket_in(HOST, a.ss_family, SOCK_DGRAM, 0),
                  hidden = socket_in(HOST, a.ss_family, SOCK_DGRAM, 0);
        const int from = socket_in(CLIENT, a.ss_family, SOCK_DGRAM, 0);
        assert_int_equal(bind(fd, (const void *)&a, sizeof a) | bind(hidden, (const void *)&service, sizeof a), 0);
        send_to(from, own[i], 53, 4000);
        send_to(from, own[i], 53, 100);
        send_to(from, own[i], 54, 4000);
        assert_int_equal(receive(fd), 4000);
        assert_int_equal(recv(hidden, &(char){0}, 1, MSG_DONTWAIT), -1);
        close(fd), close(hidden), close(from);
    }
    sh_in(CLIENT,
          "ping -q -c 1 -W 20 -s 4000 192.0.2.1 >/dev/null && ping -q -c 1 -W 20 -s 4000 2001:db8::1 >/dev/null");
    end(s);
}

/* Write a packet's protocol and number: "udp 53", "udp +" for a later fragment, "icmp 8". */
static bool describe(const uint8_t *b, size_t len, char *text)
{
    const bool v6 = len > 40 && b[0] >> 4 == 6;
    if (len < 28 || (!v6 && b[0] >> 4 != 4)) return false;
    const uint8_t *up = v6 ? b + 40 : b + 4 * (b[0] & 15);
    unsigned proto = v6 ? b[6] : b[9], offset = v6 ? 0 : (unsigned)(b[6] & 31) << 8 | b[7];
    if (v6 && proto == IPPROTO_FRAGMENT) {
        proto = up[0];
        offset = ((unsigned)up[2] << 8 | up[3]) >> 3;
        up += 8;
    }
    const bool udp = proto == IPPROTO_UDP;
    if (!udp && (v6 ? proto != IPPROTO_ICMPV6 || (up[0] >= 130 && up[0] <= 143) : proto != IPPROTO_ICMP)) return false;
    if (offset)
        sprintf(text, "%s + ", udp ? "udp" : "icmp");
    else
        sprintf(text, "%s %u ", udp ? "udp" : "icmp", udp ? (unsigned)up[2] << 8 | up[3] : up[0]);
    return true;
}

/* Return what arrived at a packet socket up to UDP to port 9999, which is left out; wait false: only what is there. */
static const char *arrivals(int fd, bool wait)
{
    static char text[4096];
    text[0] = 0;
    for (;;) {
        uint8_t bytes[2048];
        char one[32];
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, wait ? 20000 : 0) == 0) return text;
        const ssize_t len = recv(fd, bytes, sizeof bytes, 0);
        if (len < 0 || !describe(bytes, (size_t)len, one)) continue;
        if (!strcmp(one, "udp 9999 ")) return text;
        strcat(text, one);
    }
}

static int sniffer(int where)
{
    go(where);
    const int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_ALL));
    const int on = 1;
    assert_true(fd >= 0 && !setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on));
    go(HOST);
    return fd;
}

/* Send an ICMP message of some type to an address; it quotes a packet of the sender to another, if one is given. */
static void send_icmp(int where, const char *to, uint8_t type, const char *quoted)
{
    struct sockaddr_storage s = at(to, 0);
    const bool v6 = s.ss_family == AF_INET6;
    const int fd = socket_in(where, s.ss_family, SOCK_RAW, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
    uint8_t m[8 + 48] = {type, 0};
    if (quoted) {
        const struct host_addr q = addr(quoted);
        m[8] = v6 ? 0x60 : 0x45;
        m[v6 ? 14 : 17] = IPPROTO_UDP;
        for (unsigned i = 0; i < (v6 ? 4u : 1u); i++) {
            const uint32_t word = htonl(q.word[i]);
            memcpy(m + 8 + (v6 ? 24 : 16) + 4 * i, &word, 4);
        }
    }
    unsigned sum = 0; /* the kernel computes IPv6's */
    for (size_t i = 0; i < sizeof m; i += 2) sum += (unsigned)m[i] << 8 | m[i + 1];
    sum = ~((sum >> 16) + (sum & 0xffff));
    m[2] = (uint8_t)(sum >> 8);
    m[3] = (uint8_t)sum;
    assert_int_equal(sendto(fd, m, sizeof m, 0, (const void *)&s, sizeof s), sizeof m);
    close(fd);
}

static void send_udp(int where, unsigned from_port, const char *to, unsigned port, size_t len)
{
    struct sockaddr_storage s = at(to, port), mine = {.ss_family = s.ss_family};
    const int fd = socket_in(where, s.ss_family, SOCK_DGRAM, 0);
    ((struct sockaddr_in *)&mine)->sin_port = htons((uint16_t)from_port);
    assert_int_equal(bind(fd, (const void *)&mine, sizeof mine), 0);
    send_to(fd, to, port, len);
    close(fd);
}

struct family {
    const char *service, *client, *server, *other;
    uint8_t echo, error;
    const char *all_of_client, *rest_of_client, *all_of_server, *rest_of_server;
};
static const struct family families[] = {
    {"203.0.113.7", "192.0.2.2", "198.51.100.2", "198.51.100.77", 8, 3, "udp 53 udp + udp + udp 54 icmp 8 icmp 3 ",
     "udp 54 ", "udp 1000 udp + udp + udp 1000 icmp 3 icmp 3 ", "udp 1000 icmp 3 "},
    {"2001:db8:7::7", "2001:db8::2", "2001:db8:5::2", "2001:db8:5::77", 128, 1,
     "udp 53 udp + udp + udp 54 icmp 128 icmp 1 ", "udp 54 ", "udp 1000 udp + udp + udp 1000 icmp 1 icmp 1 ",
     "udp 1000 icmp 1 "},
};

static const char *from_client(int fd, const struct family *f)
{
    arrivals(fd, false); /* reports of earlier packets */
    send_udp(CLIENT, 4000, f->service, 53, 4000);
    send_udp(CLIENT, 4000, f->service, 54, 10);
    send_icmp(CLIENT, f->service, f->echo, NULL);
    send_icmp(CLIENT, f->service, f->error, f->service);
    send_udp(CLIENT, 4000, f->service, 9999, 10);
    return arrivals(fd, true);
}

static const char *from_server(int fd, const struct family *f)
{
    arrivals(fd, false);
    send_udp(SERVER, 53, f->client, 1000, 4000);
    send_udp(SERVER, 54, f->client, 1000, 10);
    send_icmp(SERVER, f->client, f->error, f->server);
    send_icmp(SERVER, f->client, f->error, f->other);
    send_udp(SERVER, 54, f->client, 9999, 10);
    return arrivals(fd, true);
}

/* One server's replies to a client are hidden, including fragments and ICMP errors; another server's packets aren't. */
static void is_of_one_server(struct state *s, int at_client, const struct family *f)
{
    const struct host_addr other = addr(f->other), client = addr(f->client);
    const struct guard_match m = {.from = {other, other},
                                  .to = {client, client},
                                  .from_ports = {53, 53},
                                  .to_ports = GUARD_ANY_PORT,
                                  .proto = IPPROTO_UDP,
                                  .reach = GUARD_SENT_ON};
    char but_one[80]; /* the error about a packet to the other server */
    snprintf(but_one, sizeof but_one, "%.*s", (int)strlen(f->all_of_server) - 7, f->all_of_server);
    set(s, &m, 1, false);
    assert_string_equal(from_server(at_client, f), but_one);
}

/* A server's forwarded packets, with fragments and ICMP errors, are hidden only if they come in and leave according
 * to the match; later fragments only if they have its protocol. */
static void is_by_its_devices(struct state *s, int at_client, const struct family *f)
{
    const struct host_addr server = addr(f->server);
    const struct guard_match m = {.from = {server, server},
                                  .from_ports = {53, 53},
                                  .to_ports = GUARD_ANY_PORT,
                                  .proto = IPPROTO_UDP,
                                  .reach = GUARD_SENT_ON};
    struct guard_match others[5] = {m, m, m, m, m};
    strcpy(others[0].in, "client");
    strcpy(others[1].out, "server");
    strcpy(others[2].not_in.name[0], "server");
    strcpy(others[3].not_out.name[0], "client");
    strcpy(others[4].in, "server"), strcpy(others[4].out, "client");
    for (unsigned i = 0; i < 5; i++) {
        set(s, &others[i], 1, false);
        assert_string_equal(from_server(at_client, f), i < 4 ? f->all_of_server : f->rest_of_server);
    }
    struct guard_match tcp = others[4];
    tcp.proto = IPPROTO_TCP;
    char but_error[80]; /* errors have any protocol */
    snprintf(but_error, sizeof but_error, "%.*s", (int)strlen(f->all_of_server) - 7, f->all_of_server);
    set(s, &tcp, 1, false);
    assert_string_equal(from_server(at_client, f), but_error);
    others[0].proto = IPPROTO_TCP;
    set(s, others, 5, false);
    assert_string_equal(from_server(at_client, f), f->rest_of_server);
}

/* If the host forwards, it doesn't forward again what prey does: packets to a service whose address isn't the
 * host's, and servers' replies to clients. */
static void foreign(void **state)
{
    (void)state;
    make_places();
    sh("echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding; "
       "ip route add 203.0.113.0/24 via 198.51.100.2; ip -6 route add 2001:db8:7::/48 via 2001:db8:5::2");
    struct state *s = open_state();
    const int at_client = sniffer(CLIENT), at_server = sniffer(SERVER);
    for (int i = 0; i < 2; i++) {
        const struct family *f = &families[i];
        const struct host_addr server = addr(f->server);
        const struct guard_match m[] = {
            to_service(f->service, IPPROTO_UDP, 53, 53),
            {.from = {server, server},
             .from_ports = {53, 53},
             .to_ports = GUARD_ANY_PORT,
             .proto = IPPROTO_UDP,
             .reach = GUARD_SENT_ON},
        };
        assert_string_equal(from_client(at_server, f), f->all_of_client);
        assert_string_equal(from_server(at_client, f), f->all_of_server);
        is_of_one_server(s, at_client, f);
        is_by_its_devices(s, at_client, f);
        set(s, m, 2, false);
        assert_string_equal(from_client(at_server, f), f->rest_of_client);
        assert_string_equal(from_server(at_client, f), f->rest_of_server);
        assert_int_equal(state_undo(s, STATE_OPEN, NULL, NULL), 0);
    }
    close(at_client), close(at_server);
    end(s);
}

/* The host doesn't forward from one served interface to another, but does so by a third, and sends its own packets. */
static void routed(void **state)
{
    (void)state;
    make_places();
    sh("echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding; "
       "ip addr add fe80::1/64 dev client nodad");
    struct state *s = open_state();
    const int at_server = sniffer(SERVER);
    set(s, NULL, 0, true);
    for (int i = 0; i < 2; i++) send_udp(CLIENT, 53, families[i].server, 1000, 10);
    sh_in(CLIENT, "ping -q -c 1 -W 20 192.0.2.1 >/dev/null && ping -q -c 1 -W 20 198.51.100.1 >/dev/null && "
                  "ping -q -c 1 -W 20 2001:db8:5::1 >/dev/null && ping -q -c 1 -W 20 fe80::1%port >/dev/null");
    /* A route only for packets that come in there. */
    sh("ip rule add iif client lookup 9; ip route add 203.0.113.0/24 via 198.51.100.2 table 9; "
       "ip -6 rule add iif client lookup 9; ip -6 route add 2001:db8:7::/48 via 2001:db8:5::2 table 9");
    for (int i = 0; i < 2; i++) send_udp(CLIENT, 53, families[i].service, 1000, 10);
    sh_in(CLIENT, "ping -q -c 1 -W 20 192.0.2.1 >/dev/null && ping -q -c 1 -W 20 2001:db8:5::1 >/dev/null");
    assert_string_equal(arrivals(at_server, false), "");
    char err[300] = "";
    const struct guard one = {.ports = both, .port_count = 1, .routed = true};
    assert_int_equal(guard_set(s, "eth0.5", &one, err, sizeof err), 0);
    for (int i = 0; i < 2; i++) send_udp(CLIENT, 53, families[i].server, 1000, 10);
    send_udp(CLIENT, 53, families[0].server, 9999, 10);
    assert_string_equal(arrivals(at_server, true), "udp 1000 udp 1000 ");
    close(at_server);
    end(s);
}

static void bridged(void **state)
{
    (void)state;
    make_places();
    struct state *s = open_state();
    char err[300] = "";
    const struct guard g = {.ports = both, .port_count = 2, .bridged = both, .bridged_count = 1};
    assert_int_equal(guard_set(s, "eth0.5", &g, err, sizeof err), 0);
    sh_in(CLIENT, "! ping -q -c 1 -W 1 192.0.2.1 >/dev/null");
    sh_in(SERVER, "ping -q -c 1 -W 20 198.51.100.1 >/dev/null");
    end(s);
}

/* Thousands of matches, some of which contain others; two that are equal. */
static void many(void **state)
{
    (void)state;
    enum { COUNT = 4000 };
    make_places();
    struct state *s = open_state();
    struct guard_match *m = calloc(COUNT + 4, sizeof *m);
    for (unsigned i = 0; i < COUNT; i++) {
        m[i] = to_service("192.0.2.1", i % 2 ? IPPROTO_TCP : IPPROTO_UDP, (uint16_t)(i / 2 + 1), (uint16_t)(i / 2 + 1));
        m[i].to.lo.word[0] += i % 7;
        m[i].to.hi = m[i].to.lo;
    }
    m[COUNT] = m[0];
    m[COUNT + 1] = to_service("192.0.2.1", IPPROTO_TCP, 1, 5000);
    m[COUNT + 2] = to_service("192.0.2.1", IPPROTO_TCP, 3000, 6000);
    m[COUNT + 3] = (struct guard_match){
        .from_ports = GUARD_ANY_PORT, .to_ports = {7000, 7000}, .proto = IPPROTO_TCP, .reach = GUARD_OWN};
    set(s, m, COUNT + 4, true);
    const unsigned hidden[] = {1, 1999, 5000, 6000, 7000};
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(answer(CLIENT, "192.0.2.1", hidden[i], "192.0.2.1", 6001), EINPROGRESS);
    assert_int_equal(answer(CLIENT, "2001:db8::1", 7000, "2001:db8::1", 1), EINPROGRESS);
    free(m);
    end(s);
}

/* If interfaces are gone, the rest is guarded; one that comes back is, after prey has added it again. */
static void gone(void **state)
{
    (void)state;
    make_places();
    struct state *s = open_state();
    const struct guard_match m = to_service("192.0.2.1", IPPROTO_TCP, 80, 80);
    char line[200];
    sh("ip link del server");
    set(s, &m, 1, false);
    assert_int_equal(answer(CLIENT, "192.0.2.1", 80, "192.0.2.1", 81), EINPROGRESS);
    sh("ip link del client");
    set(s, &m, 1, false);
    snprintf(
        line, sizeof line,
        "ip link add client type veth peer name port netns /proc/%d/fd/%d && ip addr add 192.0.2.1/24 dev client && "
        "ip link set client up",
        getpid(), place[CLIENT]);
    sh(line);
    sh_in(CLIENT, "ip addr add 192.0.2.2/24 dev port && ip link set port up");
    set(s, &m, 1, false);
    assert_int_equal(answer(CLIENT, "192.0.2.1", 80, "192.0.2.1", 81), EINPROGRESS);
    end(s);
}

/* The kernel's message when it rejects. */
static void refused(void **state)
{
    (void)state;
    make_places();
    struct state *s = open_state();
    char err[300] = "";
    const char *odd = "cli\"ent";
    const struct guard g = {.ports = both, .port_count = 2, .bridged = &odd, .bridged_count = 1};
    assert_int_not_equal(guard_set(s, "eth0.5", &g, err, sizeof err), 0);
    assert_non_null(strstr(err, "prey can't set its guard rules: "));
    end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        netns_test(no_reset), netns_test(after_a_kill), netns_test(own_connections), netns_test(own_pieces),
        netns_test(foreign),  netns_test(routed),       netns_test(bridged),         netns_test(many),
        netns_test(refused),  netns_test(gone),         netns_test(untaken),
    };
    return netns_run(tests, sizeof tests / sizeof tests[0]);
}
