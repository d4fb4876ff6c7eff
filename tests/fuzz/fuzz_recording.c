/* Fuzzes the replay of a valid recording that was then damaged. Nothing is read or written outside, and the replay
 * ends.
 *
 * Input: pieces of six bytes, each a place in the file (32 bits, modulo its length), an action and a value. 0 ends the
 * file there; 1 flips the bit with the value's number; 2 sets the byte; 3 sets the four bytes there to the next piece's
 * place. An undamaged recording decides and sends everything as recorded. With an odd number of bytes, the worker
 * begins with its state, which was reported midway. If the number is 2 or 3 past a multiple of four, packets are
 * recorded singly, as beside an executor in the kernel. */
#include <dirent.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "compiler/compiler.h"
#include "runtime/record/again/player.h"
#include "runtime/record/reel.h"
#include "runtime/record/told/sessions.h"
#include "tests/lib/recorded.h"
#include "vm/judge/lives.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOLD(truth)                                                                                                    \
    do {                                                                                                               \
        if (!(truth)) __builtin_trap();                                                                                \
    } while (0)

static const char rules[] =
    "limits { flows 64; half_open 16; fragments 16; maglev 127 }\n"
    "interface wan = \"eth0\"\n"
    "pool web { balance round_robin; source 10.9.0.1 ports 2000-2015; server a 10.0.0.11:8080; server b 10.0.0.12:8080 "
    "}\n"
    "service pass on 203.0.113.1 udp/53, tcp/80 { mode passthrough; announce; affinity source 9s; -> web }\n"
    "nat edge { source from 198.18.0.3 out on wan to 192.0.2.200 }\n"
    "meter slow = 9/s burst 9 per source\n"
    "set caught = live size 64\n"
    "firewall f default drop { drop from caught; accept state established; drop tcp state new flows over 9 per source\n"
    "  accept udp to port 7; accept udp to port 9 within slow; reject port 113 }\n";

static struct whole {
    uint8_t *bytes;
    size_t len;
    size_t fresh_at; /* offset of record_start.fresh */
} wholes[2];         /* the second: of single packets */

static struct program *compiled(void)
{
    struct compile c;
    char why[256];
    compile_init(&c);
    c.doubts = DOUBTS_FEW;
    if (compile_text(&c, "fuzz.prey", rules, strlen(rules)) != 0) diags_print_text(c.diags, stderr, false);
    struct program *p = program_load(c.pbc, c.pbc_len, why, sizeof why);
    compile_fini(&c);
    HOLD(p);
    return p;
}

/* Feed a proxy's session: it begins, is served, and ends. */
static void feed_session(struct recorded *r)
{
    struct session_moment m = {.session = 1, .server = PBC_NONE, .src_port = 5, .dst_port = 80, .family = 4};
    recorded_moment(r, m);
    m.kind = MOMENT_SERVED;
    m.server = 1;
    recorded_moment(r, m);
    m.kind = MOMENT_ENDED;
    memcpy(m.end, "done", 4);
    recorded_moment(r, m);
}

/* Feed UDP to the service, to an open port, to a closed one, and two that are translated; of one datagram also a
 * later fragment, which waits. */
static void feed(struct recorded *r)
{
    static const uint8_t udp[] = {2,   0, 0,   0, 0,    9,    2, 0,  0,  0, 0, 1,   8,  0, 0x45,
                                  0,   0, 29,  0, 0,    0x40, 0, 64, 17, 0, 0, 198, 18, 0, 1,
                                  203, 0, 113, 1, 0xc3, 0x50, 0, 53, 0,  9, 0, 0,   'x'};
    uint8_t bytes[8][sizeof udp];
    struct capture_frame frames[8];
    const struct live_net host = {.addr = {0xc6120001}, .len = 32};
    for (unsigned batch = 0; batch < 4; batch++) {
        for (unsigned i = 0; i < 8; i++) {
            static const uint8_t ports[] = {53, 7, 113, 53, 9, 53, 7, 9};
            memcpy(bytes[i], udp, sizeof udp);
            bytes[i][29] = (uint8_t)(i / 2);
            bytes[i][37] = ports[i];
            if (i > 5) bytes[i][30] = 198; /* elsewhere */
            if (i == 5) bytes[i][20] = 0, bytes[i][21] = 9;
            frames[i] = (struct capture_frame){.data = bytes[i], .cap_len = sizeof udp, .wire_len = sizeof udp};
        }
        if (batch == 1) recorded_ask(r);
        if (batch == 2) feed_session(r);
        if (batch == 1 || batch == 3) recorded_member(r, 0, &host, batch == 1);
        recorded_frames(r, frames, 8, 600000000);
    }
}

static void make(struct whole *w, bool singly)
{
    char dir[] = "/tmp/fuzz-recording-XXXXXX", err[600], name[RECORDING_NAME];
    struct program *p = compiled();
    HOLD(mkdtemp(dir));
    struct recorded *r = (singly ? recorded_singly : recorded_new)(dir, p, 1 << 26, err, sizeof err);
    HOLD(r);
    feed(r);
    recorded_free(r);
    program_put(p);
    const int at = open(dir, O_RDONLY | O_DIRECTORY);
    const int fd = record_open_file(at, 1, false);
    struct film f;
    HOLD(at >= 0 && fd >= 0 && !film_open(&f, fd));
    struct scene s;
    HOLD(film_next(&f, &s) && !f.left); /* because it is small */
    w->fresh_at = (size_t)(s.body - f.bytes) + offsetof(struct record_start, fresh);
    w->bytes = f.bytes;
    w->len = f.len;
    f.bytes = NULL;
    recording_name(1, name);
    unlinkat(at, name, 0);
    close(fd);
    close(at);
    rmdir(dir);
}

static size_t damage(const struct whole *w, uint8_t *bytes, const uint8_t *data, size_t size)
{
    size_t len = w->len;
    for (; size >= 6; data += 6, size -= 6) {
        uint32_t at, word;
        memcpy(&at, data, sizeof at);
        at %= (uint32_t)w->len;
        if (data[4] == 0) len = at;
        if (data[4] == 1) bytes[at] ^= (uint8_t)(1 << data[5] % 8);
        if (data[4] == 2) bytes[at] = data[5];
        if (data[4] != 3 || at + 4 > w->len || size < 10) continue;
        memcpy(&word, data + 6, sizeof word);
        memcpy(bytes + at, &word, sizeof word);
    }
    return len;
}

static FILE *nowhere;
static struct sessions sessions;

static void moment(void *arg, unsigned loop, const struct session_moment *m, const struct told_program *k)
{
    struct labels labels;
    (void)arg;
    HOLD(loop < WORKERS_MOST && !labels_init(&labels, k->p));
    sessions_add(&sessions, m);
    sessions_say(nowhere, &labels, m, m->now_ns, false);
    sessions_say(nowhere, &labels, m, m->now_ns, true);
    labels_fini(&labels);
}

static void play(struct player *p, struct film *f)
{
    char err[200];
    struct scene s;
    if (!nowhere) nowhere = fopen("/dev/null", "w");
    HOLD(nowhere);
    sessions = (struct sessions){0};
    p->moment = moment;
    bool good = film_next(f, &s) && !story_begin(&p->story, &s, err, sizeof err);
    while (good && film_next(f, &s)) good = !player_scene(p, &s, err, sizeof err);
    player_end(p);
    cJSON *told = cJSON_CreateObject();
    sessions_json(told, &sessions);
    cJSON_Delete(told);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const bool singly = size & 2;
    struct whole *w = &wholes[singly];
    if (!w->bytes) make(w, singly);
    uint8_t *bytes = malloc(w->len + 1);
    struct player *p = calloc(1, sizeof *p);
    HOLD(bytes && p);
    memcpy(bytes, w->bytes, w->len);
    if (size & 1) bytes[w->fresh_at] = 0;
    struct film f;
    const size_t len = damage(w, bytes, data, size);
    const int fd = memfd_create("recording", MFD_CLOEXEC);
    HOLD(fd >= 0 && write(fd, bytes, len) == (ssize_t)len && !lseek(fd, 0, SEEK_SET) && !film_open(&f, fd));
    free(bytes);
    play(p, &f);
    const struct actor_counters c = player_counters(p);
    if (size < 6) HOLD(sessions.count[MOMENT_BEGUN] == 1 && sessions.count[MOMENT_ENDED] == 1 && sessions.whys == 1);
    if (size < 6) HOLD(!c.packets_other && !c.verdicts_other);
    if (size < 6 && !singly) HOLD(c.packets && c.verdicts == (size & 1 ? 16 : 32));
    if (size < 6 && singly) HOLD(c.verdicts > 20 && c.verdicts + c.untold == 32);
    player_fini(p);
    film_close(&f);
    free(p);
    return 0;
}
