/* Every capture of the corpus, replayed with several rule files: one verdict line a frame that libpcap reads, totals
 * that add up, no word of a sanitizer, and the exit status that the capture deserves: 0  it is whole 2  after the
 * verdicts of the rest: it ends inside a record, or is broken further on 2  at once, naming the link type: one that is
 * not read libpcap stops at an interface that differs from the first of a pcapng, and knows some link types not at all;
 * there INDEX.tsv counts. */
#include <cjson/cJSON.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/lib/corpus.h"

static const struct {
    const char *name, *rules;
} programs[] = {
    {"all", "firewall f default accept { }\n"},
    {"drop", "firewall f default drop other frames pass { accept tcp port 80, 443; accept icmp6 type nd; drop arp }\n"},
    {"reject",
     "firewall f default reject { accept from 10.0.0.0/8, fe80::/10; accept icmp6 type nd; accept ether 0x88cc }\n"},
    {"every-condition", NULL}, /* rules-examples/every-condition.prey */
};
enum { PROGRAMS = sizeof programs / sizeof *programs };

static char pbc[PROGRAMS][4300], said[4200], summary[4200], verdicts[4200];
static const char *b;

/* The file's text, NUL-terminated, at most `room`. */
static size_t slurp(const char *path, char *to, size_t room)
{
    FILE *f = fopen(path, "r");
    const size_t n = f ? fread(to, 1, room - 1, f) : 0;
    if (f) fclose(f);
    to[n] = '\0';
    return n;
}

static bool compile_all(void)
{
    for (unsigned i = 0; i < PROGRAMS; i++) {
        const char *source = "rules-examples/every-condition.prey";
        snprintf(pbc[i], sizeof pbc[i], "%s-%s", scratch("replay"), programs[i].name);
        if (programs[i].rules) {
            source = scratch("replay-rules");
            FILE *f = fopen(source, "w");
            if (!f || fputs(programs[i].rules, f) < 0 || fclose(f) != 0) return false;
        }
        if (run_command("'%s/preyc' '%s' -o '%s' 2>'%s'", b, source, pbc[i], said) != 0)
            return test_ok(false, "corpus: the rule file %s compiles", programs[i].name);
        if (programs[i].rules) remove(source);
    }
    return true;
}

struct expectation {
    uint64_t frames;
    int status;
    bool exact;
};

/* How many frames, and what end, the capture should come to. */
static struct expectation expect(const char *path, uint64_t indexed, int *dlt)
{
    struct frames all = {0};
    enum reading how = READ_WHOLE;
    *dlt = frames_read(&all, path, &how);
    struct expectation e = {.frames = all.count, .status = how == READ_BROKEN ? 2 : 0, .exact = *dlt >= 0};
    if (*dlt < 0 || how == READ_SEVERAL) e.frames = indexed;
    frames_free(&all);
    return e;
}

static uint64_t lines_count(const char *path)
{
    FILE *f = fopen(path, "r");
    uint64_t n = 0;
    for (int c; f && (c = getc(f)) != EOF;) n += c == '\n';
    if (f) fclose(f);
    return n;
}

static double packets_sum(const cJSON *of)
{
    double sum = 0;
    const cJSON *one;
    cJSON_ArrayForEach(one, of) sum += cJSON_GetNumberValue(cJSON_GetObjectItem(one, "packets"));
    return sum;
}

/* What the summary's own numbers say: every frame is in one verdict and one decision, those that nothing decided in one
 * reason. */
static bool totals_add_up(double frames)
{
    static char text[1 << 20];
    slurp(summary, text, sizeof text);
    cJSON *root = cJSON_Parse(text);
    const cJSON *decided = cJSON_GetObjectItem(root, "decided_by");
    static const char *const undecided[] = {"malformed", "fragments"};
    double dropped = 0;
    for (unsigned i = 0; i < 2; i++)
        dropped += cJSON_GetNumberValue(cJSON_GetObjectItem(cJSON_GetObjectItem(decided, undecided[i]), "packets"));
    const bool good =
        root && packets_sum(cJSON_GetObjectItem(root, "verdicts")) == frames && packets_sum(decided) == frames &&
        packets_sum(cJSON_GetObjectItem(root, "reasons")) == dropped &&
        cJSON_GetNumberValue(cJSON_GetObjectItem(cJSON_GetObjectItem(root, "capture"), "frames")) == frames;
    cJSON_Delete(root);
    return good;
}

/* A sanitizer's or the C library's last words. */
static bool said_nothing_bad(void)
{
    static char text[65536];
    static const char *const words[] = {"Sanitizer", "runtime error", "assert", "core dumped"};
    slurp(said, text, sizeof text);
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
        if (strstr(text, words[i])) return false;
    return true;
}

/* The first program prints text, the others JSON: its summary reports the numbers, and its verdicts have no header
 * line. */
static bool one_replay(const char *path, unsigned program, const struct expectation *e, int dlt)
{
    char text[4096];
    const bool json = program > 0;
    const char *on = programs[program].rules ? "" : "--on eth0"; /* the example names interfaces */
    remove(verdicts);
    const int status =
        run_command("'%s/preyrun' --pcap '%s' %s %s --self 10.0.0.1,fe80::1 --verdicts '%s' '%s' >'%s' 2>'%s'", b, path,
                    on, json ? "--format json" : "", verdicts, pbc[program], summary, said);
    const uint64_t lines = lines_count(verdicts), header = !json;
    bool good = said_nothing_bad() && status < 3;
    slurp(said, text, sizeof text);
    if (dlt >= 0 && !dlt_known(dlt))
        good = good && status == 2 && lines <= header && strchr(text, '\n') == strrchr(text, '\n') &&
               strstr(text, "link type");
    else if (e->exact)
        good = good && status == e->status && lines == e->frames + header && (status == 0) == (*text == '\0');
    else
        good = good && (status == 0 ? lines == e->frames + header : *text != '\0');
    if (good && json && lines > 0) good = totals_add_up((double)lines);
    if (!good)
        printf("# %s with %s: status %d, %lu lines, expected %d and %lu frames; said: %s\n", path,
               programs[program].name, status, (unsigned long)lines, e->status, (unsigned long)e->frames, text);
    return good;
}

static unsigned captures, whole, refused, broken;

static void capture(const char *path, const char *name, uint64_t indexed)
{
    int dlt;
    bool good = true;
    const struct expectation e = expect(path, indexed, &dlt);
    for (unsigned i = 0; i < PROGRAMS; i++) good &= one_replay(path, i, &e, dlt);
    captures++;
    if (dlt >= 0 && !dlt_known(dlt))
        refused++;
    else if (e.status)
        broken++;
    else
        whole++;
    if (!good) test_ok(false, "corpus: %s", name);
}

static void mix(void)
{
    char path[4200];
    const char *dir = getenv("PREY_CORPUS");
    snprintf(path, sizeof path, "%s", scratch("mix"));
    if (run_command("xz -dc '%s/bench/mix.pcap.xz' >'%s'", dir && *dir ? dir : "../shared/corpus", path) == 0)
        capture(path, "bench/mix.pcap", 0);
    else
        test_ok(false, "corpus: bench/mix.pcap.xz could not be unpacked");
    remove(path);
}

int main(void)
{
    const char *dir = corpus_dir("captures of the corpus");
    b = getenv("B");
    b = b ? b : "build";
    if (!dir) return 0;
    snprintf(said, sizeof said, "%s", scratch("replay-said"));
    snprintf(summary, sizeof summary, "%s", scratch("replay-summary"));
    snprintf(verdicts, sizeof verdicts, "%s", scratch("replay-verdicts"));
    if (!compile_all()) return 1;
    FILE *f = corpus_open("INDEX.tsv");
    char *v[8], path[4400];
    while (corpus_fields(f, '\t', v, 8) >= 4) {
        if (strncmp(v[0], "pcap/", 5) != 0 && strncmp(v[0], "libpcap-apply/caps/", 19) != 0) continue;
        snprintf(path, sizeof path, "%s/%s", dir, v[0]);
        capture(path, path + strlen(dir) + 1, strtoull(v[2], NULL, 10));
    }
    corpus_close(f);
    mix();
    test_ok(
        captures > 130 && !test_status(),
        "corpus: %u captures by %u rule files: totals add up; %u whole, %u broken, %u of link types that are not read",
        captures, PROGRAMS, whole, broken, refused);
    for (unsigned i = 0; i < PROGRAMS; i++) remove(pbc[i]);
    remove(said);
    remove(summary);
    remove(verdicts);
    return test_status();
}
