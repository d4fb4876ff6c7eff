/* A meter in a line. */
#pragma once

#include <stddef.h>

struct pbc_meter;

/* "200/s burst 400 per source entries 65536"; cut to fit, always terminated. */
void meter_text(const struct pbc_meter *m, char *buf, size_t len);
