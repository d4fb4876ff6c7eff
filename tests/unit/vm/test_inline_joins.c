/* Conditions under which both legs of a connection may be joined */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "vm/forward/inline/inline.h"

/* A connection stays if its segments would become more pieces for the other end than a segment may be cut into. */
static void small_segments(void **state)
{
    static const struct {
        uint16_t told, takes;
        enum splice_why why;
    } rows[] = {{1460, 100, SPLICE_WHY_OPTIONS}, {1460, 221, SPLICE_WHY_OPTIONS}, {1460, 223, SPLICE_WHY_NONE},
                {1460, 0, SPLICE_WHY_NONE},      {8960, 536, SPLICE_WHY_OPTIONS}, {64, 20, SPLICE_WHY_NONE}};
    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
        for (unsigned from = 0; from < 2; from++) {
            struct inline_conn c = {.side = {{.leg.heard = 1}, {.leg.heard = 1}}};
            struct splice_end ends[2];
            c.side[from].leg.our_mss = rows[i].told;
            c.side[!from].leg.mss = rows[i].takes;
            inline_ends(&c, ends);
            assert_int_equal(inline_may_join(&c, ends), rows[i].why);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(small_segments)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
