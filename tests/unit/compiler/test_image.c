/* The image: sections grow, stop at their limits, and share strings and runs; its file has a digest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compiler/image/image.h"

static void equal_strings_share_a_place(void **state)
{
    struct image *img = image_new();
    char name[32];
    uint32_t places[2000];

    (void)state;
    assert_int_equal(image_string(img, "", 0), 0);
    assert_string_equal(image_str(img, 0), "");
    for (unsigned i = 0; i < 2000; i++) {
        const int len = snprintf(name, sizeof(name), "name-%u", i);
        places[i] = image_string(img, name, (size_t)len);
    }
    for (unsigned i = 0; i < 2000; i++) {
        const int len = snprintf(name, sizeof(name), "name-%u", i);
        assert_int_equal(image_string(img, name, (size_t)len), places[i]);
        assert_string_equal(image_str(img, places[i]), name);
    }
    assert_int_not_equal(image_string(img, "name", 4), image_string(img, "name-1", 6));
    assert_int_equal(image_string(img, "name-1999 and more", 9), places[1999]);
    assert_string_equal(image_str(img, UINT32_MAX), "");
    image_free(img);
}

static void sections_stop_at_their_bound(void **state)
{
    struct image *img = image_new();

    (void)state;
    assert_non_null(image_add_meta(img));
    assert_null(image_add_meta(img));
    for (unsigned i = 0; i < 1u << 12; i++) assert_non_null(image_add_firewalls(img));
    assert_null(image_add_firewalls(img));
    assert_int_equal(img->firewalls_count, 1u << 12);
    assert_int_equal(img->firewall_span[4095].file, UINT32_MAX);
    image_free(img);
}

static void equal_runs_share_a_place(void **state)
{
    struct image *img = image_new();
    struct pbc_range r[3] = {{1, 2}, {4, 5}, {7, 8}};

    (void)state;
    assert_int_equal(image_share(img, PBC_RANGES, r, 3), 0);
    assert_int_equal(image_share(img, PBC_RANGES, r, 2), 3);
    assert_int_equal(image_share(img, PBC_RANGES, r, 3), 0);
    assert_int_equal(image_share(img, PBC_RANGES, r, 2), 3);
    assert_int_equal(image_share(img, PBC_RANGES, r, 0), 0);
    for (uint32_t i = 0; i < 5000; i++) {
        const struct pbc_range one = {i, i};
        assert_int_equal(image_share(img, PBC_RANGES, &one, 1), 5 + i);
    }
    for (uint32_t i = 0; i < 5000; i++) {
        const struct pbc_range one = {i, i};
        assert_int_equal(image_share(img, PBC_RANGES, &one, 1), 5 + i);
    }
    image_free(img);
}

static void file_has_header_table_and_digest(void **state)
{
    struct image *img = image_new();
    uint8_t *bytes, digest[PBC_DIGEST_LEN];
    struct pbc_header header;
    struct pbc_section table[2];
    size_t len;

    (void)state;
    image_add_meta(img)->edition = 1;
    image_string(img, "abc", 3);
    image_emit(img, &bytes, &len);
    memcpy(&header, bytes, sizeof(header));
    memcpy(table, bytes + sizeof(header), sizeof(table));
    assert_memory_equal(header.magic, PBC_MAGIC, 8);
    assert_int_equal(header.size, len);
    assert_int_equal(header.sections, 2);
    assert_int_equal(table[0].kind, PBC_META);
    assert_int_equal(table[1].kind, PBC_STRINGS);
    assert_int_equal(table[1].count, 5);
    assert_int_equal(table[1].offset % PBC_ALIGN, 0);
    assert_memory_equal(bytes + table[1].offset, "\0abc", 5);
    pbc_digest(bytes + offsetof(struct pbc_header, version), len - offsetof(struct pbc_header, version), digest);
    assert_memory_equal(header.digest, digest, sizeof(digest));
    free(bytes);
    image_free(img);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_strings_share_a_place),
        cmocka_unit_test(sections_stop_at_their_bound),
        cmocka_unit_test(equal_runs_share_a_place),
        cmocka_unit_test(file_has_header_table_and_digest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
