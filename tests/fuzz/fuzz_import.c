/* Fuzzes the importer with any bytes as another tool's rule set. They become formatted text that compiles in the
 * language, or a fault gives the reason. The first byte selects the tool. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/import/model.h"
#include "compiler/import/write.h"
#include "lang/heap.h"
#include "lang/lang.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_be_rules(const char *text, size_t len)
{
    struct sources sources;
    char *formatted;
    size_t formatted_len;

    sources_init(&sources);
    struct diags *d = diags_new(&sources);
    const int file = sources_add(&sources, "imported.prey", text, len);
    if (file < 0 || lang_format(&sources, d, (uint32_t)file, &formatted, &formatted_len) < 0) {
        fwrite(text, 1, len, stderr);
        diags_print_text(d, stderr, false);
        abort();
    }
    free(formatted);
    diags_free(d);
    sources_fini(&sources);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct import_fault fault = {0};
    struct ruleset s;
    char *copy, *text;
    size_t len;

    if (size < 2) return 0;
    copy = heap_zeroed(size, 1); /* without the first byte, followed by a zero */
    memcpy(copy, data + 1, size - 1);
    ruleset_open(&s);
    const int result = data[0] & 1 ? iptables_read(&s, copy, size - 1, &fault) : nft_read(&s, copy, size - 1, &fault);
    if (result < 0) {
        if (!fault.text[0]) abort();
    } else {
        struct unsaid unsaid;
        FILE *out = heap_stream(&text, &len);
        const int failed = write_rules(&s, "file", out, &unsaid);
        heap_stream_end(out);
        if (!failed) must_be_rules(text, len);
        free(text);
    }
    ruleset_close(&s);
    free(copy);
    return 0;
}
