/* nftables as a rival: the kernel applies the list to packets from a raw socket in a separate network namespace.
 * Another namespace without rules measures the cost of sending. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/peers/rival.h"
#include "tests/lib/bench.h"

enum { WAY_RULES, WAY_NONE, WAYS, AT_ONCE = 32, ETHER = 14 };
static int sockets[WAYS];
static struct mmsghdr *messages; /* [RIVAL_HEADERS] */
static struct iovec *parts;
static struct sockaddr_in *targets;
static uint8_t (*frames)[FLAT_FRAME_MOST];
static uint32_t message_count;

static const char *why_not(void)
{
    if (access("/usr/sbin/nft", X_OK)) return "nft is not installed";
    return geteuid() ? "nft needs root" : NULL;
}

static bool said(const char *command)
{
    /* discards the tools' output */
    char quiet[400];
    snprintf(quiet, sizeof quiet, "{ %s; } >/dev/null 2>&1", command);
    return system(quiet) == 0;
}

/* Make a namespace with a device whose other end nobody reads; the socket stays in it. */
static int namespace_socket(void)
{
    if (unshare(CLONE_NEWNET) || !said("ip link add d0 type veth peer name d1 && ip link set d1 up && "
                                       "ip link set d0 arp off up && ip link set lo up && "
                                       "ip addr add 192.0.2.1/24 dev d0 && ip route add default dev d0"))
        return -1;
    return socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
}

static bool rules_load(const struct ruleset *rs)
{
    char path[] = "/tmp/prey-nft-XXXXXX", command[80];
    const int fd = mkstemp(path);
    FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!f) return false;
    ruleset_print_nft(rs, "output", f);
    fclose(f);
    snprintf(command, sizeof command, "/usr/sbin/nft -f %s", path);
    const bool good = said(command);
    unlink(path);
    return good;
}

static void build(struct arena *a, uint64_t most, struct rival_built *b)
{
    (void)most;
    snprintf(b->text, sizeof b->text, "no namespace, or nft refuses the list");
    if (a->rules.v6) return;
    sockets[WAY_NONE] = namespace_socket();
    sockets[WAY_RULES] = namespace_socket();
    const uint64_t begin = bench_now_ns();
    b->good = sockets[WAY_NONE] >= 0 && sockets[WAY_RULES] >= 0 && rules_load(&a->rules);
    b->seconds = (double)(bench_now_ns() - begin) / 1e9;
}

static const char *way(unsigned i) { return i == WAY_RULES ? "nftables" : i == WAY_NONE ? "no rules" : NULL; }

/* True if packets to the address can leave by a device. Loopback, group and reserved addresses can't. */
static bool can_leave(const struct flat_header *h)
{
    const unsigned first = h->dst[0] >> 24;
    return first > 0 && first != 127 && first < 224 && h->src[0] >> 24;
}

static void prepare(struct arena *a, enum traffic t)
{
    if (message_count) return;
    messages = calloc(RIVAL_HEADERS, sizeof *messages);
    parts = calloc(RIVAL_HEADERS, sizeof *parts);
    targets = calloc(RIVAL_HEADERS, sizeof *targets);
    frames = calloc(RIVAL_HEADERS, sizeof *frames);
    if (!messages || !parts || !targets || !frames) abort();
    for (uint32_t i = 0; i < a->counts[t]; i++) {
        const struct flat_header *h = &a->headers[t][i];
        const uint32_t m = message_count;
        if (!can_leave(h)) continue;
        const unsigned len = header_frame(&a->rules, h, frames[m]);
        parts[m] = (struct iovec){.iov_base = frames[m] + ETHER, .iov_len = len - ETHER};
        targets[m] = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(h->dst[0])};
        messages[m].msg_hdr = (struct msghdr){
            .msg_name = &targets[m], .msg_namelen = sizeof targets[m], .msg_iov = &parts[m], .msg_iovlen = 1};
        message_count++;
    }
}

static void pass(unsigned i, uint32_t count)
{
    for (uint32_t m = 0; m < count && message_count;) {
        const uint32_t at = m % message_count, left = count - m < message_count - at ? count - m : message_count - at;
        const int sent = sendmmsg(sockets[i], messages + at, left < AT_ONCE ? left : AT_ONCE, 0);
        m += sent > 0 ? (uint32_t)sent : 1; /* a packet that can't leave is skipped */
    }
}

const struct rival rival_nft = {
    .name = "nftables",
    .why_not = why_not,
    .build = build,
    .way = way,
    .prepare = prepare,
    .pass = pass,
};
