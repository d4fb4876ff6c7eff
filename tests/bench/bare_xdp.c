/* The lower bound of bench-live for AF_XDP: a forwarder that only carries frames. Both interfaces share one memory;
 * a frame leaves from the same slot, with another MAC.
 *
 *     bare_xdp IN [OUT]     without OUT frames are only received */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <xdp/xsk.h>

enum { SLOT = 2048, SLOTS = 8192, RING = 2048, BATCH = 64 };

struct port {
    struct xsk_socket *socket;
    struct xsk_ring_prod fill, tx;
    struct xsk_ring_cons done, rx;
    int fd;
};

static __attribute__((noreturn)) void fail(const char *what)
{
    perror(what);
    exit(2);
}

/* return bpf_redirect_map(sockets, ctx->rx_queue_index, XDP_PASS) */
static int redirect(int sockets)
{
    const struct bpf_insn code[] = {
        {.code = BPF_LDX | BPF_W | BPF_MEM, .dst_reg = 2, .src_reg = 1, .off = 16},
        {.code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = 1, .src_reg = BPF_PSEUDO_MAP_FD, .imm = sockets},
        {0},
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 3, .imm = XDP_PASS},
        {.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_redirect_map},
        {.code = BPF_JMP | BPF_EXIT},
    };
    return bpf_prog_load(BPF_PROG_TYPE_XDP, "bare", "BSD", code, sizeof code / sizeof *code, NULL);
}

/* Attach by a link, so that the program goes with this process. */
static void attach(const char *name, int socket)
{
    LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_DRV_MODE);
    const int sockets = bpf_map_create(BPF_MAP_TYPE_XSKMAP, "sockets", 4, 4, 1, NULL), program = redirect(sockets);
    const int zero = 0;
    if (program < 0 || bpf_map_update_elem(sockets, &zero, &socket, BPF_ANY)) fail("program");
    if (bpf_link_create(program, (int)if_nametoindex(name), BPF_XDP, &opts) < 0) fail(name);
}

static void port_open(struct port *p, const char *name, struct xsk_umem *memory)
{
    const struct xsk_socket_config how = {.rx_size = RING,
                                          .tx_size = RING,
                                          .libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
                                          .bind_flags = XDP_USE_NEED_WAKEUP};
    const int failed = xsk_socket__create_shared(&p->socket, name, 0, memory, &p->rx, &p->tx, &p->fill, &p->done, &how);
    errno = -failed;
    if (failed) fail(name);
    p->fd = xsk_socket__fd(p->socket);
}

static void give(struct port *p, uint64_t slot)
{
    uint32_t at;
    if (!xsk_ring_prod__reserve(&p->fill, 1, &at)) return;
    *xsk_ring_prod__fill_addr(&p->fill, at) = slot;
    xsk_ring_prod__submit(&p->fill, 1);
}

/* Refill the slots of frames that have left. */
static void reap(struct port *in, struct port *out)
{
    uint32_t at;
    const uint32_t n = xsk_ring_cons__peek(&out->done, BATCH, &at);
    for (uint32_t i = 0; i < n; i++) give(in, *xsk_ring_cons__comp_addr(&out->done, at + i) / SLOT * SLOT);
    if (n) xsk_ring_cons__release(&out->done, n);
}

static void carry(struct port *in, struct port *out, uint8_t *bytes, uint32_t at, uint32_t n)
{
    uint32_t to;
    if (xsk_ring_prod__reserve(&out->tx, n, &to) != n) return;
    for (uint32_t i = 0; i < n; i++) {
        const struct xdp_desc *d = xsk_ring_cons__rx_desc(&in->rx, at + i);
        memcpy(bytes + d->addr, "\2\0\0\0\0\4\2\0\0\0\0\3", 12);
        *xsk_ring_prod__tx_desc(&out->tx, to + i) = (struct xdp_desc){.addr = d->addr, .len = d->len};
    }
    xsk_ring_prod__submit(&out->tx, n);
    for (uint32_t left = n; left && xsk_ring_prod__needs_wakeup(&out->tx);) {
        const uint32_t before = __atomic_load_n(out->tx.consumer, __ATOMIC_ACQUIRE);
        sendto(out->fd, NULL, 0, MSG_DONTWAIT, NULL, 0);
        const uint32_t taken = __atomic_load_n(out->tx.consumer, __ATOMIC_ACQUIRE) - before;
        if (!taken) break;
        left = taken < left ? left - taken : 0;
    }
}

int main(int argc, char *argv[])
{
    if (argc < 2) return 2;
    static struct port in, out;
    struct xsk_umem *memory;
    const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    const struct xsk_umem_config how = {.fill_size = RING, .comp_size = RING, .frame_size = SLOT};
    setrlimit(RLIMIT_MEMLOCK, &all);
    uint8_t *bytes = mmap(NULL, (size_t)SLOT * SLOTS, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (bytes == MAP_FAILED || xsk_umem__create(&memory, bytes, (uint64_t)SLOT * SLOTS, &in.fill, &in.done, &how))
        fail("memory");
    port_open(&in, argv[1], memory);
    if (argc > 2) port_open(&out, argv[2], memory);
    attach(argv[1], in.fd);
    for (uint64_t i = 0; i < RING; i++) give(&in, i * SLOT);
    fprintf(stderr, "ready\n");
    for (;;) {
        uint32_t at;
        if (argc > 2) reap(&in, &out);
        if (xsk_ring_prod__needs_wakeup(&in.fill)) recvfrom(in.fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);
        const uint32_t n = xsk_ring_cons__peek(&in.rx, BATCH, &at);
        if (n && argc > 2) carry(&in, &out, bytes, at, n);
        for (uint32_t i = 0; i < n && argc == 2; i++)
            give(&in, xsk_ring_cons__rx_desc(&in.rx, at + i)->addr / SLOT * SLOT);
        if (n) xsk_ring_cons__release(&in.rx, n);
        struct pollfd p = {.fd = in.fd, .events = POLLIN};
        if (!n) poll(&p, 1, -1);
    }
}
