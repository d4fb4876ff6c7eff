/* The file's rules are read into a ruleset and printed as --fmt prints; inexpressible ones are reported */
#include "compiler/import/import.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compiler/import/model.h"
#include "compiler/import/write.h"
#include "compiler/say.h"
#include "lang/heap.h"
#include "lang/lang.h"
#include "vm/words/words.h"

enum { FILE_MOST = 256 << 20 };

static int import_file(struct sources *sources, const char *path)
{
    struct stat st;
    if (!strcmp(path, "-")) return sources_read_fd(sources, STDIN_FILENO, "<stdin>", FILE_MOST);
    if (stat(path, &st) != 0 || !S_ISFIFO(st.st_mode)) return sources_read(sources, path, FILE_MOST);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -errno;
    const int file = sources_read_fd(sources, fd, path, FILE_MOST);
    close(fd);
    return file;
}

static int read_rules(struct ruleset *s, enum import_from from, const struct source_file *file)
{
    struct import_fault fault = {0};
    int (*const reader)(struct ruleset *, const char *, size_t, struct import_fault *) =
        from == IMPORT_NFT ? nft_read : iptables_read;
    if (reader(s, file->text, file->len, &fault) == 0) return 0;
    if (fault.line)
        say(stderr, "preyc: %s:%" PRIu32 ": %s", file->path, fault.line, fault.text);
    else
        say(stderr, "preyc: %s: %s", file->path, fault.text);
    return -1;
}

static void print_formatted(const char *text, size_t len, FILE *out)
{
    struct sources sources;
    char *formatted;
    size_t formatted_len;
    sources_init(&sources);
    struct diags *d = diags_new(&sources);
    const int file = sources_add(&sources, "imported.prey", text, len);
    if (file >= 0 && lang_format(&sources, d, (uint32_t)file, &formatted, &formatted_len) == 0) {
        fwrite(formatted, 1, formatted_len, out);
        free(formatted);
    } else {
        fwrite(text, 1, len, out);
    }
    diags_free(d);
    sources_fini(&sources);
}

static int import_give(struct ruleset *s, const char *path, FILE *out)
{
    char *text;
    size_t len;
    struct unsaid u;
    FILE *stream = heap_stream(&text, &len);
    const int failed = write_rules(s, path, stream, &u);
    heap_stream_end(stream);
    if (!failed) print_formatted(text, len, out);
    free(text);
    if (failed) {
        say(stderr, "preyc: %s: the rules have more than 64 MiB of text, with each chain copied to its jumps", path);
        return -1;
    }
    if (!u.rules && !u.parts) return 0;
    char wider[64] = "";
    if (u.wider_parts)
        snprintf(wider, sizeof(wider), " (%" PRIu64 " of these keep%s packets out)", u.wider_parts,
                 u.wider_parts == 1 ? "s" : "");
    char parts[128] = "";
    if (u.parts)
        snprintf(parts, sizeof(parts), "; imported only in part: %" PRIu64 " thing%s%s", u.parts, text_plural(u.parts),
                 wider);
    say(stderr,
        "preyc: %s: not imported: %" PRIu64 " of %" PRIu64 " rule%s (%" PRIu64
        " of these keep%s packets out)%s; look for `not imported`",
        path, u.rules, s->rules, text_plural(s->rules), u.wider, u.wider == 1 ? "s" : "", parts);
    return 1;
}

int import(enum import_from from, const char *path, FILE *out)
{
    struct sources sources;
    struct ruleset s;
    int result = -1;
    sources_init(&sources);
    ruleset_open(&s);
    const int file = import_file(&sources, path);
    if (file == -EFBIG)
        say(stderr, "preyc: `%s` has more than 256 MiB", path);
    else if (file < 0)
        say(stderr, "preyc: can't read `%s`: %s", path, strerror(-file));
    else if (read_rules(&s, from, &sources.files[file]) == 0)
        result = import_give(&s, sources.files[file].path, out);
    ruleset_close(&s);
    sources_fini(&sources);
    return result;
}
