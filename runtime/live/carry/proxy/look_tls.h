/* Check of the certificate files that the program's services name, before any change. */
#pragma once

#include <openssl/x509.h>

#include "runtime/live/carry/carry_state.h"

/* Check all files, with one line for each finding. Return 0, or 2 if a file is missing or wrong. */
int look_at_tls(const struct program *p);

/* Write a line if the certificate of the file `path` is not valid for at least 14 days more. False: valid. */
bool look_at_time(const X509 *cert, const char *path, char *line, size_t len);
