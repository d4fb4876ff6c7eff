/* The loader: header, section table, files; then damage byte by byte, with and without a right digest. An image that
 * is accepted despite a flipped byte must run on packets, because the verifier guarantees it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/frame.h"
#include "tests/lib/imgbuild.h"

struct image {
    uint8_t *bytes;
    size_t len;
};

static struct image sample(void)
{
    struct imgbuild b;
    struct image i;
    img_sample(&b);
    i.bytes = img_emit(&b, &i.len);
    img_fini(&b);
    return i;
}

static struct pbc_header *header(struct image *i) { return (void *)i->bytes; }
static struct pbc_section *section(struct image *i, unsigned n)
{
    return (void *)(i->bytes + sizeof(struct pbc_header) + n * sizeof(struct pbc_section));
}

static struct pbc_section *section_of(struct image *i, uint32_t kind)
{
    unsigned n = 0;
    while (section(i, n)->kind != kind) n++;
    return section(i, n);
}

/* FAULT(name, line, change of the image `i`); the digest is corrected afterwards. In the line $LEN is the file's
 * length, $KINDS the number of section kinds, $VERSION the format's version; with + each is one more, with - one
 * less. */
#define FAULTS(FAULT)                                                                                                  \
    FAULT(magic, "not a compiled prey program; compile the rules first: preyc RULES.prey -o FILE.pbc",                 \
          i->bytes[7] = 'x')                                                                                           \
    FAULT(version,                                                                                                     \
          "format version $VERSION+, but this prey reads versions $OLDEST to $VERSION; recompile the rules: preyc "    \
          "RULES.prey -o "                                                                                             \
          "FILE.pbc with this version's preyc, or upgrade prey (a later version made the file)",                       \
          header(i)->version = PBC_VERSION + 1)                                                                        \
    FAULT(older_version,                                                                                               \
          "format version $OLDEST-, but this prey reads versions $OLDEST to $VERSION; recompile the rules: preyc "     \
          "RULES.prey -o FILE.pbc",                                                                                    \
          header(i)->version = PBC_OLDEST - 1)                                                                         \
    FAULT(too_long, "truncated: $LEN bytes of $LEN+", header(i)->size++)                                               \
    FAULT(too_short, "damaged: 64 bytes too long", header(i)->size -= 64)                                              \
    FAULT(header_reserved, "header: reserved bytes aren't zero", header(i)->reserved = 1)                              \
    FAULT(many_sections, "header: $KINDS+ sections, but at most $KINDS are possible",                                  \
          header(i)->sections = PBC_KINDS + 1)                                                                         \
    FAULT(unknown_kind, "section 2 is of unknown kind $KINDS", section(i, 2)->kind = PBC_KINDS)                        \
    FAULT(twice, "the file has two `rules` sections", section(i, 3)->kind = PBC_RULES)                                 \
    FAULT(section_reserved, "section `rules`: reserved bytes aren't zero", section(i, 2)->reserved = 1)                \
    FAULT(entry_size, "section `rules` has entries of 44 bytes instead of 52", section(i, 2)->entry_size = 44)         \
    FAULT(too_many, "section `meta` has 2 entries, but at most 1 are possible", section(i, 0)->count = 2)              \
    FAULT(unaligned, "section `conds` isn't aligned", section(i, 3)->offset += 8)                                      \
    FAULT(ends_past, "section `code` ends past the file", section_of(i, PBC_CODE)->count += 999)                       \
    FAULT(starts_past, "section `code` ends past the file", section_of(i, PBC_CODE)->offset = header(i)->size + 64)    \
    FAULT(overflow, "section `code` ends past the file", section_of(i, PBC_CODE)->offset = UINT64_MAX / 64 * 64)       \
    FAULT(overlap, "sections overlap", section(i, 1)->offset = section_of(i, PBC_MAPS)->offset;                        \
          section(i, 1)->count = 8192)

#define FAULT(name, line, damage)                                                                                      \
    static void break_##name(struct image *i) { damage; }
FAULTS(FAULT)
#undef FAULT

struct fault {
    const char *name, *line;
    void (*damage)(struct image *i);
};

static const struct fault faults[] = {
#define FAULT(ident, text, damage_) {.name = #ident, .line = text, .damage = break_##ident},
    FAULTS(FAULT)
#undef FAULT
};

/* Write the line that the fault must give. */
static void expected(const char *line, const struct image *i, char *out, size_t len)
{
    const struct {
        const char *name;
        size_t number;
    } words[] = {{"$LEN", i->len}, {"$KINDS", PBC_KINDS}, {"$VERSION", PBC_VERSION}, {"$OLDEST", PBC_OLDEST}};
    size_t n = 0;
    while (*line && n + 24 < len) {
        unsigned w = 0;
        while (w < 4 && strncmp(line, words[w].name, strlen(words[w].name)) != 0) w++;
        if (w == 4) {
            out[n++] = *line++;
            continue;
        }
        line += strlen(words[w].name);
        const int more = *line == '+' ? 1 : *line == '-' ? -1 : 0;
        line += more != 0;
        n += (size_t)snprintf(out + n, len - n, "%zu", words[w].number + (size_t)more);
    }
    out[n] = '\0';
}

static void each_fault_is_named(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof faults / sizeof *faults; n++) {
        struct image i = sample();
        char err[256] = "";
        faults[n].damage(&i);
        img_seal(i.bytes, i.len);
        struct program *p = program_load(i.bytes, i.len, err, sizeof err);
        char line[256];
        expected(faults[n].line, &i, line, sizeof line);
        if (p || strcmp(err, line) != 0) fail_msg("%s: got `%s`", faults[n].name, p ? "a program" : err);
        free(i.bytes);
    }
}

static void good_image(void **state)
{
    (void)state;
    struct image i = sample();
    char err[256] = "";
    struct program *p = program_load(i.bytes, i.len, err, sizeof err);
    assert_string_equal(err, "");
    assert_int_equal(p->file_bytes, i.len);
    assert_int_equal(p->rules_count, 8);
    assert_string_equal(program_str(p, p->meta->source), "sample.prey");
    assert_string_equal(program_str(p, UINT32_MAX), "");
    char name[32];
    assert_string_equal(rule_name(p, 0, name, sizeof name), "ABUSE");
    assert_string_equal(rule_name(p, 1, name, sizeof name), "edge:3");
    assert_string_equal(rule_name(p, 7, name, sizeof name), "quiet:3");
    assert_string_equal(rule_name(p, 7, name, 4), "qui");
    /* Tables end at a power of two with zeroed entries. */
    for (uint32_t n = p->code_count; n < 64; n++) assert_int_equal(p->code[n].op | p->code[n].imm, 0);
    assert_ptr_equal(program_get(p), p);
    program_put(p);
    assert_int_equal(p->rules[0].verdict, PBC_V_DROP); /* still there */
    program_put(p);
    program_put(NULL);
    free(i.bytes);
}

/* Check that writing a program keeps the version and the entries that it came with, so that its digest stays. */
static void writes_alike(const struct program *p, uint32_t version, uint32_t size)
{
    struct image i;
    char err[256];
    i.bytes = program_file(p, &i.len);
    assert_int_equal(header(&i)->version, version);
    assert_int_equal(section_of(&i, PBC_META)->entry_size, size);
    struct program *again = program_load(i.bytes, i.len, err, sizeof err);
    assert_non_null(again);
    size_t len;
    uint8_t *bytes = program_file(again, &len);
    assert_int_equal(len, i.len);
    assert_memory_equal(bytes, i.bytes, len);
    program_put(again);
    free(bytes);
    free(i.bytes);
}

/* Return the loader's report on an image of a version whose META has entries of `size` bytes; "": accepted. */
static const char *entries_of(uint32_t version, uint32_t size)
{
    static char err[256];
    struct image i = sample();
    struct pbc_section *meta = section_of(&i, PBC_META);
    header(&i)->version = version;
    meta->entry_size = size;
    if (size < sizeof(struct pbc_meta)) memset(i.bytes + meta->offset + size, 0xff, sizeof(struct pbc_meta) - size);
    img_seal(i.bytes, i.len);
    *err = '\0';
    struct program *p = program_load(i.bytes, i.len, err, sizeof err);
    if (p) assert_int_equal(p->meta->would | p->meta->would_classifiers, 0); /* after the entry's end */
    if (p) assert_int_equal(p->rules_count, 8);
    if (p) writes_alike(p, version, size);
    program_put(p);
    free(i.bytes);
    return err;
}

/* Return the loader's report on strings of an older version whose entries have that size. */
static const char *strings_of(uint32_t size)
{
    static char err[256];
    struct image i = sample();
    header(&i)->version = PBC_OLDEST;
    section_of(&i, PBC_STRINGS)->entry_size = size;
    section_of(&i, PBC_STRINGS)->count = 1u << 28;
    img_seal(i.bytes, i.len);
    struct program *p = program_load(i.bytes, i.len, err, sizeof err);
    program_put(p);
    free(i.bytes);
    return err;
}

/* Entries of an older version may lack fields at their end, which are then 0. */
static void shorter_entries_of_before(void **state)
{
    (void)state;
    const uint32_t size = sizeof(struct pbc_meta), less = offsetof(struct pbc_meta, would);
    assert_string_equal(entries_of(PBC_OLDEST, size), "");
    assert_string_equal(entries_of(PBC_VERSION - 1, less), "");
    assert_string_equal(entries_of(PBC_VERSION, less), "section `meta` has entries of 32 bytes instead of 40");
    assert_string_equal(entries_of(PBC_OLDEST, size / 2 - 4), "section `meta` has entries of 16 bytes instead of 40");
    assert_string_equal(entries_of(PBC_OLDEST, 0), "section `meta` has entries of 0 bytes instead of 40");
    assert_string_equal(strings_of(0), "section `strings` has entries of 0 bytes instead of 1");
    assert_string_equal(entries_of(PBC_OLDEST, size + 8), "section `meta` has entries of 48 bytes instead of 40");
}

/* The caller's bytes may have any alignment and aren't needed afterwards. */
static void any_alignment(void **state)
{
    (void)state;
    struct image i = sample();
    uint8_t *odd = malloc(i.len + 8);
    char err[256] = "";
    for (unsigned shift = 0; shift < 8; shift++) {
        memcpy(odd + shift, i.bytes, i.len);
        struct program *p = program_load(odd + shift, i.len, err, sizeof err);
        assert_non_null(p);
        memset(odd, 0xff, i.len + 8);
        assert_int_equal(p->rules_count, 8);
        program_put(p);
    }
    free(odd);
    free(i.bytes);
}

static void every_truncation(void **state)
{
    (void)state;
    struct image i = sample();
    char err[256];
    for (size_t len = 0; len < i.len; len++) {
        uint8_t *cut = malloc(len + 1); /* a separate block, so that reading past it is noticed */
        memcpy(cut, i.bytes, len);
        assert_null(program_load(cut, len, err, sizeof err));
        assert_true(
            len < 8
                ? !!strstr(err, "not a compiled prey program; compile the rules first: preyc RULES.prey -o FILE.pbc")
                : strstr(err, "truncated") == err);
        free(cut);
    }
    free(i.bytes);
}

static void every_flip(void **state)
{
    (void)state;
    struct image i = sample();
    char err[256];
    for (size_t n = 0; n < i.len; n++) {
        i.bytes[n] ^= (uint8_t)(1u << n % 8);
        assert_null(program_load(i.bytes, i.len, err, sizeof err));
        if (n >= offsetof(struct pbc_header, sections) && (n < 48 || n >= 56))
            assert_string_equal(err, "damaged: digest doesn't match");
        i.bytes[n] ^= (uint8_t)(1u << n % 8);
    }
    free(i.bytes);
}

/* Run a few packets through both executors, explain and the listing. */
static void exercise(struct program *p, FILE *null)
{
    static const struct header headers[] = {
        {.src = 0x0a000001, .dst = 0xc0000201, .src_port = 50000, .dst_port = 80, .proto = 6},
        {.src = 0xc0000201, .dst = 0xcb00710a, .src_port = 53, .dst_port = 443, .proto = 17},
        {.src = 0xc0000207, .dst = 0x0a000001, .proto = 1},
    };
    if (p->settings_count && p->settings->flows > 1 << 16) return; /* a flip made the table large, which takes long */
    struct vm *vm = vm_new(p, &(struct vm_cfg){0});
    if (!vm) return;
    const struct vm_in in = {.facts = &(struct facts){0}};
    struct vm_tx tx = {0};
    for (size_t n = 0; n < sizeof headers / sizeof *headers; n++) {
        uint8_t frame[FRAME_LEN];
        struct pkt pkt, *pkts[] = {&pkt};
        struct key key;
        struct verdict v;
        char line[512];
        frame_build(&headers[n], frame);
        pkt_view(&pkt, frame, sizeof frame, sizeof frame, LINK_ETHER, 0);
        vm_run(vm, &in, pkts, 1, &v, &tx);
        pkt_parse(&pkt, in.facts, &key);
        program_decide_naive(p, &key, &pkt);
        for (uint32_t c = 0; c < p->conds_count; c++) cond_explain(p, &p->conds[c], &key, &pkt, line, sizeof line);
    }
    program_disasm(p, null);
    vm_free(vm);
}

static bool in_maps(struct image *i, size_t n)
{
    for (unsigned s = 0; s < header(i)->sections; s++)
        if (section(i, s)->kind == PBC_MAPS)
            return n >= section(i, s)->offset && n < section(i, s)->offset + sizeof(struct pbc_map);
    return false;
}

/* Change each third bit of each byte; with sanitizers, which slow down the digests, one bit of each third byte
 * unless LONG=1. */
static bool few_flips(void)
{
#ifdef __SANITIZE_ADDRESS__
    const char *longer = getenv("LONG");
    return !longer || !*longer;
#else
    return false;
#endif
}

static void every_flip_with_right_digest(void **state)
{
    (void)state;
    struct image i = sample();
    FILE *null = fopen("/dev/null", "w");
    const bool few = few_flips();
    const unsigned apart = few ? 8 : 3;
    unsigned taken = 0;
    char err[256];
    for (size_t n = 8 + PBC_DIGEST_LEN; n < i.len; n += few ? 3 : 1) {
        if (in_maps(&i, n) && n % 64) continue; /* 8 KiB of bits with the same meaning */
        for (unsigned bit = (unsigned)n % apart; bit < 8; bit += apart) {
            uint8_t was = i.bytes[n];
            i.bytes[n] ^= (uint8_t)(1u << bit);
            img_seal(i.bytes, i.len);
            struct program *p = program_load(i.bytes, i.len, err, sizeof err);
            if (p) exercise(p, null);
            taken += !!p;
            program_put(p);
            i.bytes[n] = was;
        }
    }
    assert_true(taken > (few ? 30 : 100)); /* places, names, addresses: any value is valid */
    fclose(null);
    free(i.bytes);
}

static const char *scratch_file(const char *name, const void *bytes, size_t len)
{
    static char path[512];
    const char *b = getenv("B");
    snprintf(path, sizeof path, "%s/tests/unit/vm/%s", b ? b : "build", name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    fclose(f);
    return path;
}

static void files(void **state)
{
    (void)state;
    struct image i = sample();
    char err[800] = "", expected[800];
    const char *path = scratch_file("load.pbc", i.bytes, i.len);
    struct program *p = program_load_file(path, err, sizeof err);
    assert_string_equal(err, "");
    program_put(p);
    i.bytes[i.len - 1] ^= 1;
    path = scratch_file("load.pbc", i.bytes, i.len);
    assert_null(program_load_file(path, err, sizeof err));
    snprintf(expected, sizeof expected,
             "%s: damaged: digest doesn't match; compile the rules again: preyc RULES.prey -o FILE.pbc", path);
    assert_string_equal(err, expected);
    header(&i)->reserved = 1;
    img_seal(i.bytes, i.len);
    path = scratch_file("load.pbc", i.bytes, i.len);
    assert_null(program_load_file(path, err, sizeof err));
    snprintf(expected, sizeof expected,
             "%s: not a valid program: header: reserved bytes aren't zero; compile the rules again with this "
             "version's preyc: preyc RULES.prey -o FILE.pbc",
             path);
    assert_string_equal(err, expected);
    assert_null(program_load_file(scratch_file("load.pbc", "", 0), err, sizeof err));
    snprintf(expected, sizeof expected,
             "%s: not a compiled prey program; compile the rules first: preyc RULES.prey -o FILE.pbc", path);
    assert_string_equal(err, expected);
    unlink(path);
    assert_null(program_load_file("/", err, sizeof err));
    assert_string_equal(err, "/: not a regular file");
    assert_null(program_load_file("/dev/zero", err, sizeof err));
    assert_string_equal(err, "/dev/zero: not a regular file");
    assert_null(program_load_file("no/such.pbc", err, sizeof err));
    assert_string_equal(err, "no/such.pbc: No such file or directory");
    free(i.bytes);
}

/* A FIFO that nobody writes to must not hang. */
static void fifo(void **state)
{
    (void)state;
    char path[512], err[600];
    const char *b = getenv("B");
    snprintf(path, sizeof path, "%s/tests/unit/vm/load.fifo", b ? b : "build");
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_null(program_load_file(path, err, sizeof err));
    assert_non_null(strstr(err, "not a regular file"));
    unlink(path);
}

/* A file larger than the maximum is rejected unread (it is sparse). */
static void too_large(void **state)
{
    (void)state;
    char err[600];
    const char *path = scratch_file("load.pbc", "prey.pbc", 8);
    assert_int_equal(truncate(path, (off_t)PBC_SIZE_MAX + 1), 0);
    assert_null(program_load_file(path, err, sizeof err));
    assert_non_null(strstr(err, "larger than 1024 MiB"));
    unlink(path);
}

/* "-": through a pipe, in pieces larger than the first buffer. */
static void standard_input(void **state)
{
    (void)state;
    struct imgbuild b;
    char err[256] = "";
    size_t len;
    img_sample(&b);
    for (unsigned n = 0; n < 300000; n++) img_add_strings(&b, '\0');
    uint8_t *bytes = img_emit(&b, &len);
    int ends[2], saved = dup(STDIN_FILENO);
    assert_int_equal(pipe(ends), 0);
    pid_t writer = fork();
    if (writer == 0) {
        close(ends[0]);
        _exit(write(ends[1], bytes, len) != (ssize_t)len);
    }
    close(ends[1]);
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
    struct program *p = program_load_file("-", err, sizeof err);
    assert_string_equal(err, "");
    assert_non_null(p);
    assert_null(program_load_file("-", err, sizeof err)); /* nothing left */
    assert_string_equal(
        err, "standard input: not a compiled prey program; compile the rules first: preyc RULES.prey -o FILE.pbc");
    dup2(saved, STDIN_FILENO);
    close(saved);
    program_put(p);
    free(bytes);
    img_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_image),
        cmocka_unit_test(shorter_entries_of_before),
        cmocka_unit_test(each_fault_is_named),
        cmocka_unit_test(any_alignment),
        cmocka_unit_test(every_truncation),
        cmocka_unit_test(every_flip),
        cmocka_unit_test(every_flip_with_right_digest),
        cmocka_unit_test(files),
        cmocka_unit_test(fifo),
        cmocka_unit_test(too_large),
        cmocka_unit_test(standard_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
