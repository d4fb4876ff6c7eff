/* The thread that looks for work: work left before its end is done, and it can be started again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/base/looker.h"

#define PAUSE_NS UINT64_C(1000000)

struct work {
    uint32_t left, done; /* atomic */
};

static bool do_one(void *arg)
{
    struct work *w = arg;
    if (!__atomic_load_n(&w->left, __ATOMIC_ACQUIRE)) return false;
    __atomic_fetch_sub(&w->left, 1, __ATOMIC_ACQ_REL);
    w->done++;
    return true;
}

static void all_is_done_before_the_end(void **state)
{
    struct work w = {.left = 30};
    struct looker l = {0};
    looker_stop(&l); /* it does not run */
    for (uint32_t times = 1; times <= 2; times++) {
        w.left = 30;
        assert_int_equal(looker_start(&l, do_one, &w, PAUSE_NS), 0);
        assert_int_equal(looker_start(&l, do_one, &w, PAUSE_NS), 0); /* there is one thread */
        looker_stop(&l);
        assert_int_equal(w.done, times * 30);
    }
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_is_done_before_the_end)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
