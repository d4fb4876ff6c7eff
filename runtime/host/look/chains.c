/* Reads the lines that libnftables prints for `list chains` */
#include "runtime/host/look/chains.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "runtime/host/guard/nft.h"

/* Read a line "table ip NAME {". False: another line. */
static bool read_table(const char *text, size_t len, char family[16], char table[200])
{
    char line[256];
    if (len >= sizeof line || strncmp(text, "table ", strlen("table ")) != 0) return false;
    memcpy(line, text, len);
    line[len] = 0;
    return sscanf(line, "table %15s %199s", family, table) == 2;
}

static void read_listing(const char *text, void (*each)(void *arg, const struct chain_line *line), void *arg)
{
    char family[16] = "", table[200] = "";
    struct chain_line l = {.family = family, .table = table};
    for (const char *end; *text; text = *end ? end + 1 : end) {
        end = strchrnul(text, '\n');
        l.text = text;
        l.len = (size_t)(end - text);
        if (read_table(l.text, l.len, family, table) || !strncmp(table, "prey_", strlen("prey_"))) continue;
        each(arg, &l);
    }
}

void chains_each(void (*each)(void *arg, const struct chain_line *line), void *arg)
{
    struct nft_ctx *nft = nft_open();
    if (!nft) return;
    nft_ctx_buffer_output(nft);
    if (!nft_run_cmd_from_buffer(nft, "list chains")) read_listing(nft_ctx_get_output_buffer(nft), each, arg);
    nft_ctx_free(nft);
}
