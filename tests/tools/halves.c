/* halves RULES.pbc CAPTURE DIR: writes both halves of each observed connection to files in DIR, and prints a line for
 * each connection at its end:
 *
 *   NUMBER CLIENT PORT SERVER PORT WHY then for both halves: BYTES HOLES HOLE-BYTES RETRANSMITTED RTT-MIN-us RTT-COUNT
 *
 * NUMBER.client and NUMBER.server have the bytes, with zeros in holes of up to a MiB. For comparisons with tshark. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/capture/capture.h"
#include "vm/observe/observe.h"
#include "vm/vm.h"
#include "vm/words/words.h"

enum { TOGETHER = 64, HOLE_MOST = 1 << 20 };

static const char *dir;

static FILE *open_half(uint64_t number, unsigned half)
{
    char path[1000];
    snprintf(path, sizeof path, "%s/%" PRIu64 ".%s", dir, number, half == OBSERVE_CLIENT ? "client" : "server");
    FILE *f = fopen(path, "ab");
    if (!f) perror(path), exit(2);
    return f;
}

static void write_hole(FILE *f, uint64_t n)
{
    for (uint64_t i = 0; i < n && i < HOLE_MOST; i++) fputc(0, f);
}

static void print_session(const struct observe_event *e)
{
    char client[INET6_ADDRSTRLEN], server[INET6_ADDRSTRLEN];
    address_text(e->ends->family, e->ends->client, client);
    address_text(e->ends->family, e->ends->server, server);
    printf("%" PRIu64 " %s %u %s %u %s", e->number, client, e->ends->client_port, server, e->ends->server_port,
           observe_why_name[e->sum->why]);
    for (unsigned side = 0; side < OBSERVE_HALVES; side++) {
        const struct observe_sum *s = &e->sum->half[side];
        printf(" %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %u", s->bytes, s->holes, s->hole_bytes,
               s->retransmitted, s->rtt_min_ns / 1000, s->rtt_count);
    }
    putchar('\n');
}

static void told(void *arg, const struct observe_event *e)
{
    if (e->kind == OBSERVE_END) print_session(e);
    if (e->kind != OBSERVE_BYTES && e->kind != OBSERVE_HOLE) return;
    FILE *f = open_half(e->number, e->half);
    if (e->kind == OBSERVE_HOLE)
        write_hole(f, e->len);
    else
        fwrite(e->bytes, 1, e->len, f);
    fclose(f);
    (void)arg;
}

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "halves: %s: %s\n", what, why);
    return 2;
}

static void show(struct vm *vm, struct capture *c)
{
    static struct tx_entry entries[TOGETHER * VM_TX_PER_PACKET];
    struct capture_frame f;
    struct facts facts = {.generation = 1};
    struct vm_in in = {.facts = &facts};
    uint64_t begin_ns = 0;
    while (capture_next(c, &f) == 1) {
        struct vm_tx tx = {.entries = entries, .cap = TOGETHER * VM_TX_PER_PACKET};
        struct verdict v;
        struct pkt pkt, *const pkts[] = {&pkt};
        if (!begin_ns) begin_ns = f.time_ns;
        in.mono_ns = 1000000000 + (f.time_ns > begin_ns ? f.time_ns - begin_ns : 0);
        pkt_view(&pkt, f.data, f.cap_len, f.wire_len, (enum pkt_link)f.link, IFACE_NONE);
        vm_tick(vm, &in, &tx);
        vm_run(vm, &in, pkts, 1, &v, &tx);
    }
    vm_observed_end(vm, &in);
}

int main(int argc, char **argv)
{
    char err[600];
    if (argc != 4) return fail("usage", "halves RULES.pbc CAPTURE DIR");
    dir = argv[3];
    struct program *p = program_load_file(argv[1], err, sizeof err);
    if (!p) return fail(argv[1], err);
    struct capture *c = capture_open(argv[2], err, sizeof err);
    if (!c) return fail(argv[2], err);
    const struct observe_out out = {.told = told};
    struct vm *vm = vm_new(p, &(struct vm_cfg){.seed = 1, .observed = &out});
    if (!vm) return fail("memory", "none is left");
    show(vm, c);
    vm_free(vm);
    capture_close(c);
    program_put(p);
    return 0;
}
