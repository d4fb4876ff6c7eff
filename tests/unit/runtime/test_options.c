/* The command line of preyrun: what is accepted, what is rejected and with which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/preyrun/read_options.h"

static struct options o;
static char err[400];
static char *printed;

static enum options_result parse(const char *line)
{
    char words[1000], *argv[40] = {"preyrun"};
    size_t len;
    int argc = 1;
    snprintf(words, sizeof words, "%s", line);
    for (char *w = strtok(words, " "); w && argc < 39; w = strtok(NULL, " ")) argv[argc++] = w;
    static char kept[1000];
    memcpy(kept, words, sizeof words);
    for (int i = 1; i < argc; i++) argv[i] = kept + (argv[i] - words);
    free(printed);
    FILE *out = open_memstream(&printed, &len);
    err[0] = 0;
    const enum options_result r = options_parse(argc, argv, &o, out, err, sizeof err);
    fclose(out);
    return r;
}

static void taken(void **state)
{
    (void)state;
    assert_int_equal(parse("--pcap in.pcap rules.pbc"), OPTIONS_RUN);
    assert_string_equal(o.pcaps[0], "in.pcap");
    assert_string_equal(o.program, "rules.pbc");
    assert_int_equal(o.repeat, 1);
    assert_int_equal(o.from, 1);
    assert_int_equal(o.to, 0);
    assert_int_equal(o.mtu, 1500);
    assert_int_equal(o.log, LOG_NONE);
    assert_false(o.json || o.strict_checksum || o.flows || o.coverage);
    options_fini(&o);
    assert_int_equal(
        parse("rules.pbc --verdicts - --pcap=- --write=out.pcap --format json --on wan --seed=18446744073709551615 "
              "--strict-checksum --mtu 1280 --from 3 --to 3 --repeat 7 --log text --self 10.0.0.1 --self=::1"),
        OPTIONS_RUN);
    assert_string_equal(o.pcaps[0], "-");
    assert_string_equal(o.verdicts, "-");
    assert_string_equal(o.write, "out.pcap");
    assert_string_equal(o.on, "wan");
    assert_true(o.json && o.strict_checksum);
    assert_true(o.seed == UINT64_MAX);
    assert_int_equal(o.mtu, 1280);
    assert_int_equal(o.from, 3);
    assert_int_equal(o.to, 3);
    assert_int_equal(o.repeat, 7);
    assert_int_equal(o.log, LOG_TEXT);
    assert_int_equal(o.self.v4_count, 1);
    assert_int_equal(o.self.v6_count, 1);
    options_fini(&o);
    assert_int_equal(parse("--pcap in.pcap --explain 812 -- --odd.pbc"), OPTIONS_RUN);
    assert_string_equal(o.program, "--odd.pbc");
    assert_int_equal(o.explained_count, 1);
    assert_true(o.explained[0].first == 812 && o.explained[0].last == 812);
    options_fini(&o);
    assert_int_equal(parse("--pcap in.pcap --flows --verdicts lines --write out.pcap rules.pbc"), OPTIONS_RUN);
    assert_true(o.flows);
    options_fini(&o);
    assert_int_equal(parse("--pcap in.pcap --coverage --verdicts lines --write out.pcap --log text rules.pbc"),
                     OPTIONS_RUN);
    assert_true(o.coverage && !o.json);
    options_fini(&o);
    assert_int_equal(parse("--pcap in.pcap --json rules.pbc"), OPTIONS_RUN);
    assert_true(o.json);
    options_fini(&o);
    assert_int_equal(
        parse(
            "-i eth0 -ieth1 --io auto --workers 2 --monitor --preflight --on-exit open --on-exit closed --name edge-1 "
            "--ring 1MiB --log json --format json --exec user rules.pbc"),
        OPTIONS_RUN);
    assert_int_equal(o.iface_count, 2);
    assert_int_equal(o.on_exit, OPTIONS_END_CLOSED);
    assert_string_equal(o.ifaces[1], "eth1");
    assert_true(o.monitor && o.preflight && o.json);
    assert_string_equal(o.name, "edge-1");
    assert_int_equal(o.ring, 1 << 20);
    assert_int_equal(o.workers, 2);
    assert_int_equal(o.exec, OPTIONS_EXEC_USER);
    assert_int_equal(o.log, LOG_JSON);
    assert_int_equal(o.peer[0], OPTIONS_NO_PEER);
    options_fini(&o);
    assert_int_equal(parse("-i x --bridge eth0:eth1 rules.pbc"), OPTIONS_RUN);
    assert_string_equal(o.ifaces[1], "eth0");
    assert_string_equal(o.ifaces[2], "eth1");
    assert_true(o.peer[1] == 2 && o.peer[2] == 1 && o.peer[0] == OPTIONS_NO_PEER);
    options_fini(&o);
}

static void an_empty_name_is_refused(void **state)
{
    (void)state;
    char *const argv[] = {"preyrun", "--pcap", "a", "", NULL};
    char text[300];
    struct options empty;
    assert_int_equal(options_parse(4, argv, &empty, stderr, text, sizeof text), OPTIONS_WRONG);
    assert_non_null(strstr(text, "the name of the program is empty"));
    options_fini(&empty);
}

/* Command lines that are rejected, and a part of the message. */
static const struct {
    const char *line, *says;
} bad[] = {
    {"", "use --pcap FILE to replay a capture, or -i IF for live traffic"},
    {"rules.pbc", "--pcap"},
    {"--pcap a", "program is missing"},
    {"--pcap a b c", "preyrun runs one program, but the command names two: `b` and `c`"},
    {"--pcap", "--pcap needs a value: FILE|-"},
    {"--pcap= b", "--pcap needs a file"},
    {"--pcap a b --on=", "--on needs an interface"},
    {"--pcap - -", "both be standard input"},
    {"--pcap a b --verd x", "`--verd` isn't an option"},
    {"--pcap a b -x", "`-x` isn't an option"},
    {"--pcap a b --bogus=1", "`--bogus=1` isn't an option"},
    {"--pcap a b --format yaml", "--format takes text or json, not `yaml`"},
    {"--pcap a b --log yes", "`yes` must be text or json, perhaps with :syslog or :FILE"},
    {"--pcap a b --log text:", "--log text: needs a file after the colon"},
    {"--pcap a b --log text:syslog", "--log: a replay logs only to standard error, not to `syslog`"},
    {"--pcap a b --explain 0", "`0` isn't a list of frames such as 3 or 3,7,20-25"},
    {"--pcap a b --explain -1", "`-1` isn't a list of frames"},
    {"--pcap a b --explain 1x", "`1x` isn't a list of frames"},
    {"--pcap a b --explain 3,", "`3,` isn't a list of frames"},
    {"--pcap a b --explain 7-3", "`7-3` isn't a list of frames"},
    {"--pcap a b --explain 1-18446744073709551616", "isn't a list of frames"},
    {"-r a -r a b", "--pcap: `a` is given twice"},
    {"-r /var/captures/of/the/router/2026-11-23/the-one-that-shows-it.pcap -r "
     "/var/captures/of/the/router/2026-11-23/the-one-that-shows-it.pcap b",
     "--pcap: `/var/captures/of/the/router/2026-11-23/the-one-that-shows-it.pcap` is given twice"},
    {"-r a -r - -", "capture and program can't both be standard input"},
    {"-r a b --map wan", "--map: `wan` must be written NAME=IF"},
    {"-r a b --map wan=", "must be written NAME=IF"},
    {"-r a b --map x=wan --on wan", "--on sets the interface of all frames: leave out --map"},
    {"-r a b --only drop --explain 1", "--only chooses lines, but --explain doesn't print lines"},
    {"-r a b --only drop --write-seen x --write x", "can't both be `x`"},
    {"-r a b --explain 1 --write-seen x", "leave out --write-seen"},
    {"--replay a b --only drop --explain 1", "--only chooses lines"},
    {"-i a b -r c", "-r is for replays"},
    {"--pcap a b --from 18446744073709551616", "isn't a number"},
    {"--pcap a b --from 5 --to 4", "--from is after --to"},
    {"--pcap a b --repeat 0", "from 1 to 1000000"},
    {"--pcap a b --mtu 67", "from 68 to 65535"},
    {"--pcap a b --mtu 65536", "from 68 to 65535"},
    {"--pcap a b --seed x", "`x` isn't a number"},
    {"--pcap a b --strict-checksum=yes", "takes no value"},
    {"--pcap a b --self 10.0.0", "`10.0.0` isn't an IPv4 or IPv6 address"},
    {"--pcap a b --self 10.0.0.1,", "`` isn't"},
    {"--pcap a b --self 10.0.0.1,,::1", "`` isn't"},
    {"--pcap a b --self 10.0.0.1/8", "`10.0.0.1/8` isn't"},
    {"--pcap a b --self fe80::1%eth0", "isn't an IPv4"},
    {"--pcap a b --self 010.0.0.1", "isn't an IPv4"},
    {"--pcap a b --self ::1::", "isn't an IPv4"},
    {"--pcap a b --verdicts - --write -", "can't both be `-`"},
    {"--pcap a b --verdicts x --write x", "can't both be `x`"},
    {"--pcap a b --explain 1 --verdicts x", "leave out --verdicts"},
    {"--pcap a b --explain 1 --write x", "leave out --write"},
    {"--pcap a b --explain 1 --repeat 2", "leave out --repeat"},
    {"--pcap a b --explain 1 --log text", "leave out --log"},
    {"--pcap a b --down shop", "--down: `shop` must be written POOL/SERVER"},
    {"--pcap a b --down /a", "--down: `/a` must be written POOL/SERVER"},
    {"--pcap a b --down shop/a/b", "--down: `shop/a/b` must be written POOL/SERVER"},
    {"--pcap a b --flows=yes", "takes no value"},
    {"--pcap a b --flows --explain 1", "leave out --flows"},
    {"--pcap a b --flows --verdicts -", "--flows prints after the summary, and --verdicts - replaces the summary"},
    {"--pcap a b --write - --flows", "--flows prints after the summary, and --write - replaces the summary"},
    {"--pcap a b --coverage=yes", "takes no value"},
    {"--pcap a b --coverage --explain 1", "leave out --coverage"},
    {"--pcap a b --coverage --verdicts -", "and --verdicts - uses the same output: name a file"},
    {"--pcap a b --write - --coverage", "and --write - uses the same output: name a file"},
    {"--pcap a b --coverage --flows", "--coverage replaces the summary, so leave out --flows"},
    {"--pcap a b --coverage --repeat 2", "--coverage replaces the summary, so leave out --repeat"},
    {"--bridge a b", "--bridge: `a` must be written IF:IF"},
    {"--bridge a:b:c b", "must be written IF:IF"},
    {"--bridge a:a b", "--bridge a: the interface is given twice"},
    {"--bridge :a b", "--bridge needs an interface"},
    {"-i a --bridge a:c b", "--bridge a: the interface is given twice"},
    {"-i", "-i needs a value: IF"},
    {"-i eth0", "the program is missing: preyrun -i IF"},
    {"-i eth0 -i eth0 b", "-i eth0: the interface is given twice"},
    {"-i eth0 --pcap a b", "--pcap is for replays: leave out -i"},
    {"-i eth0 --mtu 1400 b", "--mtu is for replays"},
    {"--monitor b", "--monitor is for live traffic: add -i IF"},
    {"--pcap a --preflight b", "--pcap is for replays: leave out --preflight"},
    {"-i eth0 --io dpdk b", "`dpdk` is none of auto, packet, xdp"},
    {"-i eth0 --exec gpu b", "--exec: `gpu` is none of auto, user, kernel"},
    {"--replay a --exec kernel b", "leave out --exec kernel"},
    {"-i eth0 --workers 0 b", "`0` isn't a number from 1 to 16"},
    {"-i eth0 --workers 17 b", "`17` isn't a number from 1 to 16"},
    {"--stats 127.0.0.1:80 b", "--stats is for live traffic: add -i IF"},
    {"--watch b", "--watch is for live traffic: add -i IF"},
    {"-i eth0 --watch -",
     "--watch needs a file, but the program comes from standard input: name its file in place of `-`"},
    {"--control /run/x b", "--control is for live traffic: add -i IF"},
    {"-i eth0 --confirm soon b", "--confirm: `soon` isn't a time such as 30s, 5m or 2h"},
    {"--confirm 5s b", "--confirm is for live traffic: add -i IF"},
    {"-i eth0 --control", "--control needs a value: PATH"},
    {"-i eth0 --control /x --control /y b", "--control is given twice"},
    {"-i eth0 --on-exit maybe b", "--on-exit takes open or closed, not `maybe`"},
    {"-i eth0 --busy-poll b", "--busy-poll needs --io xdp"},
    {"-i eth0 --io packet --xdp-replace b", "--xdp-replace needs --io xdp or the kernel executor"},
    {"-i eth0 --exec user --xdp-replace b", "--xdp-replace needs --io xdp or the kernel executor"},
    {"-i eth0 --name ../x b", "`../x` isn't a name"},
    {"-i eth0 --ring 1KiB b", "`1KiB` isn't a size"},
    {"-i eth0 --ring 99GiB b", "`99GiB` isn't a size"},
    {"-i eth0 --ring 16M b", "`16M` isn't a size"},
    {"--cleanup b", "--cleanup takes only --name, no other option"},
    {"--cleanup -i eth0", "--cleanup takes only --name, no other option"},
    {"--interface eth0 b", "`--interface` isn't an option"},
};

static void refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(parse(bad[i].line), OPTIONS_WRONG);
        if (!strstr(err, bad[i].says)) fail_msg("`%s`: `%s` does not say `%s`", bad[i].line, err, bad[i].says);
        assert_null(strchr(err, '\n'));
        options_fini(&o);
    }
}

static void help_and_version(void **state)
{
    (void)state;
    static const char *const names[] = {
#define OPTION(name, letter, takes, argument, way, doc) name[0] ? "--" name : "-i",
#include "runtime/base/options/options.def"
    };
    assert_int_equal(parse("--help"), OPTIONS_DONE);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!strstr(printed, names[i])) fail_msg("--help does not name %s", names[i]);
    for (const char *at = printed, *end; (end = strchr(at, '\n')); at = end + 1) assert_true(end - at <= 100);
    options_fini(&o);
    assert_int_equal(parse("--version --nonsense"), OPTIONS_DONE);
    assert_memory_equal(printed, "preyrun ", 8);
    options_fini(&o);
}

static void manual_names_all(void **state)
{
    (void)state;
    static const char *const names[] = {
#define OPTION(name, letter, takes, argument, way, doc) name,
#include "runtime/base/options/options.def"
    };
    static char manual[65536], plain[65536];
    FILE *f = fopen("man/preyrun.1", "r");
    assert_non_null(f);
    manual[fread(manual, 1, sizeof manual - 1, f)] = 0;
    fclose(f);
    char *to = plain; /* roff writes a literal hyphen as \- */
    for (const char *at = manual; *at; at++)
        if (*at != '\\' || at[1] != '-') *to++ = *at;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char name[40];
        snprintf(name, sizeof name, "--%s", names[i]);
        if (!names[i][0]) snprintf(name, sizeof name, "-i");
        if (!strstr(plain, name)) fail_msg("the manual does not name %s", name);
    }
}

/* Sorted, each once, because the vm searches by halving. */
static void self_sorted(void **state)
{
    (void)state;
    struct self s = {0};
    assert_int_equal(self_add(&s, "10.0.0.9,2001:db8::2,10.0.0.1,::1,255.255.255.255,10.0.0.9,2001:db8::1,0.0.0.0,::1",
                              err, sizeof err),
                     0);
    static const uint32_t v4[] = {0, 0x0a000001, 0x0a000009, 0xffffffff};
    assert_int_equal(s.v4_count, 4);
    assert_memory_equal(s.v4, v4, sizeof v4);
    assert_int_equal(s.v6_count, 3);
    assert_true(s.v6[0].lo_hi == 0 && s.v6[0].lo_lo == 1);
    assert_true(s.v6[1].lo_hi == 0x20010db800000000 && s.v6[1].lo_lo == 1);
    assert_true(s.v6[2].lo_lo == 2 && s.v6[2].hi_lo == 2 && s.v6[2].hi_hi == s.v6[2].lo_hi);
    assert_int_equal(self_add(&s, "10.0.0.5", err, sizeof err), 0);
    assert_int_equal(s.v4_count, 5);
    assert_int_equal(s.v4[2], 0x0a000005);
    self_fini(&s);
    assert_int_equal(s.v4_count, 0);
}

/* --sets-group: numbers, an existing group of the machine, lists; anything else is rejected. */
static void sets_groups(void **state)
{
    (void)state;
    assert_int_equal(parse("-i eth0 --sets-group root:caught --sets-group=12346:a,b-c,D_1 rules.pbc"), OPTIONS_RUN);
    assert_int_equal(o.sets_group_count, 2);
    assert_int_equal(o.sets_groups[0].gid, 0);
    assert_true(sets_group_has(&o.sets_groups[0], "caught"));
    assert_int_equal(o.sets_groups[1].gid, 12346);
    static const char *const names[] = {"a", "b-c", "D_1"}, *const others[] = {"",  "b",   "c",   "a,b-c",
                                                                               "A", "d_1", "D_1,"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) assert_true(sets_group_has(&o.sets_groups[1], names[i]));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(sets_group_has(&o.sets_groups[1], others[i]));
    options_fini(&o);
    static const char *const faults[][2] = {
        {"caught", "`caught` must be written GROUP:SET,..."},
        {":caught", "`:caught` must be written GROUP:SET,..."},
        {"12346:", "`` isn't a list of live sets, such as caught,listed"},
        {"12346:a,", "`a,` isn't a list of live sets, such as caught,listed"},
        {"12346:a,,b", "`a,,b` isn't a list of live sets, such as caught,listed"},
        {"12346:-a", "`-a` isn't a list of live sets, such as caught,listed"},
        {"12346:a:b", "`a:b` isn't a list of live sets, such as caught,listed"},
        {"no-such-group:a", "`no-such-group` isn't a group of this machine"},
        {"-1:a", "`-1` isn't a group of this machine"},
        {"4294967295:a", "`4294967295` isn't a group number"},
        {"4294967296:a", "`4294967296` isn't a group number"},
        {"99999999999999999999:a", "`99999999999999999999` isn't a group number"},
        {"65534:a", "`65534` is the kernel's overflow group, which any group of another namespace can be: create a "
                    "group for this"},
    };
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        char line[200], want[200];
        snprintf(line, sizeof line, "-i eth0 --sets-group=%s rules.pbc", faults[i][0]);
        snprintf(want, sizeof want, "--sets-group: %s", faults[i][1]);
        assert_int_equal(parse(line), OPTIONS_WRONG);
        assert_string_equal(err, want);
        options_fini(&o);
    }
    char line[800] = "-i eth0 rules.pbc";
    for (unsigned i = 0; i < SETS_GROUPS; i++) strcat(line, " --sets-group=1:a");
    assert_int_equal(parse(line), OPTIONS_RUN);
    options_fini(&o);
    strcat(line, " --sets-group=1:a");
    assert_int_equal(parse(line), OPTIONS_WRONG);
    assert_string_equal(err, "--sets-group is given more than 16 times: write GROUP:SET,SET");
    assert_int_equal(parse("--pcap in.pcap --sets-group 1:a rules.pbc"), OPTIONS_WRONG);
    options_fini(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(taken),
        cmocka_unit_test(refused),
        cmocka_unit_test(an_empty_name_is_refused),
        cmocka_unit_test(help_and_version),
        cmocka_unit_test(manual_names_all),
        cmocka_unit_test(self_sorted),
        cmocka_unit_test(sets_groups),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(printed);
    return failed;
}
