/* Read a .pbc: check header, section table and digest, copy the sections into one private block, run the verifier over
 * the copy, make the copy read-only. The file is not used after it has been read, so its writer can't change what runs.
 * Each section is padded with zeroed entries to a power of two (docs/kernel.md); the padding of the block is never
 * touched, so it takes no memory. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vm/keyed/large.h"
#include "vm/program/program.h"
#include "vm/program/set_index.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the file is little-endian and used as it lies");

struct kind {
    const char *name;
    uint32_t entry_size;
    uint64_t most;
};

static const struct kind kinds[PBC_KINDS] = {
#define X(ident, field, type, bound) [PBC_##ident] = {.name = #field, .entry_size = sizeof(type), .most = bound},
    PBC_SECTIONS(X)
#undef X
};

struct bytes {
    uint8_t *at;
    size_t len;
};

static void bytes_free(struct bytes *b) { free(b->at); }

__attribute__((format(printf, 3, 4))) static int fault(char *err, size_t err_len, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(err, err_len, format, args);
    va_end(args);
    return -EINVAL;
}

/* Faults of a file whose line needs words about the file around it (program_load_named) */
enum {
    FILE_CHANGED = -EBADMSG, /* the file is cut short, or was changed after preyc wrote it */
    FILE_INVALID = -EPROTO   /* the file's digest is right, but preyc writes no such program */
};

static int check_header(const struct pbc_header *h, size_t len, char *err, size_t err_len)
{
    if (len < sizeof h->magic || memcmp(h->magic, PBC_MAGIC, sizeof h->magic) != 0)
        return fault(err, err_len,
                     "not a compiled prey program; compile the rules first: preyc RULES.prey -o FILE.pbc");
    if (len < sizeof *h)
        return fault(err, err_len, "truncated: %zu bytes, but a header has %zu", len, sizeof *h), FILE_CHANGED;
    if (h->version < PBC_OLDEST || h->version > PBC_VERSION)
        return fault(
            err, err_len,
            "format version %u, but this prey reads versions %u to %u; recompile the rules: preyc RULES.prey -o "
            "FILE.pbc%s",
            h->version, PBC_OLDEST, PBC_VERSION,
            h->version > PBC_VERSION ? " with this version's preyc, or upgrade prey (a later version made the file)"
                                     : "");
    if (h->size > len)
        return fault(err, err_len, "truncated: %zu bytes of %llu", len, (unsigned long long)h->size), FILE_CHANGED;
    if (h->size < len)
        return fault(err, err_len, "damaged: %llu bytes too long", (unsigned long long)(len - h->size)), FILE_CHANGED;
    uint8_t digest[PBC_DIGEST_LEN];
    pbc_digest(&h->version, len - offsetof(struct pbc_header, version), digest);
    if (memcmp(digest, h->digest, sizeof digest) != 0)
        return fault(err, err_len, "damaged: digest doesn't match"), FILE_CHANGED;
    if (h->reserved) return fault(err, err_len, "header: reserved bytes aren't zero"), FILE_INVALID;
    if (h->sections > PBC_KINDS)
        return fault(err, err_len, "header: %u sections, but at most %u are possible", h->sections, PBC_KINDS),
               FILE_INVALID;
    if (len - sizeof *h < h->sections * sizeof(struct pbc_section))
        return fault(err, err_len, "section table ends past the file"), FILE_INVALID;
    return 0;
}

/* True if the size of the entries is possible. An older version may have shorter entries; the bound keeps a small
 * file from asking for much memory. */
static bool entry_fits(const struct pbc_section *s, uint32_t version)
{
    const uint32_t size = kinds[s->kind].entry_size;
    return s->entry_size == size || (version < PBC_VERSION && s->entry_size < size && s->entry_size >= (size + 1) / 2);
}

static int check_section(const struct pbc_section *s, uint32_t version, size_t len, char *err, size_t err_len)
{
    const struct kind *k = &kinds[s->kind];
    if (s->reserved) return fault(err, err_len, "section `%s`: reserved bytes aren't zero", k->name);
    if (!entry_fits(s, version))
        return fault(err, err_len, "section `%s` has entries of %u bytes instead of %u", k->name, s->entry_size,
                     k->entry_size);
    if (s->count > k->most)
        return fault(err, err_len, "section `%s` has %llu entries, but at most %llu are possible", k->name,
                     (unsigned long long)s->count, (unsigned long long)k->most);
    if (s->offset % PBC_ALIGN) return fault(err, err_len, "section `%s` isn't aligned", k->name);
    if (s->offset > len || s->count * s->entry_size > len - s->offset)
        return fault(err, err_len, "section `%s` ends past the file", k->name);
    return 0;
}

/* Check the section table and fill of[kind] for each section in the file. */
static int check_sections(const uint8_t *bytes, size_t len, const struct pbc_section *of[PBC_KINDS], char *err,
                          size_t err_len)
{
    const struct pbc_header *h = (const void *)bytes;
    const struct pbc_section *table = (const void *)(bytes + sizeof *h);
    uint64_t total = 0;
    for (uint32_t i = 0; i < h->sections; i++) {
        const struct pbc_section *s = &table[i];
        if (s->kind >= PBC_KINDS) return fault(err, err_len, "section %u is of unknown kind %u", i, s->kind);
        if (of[s->kind]) return fault(err, err_len, "the file has two `%s` sections", kinds[s->kind].name);
        if (check_section(s, h->version, len, err, err_len)) return -EINVAL;
        of[s->kind] = s;
        total += s->count * s->entry_size;
    }
    /* Keeps a small file from asking for much memory */
    if (total > len) return fault(err, err_len, "sections overlap");
    return 0;
}

/* Return the bytes of `count` entries, padded to the next power of two; at least one entry, so that every table has
 * an address. */
static uint64_t padded_bytes(uint64_t count, uint32_t entry_size)
{
    uint64_t entries = 1;
    while (entries < count) entries *= 2;
    return (entries * entry_size + PBC_ALIGN - 1) / PBC_ALIGN * PBC_ALIGN;
}

static uint64_t section_count(const struct pbc_section *s) { return s ? s->count : 0; }

/* Fill in the program as it would decide without `audit`: other rules over the same sections. */
static void see_would(const struct program *p, struct program *would, const uint8_t *verdicts)
{
    *would = *p;
    would->would = NULL;
    would->root = p->meta_count ? p->meta->would : 0;
    would->rules = p->would_rules, would->rules_count = p->would_rules_count;
    would->chains = p->would_chains, would->chains_count = p->would_chains_count;
    would->firewalls = p->would_firewalls, would->firewalls_count = p->would_firewalls_count;
    would->memos = p->would_memos, would->memos_count = p->would_memos_count;
    would->verdicts = verdicts;
    would->serial = program_serial();
}

static void note_verdicts(const struct pbc_rule *rules, uint32_t count, uint8_t *verdicts)
{
    for (uint32_t i = 0; i < count; i++) verdicts[i] = rules[i].verdict;
}

/* Copy a section. Fields that an older version lacks are 0. */
static void copy_section(uint8_t *to, const uint8_t *bytes, const struct pbc_section *s)
{
    const uint32_t size = kinds[s->kind].entry_size;
    if (s->entry_size == size) {
        memcpy(to, bytes + s->offset, s->count * size);
        return;
    }
    for (uint64_t i = 0; i < s->count; i++) memcpy(to + i * size, bytes + s->offset + i * s->entry_size, s->entry_size);
}

/* Copy the sections into the program's own block, each at its padded place. */
static int lay_out(struct program *p, const uint8_t *bytes, const struct pbc_section *const of[PBC_KINDS])
{
    uint64_t at[PBC_KINDS], total = 0;
    for (unsigned k = 0; k < PBC_KINDS; k++) {
        at[k] = total;
        total += padded_bytes(section_count(of[k]), kinds[k].entry_size);
    }
    const uint64_t verdicts = total;
    total += padded_bytes(section_count(of[PBC_RULES]), sizeof *p->verdicts);
    const uint64_t would_verdicts = total;
    total += padded_bytes(section_count(of[PBC_WOULD_RULES]), sizeof *p->verdicts);
    uint8_t *memory = large_new(total);
    if (!memory) return -ENOMEM;
    for (unsigned k = 0; k < PBC_KINDS; k++) p->entry_size[k] = of[k] ? of[k]->entry_size : kinds[k].entry_size;
    p->version = ((const struct pbc_header *)(const void *)bytes)->version;
    p->memory = memory;
    p->memory_bytes = total;
    for (unsigned k = 0; k < PBC_KINDS; k++)
        if (section_count(of[k])) copy_section(memory + at[k], bytes, of[k]);
#define X(ident, field, type, most)                                                                                    \
    p->field = (const void *)(memory + at[PBC_##ident]);                                                               \
    p->field##_count = (uint32_t)section_count(of[PBC_##ident]);
    PBC_SECTIONS(X)
#undef X
    note_verdicts(p->rules, p->rules_count, memory + verdicts);
    note_verdicts(p->would_rules, p->would_rules_count, memory + would_verdicts);
    p->verdicts = memory + verdicts;
    const bool audits = (p->meta_count && p->meta->would) || p->would_rules_count || p->would_chains_count ||
                        p->would_firewalls_count || p->would_memos_count || p->would_twins_count;
    if (!audits) return 0;
    struct program *would = calloc(1, sizeof *would);
    if (!would) return -ENOMEM;
    see_would(p, would, memory + would_verdicts);
    p->would = would;
    return 0;
}

static struct program *load_aligned(const uint8_t *bytes, size_t len, int *failed, char *err, size_t err_len)
{
    const struct pbc_section *of[PBC_KINDS] = {0};
    const struct pbc_header *h = (const void *)bytes;
    *failed = check_header(h, len, err, err_len);
    if (!*failed && check_sections(bytes, len, of, err, err_len)) *failed = FILE_INVALID;
    if (*failed) return NULL;
    struct program *p = calloc(1, sizeof *p);
    if (p) p->refs = 1;
    if (!p || lay_out(p, bytes, of)) {
        program_put(p);
        fault(err, err_len, "out of memory");
        return NULL;
    }
    p->serial = program_serial();
    p->file_bytes = len;
    memcpy(p->file_digest, h->digest, sizeof p->file_digest);
    memcpy(p->digest, p->origin_count == sizeof p->digest ? p->origin : h->digest, sizeof p->digest);
    const int refused = program_verify(p, err, err_len);
    if (refused) {
        *failed = refused == -EINVAL ? FILE_INVALID : refused;
        program_put(p);
        return NULL;
    }
    if (p->settings_count) p->flows = p->settings->flows, p->half_open = p->settings->half_open;
    if (set_index_make(p)) {
        fault(err, err_len, "out of memory");
        program_put(p);
        return NULL;
    }
    set_ahead_choose(p);
    if (p->would) see_would(p, (struct program *)(uintptr_t)p->would, p->would->verdicts);
    bool locked = mprotect(p->memory, p->memory_bytes, PROT_READ) == 0;
    if (locked && p->lookup) locked = mprotect((void *)(uintptr_t)p->lookup, p->lookup_bytes, PROT_READ) == 0;
    if (!locked) {
        fault(err, err_len, "can't be made read-only: %s", strerror(errno));
        program_put(p);
        return NULL;
    }
    return p;
}

/* Load as program_load does. *failed: FILE_CHANGED, FILE_INVALID, or any other value if the line is complete */
static struct program *load_any(const void *bytes, size_t len, int *failed, char *err, size_t err_len)
{
    *failed = 0;
    if ((uintptr_t)bytes % _Alignof(struct pbc_section) == 0) return load_aligned(bytes, len, failed, err, err_len);
    struct bytes copy __attribute__((cleanup(bytes_free))) = {.at = malloc(len + 1), .len = len};
    if (!copy.at) {
        fault(err, err_len, "out of memory");
        return NULL;
    }
    memcpy(copy.at, bytes, len);
    return load_aligned(copy.at, len, failed, err, err_len);
}

struct program *program_load(const void *bytes, size_t len, char *err, size_t err_len)
{
    int failed;
    return load_any(bytes, len, &failed, err, err_len);
}

struct program *program_load_named(const void *bytes, size_t len, char *err, size_t err_len)
{
    int failed;
    char why[256] = "";
    struct program *p = load_any(bytes, len, &failed, why, sizeof why);
    if (!p)
        fault(err, err_len, "%s%s%s%s", failed == FILE_INVALID ? "not a valid program: " : "", why,
              failed == FILE_CHANGED   ? "; compile the rules again"
              : failed == FILE_INVALID ? "; compile the rules again with this version's preyc"
                                       : "",
              failed == FILE_CHANGED || failed == FILE_INVALID ? ": preyc RULES.prey -o FILE.pbc" : "");
    return p;
}

static void close_file(const int *fd)
{
    if (*fd > STDIN_FILENO) close(*fd);
}

/* Read to the end of the file, which may be a pipe. More than PBC_SIZE_MAX bytes are a fault. */
static int read_to_end(int fd, size_t expected, struct bytes *to, char *err, size_t err_len)
{
    size_t room = expected + 1; /* one byte more, so that the end is seen without growing the buffer */
    to->at = malloc(room);
    while (to->at) {
        ssize_t n = read(fd, to->at + to->len, room - to->len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fault(err, err_len, "can't be read: %s", strerror(errno));
        if (n == 0) return 0;
        to->len += (size_t)n;
        if (to->len > PBC_SIZE_MAX) return fault(err, err_len, "larger than %llu MiB", PBC_SIZE_MAX >> 20);
        if (to->len < room) continue;
        room *= 2;
        uint8_t *grown = realloc(to->at, room);
        if (!grown) break;
        to->at = grown;
    }
    return fault(err, err_len, "out of memory");
}

/* Read a program; is_stream: the file need not be a regular one. */
static int read_program(int fd, bool is_stream, struct bytes *to, char *err, size_t err_len)
{
    struct stat st;
    if (fstat(fd, &st)) return fault(err, err_len, "can't be read: %s", strerror(errno));
    const bool regular = S_ISREG(st.st_mode);
    if (!regular && !is_stream) return fault(err, err_len, "not a regular file");
    if (regular && (uint64_t)st.st_size > PBC_SIZE_MAX)
        return fault(err, err_len, "larger than %llu MiB", PBC_SIZE_MAX >> 20);
    return read_to_end(fd, regular ? (size_t)st.st_size : 64 * 1024, to, err, err_len);
}

int program_digest_open(int fd, uint8_t digest[PBC_DIGEST_LEN], char *err, size_t err_len)
{
    struct bytes file __attribute__((cleanup(bytes_free))) = {0};
    int failed = read_program(fd, false, &file, err, err_len);
    const struct pbc_header *h = (const void *)file.at;
    if (!failed) failed = check_header(h, file.len, err, err_len);
    if (!failed) memcpy(digest, h->digest, sizeof h->digest);
    return failed;
}

struct program *program_load_open(int fd, const char *path, char *err, size_t err_len)
{
    const bool is_stream = strcmp(path, "-") == 0;
    char why[400];
    struct bytes file __attribute__((cleanup(bytes_free))) = {0};
    struct program *p = NULL;
    if (!read_program(fd, is_stream, &file, why, sizeof why))
        p = program_load_named(file.at, file.len, why, sizeof why);
    if (!p) fault(err, err_len, "%s: %s", is_stream ? "standard input" : path, why);
    return p;
}

struct program *program_load_file(const char *path, char *err, size_t err_len)
{
    const bool is_stream = strcmp(path, "-") == 0;
    /* O_NONBLOCK: opening a FIFO without a writer must not hang; a FIFO is refused right after. */
    const int fd __attribute__((cleanup(close_file))) =
        is_stream ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        fault(err, err_len, "%s: %s", path, strerror(errno));
        return NULL;
    }
    return program_load_open(fd, path, err, err_len);
}
