/* What iptables-save and ip6tables-save write, into the model. */
#include <errno.h>
#include <stdio.h>

#include "compiler/import/model.h"

int iptables_read(struct ruleset *s, const char *text, size_t len, struct import_fault *f)
{
    (void)s;
    (void)text;
    (void)len;
    snprintf(f->text, sizeof(f->text), "iptables-save is not read yet");
    return -EINVAL;
}
