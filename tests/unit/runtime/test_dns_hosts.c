/* hosts(5): lines, families and upper and lower case, as the resolver reads them once for all names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/parent/dns/dns_hosts.h"

static const struct dns_name names[] = {
    {"www.example.net"}, {"a.example.net"}, {"none.example.net"}, {"_http._tcp.example.net"}};

static struct host_line *lines_of(const char *text, uint32_t *found)
{
    FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    assert_non_null(file);
    struct host_line *lines = hosts_read(file, names, sizeof names / sizeof *names, found);
    assert_non_null(lines);
    fclose(file);
    return lines;
}

static void lines_in_the_order_of_names(void **state)
{
    uint32_t found;
    (void)state;
    struct host_line *of = lines_of("10.0.0.3 a.example.net\n"
                                    "2001:db8::1\tother WWW.example.NET\r\n"
                                    "10.0.0.1 www.example.net alias # a.example.net\n"
                                    "10.0.0.2 x www.example.net",
                                    &found);
    assert_int_equal(found, 4);
    for (uint32_t i = 0; i < 3; i++) assert_int_equal(of[i].name, 0);
    assert_int_equal(of[0].family, 4);
    assert_int_equal(of[1].family, 4);
    assert_int_equal(of[0].addr[0] + of[1].addr[0], 2 * 0x0a000000 + 3);
    assert_int_equal(of[2].family, 6);
    assert_int_equal(of[2].addr[0], 0x20010db8);
    assert_int_equal(of[2].addr[3], 1);
    assert_int_equal(of[3].name, 1);
    assert_int_equal(of[3].addr[0], 0x0a000003);
    free(of);
}

static void other_lines_are_passed_over(void **state)
{
    uint32_t found;
    (void)state;
    struct host_line *of = lines_of("# 10.0.0.1 www.example.net\n\n   \n"
                                    "10.0.0.256 www.example.net\n"
                                    "www.example.net a.example.net\n"
                                    "10.0.0.1\n"
                                    "10.0.0.1 www.example.net.\n"
                                    "10.0.0.1 _http._tcp.example.net\n"
                                    "fe80::1%lo www.example.net\n",
                                    &found);
    assert_int_equal(found, 0);
    free(of);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_in_the_order_of_names),
        cmocka_unit_test(other_lines_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
