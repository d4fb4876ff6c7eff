/* Preflight: each finding in words, with its remedy; nothing is printed for what is fine. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if_arp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <linux/capability.h>

#include "runtime/host/look/preflight.h"
#include "runtime/host/device/tun.h"
#include "runtime/host/hook/xdp.h"
#include "tests/unit/runtime/netns.h"

static char told[8000];
static void say(void *arg, bool fatal, const char *what, const char *mend)
{
    (void)arg;
    const size_t len = strlen(told);
    snprintf(told + len, sizeof told - len, "%s: %s%s%s\n", fatal ? "fatal" : "worth", what, *mend ? " => " : "", mend);
}

static struct host_addr addr(const char *text)
{
    struct host_addr a = {.family = strchr(text, ':') ? 6 : 4};
    assert_int_equal(inet_pton(a.family == 4 ? AF_INET : AF_INET6, text, a.word), 1);
    for (unsigned i = 0; i < 4; i++) a.word[i] = ntohl(a.word[i]);
    return a;
}

/* Return preflight's findings on these; the fatal ones are counted. */
static const char *look(const struct preflight *p, unsigned fatal)
{
    char err[200] = "";
    struct host *h = host_open(err, sizeof err);
    assert_non_null(h);
    told[0] = 0;
    assert_int_equal(host_preflight(h, p, say, NULL), fatal);
    host_close(h);
    return told;
}

/* The kernel notices a carrier a little later. */
#define UNTIL(name, state) "until ip link show " name " | grep -q 'state " state "'; do sleep 0.01; done"

static const char *interface(const char *name, unsigned fatal)
{
    const struct preflight p = {.interfaces = &name, .interface_count = 1};
    return look(&p, fatal);
}

/* Make a persistent TUN device of another kind, which is down then. */
static void of_kind(const char *device, int kind)
{
    struct ifreq r = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    char command[80];
    snprintf(command, sizeof command, "ip link set %s down", device);
    sh(command);
    snprintf(r.ifr_name, sizeof r.ifr_name, "%s", device);
    const int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(ioctl(fd, TUNSETIFF, &r), 0);
    assert_int_equal(ioctl(fd, TUNSETLINK, kind), 0);
    close(fd);
}

static void interfaces(void **state)
{
    (void)state;
    sh("ip link set lo up; ip link add eth0 type veth peer name enp3s0; ip link set eth0 up; ip link set enp3s0 "
       "up; " UNTIL("eth0", "UP"));
    assert_string_equal(interface("eth0", 0), "");
    assert_string_equal(interface("eht0", 1),
                        "fatal: there is no interface `eht0`; there are: lo, enp3s0, eth0 => -i eth0\n");
    assert_string_equal(interface("enp3s1", 1),
                        "fatal: there is no interface `enp3s1`; there are: lo, enp3s0, eth0 => -i enp3s0\n");
    assert_string_equal(interface("nothing-like", 1),
                        "fatal: there is no interface `nothing-like`; there are: lo, enp3s0, eth0\n");
    assert_string_equal(
        interface("eth0,enp3s0", 1),
        "fatal: `eth0,enp3s0` matches several interfaces, and -i takes only one => -i eth0 -i enp3s0\n");
    /* A device that an instance made isn't one of them, whatever names others use. */
    char name[IF_NAMESIZE], err[200];
    int fd;
    assert_int_equal(tun_open("eth0", &fd, 1, name, err, sizeof err), 0);
    assert_string_equal(name, "prey-eth0");
    sh("ip tuntap add prey-too mode tun");
    assert_string_equal(interface("prey-eth1", 1),
                        "fatal: there is no interface `prey-eth1`; there are: lo, enp3s0, eth0, prey-too\n");
    sh("ip link del prey-too");
    close(fd);
    sh("ip link set enp3s0 down; " UNTIL("eth0", "LOWERLAYERDOWN"));
    assert_string_equal(interface("enp3s0", 1), "fatal: enp3s0 is down => ip link set enp3s0 up\n");
    assert_string_equal(interface("eth0", 0), "worth: eth0 has no carrier: nothing arrives until its peer is up\n");
    sh("ip link set enp3s0 up; " UNTIL("eth0", "UP") "; ip tuntap add tun7 mode tun; ip link set tun7 up");
    assert_string_equal(interface("tun7", 0), "worth: tun7 has no carrier: nothing arrives until its peer is up\n");
    of_kind("tun7", ARPHRD_CAN);
    assert_string_equal(interface("tun7", 1), "fatal: tun7 carries neither Ethernet nor bare IP packets (its ARPHRD "
                                              "type is 280) => remove its `-i`\n");
    of_kind("tun7", ARPHRD_IPGRE); /* like GRE without `remote`: each packet has a header that names its end */
    sh("ip link set tun7 up");
    assert_string_equal(interface("tun7", 0), "worth: tun7 has no carrier: nothing arrives until its peer is up\n");
    sh("ip link del tun7");
    sh("ip link add name swi type bridge; ip link set eth0 master swi");
    assert_string_equal(interface("eth0", 0), "worth: eth0 is a port of the kernel's bridge swi, which also forwards "
                                              "the arriving frames => ip link set eth0 nomaster\n");
}

static void subnets(void **state)
{
    (void)state;
    sh(NETNS_PAIR);
    sh("ip addr add 192.0.2.1/24 dev here; ip addr add 192.0.2.2/25 dev there; ip addr add 2001:db8::1/64 dev here; "
       "ip addr add 2001:db8:1::1/64 dev there; ip addr add 10.0.0.1/32 dev here; ip addr add 10.0.0.1/32 dev there");
    assert_string_equal(interface("here", 0), "worth: here and there are in one subnet, 192.0.2.2/24: replies leave by "
                                              "the interface of the route => ip addr del 192.0.2.2/25 dev there\n");
    assert_string_equal(interface("lo", 0), ""); /* irrelevant to us */
}

static void servers(void **state)
{
    (void)state;
    const char *name = "here";
    sh(NETNS_PAIR);
    sh("ip addr add 192.0.2.1/24 dev here; ip addr add 198.51.100.1/24 dev there");
    struct preflight_server s[12] = {
        {addr("192.0.2.9"), "farm/good", 0, true},     {addr("203.0.113.9"), "farm/lost", 0, true},
        {addr("192.0.2.1"), "farm/me", 0, true},       {addr("198.51.100.9"), "farm/there", 0, true},
        {addr("192.0.2.10"), "farm/tunnel", 28, true},
    };
    struct preflight p = {.interfaces = &name, .interface_count = 1, .servers = s, .server_count = 5};
    assert_string_equal(
        look(&p, 0),
        "worth: no route leads to server farm/lost, 203.0.113.9 => ip route add 203.0.113.9 via GATEWAY\n"
        "worth: server farm/me, 192.0.2.1, is this machine itself, which forwarded packets can't reach, so it "
        "counts as down => use `mode proxy`, or the address of another host\n"
        "worth: the route to server farm/there, 198.51.100.9, leaves by there, which no -i names => -i there\n"
        "worth: a packet of 1500 bytes doesn't fit into the tunnel to server farm/tunnel: the server's route takes "
        "only 1500 bytes, "
        "and the tunnel needs 1528; senders must use smaller packets, and some packets are delayed => ip link set here "
        "mtu "
        "1528\n");
    /* This machine connects to servers that only the proxy uses like any program. */
    for (unsigned i = 0; i < 4; i++) s[i].sent_on = false;
    p.server_count = 4;
    assert_string_equal(
        look(&p, 0),
        "worth: no route leads to server farm/lost, 203.0.113.9 => ip route add 203.0.113.9 via GATEWAY\n");
    sh("ip addr add 192.0.2.77/30 dev there");
    s[0] = (struct preflight_server){addr("192.0.2.78"), "farm/two", 0, true};
    p.server_count = 1;
    assert_non_null(strstr(look(&p, 0),
                           "worth: server farm/two, 192.0.2.78, is in the subnets of there and here: packets "
                           "leave by the interface of the route\n"));
    for (unsigned i = 0; i < 12; i++) s[i] = (struct preflight_server){addr("203.0.113.9"), "farm/lost", 0, true};
    p.server_count = 12;
    const char *text = look(&p, 0);
    unsigned lines = 0;
    for (const char *at = text; (at = strstr(at, "no route leads")); at++) lines++;
    assert_int_equal(lines, 5);
    assert_non_null(strstr(text, "worth: 7 more servers have no route\n"));
    p.server_count = 6;
    assert_non_null(strstr(look(&p, 0), "worth: 1 more server has no route\n"));
}

static void forwarding(void **state)
{
    (void)state;
    const char *name = "here";
    sh(NETNS_PAIR);
    struct preflight p = {.interfaces = &name, .interface_count = 1, .sends_on = true};
    assert_string_equal(look(&p, 0), "");
    sh("echo 1 >/proc/sys/net/ipv4/ip_forward");
    assert_string_equal(look(&p, 1),
                        "fatal: the kernel forwards packets itself (net.ipv4.ip_forward), and would send a second "
                        "copy of each packet that prey forwards => sysctl -w net.ipv4.ip_forward=0\n");
    p.guarded = true;
    assert_string_equal(look(&p, 0), "");
}

static void rights(void **state)
{
    (void)state;
    struct __user_cap_header_struct who = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct has[2];
    sh(NETNS_PAIR);
    assert_int_equal(syscall(SYS_capget, &who, has), 0);
    has[0].effective &= ~(1u << CAP_NET_RAW);
    assert_int_equal(syscall(SYS_capset, &who, has), 0);
    assert_string_equal(
        interface("here", 1),
        "fatal: start the container with --cap-add NET_RAW: preyrun lacks the capability CAP_NET_RAW\n");
    has[0].effective &= ~(1u << CAP_NET_ADMIN);
    assert_int_equal(syscall(SYS_capset, &who, has), 0);
    assert_string_equal(interface("here", 1), "fatal: start the container with --cap-add NET_ADMIN --cap-add NET_RAW: "
                                              "preyrun lacks the capabilities CAP_NET_ADMIN and CAP_NET_RAW\n");
    if (setresuid(65534, 65534, 65534)) return; /* in a namespace with one user */
    assert_string_equal(interface("here", 1),
                        "fatal: preyrun must run as root (sudo): it lacks the capabilities CAP_NET_ADMIN and "
                        "CAP_NET_RAW\n");
}

/* Frames of AF_XDP are in locked memory, unless a capability lifts the limit. */
static void locked_memory(void **state)
{
    (void)state;
    struct __user_cap_header_struct who = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct has[2];
    const char *name = "here";
    const struct rlimit little = {65536, 65536};
    const struct preflight p = {.interfaces = &name, .interface_count = 1, .xdp = 1, .ring_bytes = 1 << 20};
    sh(NETNS_PAIR);
    assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &little), 0);
    assert_string_equal(look(&p, 0), "");
    assert_int_equal(syscall(SYS_capget, &who, has), 0);
    has[0].effective &= ~(1u << CAP_IPC_LOCK | 1u << CAP_SYS_RESOURCE);
    assert_int_equal(syscall(SYS_capset, &who, has), 0);
    assert_string_equal(look(&p, 1),
                        "fatal: only 64 KiB of memory may be locked, and --io xdp and --exec kernel need 1024 "
                        "KiB for frames => ulimit -l unlimited (in a systemd unit: LimitMEMLOCK=infinity), or add the "
                        "capability IPC_LOCK\n");
}

/* Only before a start, which reports it by itself. */
static void drivers(void **state)
{
    (void)state;
    const char *names[] = {"swi", "here"};
    struct preflight p = {.interfaces = names, .interface_count = 2, .xdp = 3, .looks_only = true};
    sh(NETNS_PAIR);
    const int link = xdp_try(if_nametoindex("here"));
    if (link == -ENOTSUP) skip(); /* make KERNEL=0 */
    close(link);
    sh("ip link add name swi type bridge; ip link set swi up; sleep 0.1");
    assert_non_null(strstr(look(&p, 0), "worth: swi runs XDP programs only in generic mode, which is slower: "
                                        "its driver has no native mode\n"));
    assert_null(strstr(told, "here takes"));
    p.xdp = 2; /* not if traffic control takes arriving packets */
    assert_null(strstr(look(&p, 0), "generic"));
    p.xdp = 3;
    p.looks_only = false;
    assert_null(strstr(look(&p, 0), "generic"));
}

/* Room for files, which a start needs at once. */
static void room(void **state)
{
    (void)state;
    char path[] = "/tmp/test-preflight-XXXXXX", record[80], open[80], want[900];
    const char *name = "here";
    sh(NETNS_PAIR);
    assert_non_null(mkdtemp(path));
    assert_int_equal(unshare(CLONE_NEWNS), 0);
    assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
    assert_int_equal(mount("none", path, "tmpfs", 0, "size=64k,mode=700"), 0);
    snprintf(record, sizeof record, "%s/rec", path);
    snprintf(open, sizeof open, "%s/open", path);
    assert_int_equal(mkdir(open, 0755), 0);
    struct preflight p = {
        .interfaces = &name, .interface_count = 1, .name = "test", .record = record, .looks_only = true};
    assert_string_equal(look(&p, 0), "");
    assert_int_not_equal(access(record, F_OK), 0); /* nothing is made */
    p.record = open;
    snprintf(want, sizeof want,
             "fatal: --record %s: other users may read the directory; to fix it, run: chmod 700 %s\n", open, open);
    assert_string_equal(look(&p, 1), want);
    char fill[200];
    snprintf(fill, sizeof fill, "head -c 100000 /dev/zero >%s/filler 2>/dev/null; true", path);
    sh(fill);
    p.record = record;
    snprintf(want, sizeof want,
             "fatal: --record %s: No space left on device => make room there, or name another directory\n", record);
    assert_string_equal(look(&p, 1), want);
    p.looks_only = false;
    assert_string_equal(look(&p, 0), "");
    p.looks_only = true;
    p.record = NULL;
    assert_int_equal(mount(path, "/run", NULL, MS_BIND, NULL), 0);
    assert_string_equal(look(&p, 1), "fatal: /run/prey: the record of changes can't be written: No space left on "
                                     "device; make room in /run\n");
    assert_int_equal(umount2("/run", MNT_DETACH), 0);
    assert_int_equal(umount2(path, MNT_DETACH), 0);
    rmdir(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {netns_test(interfaces), netns_test(subnets), netns_test(servers),
                                       netns_test(forwarding), netns_test(rights),  netns_test(locked_memory),
                                       netns_test(drivers),    netns_test(room)};
    return netns_run(tests, sizeof tests / sizeof tests[0]);
}
