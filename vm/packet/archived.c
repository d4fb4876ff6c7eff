/* Archive a packet: first the view, then the captured bytes, which are read into a slot of the pool. */
#include "vm/keyed/archive.h"
#include "vm/packet/pkt.h"

enum { TAGS_TAKEN_OFF = 2 };

/* Archive the view without its bytes. */
static void archive_view(struct pkt *view, struct archive *a)
{
    ARCHIVE(a, view->cap_len);
    ARCHIVE(a, view->wire_len);
    ARCHIVE(a, view->iface);
    ARCHIVE(a, view->link);
    ARCHIVE(a, view->tag_count);
    ARCHIVE(a, view->tags);
    ARCHIVE(a, view->segment);
    ARCHIVE(a, view->cookie);
    ARCHIVE(a, view->flags);
    archive_sound(a, view->cap_len <= view->wire_len && view->cap_len <= a->left);
    archive_sound(a, view->link <= LINK_RAW && view->tag_count <= TAGS_TAKEN_OFF && view->cookie < a->cookies);
    view->head_len = view->cap_len;
    view->flags &= PKT_CSUM_PARTIAL;
}

bool pkt_archive(struct pkt **pkt, struct pool *pool, struct archive *a)
{
    struct pkt view = {0};
    if (!a->reads) view = **pkt;
    archive_view(&view, a);
    if (a->bad) return false;
    if (!a->reads) return archive_part(a, (*pkt)->data, view.cap_len);
    view.data = a->at;
    struct pkt *copy = pool ? pool_copy(pool, &view) : NULL;
    if (!archive_sound(a, copy)) return false;
    a->at += view.cap_len;
    a->left -= view.cap_len;
    *pkt = copy;
    return true;
}
