/* Lower-case names sorted for a binary search: exact ones first, then wildcards without their first label */
#include "runtime/proxy/tls/cert_names.h"

#include <ctype.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

struct cert_name {
    char *text; /* lower case; of a wildcard the part after "*." */
    bool wild;
    unsigned cert;
};

static int name_compare(const void *a, const void *b)
{
    const struct cert_name *x = a, *y = b;
    const int by = x->wild != y->wild ? x->wild - y->wild : strcmp(x->text, y->text);
    return by ? by : (x->cert > y->cert) - (x->cert < y->cert);
}

static bool cert_name_add(struct cert_names *n, const unsigned char *text, int len, unsigned cert)
{
    const bool wild = len > 2 && text[0] == '*' && text[1] == '.';
    if (len <= 0 || memchr(text, 0, (size_t)len)) return true; /* cannot be a requested name */
    struct cert_name *all = realloc(n->all, (n->count + 1) * sizeof *all);
    if (!all) return false;
    n->all = all;
    char *copy = strndup((const char *)text + 2 * wild, (size_t)(len - 2 * wild));
    if (!copy) return false;
    for (char *c = copy; *c; c++) *c = (char)tolower((unsigned char)*c);
    all[n->count++] = (struct cert_name){copy, wild, cert};
    return true;
}

/* Add the common name, which counts only without other names (RFC 6125, 6.4.4) */
static bool add_common(struct cert_names *n, X509 *x, unsigned cert)
{
    const X509_NAME *subject = X509_get_subject_name(x);
    const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0) return true;
    const ASN1_STRING *s = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
    return cert_name_add(n, ASN1_STRING_get0_data(s), ASN1_STRING_length(s), cert);
}

bool cert_names_add(struct cert_names *n, X509 *x, unsigned cert)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    bool any = false, good = true;
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && good; i++) {
        const GENERAL_NAME *g = sk_GENERAL_NAME_value(names, i);
        if (g->type != GEN_DNS) continue;
        any = true;
        good = cert_name_add(n, ASN1_STRING_get0_data(g->d.dNSName), ASN1_STRING_length(g->d.dNSName), cert);
    }
    GENERAL_NAMES_free(names);
    return good && (any || add_common(n, x, cert));
}

void cert_names_sort(struct cert_names *n)
{
    if (n->count) qsort(n->all, n->count, sizeof *n->all, name_compare);
}

/* Return the first certificate with that name; -1: none */
static int names_find(const struct cert_names *n, const char *text, bool wild)
{
    const struct cert_name key = {(char *)text, wild, 0}; /* sorts before or with the wanted entry */
    size_t from = 0, to = n->count;
    while (from < to) {
        const size_t mid = from + (to - from) / 2;
        if (name_compare(&n->all[mid], &key) < 0)
            from = mid + 1;
        else
            to = mid;
    }
    if (from == n->count || n->all[from].wild != wild || strcmp(n->all[from].text, text)) return -1;
    return (int)n->all[from].cert;
}

int cert_names_find(const struct cert_names *n, const char *host)
{
    char small[256];
    const size_t len = strlen(host);
    if (len >= sizeof small) return -1;
    for (size_t i = 0; i <= len; i++) small[i] = (char)tolower((unsigned char)host[i]);
    const int exact = names_find(n, small, false);
    const char *dot = strchr(small, '.');
    return exact >= 0 || !dot || dot == small ? exact : names_find(n, dot + 1, true);
}

void cert_names_fini(struct cert_names *n)
{
    for (size_t i = 0; i < n->count; i++) free(n->all[i].text);
    free(n->all);
    *n = (struct cert_names){0};
}
