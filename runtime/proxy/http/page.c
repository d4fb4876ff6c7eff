/* Pages are a table by status; one that is missing is reported as 500 */
#include "runtime/proxy/http/page.h"

#include <stdio.h>
#include <string.h>

static const struct page {
    unsigned status;
    const char *reason, *told;
} pages[] = {
#define PAGE(status, reason, told) {status, reason, told},
#include "runtime/proxy/http/page.def"
};

static const struct page *page_of(unsigned status)
{
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
        if (pages[i].status == status) return &pages[i];
    return page_of(500);
}

size_t http_page(char out[PAGE_TEXT_MAX], unsigned status, bool close, bool head_only, time_t now)
{
    const struct page *p = page_of(status);
    char body[PAGE_TEXT_MAX / 2], date[40];
    struct tm t;
    strftime(date, sizeof date, "%a, %d %b %Y %T GMT", gmtime_r(&now, &t));
    const int len = snprintf(body, sizeof body, "<!doctype html>\n<title>%u %s</title>\n<h1>%u %s</h1>\n<p>%s</p>\n",
                             p->status, p->reason, p->status, p->reason, p->told);
    return (size_t)snprintf(out, PAGE_TEXT_MAX,
                            "HTTP/1.1 %u %s\r\nDate: %s\r\nContent-Type: text/html\r\nContent-Length: %d\r\n"
                            "Cache-Control: no-store\r\n%s\r\n%s",
                            p->status, p->reason, date, len, close ? "Connection: close\r\n" : "",
                            head_only ? "" : body);
}
