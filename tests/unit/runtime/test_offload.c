/* Offloads turned off and on again; addresses that are announced. */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>

#include "runtime/host/device/announce.h"
#include "runtime/host/device/feature.h"
#include "runtime/host/device/offload.h"
#include "runtime/host/state.h"
#include "tests/unit/runtime/netns.h"

/* Return the active ones: enum offload. A negative errno: -ENODEV. */
static int seen_on(const char *interface)
{
    static const struct {
        int which;
        const char *feature;
    } rows[] = {
#define OFFLOAD(ident, bit, word, feature, doc) {OFFLOAD_##ident, feature},
#include "runtime/host/device/offload.def"
    };
    int on = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const int is = feature_of(interface, rows[i].feature);
        if (is < 0) return is;
        if (is & FEATURE_ON) on |= rows[i].which;
    }
    return on;
}

static char run[64];
static struct state *open_state(void)
{
    char err[300] = "";
    if (!*run) assert_non_null(mkdtemp(strcpy(run, "/tmp/prey-test-XXXXXX")));
    struct state *s = state_open(run, "here", NULL, NULL, NULL, err, sizeof err);
    if (!s) print_error("%s\n", err);
    assert_non_null(s);
    return s;
}

static void turned_off(void **state)
{
    (void)state;
    char err[300] = "";
    sh(NETNS_PAIR);
    const int before = seen_on("here"), other = seen_on("there");
    const unsigned tags = OFFLOAD_RXVLAN | OFFLOAD_TXVLAN | OFFLOAD_RXSTAG | OFFLOAD_TXSTAG;
    assert_int_equal(before & (int)tags, tags); /* as veth does */
    struct state *s = open_state();
    unsigned off;
    char words[100];
    assert_int_equal(offloads_off(s, "here", OFFLOAD_LRO | OFFLOAD_GRO | OFFLOAD_RXVLAN, false, &off, err, sizeof err),
                     0);
    assert_int_equal(off, before & (OFFLOAD_LRO | OFFLOAD_GRO | OFFLOAD_RXVLAN));
    assert_int_equal(seen_on("here"), before & ~(OFFLOAD_LRO | OFFLOAD_GRO | OFFLOAD_RXVLAN));
    assert_int_equal(offloads_off(s, "here", tags, false, &off, err, sizeof err), 0);
    assert_int_equal(off, tags & ~(unsigned)OFFLOAD_RXVLAN); /* those that were already off aren't ours */
    assert_int_equal(seen_on("here") & (int)tags, 0);
    assert_int_equal(seen_on("there"), other);
    assert_int_equal(state_undo(s, STATE_CLOSED, NULL, NULL), 0);
    assert_int_equal(seen_on("here"), before);
    /* Programs that outlive their process would miss tags, so offloads stay off as long as the programs. */
    assert_int_equal(offloads_off(s, "here", OFFLOAD_RXVLAN, true, &off, err, sizeof err), 0);
    assert_int_equal(state_undo(s, STATE_CLOSED, NULL, NULL), 0);
    assert_int_equal(seen_on("here"), before & ~OFFLOAD_RXVLAN);
    assert_int_equal(state_undo(s, STATE_OPEN, NULL, NULL), 0);
    assert_int_equal(seen_on("here"), before);
    assert_int_equal(seen_on("nowhere"), -ENODEV);
    assert_int_equal(offloads_off(s, "nowhere", OFFLOAD_GRO, false, &off, err, sizeof err), -ENODEV);
    assert_int_equal(off, 0);
    assert_string_equal(err, "nowhere: gro can't be turned off: No such device");
    assert_int_equal(offloads_stuck("here"), 0); /* a veth allows all changes */
    assert_int_equal(offloads_stuck("nowhere"), -ENODEV);
    assert_string_equal(offload_word(OFFLOAD_RXSTAG | OFFLOAD_TXVLAN), "rx-vlan-stag-hw-parse");
    assert_string_equal(offload_word(0), "");
    offload_words(OFFLOAD_LRO | OFFLOAD_TXVLAN, words, sizeof words);
    assert_string_equal(words, "lro, txvlan");
    offload_words(OFFLOAD_LRO | OFFLOAD_TXVLAN, words, 8);
    assert_string_equal(words, "lro, tx");
    offload_words(0, words, sizeof words);
    assert_string_equal(words, "");
    state_close(s);
    rmdir(run);
}

static void after_a_kill(void **state)
{
    (void)state;
    char err[300];
    sh(NETNS_PAIR);
    const int before = seen_on("here");
    state_close(open_state());
    for (int gone = 0; gone < 2; gone++) {
        fflush(NULL);
        const pid_t pid = fork();
        if (!pid) {
            unsigned off;
            offloads_off(open_state(), "here", OFFLOAD_RXVLAN, false, &off, err, sizeof err);
            raise(SIGKILL);
        }
        waitpid(pid, NULL, 0);
        assert_int_equal(seen_on("here"), before & ~OFFLOAD_RXVLAN);
        if (gone) sh("ip link del here"); /* the interface is gone, too: nothing is left to undo */
        assert_int_equal(state_cleanup(run, NULL, NULL, NULL), 0);
        if (!gone) assert_int_equal(seen_on("here"), before);
    }
    rmdir(run);
}

/* The other end, in a separate namespace, had the addresses at another MAC, and learns the new one. */
static void announced(void **state)
{
    (void)state;
    char err[300], line[400];
    const int host = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    assert_int_equal(unshare(CLONE_NEWNET), 0);
    const int other = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    assert_int_equal(setns(host, CLONE_NEWNET), 0);
    sh(NETNS_PAIR);
    snprintf(line, sizeof line, "ip link set there netns /proc/%d/fd/%d", getpid(), other);
    sh(line);
    struct host *h = host_open(err, sizeof err);
    assert_non_null(h);
    assert_int_equal(setns(other, CLONE_NEWNET), 0);
    sh("echo 0 >/proc/sys/net/ipv6/conf/there/accept_dad; ip link set there up; ip addr add 192.0.2.2/24 dev there; "
       "ip addr add 2001:db8::2/64 dev there; "
       "ip neigh add 192.0.2.9 lladdr 02:00:00:00:00:99 dev there nud stale; "
       "ip neigh add 2001:db8::9 lladdr 02:00:00:00:00:99 dev there nud stale");
    assert_int_equal(setns(host, CLONE_NEWNET), 0);
    const struct host_addr addrs[] = {{{0xc0000209}, 4}, {{0x20010db8, 0, 0, 9}, 6}};
    /* Repeated until it is received, because the other end may still be coming up. */
    int heard = 1;
    for (unsigned i = 0; i < 200 && heard; i++) {
        assert_int_equal(setns(host, CLONE_NEWNET), 0);
        for (unsigned k = 0; k < 2; k++) assert_int_equal(announce(host_link_named(h, "here")->ifindex, &addrs[k]), 0);
        assert_int_equal(setns(other, CLONE_NEWNET), 0);
        heard = system("for a in 192.0.2.9 2001:db8::9; do "
                       "ip neigh show $a | grep -q 'lladdr 02:00:00:00:00:01' || { sleep 0.05; exit 1; }; done");
    }
    assert_int_equal(heard, 0);
    host_close(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {netns_test(turned_off), netns_test(after_a_kill), netns_test(announced)};
    return netns_run(tests, sizeof tests / sizeof tests[0]);
}
