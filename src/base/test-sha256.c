/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include "base/duration.h"
#include "base/sha256.h"

static void digests_are_those_of_the_standard(void **state) {
        /* NIST CAVP short messages, and its one million times "a" */
        static const struct {
                const char *part;
                unsigned times;
                const char *digest;
        } rows[] = {
                { "", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
                { "abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
                { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
                  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
                { "a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                uint8_t digest[32];
                char hex[65];
                Sha256 s;

                sha256_init(&s);
                for (unsigned k = 0; k < rows[i].times; k++)
                        sha256_add(&s, str_from(rows[i].part));
                sha256_finish(&s, digest);
                for (int k = 0; k < 32; k++)
                        snprintf(hex + 2 * k, 3, "%02x", digest[k]);
                assert_string_equal(hex, rows[i].digest);
        }
}

static void codes_are_those_of_rfc_4231(void **state) {
        static const struct {
                char key;
                size_t n_key;
                const char *parts[2], *code;
        } rows[] = {
                { 0x0b,
                  20,
                  { "Hi ", "There" },
                  "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
                { (char)0xaa,
                  131,
                  { "Test Using Larger Than Block-Size Key - ", "Hash Key First" },
                  "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const Str parts[] = { str_from(rows[i].parts[0]), str_from(rows[i].parts[1]) };
                uint8_t code[32];
                char key[131], hex[65];

                memset(key, rows[i].key, rows[i].n_key);
                sha256_hmac((Str){ key, rows[i].n_key }, parts, ARRAY_SIZE(parts), code);
                for (int k = 0; k < 32; k++)
                        snprintf(hex + 2 * k, 3, "%02x", code[k]);
                assert_string_equal(hex, rows[i].code);
        }
}

static void durations_are_read(void **state) {
        static const struct {
                const char *text;
                uint64_t ms; /* 1: refused, *ret as it was */
        } rows[] = {
                { "500ms", 500 },  { "3s", 3000 },     { "3", 3000 }, { "5m", 300000 },
                { "2h", 7200000 }, { "1d", 86400000 }, { "0", 0 },    { "3650d", 315360000000 },
                { "3651d", 1 },    { "", 1 },          { "s", 1 },    { "3x", 1 },
                { "-3s", 1 },      { "3 s", 1 },       { "3s ", 1 },  { "99999999999999999999s", 1 },
                { "1.5s", 1 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                uint64_t ms = 1;

                assert_int_equal(duration_parse(str_from(rows[i].text), &ms), rows[i].ms != 1);
                assert_int_equal(ms, rows[i].ms);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(digests_are_those_of_the_standard),
                cmocka_unit_test(codes_are_those_of_rfc_4231),
                cmocka_unit_test(durations_are_read),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
