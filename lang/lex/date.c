/* Dates in ISO 8601 form. */
#include <ctype.h>

#include "lang/lex/lex.h"
#include "lang/lex/tokens.tab.h"

enum { YEAR_FIRST = 1970, YEAR_LAST = 9999 };

static unsigned date_number(const char *s, size_t len)
{
    unsigned n = 0;
    while (len--) n = n * 10 + (unsigned)(*s++ - '0');
    return n;
}

static bool is_shape(const char *s, size_t len)
{
    if (len != 10) return false;
    for (size_t i = 0; i < len; i++)
        if (i == 4 || i == 7 ? s[i] != '-' : !isdigit((unsigned char)s[i])) return false;
    return true;
}

static bool is_leap(unsigned year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

static unsigned days_of_month(unsigned year, unsigned month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year) ? 1u : 0u);
}

/* Return the number of days since 1970-01-01. */
static uint64_t days_since(unsigned year, unsigned month, unsigned day)
{
    uint64_t days = day - 1;
    for (unsigned y = YEAR_FIRST; y < year; y++) days += is_leap(y) ? 366 : 365;
    for (unsigned m = 1; m < month; m++) days += days_of_month(year, m);
    return days;
}

/* Report `2026-12-24-2026-12-27`: the dash between two dates needs blanks around it. */
static bool date_joined(struct parser *p, const char *s, size_t len, struct token *t)
{
    if (len != 21 || s[10] != '-' || !is_shape(s, 10) || !is_shape(s + 11, 10)) return false;
    lex_error(p, t, E_DATE, "write blanks around the `-` between two dates");
    if (!p->panic) diag_suggest(p->diags, SPAN_NONE, "%.10s - %.10s", s, s + 11);
    return true;
}

bool date_scan(struct parser *p, const char *s, size_t len, struct token *t)
{
    if (date_joined(p, s, len, t)) return true;
    if (!is_shape(s, len)) return false;
    const unsigned year = date_number(s, 4), month = date_number(s + 5, 2), day = date_number(s + 8, 2);
    if (year < YEAR_FIRST || month < 1 || month > 12 || day < 1 || day > days_of_month(year, month)) {
        lex_error(p, t, E_DATE, "`%.*s` isn't a day: dates go from %d-01-01 to %d-12-31", (int)len, s, YEAR_FIRST,
                  YEAR_LAST);
        return true;
    }
    give_value(p, t, DATE, N_DATE, (struct value){.kind = VALUE_INT, .i = days_since(year, month, day)});
    return true;
}
