/* A hand-written contender of bench-live in the kernel: a program of peers/kernel_hand.bpf.c that sends frames from
 * one interface out by another. Translating programs know bench-live's flows.
 *
 *     by_hand IN OUT PROGRAM */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <endian.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/peers/kernel_hand.h"

enum { FLOWS = 1000, ATTACH_TCX_INGRESS = 46 /* Linux 6.6; headers may be older */ };

static void die(const char *what)
{
    perror(what);
    exit(2);
}

/* Load the programs. Those of traffic control send out by that interface. */
static struct bpf_object *loaded(const char *self, unsigned out)
{
    char path[500];
    snprintf(path, sizeof path, "%.*s/peers/kernel_hand.bpf.o", (int)(strrchr(self, '/') - self), self);
    struct bpf_object *o = bpf_object__open_file(path, NULL);
    if (!o) die(path);
    if (bpf_map__set_initial_value(bpf_object__find_map_by_name(o, ".rodata"), &out, sizeof out)) die("way");
    if (bpf_object__load(o)) die(path);
    return o;
}

static void put(const struct bpf_object *o, const char *map, const void *key, const void *value)
{
    if (bpf_map_update_elem(bpf_object__find_map_fd_by_name(o, map), key, value, BPF_ANY)) die(map);
}

/* Add flows from 10.1.0.1 to 10.1.0.100:53, translated to 10.2.0.2 from 10.2.0.50. */
static void flows_begin(const struct bpf_object *o)
{
    for (unsigned n = 0; n < FLOWS; n++) {
        const struct nat_ends from = {htobe32(0x0a010001), htobe32(0x0a010064), htobe16((uint16_t)(10000 + n)),
                                      htobe16(53)};
        const struct nat_to to = {
            .ends = {htobe32(0x0a020032), htobe32(0x0a020002), htobe16((uint16_t)(20000 + n)), htobe16(53)},
            .mac = {2, 0, 0, 0, 0, 4},
            .out = 1};
        put(o, "flows", &from, &to);
    }
}

int main(int argc, char *argv[])
{
    LIBBPF_OPTS(bpf_link_create_opts, native, .flags = XDP_FLAGS_DRV_MODE);
    if (argc != 4) return 2;
    const unsigned in = if_nametoindex(argv[1]), out = if_nametoindex(argv[2]), first = 0;
    const struct bpf_object *o = loaded(argv[0], out);
    const struct bpf_program *p = bpf_object__find_program_by_name(o, argv[3]);
    if (!p) die(argv[3]);
    const bool xdp = bpf_program__type(p) == BPF_PROG_TYPE_XDP;
    put(o, "outs", &first, &out);
    flows_begin(o);
    if (bpf_link_create(bpf_program__fd(p), (int)in, xdp ? BPF_XDP : (enum bpf_attach_type)ATTACH_TCX_INGRESS,
                        xdp ? &native : NULL) < 0)
        die(argv[1]);
    fprintf(stderr, "ready\n");
    pause();
    return 0;
}
