/* See certificates.h. The complete text is checked before the descriptor is handed out with its offset reset. */
#include "runtime/host/file/certificates.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/files.h"

enum { LONGEST = 16 << 20 };

static bool text_holds(const char *text, size_t len, const char *word) { return memmem(text, len, word, strlen(word)); }

int file_open_regular(const char *path, char *err, size_t err_len)
{
    char again[40];
    struct stat s = {0};
    const int at = open(path, O_PATH | O_CLOEXEC);
    if (at >= 0) snprintf(again, sizeof again, "/proc/self/fd/%d", at);
    const bool other = at >= 0 && (fstat(at, &s) || !S_ISREG(s.st_mode)), folder = other && S_ISDIR(s.st_mode);
    const int fd = at < 0 || other ? -1 : open(again, O_RDONLY | O_CLOEXEC | O_NONBLOCK),
              failed = other ? -EINVAL : -errno;
    if (at >= 0) close(at);
    if (fd < 0)
        snprintf(err, err_len, "%.300s%s%s", path,
                 folder  ? " is a folder: name the file in it"
                 : other ? " isn't a regular file"
                         : ": ",
                 other ? "" : strerror(-failed));
    return fd < 0 ? failed : fd;
}

int certificates_open(const char *path, char *err, size_t err_len)
{
    size_t len;
    const int fd = file_open_regular(path, err, err_len);
    if (fd < 0) return fd;
    char *text = read_whole(fd, LONGEST, &len);
    const bool key = text && text_holds(text, len, "PRIVATE KEY-----");
    const bool good = text && !key && text_holds(text, len, "-----BEGIN ") && text_holds(text, len, "CERTIFICATE-----");
    free(text);
    if (good) return fd;
    snprintf(err, err_len, "%.300s %s", path,
             key ? "has a private key: name a file with only certificates" : "has no certificate (PEM)");
    close(fd);
    return -EINVAL;
}

unsigned certificates_trust(int fd, X509_STORE *store)
{
    size_t len;
    char *text = read_whole(fd, LONGEST, &len);
    BIO *bio = text ? BIO_new_mem_buf(text, (int)len) : NULL;
    unsigned count = 0;
    X509 *one;
    while (bio && (one = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
        count += X509_STORE_add_cert(store, one) == 1;
        X509_free(one);
    }
    BIO_free(bio);
    free(text);
    ERR_clear_error(); /* the end of the text counts as an error */
    return count;
}
