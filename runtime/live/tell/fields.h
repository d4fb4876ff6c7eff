/* Fields of a line in systemd's journal: its native protocol, a field a line, MESSAGE last
 * (https://systemd.io/JOURNAL_NATIVE_PROTOCOL). `journalctl PREY_EVENT=refused` finds lines by them. */
#pragma once

#include <stdio.h>

/* Begin the fields of a line: PRIORITY, SYSLOG_IDENTIFIER, PREY_INSTANCE and PREY_EVENT. level: of syslog(3). */
void fields_begin(FILE *out, int level, const char *instance, const char *event);
/* Add a field. A control byte of the value, which would end it, is written as a space. NULL or empty: none. */
void fields_add(FILE *out, const char *name, const char *value);
/* Begin MESSAGE, the last field: what is written next, up to the newline. */
void fields_message(FILE *out);
