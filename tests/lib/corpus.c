/* Corpus files, frames and replays: see corpus.h. */
#include "tests/lib/corpus.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static unsigned failures;

static void give_up(const char *what, const char *path)
{
    printf("not ok - %s: %s: %s\n", what, path, strerror(errno));
    exit(1);
}

bool test_ok(bool good, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    printf("%sok - ", good ? "" : "not ");
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
    fflush(stdout);
    failures += !good;
    return good;
}

int test_status(void) { return failures ? 1 : 0; }

const char *corpus_dir(const char *test)
{
    const char *dir = getenv("PREY_CORPUS");
    if (!dir || !*dir) dir = "../shared/corpus";
    if (access(dir, R_OK) == 0) return dir;
    printf("ok - %s # SKIP no corpus at %s\n", test, dir);
    return NULL;
}

FILE *corpus_open(const char *file)
{
    static char command[4200];
    const char *dir = getenv("PREY_CORPUS"), *ending = strrchr(file, '.');
    const bool gz = ending && strcmp(ending, ".gz") == 0, xz = ending && strcmp(ending, ".xz") == 0;
    snprintf(command, sizeof command, "%s '%s/%s'",
             gz   ? "gzip -dc"
             : xz ? "xz -dc"
                  : "cat",
             dir && *dir ? dir : "../shared/corpus", file);
    FILE *f = popen(command, "r");
    if (!f) give_up("open", file);
    return f;
}

void corpus_close(FILE *f)
{
    if (pclose(f) == 0) return;
    printf("not ok - a file of the corpus could not be unpacked\n");
    exit(1);
}

unsigned corpus_fields(FILE *f, char separator, char *fields[], unsigned most)
{
    static char *line;
    static size_t cap;
    if (getline(&line, &cap, f) < 0) return 0;
    line[strcspn(line, "\n")] = '\0';
    unsigned n = 0;
    for (char *at = line; at && n < most; n++) {
        fields[n] = at;
        at = strchr(at, separator);
        if (at) *at++ = '\0';
    }
    return n;
}

void frames_add(struct frames *all, const void *data, uint32_t cap_len, uint32_t wire_len, int dlt)
{
    if (all->count == all->cap) {
        all->cap = all->cap ? all->cap * 2 : 1024;
        all->v = realloc(all->v, all->cap * sizeof *all->v);
        if (!all->v) give_up("memory", "frames");
    }
    struct frame *f = &all->v[all->count++];
    *f = (struct frame){.data = malloc(cap_len ? cap_len : 1), .cap_len = cap_len, .wire_len = wire_len, .dlt = dlt};
    if (!f->data) give_up("memory", "frames");
    memcpy(f->data, data, cap_len);
}

int frames_read(struct frames *all, const char *path, enum reading *how)
{
    char err[PCAP_ERRBUF_SIZE];
    pcap_t *p = pcap_open_offline(path, err);
    if (!p) return -1;
    const int dlt = pcap_datalink(p);
    struct pcap_pkthdr *head;
    const u_char *data;
    int got;
    while ((got = pcap_next_ex(p, &head, &data)) == 1) frames_add(all, data, head->caplen, head->len, dlt);
    if (how)
        *how = got == PCAP_ERROR_BREAK                      ? READ_WHOLE
               : strstr(pcap_geterr(p), "an interface has") ? READ_SEVERAL
                                                            : READ_BROKEN;
    pcap_close(p);
    return dlt;
}

void frames_read_mix(struct frames *all, unsigned every)
{
    char err[PCAP_ERRBUF_SIZE];
    FILE *f = corpus_open("bench/mix.pcap.xz");
    pcap_t *p = pcap_fopen_offline(f, err);
    struct pcap_pkthdr *h;
    const u_char *data;
    if (!p) exit(1);
    for (size_t i = 0; pcap_next_ex(p, &h, &data) == 1; i++)
        if (i % every == 0) frames_add(all, data, h->caplen, h->len, pcap_datalink(p));
    pcap_close(p);
}

void frames_free(struct frames *all)
{
    for (size_t i = 0; i < all->count; i++) free(all->v[i].data);
    free(all->v);
    *all = (struct frames){0};
}

/* libpcap's DLT of raw IP is 12 here, but files have LINKTYPE_RAW. */
static uint32_t link_type(int dlt) { return dlt == DLT_RAW ? 101 : (uint32_t)dlt; }

bool dlt_known(int dlt)
{
    static const int known[] = {DLT_EN10MB,    DLT_RAW,        DLT_IPV4, DLT_IPV6,
                                DLT_LINUX_SLL, DLT_LINUX_SLL2, DLT_NULL, DLT_LOOP};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i] == dlt) return true;
    return false;
}

static void block_put(FILE *f, uint32_t type, const void *head, uint32_t head_len, const void *body, uint32_t body_len)
{
    static const uint8_t zero[4];
    const uint32_t pad = -body_len & 3, len = 12 + head_len + body_len + pad;
    fwrite(&type, 4, 1, f);
    fwrite(&len, 4, 1, f);
    fwrite(head, 1, head_len, f);
    fwrite(body, 1, body_len, f);
    fwrite(zero, 1, pad, f);
    fwrite(&len, 4, 1, f);
}

static unsigned interface_of(FILE *f, int dlt, int known[], unsigned *count)
{
    for (unsigned i = 0; i < *count; i++)
        if (known[i] == dlt) return i;
    const uint32_t head[2] = {link_type(dlt), 262144};
    block_put(f, 1, head, sizeof head, "", 0);
    known[*count] = dlt;
    return (*count)++;
}

void frames_write(const struct frames *all, const char *path)
{
    FILE *f = fopen(path, "wb");
    if (!f) give_up("write", path);
    const uint32_t section[4] = {0x1a2b3c4d, 1, UINT32_MAX, UINT32_MAX};
    int known[16];
    unsigned count = 0;
    block_put(f, 0x0a0d0d0a, section, sizeof section, "", 0);
    for (size_t i = 0; i < all->count; i++) {
        const struct frame *fr = &all->v[i];
        const uint64_t us = 1767603600000000ull + i * 1000;
        const uint32_t iface = interface_of(f, fr->dlt, known, &count);
        const uint32_t head[5] = {iface, (uint32_t)(us >> 32), (uint32_t)us, fr->cap_len, fr->wire_len};
        block_put(f, 6, head, sizeof head, fr->data, fr->cap_len);
    }
    if (fclose(f) != 0) give_up("write", path);
}

int run_command(const char *fmt, ...)
{
    static char command[20000];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(command, sizeof command, fmt, ap);
    va_end(ap);
    fflush(stdout);
    const int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

const char *scratch(const char *name)
{
    static char path[4][4200];
    static unsigned turn;
    const char *b = getenv("B");
    char *p = path[turn++ % 4];
    snprintf(p, sizeof path[0], "%s/scratch", b ? b : "build");
    mkdir(p, 0777);
    snprintf(p, sizeof path[0], "%s/scratch/%s-%ld", b ? b : "build", name, (long)getpid());
    return p;
}

/* Run a program. Its standard error goes to `said`, and into the test's output if it fails. */
static bool run(const char *said, const char *command)
{
    fflush(stdout);
    const int status = system(command);
    if (status == 0) return true;
    printf("# exit status %d of: %s\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1, command);
    FILE *f = fopen(said, "r");
    char text[512];
    while (f && fgets(text, sizeof text, f)) printf("#   %s", text);
    if (f) fclose(f);
    return false;
}

static bool lines_read(const char *path, struct line *lines, size_t count)
{
    FILE *f = fopen(path, "r");
    if (!f) give_up("read", path);
    char *fields[8];
    size_t n = 0;
    bool good = corpus_fields(f, '\t', fields, 8) == 6 && strcmp(fields[0], "frame") == 0;
    while (good && corpus_fields(f, '\t', fields, 8) == 6) {
        if (n < count) {
            snprintf(lines[n].verdict, sizeof lines[n].verdict, "%s", fields[1]);
            snprintf(lines[n].rule, sizeof lines[n].rule, "%s", fields[2]);
            snprintf(lines[n].reason, sizeof lines[n].reason, "%s", fields[5]);
        }
        good = strtoul(fields[0], NULL, 10) == ++n;
    }
    fclose(f);
    if (n != count) printf("# %zu verdict lines for %zu frames\n", n, count);
    return good && n == count;
}

bool replay(const char *rules, const char *capture, struct line *lines, size_t count)
{
    const char *b = getenv("B");
    char text[4200], command[17000];
    snprintf(text, sizeof text, "%s", scratch("rules"));
    FILE *f = fopen(text, "w");
    if (!f || fputs(rules, f) < 0 || fclose(f) != 0) give_up("write", text);
    b = b ? b : "build";
    const char *pbc = scratch("pbc"), *said = scratch("said"), *out = scratch("verdicts");
    snprintf(command, sizeof command, "'%s/preyc' '%s' -o '%s' 2>'%s'", b, text, pbc, said);
    bool good = run(said, command);
    snprintf(command, sizeof command, "'%s/preyrun' --pcap '%s' --verdicts '%s' '%s' >/dev/null 2>'%s'", b, capture,
             out, pbc, said);
    good = good && run(said, command) && lines_read(out, lines, count);
    remove(pbc);
    remove(said);
    remove(out);
    if (good) remove(text);
    return good;
}

uint32_t crc_of_indices(const size_t *indices, size_t count)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < count; i++) {
        char number[24];
        const int len = snprintf(number, sizeof number, "%s%zu", i ? "," : "", indices[i]);
        for (int k = 0; k < len; k++) {
            crc ^= (uint8_t)number[k];
            for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
        }
    }
    return count ? ~crc : 0;
}
