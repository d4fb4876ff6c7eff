/* The verifier checks each text, each place and each reserved byte of a program's checks, pools, servers, services,
 * proxies, nats and observe services. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/imgbuild.h"

typedef void make_fn(struct imgbuild *b);

/* X(sample, section, its name in messages, member) */
#define TEXTS(X)                                                                                                       \
    X(img_sample, checks, "check", name)                                                                               \
    X(img_sample, checks, "check", place.file)                                                                         \
    X(img_sample, checks, "check", path)                                                                               \
    X(img_sample, checks, "check", host)                                                                               \
    X(img_sample, checks, "check", sni)                                                                                \
    X(img_sample, checks, "check", ca)                                                                                 \
    X(img_sample, pools, "pool", name)                                                                                 \
    X(img_sample, pools, "pool", place.file)                                                                           \
    X(img_sample, servers, "server", name)                                                                             \
    X(img_sample, servers, "server", place.file)                                                                       \
    X(img_sample, services, "service", name)                                                                           \
    X(img_sample, services, "service", place.file)                                                                     \
    X(img_sample, endpoints, "endpoint", place.file)                                                                   \
    X(img_sample, branches, "branch", place.file)                                                                      \
    X(img_sample, nats, "nat", name)                                                                                   \
    X(img_sample, nats, "nat", place.file)                                                                             \
    X(img_sample_proxies, proxies, "proxy", server_sni)                                                                \
    X(img_sample_proxies, proxies, "proxy", server_ca)                                                                 \
    X(img_sample_proxies, proxies, "proxy", affinity_name)                                                             \
    X(img_sample_proxies, proxies, "proxy", log_file)                                                                  \
    X(img_sample_proxies, certs, "certificate", cert)                                                                  \
    X(img_sample_proxies, certs, "certificate", key)                                                                   \
    X(img_sample_proxies, certs, "certificate", place.file)                                                            \
    X(img_sample_wire, branches, "branch", place.file)                                                                 \
    X(img_sample_observe, observes, "observe", name)                                                                   \
    X(img_sample_observe, observes, "observe", place.file)                                                             \
    X(img_sample_observe, choices, "choice", place.file)                                                               \
    X(img_sample_observe, observe_endpoints, "observe endpoint", place.file)
/* Texts with a separate limit */
#define PATHS(X)                                                                                                       \
    X(img_sample_observe, observes, "observe", sessions)                                                               \
    X(img_sample_observe, observes, "observe", stream)
#define RESERVED(X)                                                                                                    \
    X(img_sample, checks, "check", reserved)                                                                           \
    X(img_sample, steps, "step", reserved)                                                                             \
    X(img_sample, servers, "server", reserved)                                                                         \
    X(img_sample, services, "service", reserved2)                                                                      \
    X(img_sample, nats, "nat", reserved)                                                                               \
    X(img_sample, nats, "nat", reserved2)                                                                              \
    X(img_sample_proxies, proxies, "proxy", reserved)                                                                  \
    X(img_sample_observe, observes, "observe", reserved)                                                               \
    X(img_sample_observe, observes, "observe", reserved2)

static void expect(struct imgbuild *b, const char *member, const char *line)
{
    char err[256] = "";
    struct program *p = img_load(b, err, sizeof err);
    if (p || strcmp(err, line) != 0) fail_msg("%s: expected `%s`, got `%s`", member, line, p ? "a program" : err);
}

static uint32_t long_string(struct imgbuild *b)
{
    char *s = calloc(PBC_NAME_MAX + 2, 1);
    memset(s, 'x', PBC_NAME_MAX + 1);
    const uint32_t at = img_string(b, s);
    free(s);
    return at;
}

static void expect_text(make_fn *make, size_t section, size_t at, const char *what, const char *member, bool bounded)
{
    for (unsigned i = 0; i < 1u + bounded; i++) {
        struct imgbuild b;
        char line[128];
        make(&b);
        const uint32_t bad = i ? long_string(&b) : PBC_NONE;
        snprintf(line, sizeof line,
                 i ? "%s 0: a name or path has more than 4096 bytes" : "%s 0: a string is past the end of `strings`",
                 what);
        char *entry = *(char **)((char *)&b + section);
        memcpy(entry + at, &bad, sizeof bad);
        expect(&b, member, line);
        img_fini(&b);
    }
}

static void each_text_is_verified(void **state)
{
    (void)state;
#define X(sample, section, what, member)                                                                               \
    expect_text(sample, offsetof(struct imgbuild, section),                                                            \
                offsetof(typeof(*((struct imgbuild *)0)->section), member), what, #section "." #member, true);
    TEXTS(X)
#undef X
#define X(sample, section, what, member)                                                                               \
    expect_text(sample, offsetof(struct imgbuild, section),                                                            \
                offsetof(typeof(*((struct imgbuild *)0)->section), member), what, #section "." #member, false);
    PATHS(X)
#undef X
}

static void expect_zero(make_fn *make, size_t section, size_t at, size_t len, const char *what, const char *member)
{
    for (size_t i = 0; i < len; i++) {
        struct imgbuild b;
        char line[128];
        make(&b);
        snprintf(line, sizeof line, "%s 0: reserved bytes aren't zero", what);
        char *entry = *(char **)((char *)&b + section);
        entry[at + i] = i % 2 ? 1 : (char)0x80;
        expect(&b, member, line);
        img_fini(&b);
    }
}

static void each_reserved_byte_is_zero(void **state)
{
    (void)state;
#define X(sample, section, what, member)                                                                               \
    expect_zero(sample, offsetof(struct imgbuild, section),                                                            \
                offsetof(typeof(*((struct imgbuild *)0)->section), member),                                            \
                sizeof(((struct imgbuild *)0)->section->member), what, #section "." #member);
    RESERVED(X)
#undef X
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_text_is_verified),
                                       cmocka_unit_test(each_reserved_byte_is_zero)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
