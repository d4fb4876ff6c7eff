/* BLAKE2b-256 against digests of the same bytes by Python's hashlib, and around the block's edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "vm/pbc.h"

struct vector {
    unsigned len; /* bytes 0, 1, 2, ... modulo 251 */
    const char *hex;
};

static const struct vector vectors[] = {
    {0, "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8"},
    {1, "03170a2e7597b7b7e3d84c05391d139a62b157e78786d8c082f29dcf4c111314"},
    {64, "10d8e6d534b00939843fe9dcc4dae48cdf008f6b8b2b82b156f5404d874887f5"},
    {127, "f2fe67ff342e21b8f45e8f2e0bcd1d9243245d50ee6c78042e9c491388791c72"},
    {128, "c3582f71ebb2be66fa5dd750f80baae97554f3b015663c8be377cfcb2488c1d1"},
    {129, "f7f3c46ba2564ff4c4c162da1f5b605f9f1c4aa6a20652a9f9a337c1a2f5b9c9"},
    {255, "d9ef0fc521b4266d16df662bec231bc2ec3989e7adeaf63169c295dc239dbbea"},
    {256, "582f782226018ec33076bd8d1c42413530ac7e1126260ffc0f306ba3befc3f24"},
    {257, "227e15ed64ee8e93eb7bc53828f76eed974f2c4ab1408c3d08f212b7f8d69904"},
    {1000, "b372d0608f720c8c3dd41e9c8eecb10143b41abe520b616607e754bf79c08331"},
    {1024, "d75edc54bb5acee4cc8610568e82872ce79758afd38c51dfe6ccfab01c2d191f"},
};

static void digest_hex(const void *bytes, size_t len, char hex[2 * PBC_DIGEST_LEN + 1])
{
    uint8_t digest[PBC_DIGEST_LEN];
    pbc_digest(bytes, len, digest);
    for (unsigned i = 0; i < PBC_DIGEST_LEN; i++) sprintf(hex + 2 * i, "%02x", digest[i]);
}

static void counting_bytes(void **state)
{
    (void)state;
    uint8_t bytes[1024];
    char hex[2 * PBC_DIGEST_LEN + 1];
    for (unsigned i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i % 251);
    for (unsigned i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        digest_hex(bytes, vectors[i].len, hex);
        assert_string_equal(hex, vectors[i].hex);
    }
}

static void abc(void **state)
{
    (void)state;
    char hex[2 * PBC_DIGEST_LEN + 1];
    digest_hex("abc", 3, hex);
    assert_string_equal(hex, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
}

static void every_bit_counts(void **state)
{
    (void)state;
    uint8_t bytes[200] = {0}, one[PBC_DIGEST_LEN], other[PBC_DIGEST_LEN];
    pbc_digest(bytes, sizeof bytes, one);
    for (unsigned i = 0; i < sizeof bytes * 8; i++) {
        bytes[i / 8] ^= (uint8_t)(1u << i % 8);
        pbc_digest(bytes, sizeof bytes, other);
        assert_memory_not_equal(one, other, sizeof one);
        bytes[i / 8] ^= (uint8_t)(1u << i % 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(abc),
        cmocka_unit_test(counting_bytes),
        cmocka_unit_test(every_bit_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
