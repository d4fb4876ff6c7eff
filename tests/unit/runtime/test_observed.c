/* Observed connections on their way into files: sessions, bytes of both halves, made-up segments, limits, a full
 * disk, and the ring between worker and writer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/capture/capture.h"
#include "runtime/host/file/folder.h"
#include "runtime/observe/carried.h"
#include "runtime/observe/log.h"
#include "runtime/observe/thread.h"
#include "tests/lib/imgbuild.h"
#include "vm/packet/pkt.h"
#include "vm/packet/wire.h"

/* Files of a folder made for the test */
struct scene {
    char dir[64];
    struct stream_dirs *dirs;
    struct observed_files files;
    struct observed_log *log;
    struct program *program;
    bool full; /* no file can be made */
    unsigned complaints;
    char said[1500];
};

static int open_sessions(void *arg, const char *path, bool turn, char *err, size_t err_len)
{
    struct scene *s = arg;
    char at[200], before[210];
    snprintf(at, sizeof at, "%s/%s", s->dir, path);
    snprintf(before, sizeof before, "%s.1", at);
    if (turn && rename(at, before)) return -errno;
    const int fd = open(at, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    return fd < 0 ? -errno : fd;
}

static const char *inside(const struct scene *s, const char *dir)
{
    static char at[200];
    snprintf(at, sizeof at, "%s/%s", s->dir, dir);
    return at;
}

static int begin(void *arg, const char *dir, bool again, uint64_t *earlier, char *err, size_t err_len)
{
    struct scene *s = arg;
    return stream_dir_begin(s->dirs, inside(s, dir), again, earlier);
}

static int file(void *arg, const char *dir, const char *name, enum stream_how how)
{
    struct scene *s = arg;
    if (s->full && how != STREAM_REMOVE) return open("/dev/full", O_WRONLY | O_CLOEXEC);
    return stream_dir_file(s->dirs, inside(s, dir), name, how);
}

static uint64_t trim(void *arg, const char *dir, uint64_t bytes)
{
    struct scene *s = arg;
    return stream_dir_trim(s->dirs, inside(s, dir), bytes);
}

static void complain(void *arg, const char *what)
{
    struct scene *s = arg;
    s->complaints++;
    snprintf(s->said, sizeof s->said, "%s", what);
}

/* Files of the next scene may be truncated, as in a replay. */
static bool scenes_cut = true;

static void open_scene(struct scene *s, uint8_t flags, uint64_t stream_limit, uint64_t sessions_limit)
{
    char err[400];
    struct imgbuild b;
    *s = (struct scene){.dir = "/tmp/prey-observed-XXXXXX", .dirs = stream_dirs_new()};
    assert_non_null(mkdtemp(s->dir));
    s->files = (struct observed_files){open_sessions, begin, file, trim, s, .cuts = scenes_cut};
    img_sample_observe(&b);
    b.observes[0].flags = flags;
    b.observes[0].stream_limit = stream_limit;
    b.observes[0].sessions_limit = sessions_limit;
    s->program = img_load(&b, err, sizeof err);
    img_fini(&b);
    if (!s->program) fail_msg("%s", err);
    s->log = observed_log_new(&s->files, complain, s);
    if (!observed_log_program(s->log, s->program, err, sizeof err)) fail_msg("%s", err);
}

static void close_scene(struct scene *s)
{
    char command[100];
    observed_log_free(s->log);
    stream_dirs_free(s->dirs);
    program_put(s->program);
    snprintf(command, sizeof command, "rm -r %s", s->dir);
    assert_int_equal(system(command), 0);
}

/* Return the contents of a file in the scene's folder, or NULL. */
static const char *whole(const struct scene *s, const char *name, size_t *len)
{
    static char text[1 << 20];
    char at[400];
    snprintf(at, sizeof at, "%s/%s", s->dir, name);
    FILE *f = fopen(at, "r");
    if (!f) return NULL;
    const size_t n = fread(text, 1, sizeof text - 1, f);
    text[n] = '\0';
    fclose(f);
    if (len) *len = n;
    return text;
}

static unsigned files_in(const struct scene *s, const char *dir, uint64_t *bytes)
{
    unsigned n = 0;
    struct stat st;
    DIR *d = opendir(inside(s, dir));
    *bytes = 0;
    for (const struct dirent *e; d && (e = readdir(d));) {
        if (e->d_name[0] == '.' || fstatat(dirfd(d), e->d_name, &st, 0)) continue;
        *bytes += (uint64_t)st.st_size;
        n++;
    }
    if (d) closedir(d);
    return n;
}

#define SECOND UINT64_C(1000000000)
static const struct observe_ends ends = {.client = {0x0a000001},
                                         .server = {0xc0000201},
                                         .client_port = 50000,
                                         .server_port = 80,
                                         .vlan = {7, OBSERVE_NO_VLAN},
                                         .iface = 0xffff,
                                         .family = 4};

static void tell(struct scene *s, struct observe_event e)
{
    e.program = s->program;
    e.ends = &ends;
    e.begin_ns = SECOND;
    e.at_ns = e.at_ns ? e.at_ns : 2 * SECOND;
    observed_log_event(s->log, 3, &e, 0);
}

static void tell_bytes(struct scene *s, uint64_t number, unsigned half, uint64_t offset, const char *bytes, size_t len)
{
    tell(s, (struct observe_event){.kind = OBSERVE_BYTES,
                                   .half = (uint8_t)half,
                                   .does = PBC_STREAM,
                                   .number = number,
                                   .offset = offset,
                                   .len = len,
                                   .bytes = (const uint8_t *)bytes});
}

static void tell_end(struct scene *s, uint64_t number, uint8_t does)
{
    static const char alpn[] = "\2h2\10http/1.1";
    const struct observe_summary sum = {
        .why = OBSERVE_WHY_CLOSED,
        .end_ns = 3 * SECOND + 5000,
        .handshake_ns = 1500000,
        .half = {{.bytes = 4,
                  .packets = 3,
                  .fin = true,
                  .rtt_count = 2,
                  .rtt_min_ns = 1000,
                  .rtt_ns = 2000,
                  .rtt_max_ns = 9000},
                 {.bytes = 6, .packets = 4, .holes = 1, .hole_bytes = 100, .fin = true}},
        .sni = {(const uint8_t *)"a\"b", 3},
        .alpn = {(const uint8_t *)alpn, sizeof alpn - 1},
        .status = 200};
    tell(s, (struct observe_event){.kind = OBSERVE_END, .does = does, .number = number, .sum = &sum});
}

#define STEM "19700101T000001.000000-10.0.0.1-50000-192.0.2.1-80-vlan7"

/* A program with a past shares the sections of the program that it is made over. Its events may still come after its
 * owner has dropped it, so the log holds each such program. */
static void a_program_is_held_while_its_events_may_come(void **state)
{
    char err[400];
    struct scene s;
    open_scene(&s, 0, 0, 0);
    struct program view = *s.program;
    const uint32_t held = view.refs;
    assert_true(observed_log_program(s.log, &view, err, sizeof err));
    assert_int_equal(view.refs, held + 1);
    assert_true(observed_log_program(s.log, &view, err, sizeof err));
    assert_int_equal(view.refs, held + 1);
    close_scene(&s);
    (void)state;
}

static void a_session_is_a_line_and_its_bytes_are_files(void **state)
{
    struct scene s;
    size_t len;
    open_scene(&s, 0, 0, 0);
    tell_bytes(&s, 9, OBSERVE_CLIENT, 0, "pi", 2);
    tell_bytes(&s, 9, OBSERVE_SERVER, 0, "pong", 4);
    tell_bytes(&s, 9, OBSERVE_CLIENT, 2, "ng", 2);
    tell(&s, (struct observe_event){.kind = OBSERVE_HOLE,
                                    .half = OBSERVE_SERVER,
                                    .does = PBC_STREAM,
                                    .number = 9,
                                    .offset = 4,
                                    .len = 100,
                                    .cause = OBSERVE_HOLE_CUT});
    tell_bytes(&s, 9, OBSERVE_SERVER, 104, "ok", 2);
    tell_end(&s, 9, PBC_STREAM);
    observed_log_flush(s.log);
    assert_string_equal(
        whole(&s, "s.jsonl", NULL),
        "{\"service\":\"w\",\"begin\":\"1970-01-01T00:00:01.000000Z\",\"end\":\"1970-01-01T00:00:03.000005Z\","
        "\"why\":\"closed\",\"client\":\"10.0.0.1\",\"client_port\":50000,\"server\":\"192.0.2.1\",\"server_port\":80,"
        "\"vlan\":[7],\"branch\":\"stream\",\"sni\":\"a\\\"b\",\"alpn\":[\"h2\",\"http/1.1\"],\"status\":200,"
        "\"handshake_us\":1500,"
        "\"from_client\":{\"bytes\":4,\"packets\":3,\"holes\":0,\"hole_bytes\":0,\"retransmitted\":0,\"reordered\":0,"
        "\"differing\":0,\"urgent\":0,\"fin\":true,\"rtt\":{\"measured\":2,\"least_us\":1,\"smoothed_us\":2,"
        "\"most_us\":9}},"
        "\"from_server\":{\"bytes\":6,\"packets\":4,\"holes\":1,\"hole_bytes\":100,\"retransmitted\":0,"
        "\"reordered\":0,\"differing\":0,\"urgent\":0,\"fin\":true},"
        "\"gaps\":[{\"kind\":\"hole\",\"from\":\"server\",\"offset\":4,\"bytes\":100,\"cause\":\"cut\"}],"
        "\"files\":\"w-" STEM "\"}\n");
    assert_string_equal(whole(&s, "d/w-" STEM ".client", &len), "ping");
    assert_string_equal(whole(&s, "d/w-" STEM ".server", &len), "pongok");
    assert_string_equal(whole(&s, "d/w-" STEM ".holes", &len), "server 4 100 hole cut\n");
    assert_int_equal(observed_log_counters(s.log).sessions, 1);
    assert_int_equal(observed_log_counters(s.log).files, 3);
    close_scene(&s);
    (void)state;
}

static void what_is_passed_has_a_line_alone_and_what_is_ignored_has_none(void **state)
{
    struct scene s;
    uint64_t bytes;
    open_scene(&s, 0, 0, 0);
    tell_end(&s, 1, PBC_PASS);
    tell_end(&s, 2, PBC_IGNORE);
    observed_log_flush(s.log);
    assert_non_null(strstr(whole(&s, "s.jsonl", NULL), "\"branch\":\"pass\""));
    assert_null(strstr(whole(&s, "s.jsonl", NULL), "ignore"));
    assert_int_equal(files_in(&s, "d", &bytes), 0);
    close_scene(&s);
    (void)state;
}

static void bytes_that_were_lost_on_the_way_are_a_gap(void **state)
{
    struct scene s;
    open_scene(&s, 0, 0, 0);
    tell_bytes(&s, 9, OBSERVE_CLIENT, 0, "ab", 2);
    tell_bytes(&s, 9, OBSERVE_CLIENT, 10, "cd", 2);
    tell_end(&s, 9, PBC_STREAM);
    observed_log_flush(s.log);
    assert_non_null(strstr(whole(&s, "s.jsonl", NULL),
                           "\"gaps\":[{\"kind\":\"lost\",\"from\":\"client\",\"offset\":2,\"bytes\":8}]"));
    close_scene(&s);
    (void)state;
}

static void a_capture_of_made_up_segments_has_the_bytes(void **state)
{
    struct scene s;
    char err[400], at[400] = "";
    uint64_t bytes;
    open_scene(&s, PBC_OBSERVE_PCAPNG, 0, 0);
    tell_bytes(&s, 9, OBSERVE_CLIENT, 0, "ping", 4);
    tell_bytes(&s, 9, OBSERVE_SERVER, 0, "pong", 4);
    tell_end(&s, 9, PBC_STREAM);
    observed_log_flush(s.log);
    assert_int_equal(files_in(&s, "d", &bytes), 1);
    DIR *d = opendir(inside(&s, "d"));
    for (const struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.') snprintf(at, sizeof at, "%s/d/%s", s.dir, e->d_name);
    closedir(d);
    struct capture *c = capture_open(at, err, sizeof err);
    if (!c) fail_msg("%s", err);
    struct capture_frame f;
    unsigned frames = 0, flags[16] = {0};
    char said[16] = "";
    while (capture_next(c, &f) > 0) {
        const uint8_t *ip = f.data + 18, *tcp = ip + 20;
        const uint32_t len = f.cap_len - 38;
        assert_int_equal(wire_get16(f.data + 14), 7);
        assert_int_equal(csum_of(ip, 20), 0);
        assert_int_equal(csum_fold(csum_add(csum_pseudo4(wire_get32(ip + 12), wire_get32(ip + 16), 6, len), tcp, len)),
                         0);
        strncat(said, (const char *)tcp + 20, len - 20);
        flags[frames++] = tcp[13];
    }
    assert_int_equal(frames, 8);
    assert_int_equal(flags[0], 2);
    assert_int_equal(flags[1], 18);
    assert_int_equal(flags[5], 17);
    assert_int_equal(flags[6], 17);
    assert_string_equal(said, "pingpong");
    capture_close(c);
    close_scene(&s);
    (void)state;
}

static void the_oldest_files_make_room(void **state)
{
    static char block[5000];
    struct scene s;
    uint64_t bytes;
    open_scene(&s, 0, 1 << 16, 0);
    for (uint64_t i = 0; i < 100; i++) {
        tell_bytes(&s, i, OBSERVE_CLIENT, 0, block, sizeof block);
        tell_end(&s, i, PBC_STREAM);
    }
    observed_log_flush(s.log);
    const unsigned n = files_in(&s, "d", &bytes);
    assert_true(n >= 6 && bytes <= 1 << 16);
    assert_int_equal(observed_log_counters(s.log).removed, 100 - n);
    assert_int_equal(observed_log_counters(s.log).lost_bytes, 0);
    tell_bytes(&s, 200, OBSERVE_SERVER, 0, block,
               sizeof block); /* a connection that never ends has parts, which go, too */
    for (uint64_t i = 1; i < 100; i++) tell_bytes(&s, 200, OBSERVE_SERVER, i * sizeof block, block, sizeof block);
    observed_log_flush(s.log);
    files_in(&s, "d", &bytes);
    assert_true(bytes <= 1 << 16 && bytes > 1 << 14);
    assert_int_equal(observed_log_counters(s.log).lost_bytes, 0);
    close_scene(&s);
    (void)state;
}

static void files_of_an_earlier_run_count_and_go_first(void **state)
{
    static char block[20000];
    struct scene s;
    char err[400], at[200];
    uint64_t bytes;
    open_scene(&s, 0, 1 << 16, 0);
    tell_bytes(&s, 1, OBSERVE_CLIENT, 0, block, sizeof block);
    tell_end(&s, 1, PBC_STREAM);
    observed_log_free(s.log);
    stream_dirs_free(s.dirs);
    snprintf(at, sizeof at, "%s/d/other.txt", s.dir);
    const int fd = open(at, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0 && write(fd, "mine", 4) == 4 && !close(fd));
    s.dirs = stream_dirs_new();
    s.log = observed_log_new(&s.files, complain, &s);
    assert_true(observed_log_program(s.log, s.program, err, sizeof err));
    for (uint64_t i = 2; i < 5; i++) {
        tell_bytes(&s, i, OBSERVE_SERVER, 0, block, sizeof block);
        tell_end(&s, i, PBC_STREAM);
    }
    observed_log_flush(s.log);
    assert_null(whole(&s, "d/w-" STEM ".client", NULL));
    assert_non_null(whole(&s, "d/w-" STEM ".server", NULL));
    assert_string_equal(whole(&s, "d/other.txt", NULL), "mine");
    files_in(&s, "d", &bytes);
    assert_true(bytes <= 1 << 16);
    close_scene(&s);
    (void)state;
}

/* Small and sparse files count as the blocks that they use, like those of this run. */
static void files_of_an_earlier_run_count_in_blocks(void **state)
{
    struct scene s;
    struct stat st;
    char at[200];
    uint64_t earlier, taken = 0;
    open_scene(&s, 0, 0, 0);
    for (unsigned i = 0; i < 20; i++) {
        snprintf(at, sizeof at, "%s/d/%u.client", s.dir, i);
        const int fd = open(at, O_CREAT | O_WRONLY, 0600);
        assert_true(fd >= 0 && write(fd, "one", 3) == 3);
        if (i == 0) assert_int_equal(ftruncate(fd, 1 << 24), 0);
        assert_true(!fsync(fd) && !fstat(fd, &st) && !close(fd));
        taken += st.st_blocks * 512 > 4096 ? (uint64_t)st.st_blocks * 512 : 4096;
    }
    struct stream_dirs *others = stream_dirs_new();
    assert_int_equal(stream_dir_begin(others, inside(&s, "d"), false, &earlier), 0);
    assert_int_equal(earlier, taken);
    assert_true(earlier >= 20 * 4096 && earlier < 1 << 20);
    stream_dirs_free(others);
    close_scene(&s);
    (void)state;
}

/* A link that is put into any part of a path after the path was checked leads nowhere. */
static void no_link_leads_to_a_folder(void **state)
{
    struct scene s;
    char at[220], link[220];
    uint64_t earlier;
    open_scene(&s, 0, 0, 0);
    snprintf(at, sizeof at, "%s/d/inner", s.dir);
    assert_int_equal(mkdir(at, 0700), 0);
    int fd = folder_open(at);
    assert_true(fd >= 0 && !close(fd));
    snprintf(link, sizeof link, "%s/way", s.dir);
    assert_int_equal(symlink("d", link), 0);
    snprintf(at, sizeof at, "%s/way/inner", s.dir);
    assert_int_equal(folder_open(at), -ELOOP);
    assert_int_equal(folder_open(link), -ELOOP);
    assert_int_equal(folder_open("relative"), -EINVAL);
    struct stream_dirs *others = stream_dirs_new();
    assert_int_equal(stream_dir_begin(others, inside(&s, "way/new"), false, &earlier), -ELOOP);
    stream_dirs_free(others);
    close_scene(&s);
    (void)state;
}

static void sessions_turn_over_at_their_limit(void **state)
{
    struct scene s;
    size_t len, before;
    open_scene(&s, 0, 0, 1 << 16);
    for (uint64_t i = 0; i < 300; i++) {
        tell_end(&s, i, PBC_PASS);
        observed_log_flush(s.log);
    }
    assert_non_null(whole(&s, "s.jsonl.1", &before));
    assert_non_null(whole(&s, "s.jsonl", &len));
    assert_true(before <= 1 << 16 && before > 1 << 15 && len <= 1 << 16);
    assert_int_equal(observed_log_counters(s.log).sessions, 300);
    close_scene(&s);
    (void)state;
}

static void a_full_disk_is_counted_and_told_once(void **state)
{
    static char block[50000];
    struct scene s;
    open_scene(&s, 0, 0, 0);
    s.full = true;
    for (uint64_t i = 0; i < 3; i++) {
        tell_bytes(&s, i, OBSERVE_CLIENT, 0, block, sizeof block);
        tell_end(&s, i, PBC_STREAM);
    }
    s.full = false;
    observed_log_flush(s.log);
    assert_int_equal(observed_log_counters(s.log).lost_bytes, 3 * sizeof block);
    assert_int_equal(s.complaints, 1);
    assert_string_equal(s.said, "service w: d: No space left on device");
    assert_non_null(strstr(whole(&s, "s.jsonl", NULL), "\"lost_bytes\":50000"));
    close_scene(&s);
    (void)state;
}

/* Data in memory is written from time to time; if it is lost then, its session also reports that. */
static void bytes_lost_by_a_flush_are_their_sessions(void **state)
{
    struct scene s;
    open_scene(&s, 0, 0, 0);
    s.full = true;
    tell_bytes(&s, 1, OBSERVE_CLIENT, 0, "abcd", 4);
    observed_log_flush(s.log);
    s.full = false;
    tell_end(&s, 1, PBC_STREAM);
    observed_log_flush(s.log);
    assert_int_equal(observed_log_counters(s.log).lost_bytes, 4);
    assert_non_null(strstr(whole(&s, "s.jsonl", NULL), "\"lost_bytes\":4,"));
    close_scene(&s);
    (void)state;
}

/* Count the capture's frames; -1: it can't be read to its end. */
static int frames_of(const char *path)
{
    char err[400];
    struct capture_frame f;
    struct capture *c = capture_open(path, err, sizeof err);
    int frames = 0, more = -1;
    while (c && (more = capture_next(c, &f)) > 0) frames++;
    if (c) capture_close(c);
    return more ? -1 : frames;
}

/* Return the first file of a folder */
static const char *first_of(const struct scene *s, const char *dir)
{
    static char at[600];
    DIR *d = opendir(inside(s, dir));
    for (const struct dirent *e; d && (e = readdir(d));)
        if (e->d_name[0] != '.') snprintf(at, sizeof at, "%s/%s/%s", s->dir, dir, e->d_name);
    if (d) closedir(d);
    return at;
}

/* Limit the size of files, to simulate a disk that takes a part of the data. */
static void take_a_part(bool cuts)
{
    static char block[3000];
    struct scene s;
    struct rlimit usual;
    uint64_t bytes;
    scenes_cut = cuts;
    open_scene(&s, PBC_OBSERVE_PCAPNG, 0, 0);
    scenes_cut = true;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &usual), 0);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){.rlim_cur = 100, .rlim_max = usual.rlim_max}), 0);
    for (uint64_t i = 0; i < 9; i++) tell_bytes(&s, 1, OBSERVE_CLIENT, i * sizeof block, block, sizeof block);
    tell_end(&s, 2, PBC_PASS);
    observed_log_flush(s.log);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &usual), 0);
    assert_true(observed_log_counters(s.log).lost_bytes >= (cuts ? 9 : 3) * sizeof block);
    tell_bytes(&s, 1, OBSERVE_CLIENT, 9 * sizeof block, block, sizeof block);
    tell_end(&s, 1, PBC_STREAM);
    observed_log_flush(s.log);
    assert_int_equal(files_in(&s, "d", &bytes), 1);
    assert_true(frames_of(first_of(&s, "d")) >= 3);
    const char *text = whole(&s, "s.jsonl", NULL);
    assert_non_null(strstr(text, "\"lost_bytes\":"));
    if (cuts) {
        assert_ptr_equal(strstr(text + 1, "{\"service\""), NULL);
        assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    } else { /* the rest of the first line waited for room */
        assert_ptr_equal(strstr(text + 1, "{\"service\""), strchr(text, '\n') + 1);
    }
    assert_int_equal(observed_log_counters(s.log).lost_sessions, cuts);
    assert_int_equal(observed_log_counters(s.log).sessions, 2 - cuts);
    close_scene(&s);
}

static void a_disk_that_takes_a_part_leaves_whole_lines_and_blocks(void **state)
{
    take_a_part(true);
    take_a_part(false);
    (void)state;
}

/* Load the scene's program with another directory, and continue with it. */
static void reload_scene(struct scene *s, const char *dir)
{
    char err[400];
    struct imgbuild b;
    img_sample_observe(&b);
    b.observes[0].stream = img_string(&b, dir);
    struct program *fresh = img_load(&b, err, sizeof err);
    img_fini(&b);
    if (!fresh) fail_msg("%s", err);
    if (!observed_log_program(s->log, fresh, err, sizeof err)) fail_msg("%s", err);
    program_put(s->program);
    s->program = fresh;
}

static void a_reload_to_another_directory_goes_on_there(void **state)
{
    struct scene s;
    size_t len;
    open_scene(&s, 0, 0, 0);
    for (uint64_t i = 1; i < 9; i++) tell_bytes(&s, i, OBSERVE_CLIENT, 0, "early", 5);
    reload_scene(&s, "e");
    tell_bytes(&s, 8, OBSERVE_CLIENT, 5, "late", 4);
    for (uint64_t i = 1; i < 9; i++) tell_end(&s, i, PBC_STREAM);
    observed_log_flush(s.log);
    assert_string_equal(whole(&s, "d/w-" STEM ".client", &len), "early");
    assert_string_equal(whole(&s, "e/w-" STEM "-8.client", &len) ? "there" : "not there", "not there");
    assert_string_equal(whole(&s, "e/w-" STEM ".client", &len), "late");
    assert_int_equal(observed_log_counters(s.log).sessions, 8);
    close_scene(&s);
    (void)state;
}

static void no_name_leads_out_of_the_directory(void **state)
{
    static const char *const bad[] = {"../x.client", "a/b.client", ".client",    ".x.client",  "x.txt",
                                      "x.client/",   "",           "a b.client", "x.client\n", "\xff.server"};
    struct scene s;
    open_scene(&s, 0, 0, 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(stream_name_is_good(bad[i]));
        assert_int_equal(stream_dir_file(s.dirs, inside(&s, "d"), bad[i], STREAM_MAKE), -EINVAL);
    }
    assert_true(stream_name_is_good("x.client"));
    char at[200];
    snprintf(at, sizeof at, "%s/d/l.client", s.dir);
    assert_int_equal(symlink("/etc/passwd", at), 0);
    assert_int_equal(stream_dir_file(s.dirs, inside(&s, "d"), "l.client", STREAM_MAKE), -EEXIST);
    assert_int_equal(stream_dir_file(s.dirs, inside(&s, "d"), "l.client", STREAM_APPEND), -ELOOP);
    uint64_t earlier;
    assert_int_equal(chmod(inside(&s, "d"), 0777), 0);
    struct stream_dirs *others = stream_dirs_new();
    assert_int_equal(stream_dir_begin(others, inside(&s, "d"), false, &earlier), -EPERM);
    stream_dirs_free(others);
    close_scene(&s);
    (void)state;
}

static void events_pass_the_ring_whole_or_not_at_all(void **state)
{
    static uint8_t block[3000];
    struct spool ring;
    struct carried c;
    const struct observe_summary sum = {.why = OBSERVE_WHY_RESET, .host = {(const uint8_t *)"h.example", 9}};
    struct observe_event bytes = {.kind = OBSERVE_BYTES, .ends = &ends, .bytes = block, .len = sizeof block},
                         end = {.kind = OBSERVE_END, .ends = &ends, .sum = &sum};
    assert_int_equal(spool_init(&ring, 1 << 16), 0);
    for (unsigned round = 0; round < 50; round++) {
        unsigned put = 0, taken = 0, ends_taken = 0;
        const uint64_t lost = ring.lost;
        for (unsigned i = 0; i < 40; i++) {
            memset(block, (int)(round + i), sizeof block);
            bytes.number = i;
            carried_put(&ring, &bytes);
            put++;
        }
        for (unsigned i = 0; i < 10; i++) carried_put(&ring, &end);
        while (carried_take(&ring, &c)) {
            if (c.event.kind == OBSERVE_END) {
                assert_true(view_is(c.sum.host, "h.example") && !c.sum.sni.at && c.event.sum->why == OBSERVE_WHY_RESET);
                ends_taken++;
            } else {
                assert_int_equal(c.event.number, taken);
                for (unsigned k = 0; k < sizeof block; k += 999)
                    assert_int_equal(c.event.bytes[k], (uint8_t)(round + taken));
                taken++;
            }
            assert_int_equal(c.event.ends->client_port, 50000);
            spool_done(&ring);
        }
        assert_int_equal(ends_taken, 10);
        assert_int_equal(put - taken, ring.lost - lost);
        assert_true(taken >= 10 && taken < put);
    }
    spool_fini(&ring);
    (void)state;
}

struct talker {
    const struct observe_out *out;
    const struct program *program;
};

/* Run as a worker: connections of three pieces each. Those of two workers have the same names. */
static void *talk(void *arg)
{
    const struct talker *t = arg;
    const struct observe_summary sum = {.why = OBSERVE_WHY_CLOSED, .end_ns = 2 * SECOND};
    for (uint64_t i = 0; i < 200; i++) {
        struct observe_event e = {
            .program = t->program, .does = PBC_STREAM, .number = i, .begin_ns = SECOND + 1000 * i, .ends = &ends};
        e.kind = OBSERVE_BYTES;
        for (e.offset = 0; e.offset < 6; e.offset += e.len) {
            e.bytes = (const uint8_t *)"ab";
            e.len = 2;
            t->out->told(t->out->arg, &e);
        }
        e.kind = OBSERVE_END;
        e.sum = &sum;
        t->out->told(t->out->arg, &e);
    }
    return NULL;
}

static void a_thread_writes_what_workers_tell(void **state)
{
    struct scene s;
    char err[OBSERVED_LINE];
    pthread_t worker[2];
    struct talker talkers[2];
    open_scene(&s, 0, 0, 0);
    observed_log_free(s.log);
    s.log = NULL;
    struct observed_thread *t = observed_thread_new(2, &s.files);
    assert_non_null(t);
    assert_true(observed_thread_program(t, s.program, err, sizeof err));
    assert_int_equal(observed_thread_start(t), 0);
    for (unsigned i = 0; i < 2; i++) {
        talkers[i] = (struct talker){observed_thread_out(t, i), s.program};
        assert_int_equal(pthread_create(&worker[i], NULL, talk, &talkers[i]), 0);
    }
    assert_true(observed_thread_program(t, s.program, err, sizeof err)); /* while the thread runs */
    for (unsigned i = 0; i < 2; i++) pthread_join(worker[i], NULL);
    observed_thread_stop(t);
    const struct observed_counters c = observed_thread_counters(t);
    assert_int_equal(c.sessions, 400);
    assert_int_equal(c.bytes, 2400);
    assert_int_equal(c.lost_events, 0);
    assert_false(observed_thread_said(t, err));
    observed_thread_free(t);
    close_scene(&s);
    (void)state;
}

static void tell_gap(struct scene *s, uint64_t number, uint8_t kind, uint64_t offset, uint64_t len)
{
    tell(s,
         (struct observe_event){
             .kind = kind, .half = OBSERVE_SERVER, .does = PBC_STREAM, .number = number, .offset = offset, .len = len});
}

/* Write a log's state. Return its bytes. */
static size_t kept(struct scene *s, uint8_t *bytes, size_t most)
{
    struct archive a = {.at = bytes, .left = most};
    assert_true(observed_log_archive(s->log, &a, 4, true));
    return (size_t)(a.at - bytes);
}

/* Replace the scene's log by a new one with the state from these bytes. False if they are invalid. */
static bool taken_over(struct scene *s, uint8_t *bytes, size_t len)
{
    char err[400];
    struct archive a = {.at = bytes, .left = len, .reads = true};
    struct observed_log *before = s->log;
    s->log = observed_log_new(&s->files, complain, s);
    if (!observed_log_program(s->log, s->program, err, sizeof err)) fail_msg("%s", err);
    const bool good = observed_log_archive(s->log, &a, 4, true) && !a.bad && !a.left;
    observed_log_free(before);
    return good;
}

static void another_process_goes_on_with_connections(void **state)
{
    static uint8_t bytes[1 << 16];
    struct scene s;
    struct stat st;
    char at[200], both[10];
    size_t len;
    open_scene(&s, 0, 1 << 20, 0);
    tell_bytes(&s, 7, OBSERVE_CLIENT, 0, "GET ", 4);
    tell_gap(&s, 7, OBSERVE_HOLE, 0, 100);
    assert_true(taken_over(&s, bytes, kept(&s, bytes, sizeof bytes)));
    snprintf(at, sizeof at, "%s/d/another.client", s.dir); /* which the old process has finished meanwhile */
    const int fd = open(at, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0 && !fsync(fd) && !fstat(fd, &st) && !close(fd));
    observed_log_again(s.log);
    tell_bytes(&s, 7, OBSERVE_CLIENT, 4, "/\n", 2);
    tell_bytes(&s, 7, OBSERVE_SERVER, 100, "hello", 5);
    tell_end(&s, 7, PBC_STREAM);
    observed_log_flush(s.log);
    assert_int_equal(observed_log_counters(s.log).sessions, 1);
    assert_int_equal(observed_log_counters(s.log).files, 4); /* two for the client, one for the server, one for holes */
    const char *line = whole(&s, "s.jsonl", &len);
    assert_non_null(strstr(line, "\"gaps\":[{\"kind\":\"hole\",\"from\":\"server\""));
    assert_non_null(strstr(line, STEM "\"}"));
    assert_null(strstr(line, "lost"));
    snprintf(both, sizeof both, "%s", whole(&s, "d/w-" STEM ".client", &len));
    assert_string_equal(strcat(both, whole(&s, "d/w-" STEM ".part2.client", &len)), "GET /\n");
    assert_string_equal(whole(&s, "d/w-" STEM ".server", &len), "hello");
    assert_non_null(whole(&s, "d/w-" STEM ".holes", &len));
    close_scene(&s);
    (void)state;
}

/* The old process's state is hostile. */
static void damaged_knowledge_is_refused_or_harmless(void **state)
{
    static uint8_t bytes[1 << 16], damaged[1 << 16];
    struct scene s;
    unsigned refused = 0;
    open_scene(&s, 0, 1 << 20, 0);
    tell_bytes(&s, 7, OBSERVE_CLIENT, 0, "GET ", 4);
    tell_gap(&s, 7, OBSERVE_HOLE, 0, 100);
    tell_bytes(&s, 8, OBSERVE_CLIENT, 0, "GET ", 4);
    const size_t len = kept(&s, bytes, sizeof bytes);
    for (size_t i = 0; i < len; i++) {
        memcpy(damaged, bytes, len);
        damaged[i] ^= i % 2 ? 0x80 : 0x2f;
        refused += !taken_over(&s, damaged, len);
        tell_bytes(&s, 7, OBSERVE_SERVER, 100, "x", 1);
        tell_gap(&s, 7, OBSERVE_DIFFERS, 100, 1);
        tell_end(&s, 7, PBC_STREAM);
    }
    for (size_t i = 0; i < len; i++) refused += !taken_over(&s, bytes, i);
    assert_true(refused > len + 60); /* each shorter one, and impossible numbers and names */
    assert_true(taken_over(&s, bytes, len));
    close_scene(&s);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_program_is_held_while_its_events_may_come),
                                       cmocka_unit_test(a_session_is_a_line_and_its_bytes_are_files),
                                       cmocka_unit_test(what_is_passed_has_a_line_alone_and_what_is_ignored_has_none),
                                       cmocka_unit_test(bytes_that_were_lost_on_the_way_are_a_gap),
                                       cmocka_unit_test(a_capture_of_made_up_segments_has_the_bytes),
                                       cmocka_unit_test(the_oldest_files_make_room),
                                       cmocka_unit_test(files_of_an_earlier_run_count_and_go_first),
                                       cmocka_unit_test(files_of_an_earlier_run_count_in_blocks),
                                       cmocka_unit_test(no_link_leads_to_a_folder),
                                       cmocka_unit_test(sessions_turn_over_at_their_limit),
                                       cmocka_unit_test(a_full_disk_is_counted_and_told_once),
                                       cmocka_unit_test(bytes_lost_by_a_flush_are_their_sessions),
                                       cmocka_unit_test(a_disk_that_takes_a_part_leaves_whole_lines_and_blocks),
                                       cmocka_unit_test(a_reload_to_another_directory_goes_on_there),
                                       cmocka_unit_test(no_name_leads_out_of_the_directory),
                                       cmocka_unit_test(events_pass_the_ring_whole_or_not_at_all),
                                       cmocka_unit_test(a_thread_writes_what_workers_tell),
                                       cmocka_unit_test(another_process_goes_on_with_connections),
                                       cmocka_unit_test(damaged_knowledge_is_refused_or_harmless)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
