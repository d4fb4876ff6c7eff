/* AF_XDP on a pair of links. A frame that has left, and whose slot the kernel returned before the frame was released,
 * frees that slot once. Packets with as many extension headers as the vm reads, or with one of each kind, are steered
 * by their ports. Each of 600 rules takes exactly its packets. */
#include <linux/capability.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "runtime/io/io.h"
#include "runtime/io/steer/steer.h"
#include "tests/unit/runtime/netns.h"

enum { LEN = 64, ROUNDS = 40, TYPE = 0x88b5 /* for experiments (IEEE 802) */ };

static int peer_open(void)
{
    const struct sockaddr_ll at = {
        .sll_family = AF_PACKET, .sll_protocol = htobe16(TYPE), .sll_ifindex = (int)if_nametoindex("there")};
    const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), one = 1;
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one), 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

static void peer_send(int peer, uint8_t number)
{
    uint8_t frame[LEN] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, TYPE >> 8, TYPE & 255};
    memset(frame + ETH_HLEN, number, LEN - ETH_HLEN);
    assert_int_equal(send(peer, frame, LEN, 0), LEN);
}

/* Return the number of the next frame that arrives there. */
static uint8_t peer_receive(int peer)
{
    uint8_t frame[LEN];
    struct pollfd p = {.fd = peer, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 10000), 1);
    assert_int_equal(recv(peer, frame, LEN, 0), LEN);
    return frame[LEN - 1];
}

/* Receive our next frame, skipping the kernel's. */
static struct pkt *receive(struct io_port *io, uint8_t *number)
{
    for (int i = 0; i < 100; i++) {
        struct pkt *pkt;
        struct pollfd p = {.fd = io_XDP.fd(io), .events = POLLIN};
        if (!io_XDP.receive(io, &pkt, 1))
            poll(&p, 1, 100);
        else if (pkt->data[12] == TYPE >> 8 && pkt->data[13] == (TYPE & 255)) {
            *number = pkt->data[LEN - 1];
            return pkt;
        }
    }
    fail_msg("no frame within ten seconds");
    return NULL;
}

/* Two frames are held; the first has left, and arrived, before the second leaves. */
static void rounds(struct io_port *io, int peer)
{
    for (uint8_t i = 1; i < ROUNDS; i++) {
        uint8_t a, b;
        peer_send(peer, i);
        peer_send(peer, (uint8_t)(100 + i));
        struct pkt *first = receive(io, &a), *second = receive(io, &b);
        assert_int_equal(a, i);
        assert_int_equal(b, 100 + i);
        assert_ptr_not_equal(first->data, second->data);
        io_XDP.send(io, first);
        io_XDP.flush(io);
        assert_int_equal(peer_receive(peer), i);
        io_XDP.send(io, second);
        io_XDP.flush(io);
        assert_int_equal(peer_receive(peer), 100 + i);
        io_XDP.release(io);
    }
}

/* Open a port on `here` for the frames that the rules take. NULL: this kernel loads no programs. */
static struct io_port *steered_port(struct io_maker *maker, const struct steer_rules *rules)
{
    char err[300];
    bool generic;
    const struct facts facts = {0};
    const unsigned most = xdp_frame_most(1500);
    struct io_made made;
    static struct umem *umem;
    umem = NULL;
    sh(NETNS_PAIR);
    const unsigned here = if_nametoindex("here");
    struct steer *s = maker->steers[0] = steer_open(most, err, sizeof err);
    if (!s) {
        print_message("%s\n", err);
        return NULL;
    }
    const struct io_ask ask = {
        .ring_bytes = 1 << 20, .ifindex = here, .mtu = 1500, .group = -1, .ports = 1, .workers = 1, .frame_most = most};
    assert_int_equal(steer_rules(s, rules) | steer_world(s, &facts, 0x020000000001), 0);
    assert_int_equal(io_XDP.make(maker, &ask, &made, err, sizeof err), 0);
    struct io_port *io = io_XDP.open(&ask, &made, &umem, err, sizeof err);
    assert_non_null(io);
    if (io_XDP.bind(maker, err, sizeof err)) fail_msg("%s", err);
    assert_int_equal(steer_begin(s, here, false, &generic, err, sizeof err), 0);
    return io;
}

static void steered_close(struct io_maker *maker, struct io_port *io, int peer)
{
    close(peer);
    io_XDP.close(io);
    steer_close(maker->steers[0]);
    io_maker_fini(maker);
}

static void left_before_release(void **state)
{
    (void)state;
    struct guarded none = {0};
    const struct steer_rules all = {.guarded = &none, .all = true};
    struct io_maker maker = {0};
    struct io_port *io = steered_port(&maker, &all);
    if (!io) skip();
    const int peer = peer_open();
    rounds(io, peer);
    steered_close(&maker, io, peer);
}

enum { KINDS = 8, PIECE = 100 << 3 };
static const uint8_t kinds[KINDS] = {60, 0, 43, 44, 51, 135, 139, 140}; /* of extension headers */

/* Send UDP to [fd00::100]:port behind these extension headers, of 8 bytes each; a fragment header has that field.
 * Returns the distance from the Ethernet header to UDP's. */
static unsigned peer_send_extended(int peer, const uint8_t *chain, unsigned headers, unsigned fragment, uint16_t port)
{
    uint8_t frame[300] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xdd, 0x60};
    uint8_t *ip = frame + ETH_HLEN, *at = ip + 40;
    ip[5] = (uint8_t)(headers * 8 + 8);
    ip[6] = headers ? chain[0] : 17;
    ip[7] = 64;
    memcpy(ip + 8, "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2", 16);
    memcpy(ip + 24, "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0", 16);
    for (unsigned i = 0; i < headers; i++, at += 8) {
        at[0] = i + 1 < headers ? chain[i + 1] : 17;
        if (chain[i] == 44) at[2] = (uint8_t)(fragment >> 8), at[3] = (uint8_t)fragment;
    }
    at[2] = (uint8_t)(port >> 8);
    at[3] = (uint8_t)port;
    at[5] = 8;
    assert_true(send(peer, frame, (size_t)(at + 8 - frame), 0) > 0);
    return (unsigned)(at - ip);
}

/* Return the 16 bits at that distance from the next frame's Ethernet header. */
static unsigned receive_word(struct io_port *io, unsigned at)
{
    for (int i = 0; i < 100; i++) {
        struct pkt *pkt;
        struct pollfd p = {.fd = io_XDP.fd(io), .events = POLLIN};
        if (!io_XDP.receive(io, &pkt, 1)) {
            poll(&p, 1, 100);
            continue;
        }
        const uint8_t *word = pkt->data + ETH_HLEN + at;
        const unsigned number = (unsigned)word[0] << 8 | word[1];
        io_XDP.release(io);
        return number;
    }
    fail_msg("no frame within ten seconds");
    return 0;
}

/* The same packet to another port goes to the host, and so do packets sent in between. */
static void taken_by_port(struct io_port *io, int peer, const uint8_t *chain, unsigned headers)
{
    peer_send_extended(peer, chain, headers, 0, 54);
    assert_int_equal(receive_word(io, peer_send_extended(peer, chain, headers, 0, 53) + 2), 53);
}

/* Each kind, and each kind behind each. A length field of 0 means 8 bytes in all of them. */
static void taken_behind_kinds(struct io_port *io, int peer)
{
    for (unsigned i = 0; i < KINDS * KINDS; i++) {
        const uint8_t chain[] = {kinds[i / KINDS], kinds[i % KINDS]};
        taken_by_port(io, peer, chain, 1);
        taken_by_port(io, peer, chain, 2);
    }
}

/* The bytes behind a later fragment's header aren't ports. */
static void taken_as_piece(struct io_port *io, int peer)
{
    for (unsigned i = 0; i < KINDS; i++) {
        const uint8_t chain[] = {kinds[i], 44};
        assert_int_equal(receive_word(io, peer_send_extended(peer, chain, 2, PIECE, 54) + 2), 54);
    }
}

static void steered_behind_headers(void **state)
{
    (void)state;
    static const uint8_t many[] = {60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60};
    const struct host_addr service = {{0xfd000000, 0, 0, 0x100}, 6};
    struct guarded one = {.match_count = 1};
    one.matches = &(struct guard_match){.from = {{{0}, 0}, {{0}, 0}},
                                        .to = {service, service},
                                        .from_ports = GUARD_ANY_PORT,
                                        .to_ports = {53, 53},
                                        .proto = 17};
    const struct steer_rules rules = {.guarded = &one};
    struct io_maker maker = {0};
    struct io_port *io = steered_port(&maker, &rules);
    if (!io) skip();
    const int peer = peer_open();
    for (unsigned headers = 0; headers <= sizeof many; headers++) taken_by_port(io, peer, many, headers);
    taken_behind_kinds(io, peer);
    taken_as_piece(io, peer);
    steered_close(&maker, io, peer);
}

enum { MANY = 300 };

/* Make rules for services 10.1.0.0 and up, port 53, and servers 10.2.0.0 and up, whose replies come from port 53. */
static void many_rules(struct guard_match *m)
{
    memset(m, 0, 2 * MANY * sizeof *m);
    for (unsigned i = 0; i < MANY; i++) {
        const struct host_addr service = {{0x0a010000 + i}, 4}, server = {{0x0a020000 + i}, 4};
        m[i] = (struct guard_match){
            .to = {service, service}, .from_ports = GUARD_ANY_PORT, .to_ports = {53, 53}, .proto = 17};
        m[MANY + i] = (struct guard_match){.from = {server, server},
                                           .from_ports = {53, 53},
                                           .to_ports = GUARD_ANY_PORT,
                                           .proto = 17,
                                           .reach = GUARD_FOREIGN};
    }
}

/* Send UDP with a number in its length field. */
static void peer_send_udp(int peer, uint32_t from, uint16_t from_port, uint32_t to, uint16_t to_port, uint16_t number)
{
    uint8_t frame[ETH_HLEN + 28] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45};
    uint8_t *ip = frame + ETH_HLEN;
    const uint32_t ends[2] = {htobe32(from), htobe32(to)};
    const uint16_t udp[3] = {htobe16(from_port), htobe16(to_port), htobe16(number)};
    ip[3] = 28;
    ip[8] = 64;
    ip[9] = 17;
    memcpy(ip + 12, ends, sizeof ends);
    memcpy(ip + 20, udp, sizeof udp);
    assert_true(send(peer, frame, sizeof frame, 0) > 0);
}

enum { UDP_LENGTH_AT = 24 }; /* after an IPv4 header; identifies the datagram */

static void steered_by_many(void **state)
{
    (void)state;
    enum { CLIENT = 0xc6120001 };
    static struct guard_match matches[2 * MANY];
    struct guarded g = {.matches = matches, .match_count = 2 * MANY};
    const struct steer_rules rules = {.guarded = &g};
    struct io_maker maker = {0};
    many_rules(matches);
    struct io_port *io = steered_port(&maker, &rules);
    if (!io) skip();
    const int peer = peer_open();
    for (unsigned turn = 0; turn < 3; turn++) { /* the same rules again */
        for (unsigned i = 0; i < MANY; i += i < MANY - 30 ? 29 : 1) {
            peer_send_udp(peer, CLIENT, 7, 0x0a010000u + i, 54, 1); /* for the host: another port, */
            peer_send_udp(peer, 0x0a020000u + i, 54, CLIENT, 7, 2);
            peer_send_udp(peer, CLIENT, 53, 0x0a020000u + i, 53, 3); /* the server itself */
            peer_send_udp(peer, CLIENT, 7, 0x0a010000u + i, 53, (uint16_t)(1000 + i));
            peer_send_udp(peer, 0x0a020000u + i, 53, CLIENT, 7, (uint16_t)(2000 + i));
            assert_int_equal(receive_word(io, UDP_LENGTH_AT), 1000 + i);
            assert_int_equal(receive_word(io, UDP_LENGTH_AT), 2000 + i);
        }
        peer_send_udp(peer, CLIENT, 7, 0x0a010000u + MANY, 53, 4);
        assert_int_equal(steer_rules(maker.steers[0], &rules), 0);
    }
    g.match_count = 1; /* all but the first are gone */
    assert_int_equal(steer_rules(maker.steers[0], &rules) | steer_rules(maker.steers[0], &rules), 0);
    peer_send_udp(peer, CLIENT, 7, 0x0a010001u, 53, 5);
    peer_send_udp(peer, CLIENT, 7, 0x0a010000u, 53, 6);
    assert_int_equal(receive_word(io, UDP_LENGTH_AT), 6);
    steered_close(&maker, io, peer);
}

/* Memory that may not be locked is reported, with the remedy. */
static void too_little_locked(void **state)
{
    (void)state;
    char err[300] = "";
    struct __user_cap_header_struct who = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct has[2];
    const struct rlimit little = {65536, 65536};
    const unsigned most = xdp_frame_most(1500);
    struct io_maker maker = {0};
    struct io_made made;
    sh(NETNS_PAIR);
    maker.steers[0] = steer_open(most, err, sizeof err);
    if (!maker.steers[0]) {
        print_message("%s\n", err);
        skip();
    }
    assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &little), 0);
    assert_int_equal(syscall(SYS_capget, &who, has), 0);
    has[0].effective &= ~(1u << CAP_IPC_LOCK | 1u << CAP_SYS_RESOURCE);
    assert_int_equal(syscall(SYS_capset, &who, has), 0);
    const struct io_ask ask = {.ring_bytes = 1 << 20,
                               .ifindex = if_nametoindex("here"),
                               .mtu = 1500,
                               .group = -1,
                               .ports = 1,
                               .workers = 1,
                               .frame_most = most};
    assert_int_equal(io_XDP.make(&maker, &ask, &made, err, sizeof err), -1);
    assert_string_equal(err, "AF_XDP, XDP_UMEM_REG: the limit on locked memory is too low for the frames: run ulimit "
                             "-l unlimited (in a systemd unit: LimitMEMLOCK=infinity), or add the capability IPC_LOCK");
    steer_close(maker.steers[0]);
    io_maker_fini(&maker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {netns_test(left_before_release), netns_test(steered_behind_headers),
                                       netns_test(steered_by_many), netns_test(too_little_locked)};
    return netns_run(tests, sizeof tests / sizeof tests[0]);
}
