/* Fuzzes the tests of a rule file with any bytes. They are read, run and reported without a crash, twice alike, and
 * a failing test is an error. The rules are good and fixed: chains, sets, a meter, a schedule, pools, connections. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/ruletest/ruletest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char rules[] =
    "limits { flows 1000; half_open 100; fragments 64 }\n"
    "set office = 192.0.2.0/24, 2001:db8:1::/48\n"
    "const gw = 192.0.2.1\nconst ssh = 22\nconst www = 203.0.113.10:443\ninterface lan = \"eth1\"\n"
    "meter syns = 2/s burst 4 per source\n"
    "schedule work = mon-fri 08:00-18:00\n"
    "pool shop { server a 10.0.0.11:8443 weight 5; server b 10.0.0.12:8443; server c 10.0.0.13:8443 backup }\n"
    "service www on 203.0.113.10 tcp/443 { mode passthrough; -> shop }\n"
    "chain ping { accept icmp type echo-request as PING }\n"
    "firewall edge default drop {\n"
    "  mirror sent to socket \"ids\" limit 10/s udp as COPIED\n"
    "accept icmp6 type nd\n"
    "accept state established, related as OLD\n"
    "drop tcp flags has syn over syns as FLOOD\n"
    "drop udp flows over 3 per source as MANY\n"
    "accept udp to port 5 as UDP\n"
    "accept tcp from office to self port ssh during work as SSH\n"
    "accept tcp to 203.0.113.10 port 443 as WEB\n"
    "reject udp on lan port 53 as DNS\n"
    "do ping }\n"
    "firewall leash out default accept { reject state invalid as NOT_OURS }\n";

enum { INPUT_MOST = 2000, PACKETS_MOST = 2000 };

/* Return the compiler's messages for the text as JSON; malloc'd. */
static char *said(const char *text, size_t len)
{
    struct compile c;
    char *out = NULL;
    size_t out_len = 0;
    FILE *f = open_memstream(&out, &out_len);

    if (!f) abort();
    compile_init(&c);
    c.doubts = DOUBTS_FEW;
    if (compile_text(&c, "fuzz.prey", text, len) == 0 && c.tests->packets <= PACKETS_MOST) {
        compile_test(&c);
        if (!tests_passed(&c) != (diags_errors(c.diags) > 0)) abort();
        tests_summary(&c, f);
        tests_print_json(&c, f);
    }
    diags_print_json_with(c.diags, f, NULL, NULL);
    compile_fini(&c);
    fclose(f);
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[sizeof(rules) + INPUT_MOST + 1];

    if (size > INPUT_MOST) return -1;
    memcpy(text, rules, sizeof(rules) - 1);
    memcpy(text + sizeof(rules) - 1, data, size);
    char *first = said(text, sizeof(rules) - 1 + size), *second = said(text, sizeof(rules) - 1 + size);
    if (strcmp(first, second) != 0) {
        fprintf(stderr, "two compiles differ:\n%s\n%s\n", first, second);
        abort();
    }
    free(first);
    free(second);
    return 0;
}
