/* `mode observe` with connections that leave the inline stack: before, meanwhile and afterwards it sees what their
 * client sees, each octet once, in the client's numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/vm/inline_leave.h"
#include "vm/observe/observe.h"

#define OBSERVED "service w on any tcp/any { mode observe; stream to \"d\" }\n" SERVER_FIRST

struct seen {
    char got[2][256];
    uint64_t end[2];
    unsigned begins, ends, holes;
};

static void note(void *arg, const struct observe_event *e)
{
    struct seen *s = arg;
    s->begins += e->kind == OBSERVE_BEGIN;
    s->ends += e->kind == OBSERVE_END;
    s->holes += e->kind == OBSERVE_HOLE;
    if (e->kind != OBSERVE_BYTES) return;
    assert_int_equal(e->offset, s->end[e->half]);
    assert_in_range(e->offset + e->len, 1, sizeof s->got[0] - 1);
    memcpy(s->got[e->half] + e->offset, e->bytes, e->len);
    s->end[e->half] += e->len;
}

static void sees_the_client(void **state)
{
    struct wire w;
    for (unsigned held = 0; held < 2; held++) {
        struct seen s = {0};
        struct observe_out out = {.told = note, .arg = &s};
        may_leave(&w, OBSERVED, false, 0);
        vm_free(w.s.vm);
        w.cfg.observed = &out;
        w.s.vm = vm_new(w.s.program, &w.cfg);
        open_with(&w, &plain_syns);
        talks_and_rests(&w, &plain_syns);
        struct frame f = with(&w.own, ACK, OWN_SEQ + 6, SERVER_SEQ + 5, "ahead");
        if (held) says(&w, &f); /* data that the client never sent: numbers differ from here on */
        ask(&w, 5, held ? 10 : 5, 4, 4);
        const uint32_t own = OWN_SEQ + (held ? 11 : 6);
        f = with(&w.client, ACK, CLIENT_SEQ + 6, OUR_SEQ + 5, " one");
        comes(&w, &f, LEFT);
        f = with(&w.server, ACK, SERVER_SEQ + 5, own, " two");
        comes(&w, &f, RIGHT);
        assert_int_equal(told(&w).kind, INLINE_LEFT);
        f = with(&w.server, ACK, SERVER_SEQ + 5, own, " two"); /* again */
        comes(&w, &f, RIGHT);
        f = with(&w.client, ACK, CLIENT_SEQ + 10, OUR_SEQ + 9, " three");
        comes(&w, &f, LEFT);
        f = with(&w.server, ACK | FIN, SERVER_SEQ + 9, own + 10, " four");
        comes(&w, &f, RIGHT);
        f = with(&w.client, ACK | FIN, CLIENT_SEQ + 16, OUR_SEQ + 15, NULL);
        comes(&w, &f, LEFT);
        f = with(&w.server, ACK, SERVER_SEQ + 15, own + 11, NULL);
        comes(&w, &f, RIGHT);
        ticks(&w, 20 * S);
        assert_string_equal(s.got[0], "hallo one three");
        assert_string_equal(s.got[1], "Welt two four");
        assert_int_equal(s.begins, 1);
        assert_int_equal(s.ends, 1);
        assert_int_equal(s.holes, 0);
        wire_fini(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sees_the_client)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
