/* The state that earlier programs leave, as bytes for another process: a program's past, and owners. It comes back
 * unchanged; damaged bytes are rejected, or give usable state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/vm/world.h"
#include "vm/keyed/archive.h"
#include "vm/program/remap.h"
#include "vm/vm.h"
#include "vm/worker/owner.h"

enum { WORKERS = 64, BYTES = 1 << 16 };

static const char first[] =
    "interface wan = \"eth0\"\n"
    "pool web { source 10.9.0.8 ports 6000-6063; server a 10.0.0.11:8080; server b 10.0.0.12:8080 }\n"
    "pool old { server c 10.0.0.13 }\n"
    "service www on 203.0.113.10 tcp/80, udp/80-90 { mode passthrough; -> web }\n"
    "service gone on 203.0.113.11 udp/53 { mode passthrough keep source; -> old }\n"
    "service tunnel on 203.0.113.12 tcp/81 { mode dsr gue 6080; -> old }\n"
    "nat n { source from 198.18.0.0/24 out on wan -> 10.9.0.7 ports 5000-5063\n"
    "        forward self on wan tcp/8080 -> 10.0.0.14:80 }\n"
    "firewall f default accept { accept udp }\n";
static const char second[] =
    "interface wan = \"eth0\"\n"
    "meter m = 10/s per source/24,/64\n"
    "pool web { source 10.9.0.8 ports 6000-6063; server b 10.0.0.12:8080; server d 10.0.0.15:8080 }\n"
    "service www on 203.0.113.10 udp/85-95 { mode passthrough; -> web }\n"
    "nat n { map 203.0.113.64/30 <-> 10.5.0.4/30 on wan }\n"
    "firewall f default accept { drop udp to port 9 over m }\n";
static const char third[] = "pool web { server b 10.0.0.12:8080 }\n"
                            "service www on 203.0.113.10 udp/85-95 { mode passthrough; -> web }\n"
                            "firewall f default accept { accept udp }\n";

/* Return the program that replaces `from`. */
static struct program *after(struct program *from, const char *rules)
{
    struct program *to = world_compile(rules);
    struct remap *r = remap_new(from, to, NULL, 0, NULL, 5);
    assert_non_null(r);
    struct program *p = program_get(r->program);
    remap_free(r);
    program_put(to);
    program_put(from);
    return p;
}

static size_t written_past(const struct program *p, uint8_t *bytes)
{
    struct archive a = {.at = bytes, .left = BYTES};
    program_past_write(p, &a);
    assert_false(a.bad);
    return BYTES - a.left;
}

/* Read from memory of exactly that length. */
static struct program *read_past(struct program *file, const uint8_t *bytes, size_t len)
{
    char err[300] = "";
    uint8_t *own = malloc(len ? len : 1);
    memcpy(own, bytes, len);
    struct archive a = {.at = own, .left = len, .reads = true};
    struct program *p = program_past_read(file, &a, err, sizeof err);
    assert_true(p || *err);
    assert_true(!p || !a.bad);
    free(own);
    return p;
}

/* Make a worker of the program, and replace its program. */
static void use(struct program *p)
{
    struct vm_cfg cfg = {.seed = 1, .workers = 1};
    struct vm *vm = vm_new(p, &cfg);
    assert_non_null(vm);
    vm_free(vm);
    for (uint32_t i = 0; i < p->servers_count; i++) {
        const uint32_t of = program_server_of(p, program_server_id(p, i));
        assert_true(of == PBC_NONE || of < p->servers_count);
        assert_true(strlen(program_str(p, p->servers[i].name)) < 100000);
        assert_true(p->servers[i].pool < p->pools_count);
    }
    program_put(after(program_get(p), third));
}

static void test_past(void **state)
{
    (void)state;
    static uint8_t bytes[BYTES], again[BYTES];
    struct program *p = after(after(world_compile(first), second), third), *file = world_compile(third);
    const size_t len = written_past(p, bytes);
    struct program *q = read_past(file, bytes, len);
    assert_non_null(q);
    assert_int_equal(written_past(q, again), len);
    assert_memory_equal(bytes, again, len);
    assert_int_equal(q->services_count, p->services_count);
    assert_int_equal(q->servers_count, p->servers_count);
    assert_int_equal(program_all_nats(q), program_all_nats(p));
    assert_int_equal(program_all_nats(q), 3);
    for (uint32_t i = 0; i < p->services_count; i++) {
        assert_string_equal(program_str(q, q->services[i].name), program_str(p, p->services[i].name));
        assert_int_equal(program_service_id(q, i), program_service_id(p, i));
    }
    for (uint32_t i = 0; i < p->servers_count; i++) {
        assert_string_equal(program_str(q, q->servers[i].name), program_str(p, p->servers[i].name));
        assert_int_equal(program_server_id(q, i), program_server_id(p, i));
        assert_int_equal(program_server_of(q, i), program_server_of(p, i));
    }
    use(q);
    program_put(q);
    for (size_t cut = 0; cut < len; cut++) assert_null(read_past(file, bytes, cut));
    unsigned refused = 0;
    for (size_t at = 0; at < len; at++)
        for (unsigned bit = 0; bit < 8; bit++) {
            bytes[at] ^= (uint8_t)(1u << bit);
            q = read_past(file, bytes, len);
            if (q) use(q);
            refused += !q;
            program_put(q);
            bytes[at] ^= (uint8_t)(1u << bit);
        }
    assert_true(refused > len); /* most bits have one right value */
    program_put(p);
    program_put(file);
}

/* A program without a past is the file's program itself. */
static void test_no_past(void **state)
{
    (void)state;
    static uint8_t bytes[BYTES];
    struct program *file = world_compile(second), *same = after(world_compile(second), second);
    assert_int_equal(written_past(file, bytes), 1);
    assert_int_equal(written_past(same, bytes), 1);
    struct program *q = read_past(file, bytes, 1);
    assert_ptr_equal(q, file);
    program_put(q);
    bytes[0] = 2;
    assert_null(read_past(file, bytes, 1));
    program_put(same);
    program_put(file);
}

static const char *const packets[] = {
    "eth / ip4 198.51.100.7 > 203.0.113.10 / tcp 999 > 80", "eth / ip4 198.51.100.8 > 203.0.113.10 / tcp 998 > 80",
    "eth / ip4 198.51.100.7 > 203.0.113.10 / udp 999 > 81", "eth / ip4 198.51.100.7 > 203.0.113.10 / udp 999 > 94",
    "eth / ip4 198.51.100.7 > 203.0.113.11 / udp 999 > 53", "eth / ip4 10.0.0.13 > 198.51.100.7 / udp 53 > 999",
    "eth / ip4 10.0.0.12 > 10.9.0.8 / tcp 8080 > 6040",     "eth / ip4 192.0.2.1 > 10.9.0.7 / udp 53 > 5063",
    "eth / ip4 192.0.2.1 > 10.5.0.5 / udp 53 > 5063",       "eth / ip4 192.0.2.1 > 203.0.113.65 / udp 53 > 5063",
    "eth / ip4 198.51.100.7 > 192.0.2.99 / udp 999 > 7",
};
enum { PACKETS = sizeof packets / sizeof *packets };

static const struct owners_cfg cfg = {.workers = WORKERS, .seed = 3};

static size_t written(const struct owners *o, uint8_t *bytes)
{
    struct archive a = {.at = bytes, .left = BYTES};
    owners_write(o, &a);
    assert_false(a.bad);
    return BYTES - a.left;
}

static struct owners *read_owners(struct program *p, const uint8_t *bytes, size_t len)
{
    uint8_t *own = malloc(len ? len : 1);
    memcpy(own, bytes, len);
    struct archive a = {.at = own, .left = len, .reads = true};
    struct owners *o = owners_read(p, &cfg, &a);
    assert_true(!o || !a.bad);
    free(own);
    return o;
}

static unsigned owner(const struct owners *o, unsigned i) { return vm_owner(o, NULL, &packet_of(packets[i])->pkt); }

static void test_owners(void **state)
{
    (void)state;
    static uint8_t bytes[BYTES], again[BYTES];
    struct program *old = world_compile(first), *now = world_compile(second), *next = world_compile(third);
    struct owners *begun = owners_new(old, &cfg, NULL, 0), *o = owners_new(now, &cfg, begun, 100 * S),
                  *alone = owners_new(now, &cfg, NULL, 0);
    const size_t len = written(o, bytes);
    struct owners *same = read_owners(now, bytes, len);
    unsigned differ = 0;
    assert_non_null(same);
    assert_int_equal(written(same, again), len);
    assert_memory_equal(bytes, again, len);
    assert_int_equal(owners_need_restart(same), owners_need_restart(o));
    assert_true(owners_need_restart(o));
    for (unsigned i = 0; i < PACKETS; i++) {
        assert_int_equal(owner(same, i), owner(o, i));
        differ += owner(alone, i) != owner(o, i);
    }
    assert_true(differ > 3); /* so these packets distinguish the two */
    /* They expire a day after their program left, also those that were read. */
    struct owners *then[2] = {owners_new(next, &cfg, o, 90000 * S), owners_new(next, &cfg, same, 90000 * S)};
    for (unsigned i = 0; i < PACKETS; i++) assert_int_equal(owner(then[0], i), owner(then[1], i));
    assert_int_equal(written(then[0], bytes), written(then[1], again));
    assert_memory_equal(bytes, again, written(then[0], bytes));
    for (unsigned i = 0; i < 2; i++) owners_free(then[i]);
    written(o, bytes);
    for (size_t cut = 0; cut < len; cut++) assert_null(read_owners(now, bytes, cut));
    unsigned refused = 0;
    for (size_t at = 0; at < len; at++)
        for (unsigned bit = 0; bit < 8; bit++) {
            bytes[at] ^= (uint8_t)(1u << bit);
            struct owners *damaged = read_owners(now, bytes, len);
            refused += !damaged;
            for (unsigned i = 0; i < PACKETS && damaged; i++)
                assert_true((owner(damaged, i) & ~VM_OWNER_FRAGMENT) < WORKERS);
            owners_free(damaged);
            bytes[at] ^= (uint8_t)(1u << bit);
        }
    assert_true(refused > 50);
    owners_free(begun);
    owners_free(alone);
    owners_free(same);
    owners_free(o);
    program_put(old);
    program_put(now);
    program_put(next);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_past),
        cmocka_unit_test(test_no_past),
        cmocka_unit_test(test_owners),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
