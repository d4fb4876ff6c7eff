/* Before anything is changed: the files of certificates that the program's services name. */
#pragma once

#include <openssl/x509.h>

#include "runtime/live/carry/state.h"

/* All of them, each finding in a line. 0, or 2: one is not there or not what it is to be. */
int look_at_tls(const struct program *p);

/* What is to be said of the time of that certificate, of the file `path`; false: nothing, it holds for 14 days yet. */
bool look_at_time(const X509 *cert, const char *path, char *line, size_t len);
