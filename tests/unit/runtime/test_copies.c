/* Copies of packets: blocks of a pcapng byte by byte, the ring's limit, file rotation and full disks, and readers of
 * a socket. The test takes the thread's turns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/copies/blocks.h"
#include "runtime/copies/copies.h"
#include "tests/lib/imgbuild.h"
#include "vm/packet/pkt.h"

/* ---- blocks ---- */

static void a_section_names_its_interfaces(void **state)
{
    (void)state;
    static const char *const names[] = {"eth0", "host!"};
    static const uint8_t wanted[] = {
        0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0,  0, 255, 255, 255, 255, 255, 255,
        255,  255,  28,   0,    0,  0, /* an interface: Ethernet, any length; its name; nanoseconds */
        1,    0,    0,    0,    40, 0, 0, 0, 1,    0,    0,    0,    0, 0, 0,  0, 2,   0,   4,   0,   'e', 't',
        'h',  '0',  9,    0,    1,  0, 9, 0, 0,    0,    0,    0,    0, 0, 40, 0, 0,   0, /* another one, whose name is
                                                                                             padded */
        1,    0,    0,    0,    44, 0, 0, 0, 1,    0,    0,    0,    0, 0, 0,  0, 2,   0,   5,   0,   'h', 'o',
        's',  't',  '!',  0,    0,  0, 9, 0, 1,    0,    9,    0,    0, 0, 0,  0, 0,   0,   44,  0,   0,   0};
    struct bytes b = {0};
    blocks_section(&b, names, NULL, 2);
    assert_int_equal(b.len, sizeof wanted);
    assert_memory_equal(b.at, wanted, sizeof wanted);
    bytes_fini(&b);
}

struct framed {
    struct tape_frame head;
    uint8_t bytes[16];
};

static void a_packet_has_its_tags_again(void **state)
{
    (void)state;
    const struct framed f = {.head = {.cap_len = 14, .wire_len = 60, .tag_count = 1, .tags = {{0x8100, 7}}},
                             .bytes = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 8, 0}};
    static const uint8_t wanted[] = {6, 0, 0,  0, 64, 0, 0, 0, 3,   0,   0, 0, 1, 0, 0, 0,  2,  0,  0,    0, 18, 0,
                                     0, 0, 64, 0, 0,  0, 1, 2, 3,   4,   5, 6, 7, 8, 9, 10, 11, 12, 0x81, 0, 0,  7,
                                     8, 0, 0,  0, 1,  0, 2, 0, 'o', 'k', 0, 0, 0, 0, 0, 0,  64, 0,  0,    0};
    struct bytes b = {0};
    blocks_seen(&b, 3, (UINT64_C(1) << 32) + 2, &f.head, true, 100, "ok");
    assert_int_equal(b.len, sizeof wanted);
    assert_memory_equal(b.at, wanted, sizeof wanted);
    bytes_fini(&b);
}

static void a_packet_is_cut(void **state)
{
    (void)state;
    const struct framed f = {.head = {.cap_len = 14, .wire_len = 60, .tag_count = 1, .tags = {{0x8100, 7}}}};
    static const uint32_t snaps[] = {1, 12, 13, 14, 100}, kept[] = {12 + 4, 12 + 4, 13 + 4, 14 + 4, 14 + 4};
    for (unsigned i = 0; i < sizeof snaps / sizeof *snaps; i++) {
        struct bytes b = {0};
        uint32_t words[7], last;
        blocks_seen(&b, 0, 0, &f.head, true, snaps[i], "");
        memcpy(words, b.at, sizeof words);
        memcpy(&last, b.at + b.len - 4, sizeof last);
        assert_int_equal(words[1], b.len);
        assert_int_equal(last, b.len);
        assert_int_equal(b.len % 4, 0);
        assert_int_equal(words[5], kept[i]); /* tags aren't counted */
        assert_int_equal(words[6], 64);
        bytes_fini(&b);
    }
}

/* ---- a run ---- */

struct scene {
    char dir[40];
    struct imgbuild image;
    struct program *program;
    struct copies *copies;
    const struct copies_table *table;
    struct copying *worker;
    const char *files[2]; /* in place of PATH and PATH.1; NULL: in the folder */
    unsigned turns;
    bool keeps; /* as in a replay */
    int listening;
};

static int give_device(void *arg, char *err, size_t err_len) { return open("/dev/null", O_WRONLY | O_CLOEXEC); }

static const char *inside(const struct scene *s, const char *name, const char *suffix)
{
    static char at[2][200];
    static unsigned n;
    snprintf(at[n ^= 1], sizeof at[0], "%s/%s%s", s->dir, name, suffix);
    return at[n];
}

static int give_file(void *arg, const char *path, bool turn, char *err, size_t err_len)
{
    struct scene *s = arg;
    s->turns += turn;
    if (s->files[0]) return open(s->files[0], O_RDWR | O_CLOEXEC);
    if (turn && rename(inside(s, path, ""), inside(s, path, ".1"))) return -errno;
    const int fd = open(inside(s, path, ""), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    return fd < 0 ? -errno : fd;
}

static int give_socket(void *arg, const char *name, char *err, size_t err_len)
{
    struct scene *s = arg;
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    if (!strcmp(name, "nobody")) return -ENOENT;
    snprintf(at.sun_path, sizeof at.sun_path, "%.30s/%.60s", s->dir, name);
    s->listening = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (bind(s->listening, (const struct sockaddr *)&at, sizeof at) || listen(s->listening, 8)) return -errno;
    return s->listening;
}

static int keep(void *arg, enum pbc_mirror_to to, const char *target, bool turn, char *err, size_t err_len)
{
    return give_file(arg, target, turn, err, err_len);
}

static uint32_t add_rule(struct imgbuild *b)
{
    b->firewalls[0].rule_count++;
    return img_add_rules(
        b, (struct pbc_rule){.verdict = PBC_V_MIRROR, .chain = PBC_NONE, .mirror = (uint8_t)b->mirrors_count});
}

static void add(struct scene *s, enum pbc_mirror_to to, const char *target, uint32_t snap)
{
    struct imgbuild *b = &s->image;
    const uint32_t rule = add_rule(b);
    img_add_mirrors(b, (struct pbc_mirror){.rule = rule,
                                           .to = (uint8_t)to,
                                           .target = img_string(b, target),
                                           .size = to == PBC_MIRROR_FILE ? PBC_MIRROR_SIZE_MIN : 0,
                                           .snap = snap});
}

static void begin(struct scene *s)
{
    *s = (struct scene){.dir = "/tmp/prey-copies-XXXXXX"};
    assert_non_null(mkdtemp(s->dir));
    img_init(&s->image);
    img_add_firewalls(&s->image, (struct pbc_firewall){.iface = PBC_NONE});
}

static void load(struct scene *s)
{
    static const char *const names[] = {"eth0"};
    const struct copies_cfg cfg = {
        .workers = 1,
        .names = names,
        .devices = 1,
        .ways = {
            .device = give_device, .file = give_file, .listen = give_socket, .keep = s->keeps ? keep : NULL, .arg = s}};
    char err[600] = "";
    img_function(&s->image, "main", (const struct insn[]){{.op = OP_ACCEPT}}, 1);
    s->program = img_load(&s->image, err, sizeof err);
    assert_string_equal(err, "");
    s->copies = copies_new(&cfg);
    assert_int_equal(copies_program(s->copies, s->program, &s->table, err, sizeof err), 0);
    s->worker = copies_worker(s->copies, 0);
    s->worker->table = s->table;
}

static void end(struct scene *s)
{
    char command[100];
    copies_free(s->copies);
    program_put(s->program);
    img_fini(&s->image);
    snprintf(command, sizeof command, "rm -rf %s", s->dir);
    assert_int_equal(system(command), 0);
}

static void copy(struct scene *s, unsigned mirror, uint32_t len)
{
    static uint8_t frame[1 << 17] = {[12] = 8, [14] = 0x45};
    struct pkt p;
    pkt_view(&p, frame, len, len, LINK_ETHER, IFACE_NONE);
    p.cookie = 0;
    copying_copy(s->worker, mirror, &p);
}

static struct copy_count counted(const struct scene *s, unsigned mirror)
{
    struct copy_count n;
    copies_count(s->table->slot[mirror], &n);
    return n;
}

/* Return the number of packets in complete blocks of a file; a torn block fails the test. */
static unsigned packets_in(const char *path)
{
    static uint8_t bytes[4 << 20];
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    const ssize_t size = read(fd, bytes, sizeof bytes);
    unsigned packets = 0;
    close(fd);
    for (uint32_t at = 0, len, last, kind; at < size; at += len) {
        assert_true(at + 12 <= size);
        memcpy(&kind, bytes + at, 4);
        memcpy(&len, bytes + at + 4, 4);
        assert_true(len >= 12 && len % 4 == 0 && at + len <= size);
        memcpy(&last, bytes + at + len - 4, 4);
        assert_int_equal(last, len);
        packets += kind == NG_PACKET;
    }
    return packets;
}

static off_t size_of(const char *path)
{
    struct stat what;
    return stat(path, &what) ? 0 : what.st_size;
}

static void what_finds_no_room_on_the_ring_is_lost(void **state)
{
    (void)state;
    struct scene s;
    enum { LEN = 100000, FITS = COPY_TAPE_BYTES / (LEN + 100) };
    begin(&s);
    add(&s, PBC_MIRROR_FILE, "a.pcapng", PBC_SNAP_MAX);
    load(&s);
    for (unsigned i = 0; i < FITS + 50; i++) copy(&s, 0, LEN);
    const uint64_t lost = counted(&s, 0).lost[COPY_RING];
    assert_in_range(lost, 48, 52);
    assert_true(copies_turn(s.copies));
    assert_int_equal(counted(&s, 0).packets + counted(&s, 0).lost[COPY_DISK], FITS + 50 - lost);
    copy(&s, 0, 60); /* there is room again */
    copies_turn(s.copies);
    assert_int_equal(counted(&s, 0).lost[COPY_RING], lost);
    end(&s);
}

static void files_turn_within_their_bound(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    add(&s, PBC_MIRROR_FILE, "a.pcapng", PBC_SNAP_MAX);
    add(&s, PBC_MIRROR_FILE, "a.pcapng", 64); /* the same file */
    load(&s);
    for (unsigned i = 0; i < 4000; i++) {
        copy(&s, i % 2, 1500);
        copies_turn(s.copies);
        assert_true(size_of(inside(&s, "a.pcapng", "")) + size_of(inside(&s, "a.pcapng", ".1")) <= 1 << 20);
    }
    assert_true(s.turns >= 4);
    assert_int_equal(counted(&s, 0).packets, 2000);
    assert_int_equal(counted(&s, 1).bytes, 2000 * 64);
    assert_true(packets_in(inside(&s, "a.pcapng", ".1")) > 300);
    packets_in(inside(&s, "a.pcapng", ""));
    end(&s);
}

static void a_full_disk_gets_whole_blocks(void **state)
{
    (void)state;
    struct scene s;
    struct rlimit most, less;
    begin(&s);
    s.keeps = true;
    add(&s, PBC_MIRROR_FILE, "a.pcapng", PBC_SNAP_MAX);
    load(&s);
    copies_turn(s.copies);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &most), 0);
    less = (struct rlimit){5001, most.rlim_max}; /* in the middle of a block */
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &less), 0);
    for (unsigned i = 0; i < 10; i++) copy(&s, 0, 1000);
    copies_turn(s.copies);
    copies_turn(s.copies);
    const char *target = NULL;
    assert_int_equal(copies_failed(s.copies, &target), EFBIG);
    assert_string_equal(target, "a.pcapng");
    assert_int_equal(packets_in(inside(&s, "a.pcapng", "")), 4);
    copy(&s, 0, 1000); /* until the next try */
    copies_turn(s.copies);
    assert_int_equal(counted(&s, 0).lost[COPY_DISK], 1);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &most), 0);
    end(&s);
}

/* In live use no file is cut: the rest of the block waits, and comes once there is room. */
static void a_torn_block_is_ended(void **state)
{
    (void)state;
    struct scene s;
    struct rlimit most, less;
    begin(&s);
    add(&s, PBC_MIRROR_FILE, "a.pcapng", PBC_SNAP_MAX);
    load(&s);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &most), 0);
    signal(SIGXFSZ, SIG_IGN);
    for (unsigned i = 0; i < 10; i++) copy(&s, 0, 1000);
    less = (struct rlimit){5001, most.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &less), 0);
    copies_turn(s.copies);
    assert_int_equal(size_of(inside(&s, "a.pcapng", "")), 5001);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &most), 0);
    usleep(1100000); /* the next try */
    copies_turn(s.copies);
    assert_int_equal(packets_in(inside(&s, "a.pcapng", "")), 10);
    end(&s);
}

static void what_waits_at_the_end_is_lost(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    s.files[0] = "/dev/full";
    add(&s, PBC_MIRROR_FILE, "a.pcapng", PBC_SNAP_MAX);
    load(&s);
    for (unsigned i = 0; i < 10; i++) copy(&s, 0, 1000);
    assert_int_equal(copies_begin(s.copies), 0);
    copies_end(s.copies);
    assert_int_equal(counted(&s, 0).packets, 0);
    assert_int_equal(counted(&s, 0).lost[COPY_DISK], 10);
    end(&s);
}

static void write_file(const char *path, const void *bytes, size_t len)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, bytes, len), len);
    close(fd);
}

static void a_torn_file_is_laid_aside(void **state)
{
    (void)state;
    static const struct {
        uint32_t words[4];
        size_t len;
        bool good;
    } files[] = {
        {.words = {NG_PACKET, 16, 0, 16}, .len = 16, .good = true},
        {.words = {NG_PACKET, 16, 0, 16}, .len = 15},
        {.words = {NG_PACKET, 16, 0, 12}, .len = 16},
        {.words = {NG_PACKET, 16, 0, 1 << 30}, .len = 16},
        {.words = {99, 16, 0, 16}, .len = 16},
        {.words = {NG_PACKET, 16, 0, 0}, .len = 16},
        {.words = {NG_PACKET}, .len = 3},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct scene s;
        begin(&s);
        add(&s, PBC_MIRROR_FILE, "a.pcapng", PBC_SNAP_MAX);
        write_file(inside(&s, "a.pcapng", ""), files[i].words, files[i].len);
        load(&s);
        assert_int_equal(s.turns, !files[i].good);
        copy(&s, 0, 60);
        copies_turn(s.copies);
        assert_int_equal(packets_in(inside(&s, "a.pcapng", "")), 1 + files[i].good);
        end(&s);
    }
}

static int reader(const struct scene *s)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "%.30s/ids", s->dir);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

static size_t read_all(struct scene *s, int fd)
{
    static uint8_t bytes[1 << 16];
    size_t all = 0;
    for (unsigned idle = 0; idle < 3;) {
        const ssize_t n = recv(fd, bytes, sizeof bytes, 0);
        all += n > 0 ? (size_t)n : 0;
        idle = n > 0 ? 0 : idle + 1;
        copies_turn(s->copies);
    }
    return all;
}

static void readers_come_stall_and_go(void **state)
{
    (void)state;
    struct scene s;
    enum { SECTION = 28 + 2 * 40 };
    begin(&s);
    add(&s, PBC_MIRROR_SOCKET, "ids", PBC_SNAP_MAX);
    add(&s, PBC_MIRROR_SOCKET, "nobody", PBC_SNAP_MAX);
    load(&s);
    copy(&s, 0, 60);
    copy(&s, 1, 60);
    assert_int_equal(counted(&s, 0).lost[COPY_UNREAD], 1);
    assert_int_equal(counted(&s, 1).lost[COPY_UNREAD], 1);
    const int quick = reader(&s), slow = reader(&s);
    copies_turn(s.copies);
    assert_int_equal(read_all(&s, quick), SECTION);
    for (unsigned i = 0; i < 80; i++) { /* 8 MB */
        copy(&s, 0, 100000);
        copies_turn(s.copies);
        read_all(&s, quick);
    }
    const struct copy_count n = counted(&s, 0);
    assert_true(n.lost[COPY_STALLED] > 30 && n.packets > 40);
    assert_int_equal(n.packets + n.lost[COPY_STALLED], 80);
    const size_t kept = read_all(&s, slow); /* the waiting bytes, without a torn block */
    assert_in_range(kept, 4000000, 4800000);
    assert_int_equal(shutdown(quick, SHUT_WR), 0); /* it still reads */
    copies_turn(s.copies);
    copy(&s, 0, 60);
    copies_turn(s.copies);
    assert_int_equal(counted(&s, 0).packets, n.packets + 1);
    assert_true(read_all(&s, quick) > 0);
    close(quick);
    close(slow);
    copies_turn(s.copies);
    copies_turn(s.copies);
    copy(&s, 0, 60);
    assert_int_equal(counted(&s, 0).lost[COPY_UNREAD], 2);
    end(&s);
}

static void devices_are_down_until_they_are_known(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    add(&s, PBC_MIRROR_DEVICE, "eth9", PBC_SNAP_MAX);
    load(&s);
    copy(&s, 0, 60);
    assert_int_equal(counted(&s, 0).lost[COPY_DOWN], 1);
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_section_names_its_interfaces),
        cmocka_unit_test(a_packet_has_its_tags_again),
        cmocka_unit_test(a_packet_is_cut),
        cmocka_unit_test(what_finds_no_room_on_the_ring_is_lost),
        cmocka_unit_test(files_turn_within_their_bound),
        cmocka_unit_test(a_full_disk_gets_whole_blocks),
        cmocka_unit_test(a_torn_block_is_ended),
        cmocka_unit_test(what_waits_at_the_end_is_lost),
        cmocka_unit_test(a_torn_file_is_laid_aside),
        cmocka_unit_test(readers_come_stall_and_go),
        cmocka_unit_test(devices_are_down_until_they_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
