/* Rows of fields: those with limits name their fault, and what survives a reload depends on exactly these members. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/imgbuild.h"
#include "vm/program/fields/fields.h"
#include "vm/program/remap_priv.h"

static void each_bound_has_a_fault(void **state)
{
    (void)state;
    for (unsigned of = 0; of < FIELDS_KINDS; of++)
        for (uint32_t i = 0; i < record_fields[of].count; i++) {
            const struct field *f = &record_fields[of].rows[i];
            const bool bounded = f->type <= FIELD_CHOICE && (f->least || f->most);
            if (bounded != (f->wrong != NULL)) fail_msg("%s, row %u", record_fields[of].what, i);
            if ((f->type == FIELD_CHOICE) != (f->names != NULL)) fail_msg("%s, row %u", record_fields[of].what, i);
        }
}

/* Members that must stay equal, by record and by what survives */
static const struct kept {
    enum fields_of of;
    enum field_keeps what;
    size_t at, size;
} kept[] = {
#define KEPT(ident, record, what, member)                                                                              \
    {                                                                                                                  \
        FIELDS_##ident, KEEPS_##what, offsetof(struct pbc_##record, member),                                           \
            sizeof(((struct pbc_##record *)0)->member)                                                                 \
    }
    KEPT(POOL, pool, BALANCE, name),
    KEPT(POOL, pool, BALANCE, balance),
    KEPT(POOL, pool, SOURCES, source_count),
    KEPT(POOL, pool, SOURCES, source_port_lo),
    KEPT(POOL, pool, SOURCES, source_port_hi),
    KEPT(SERVER, server, BALANCE, name),
    KEPT(SERVER, server, BALANCE, weight),
    KEPT(SERVER, server, BALANCE, family),
    KEPT(SERVER, server, BALANCE, addr),
    KEPT(SERVICE, service, SERVICE, name),
    KEPT(SERVICE, service, SERVICE, mode),
    KEPT(SERVICE, service, SERVICE, gue_port),
    KEPT(SERVICE, service, SERVICE, gue_variant),
    KEPT(SERVICE, service, CLIENTS, affinity_ns),
    KEPT(SERVICE, service, CLIENTS, max_flows_per_source),
    KEPT(NAT, nat, NAT, name),
    KEPT(NAT, nat, NAT, kind),
    KEPT(NAT, nat, NAT, family),
    KEPT(NAT, nat, NAT, proto),
    KEPT(NAT, nat, NAT, flags),
    KEPT(NAT, nat, NAT, ip_proto),
    KEPT(NAT, nat, NAT, len),
    KEPT(NAT, nat, NAT, mss),
    KEPT(NAT, nat, NAT, port_lo),
    KEPT(NAT, nat, NAT, port_hi),
    KEPT(NAT, nat, NAT, target_port),
    KEPT(NAT, nat, NAT, to),
    KEPT(NAT, nat, NAT, target),
    KEPT(NAT, nat, NAT, iface),
    KEPT(NAT, nat, NAT, from_count),
    KEPT(NAT, nat, NAT, outside_count),
    KEPT(NAT, nat, NAT, port_count),
    KEPT(NAT, nat, NAT, cond_count),
};

static bool is_kept(enum fields_of of, enum field_keeps what, size_t byte)
{
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (kept[i].of == of && kept[i].what == what && byte >= kept[i].at && byte < kept[i].at + kept[i].size)
            return true;
    return false;
}

/* True for a byte of a run's beginning, which may be a different number for an equal run. */
static bool begins_run(enum fields_of of, size_t byte)
{
    for (uint32_t i = 0; i < record_fields[of].count; i++) {
        const struct field *f = &record_fields[of].rows[i];
        if (field_is_run(f) && byte >= f->at && byte < f->at + sizeof(uint32_t)) return true;
    }
    return false;
}

static void check_bytes(const struct program *p, enum fields_of of, enum field_keeps what)
{
    const void *entry = fields_entry(p, of, 0);
    uint64_t other[16]; /* aligned like an entry */
    assert_true(record_fields[of].size <= sizeof other);
    for (size_t byte = 0; byte < record_fields[of].size; byte++) {
        if (begins_run(of, byte)) continue;
        memcpy(other, entry, record_fields[of].size);
        /* Server flags: BACKUP. The lowest byte of a name: a different text. */
        ((uint8_t *)other)[byte] ^= 1;
        const bool backup = of == FIELDS_SERVER && byte == offsetof(struct pbc_server, flags);
        const bool name = is_kept(of, what, byte) && byte < sizeof(uint32_t);
        if (name && byte) continue;
        if (remap_same(of, what, p, entry, p, other) == (is_kept(of, what, byte) || backup))
            fail_msg("%s: byte %zu, keeps %u", record_fields[of].what, byte, what);
    }
}

static void the_right_members_are_compared(void **state)
{
    (void)state;
    struct imgbuild b;
    char err[256] = "";
    img_sample(&b);
    struct program *p = img_load(&b, err, sizeof err);
    assert_string_equal(err, "");
    check_bytes(p, FIELDS_POOL, KEEPS_BALANCE);
    check_bytes(p, FIELDS_POOL, KEEPS_SOURCES);
    check_bytes(p, FIELDS_SERVER, KEEPS_BALANCE);
    check_bytes(p, FIELDS_SERVICE, KEEPS_SERVICE);
    check_bytes(p, FIELDS_SERVICE, KEEPS_CLIENTS);
    check_bytes(p, FIELDS_NAT, KEEPS_NAT);
    program_put(p);
    img_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_bound_has_a_fault),
                                       cmocka_unit_test(the_right_members_are_compared)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
