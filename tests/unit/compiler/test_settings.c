/* Limits and timeouts: the tables of lang/ and of the compiler name the same keys with the same defaults, and a
 * file's values go to the right places. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "compiler/resolve/settings.h"
#include "tests/unit/compiler/front.h"

struct written {
    const char *key, *usual;
    bool timeout;
};

static const struct written table[] = {
#define LIMIT(key, kind, usual, doc) {key, usual, false},
#include "lang/words/limits.def"
#define TIMEOUT(key, usual, doc) {key, usual, true},
#include "lang/words/timeouts.def"
};

static const uint64_t *values_of(const struct compile *c) { return &c->image->settings->flows; }

/* A file that writes a key's default equals a file without the key. */
static void test_defaults_are_those_of_the_language(void **state)
{
    (void)state;
    unsigned found = 0;
    for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const char *key;
        bool timeout;
        uint64_t usual;
        unsigned k = 0;
        while (setting_usual(k, &key, &timeout, &usual) &&
               (strcmp(key, table[i].key) != 0 || timeout != table[i].timeout))
            k++;
        if (!setting_usual(k, &key, &timeout, &usual)) fail_msg("the compiler does not know `%s`", table[i].key);
        char text[200];
        struct compile c;
        snprintf(text, sizeof(text), "%s { %s %s }", table[i].timeout ? "timeouts" : "limits", table[i].key,
                 table[i].usual);
        front(&c, text);
        assert_int_equal(diags_errors(c.diags), 0);
        if (values_of(&c)[k] != usual) fail_msg("`%s` %s is not the compiler's default", table[i].key, table[i].usual);
        assert_true(c.image->settings->written == UINT64_C(1) << k);
        compile_fini(&c);
        found++;
    }
    assert_int_equal(found, PBC_SETTINGS_KEYS);
}

static void test_what_is_said_is_kept(void **state)
{
    (void)state;
    struct compile c;
    front(&c, "const n = 2048\nlimits { flows n; rejects 7/s }\ntimeouts { tcp half_open 1m30s; pickup 5s }\nlimits { "
              "maglev 251 }\nhash key \"k\"\n");
    const struct pbc_settings *s = c.image->settings;
    assert_int_equal(diags_errors(c.diags), 0);
    assert_int_equal(s->flows, 2048);
    assert_int_equal(s->rejects_per_s, 7);
    assert_int_equal(c.image->meta->rejects_per_s, 7);
    assert_int_equal(s->maglev, 251);
    assert_true(s->tcp_half_open_ns == UINT64_C(90000000000));
    assert_true(s->pickup_ns == UINT64_C(5000000000));
    assert_int_equal(s->half_open, 100000);
    uint8_t digest[PBC_DIGEST_LEN];
    pbc_digest("k", 1, digest);
    assert_memory_equal(s->hash_key, digest, sizeof(digest));
    assert_true(s->written >> PBC_SETTINGS_KEYS & 1);
    compile_fini(&c);
    front(&c, "");
    pbc_digest(HASH_KEY_DEFAULT, strlen(HASH_KEY_DEFAULT), digest);
    assert_memory_equal(c.image->settings->hash_key, digest, sizeof(digest));
    assert_true(c.image->settings->written == 0);
    compile_fini(&c);
}

/* Rates, bursts and keys in the program. */
static void test_meters(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t count, seconds, burst;
        uint32_t entries;
        uint8_t per, unit, len4, len6;
    } meters[] = {
        {"200/s", 200, 1, 200, 0, PBC_PER_NONE, PBC_METER_PACKETS, 0, 0},
        {"7/h", 7, 3600, 1, 0, PBC_PER_NONE, PBC_METER_PACKETS, 0, 0},
        {"300/m", 300, 60, 5, 0, PBC_PER_NONE, PBC_METER_PACKETS, 0, 0},
        {"200/s burst 3 per source", 200, 1, 3, 65536, PBC_PER_SOURCE, PBC_METER_PACKETS, 32, 128},
        {"8kbit/s", 1000, 1, 65536, 0, PBC_PER_NONE, PBC_METER_BYTES, 0, 0},
        {"8Mbit/s entries 9 per destination/24,/64", 1000000, 1, 1000000, 9, PBC_PER_DESTINATION, PBC_METER_BYTES, 24,
         64},
        {"1Gbit/s per flow burst 64KiB", 125000000, 1, 65536, 65536, PBC_PER_FLOW, PBC_METER_BYTES, 0, 0},
        {"1/s per source/20", 1, 1, 1, 65536, PBC_PER_SOURCE, PBC_METER_PACKETS, 20, 20},
        {"1/s per source/56", 1, 1, 1, 65536, PBC_PER_SOURCE, PBC_METER_PACKETS, 32, 56},
    };
    for (unsigned i = 0; i < sizeof(meters) / sizeof(meters[0]); i++) {
        char text[200];
        struct compile c;
        snprintf(text, sizeof(text), "meter m = %s\n", meters[i].text);
        front(&c, text);
        assert_int_equal(c.image->meters_count, 1);
        const struct pbc_meter *m = c.image->meters;
        if (m->count != meters[i].count || m->per_ns != meters[i].seconds * 1000000000 || m->burst != meters[i].burst ||
            m->entries != meters[i].entries || m->per != meters[i].per || m->unit != meters[i].unit ||
            m->len4 != meters[i].len4 || m->len6 != meters[i].len6)
            fail_msg("`%s` became %llu per %llu ns, burst %llu, %u entries, per %u, unit %u, /%u, /%u", meters[i].text,
                     (unsigned long long)m->count, (unsigned long long)m->per_ns, (unsigned long long)m->burst,
                     m->entries, m->per, m->unit, m->len4, m->len6);
        compile_fini(&c);
    }
}

static void test_spans(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned count;
        struct pbc_span spans[3];
    } schedules[] = {
        {"mon-fri 08:00-18:00", 1, {{480, 1080, 31, {0}, 0, 0}}},
        {"22:00-06:00", 1, {{1320, 360, 127, {0}, 0, 0}}},
        {"sun", 1, {{0, 1440, 64, {0}, 0, 0}}},
        {"sat-mon 18:00-00:00", 1, {{1080, 1440, 97, {0}, 0, 0}}},
        {"mon, wed 09:00-10:00, 11:00-24:00",
         3,
         {{540, 600, 1, {0}, 0, 0}, {540, 600, 4, {0}, 0, 0}, {660, 1440, 5, {0}, 0, 0}}},
        {"2026-12-24", 1, {{0, 1440, 0, {0}, 20811, 20811}}},
        {"2026-12-24 08:00-09:30", 1, {{480, 570, 0, {0}, 20811, 20811}}},
        {"2026-12-24 18:00 - 2026-12-27, sun", 2, {{1080, 1440, 0, {0}, 20811, 20814}, {0, 1440, 64, {0}, 0, 0}}},
        {"2026-12-24 - 2026-12-27 00:00", 1, {{0, 1440, 0, {0}, 20811, 20813}}},
        {"2026-12-24 18:00 - 2026-12-27 06:00, 2027-01-01",
         2,
         {{1080, 360, 0, {0}, 20811, 20814}, {0, 1440, 0, {0}, 20819, 20819}}},
        {"01:00-02:00, tue 03:00-04:00, sat",
         3,
         {{60, 120, 127, {0}, 0, 0}, {180, 240, 2, {0}, 0, 0}, {0, 1440, 32, {0}, 0, 0}}},
    };
    for (unsigned i = 0; i < sizeof(schedules) / sizeof(schedules[0]); i++) {
        char text[200];
        struct compile c;
        snprintf(text, sizeof(text), "schedule s = %s\n", schedules[i].text);
        front(&c, text);
        if (c.image->spans_count != schedules[i].count ||
            memcmp(c.image->spans, schedules[i].spans, schedules[i].count * sizeof(struct pbc_span)) != 0)
            fail_msg("`%s` became other spans", schedules[i].text);
        compile_fini(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_are_those_of_the_language),
        cmocka_unit_test(test_what_is_said_is_kept),
        cmocka_unit_test(test_meters),
        cmocka_unit_test(test_spans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
