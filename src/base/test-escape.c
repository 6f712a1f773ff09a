/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/escape.h"
#include "base/test-support.h"

typedef struct {
        Str in;
        const char *want;
} Row;

static void check_rows(const Row *rows, size_t n, void (*fn)(Buf *out, Str s)) {
        for (size_t i = 0; i < n; i++) {
                Buf b = BUF_INIT;

                fn(&b, rows[i].in);
                assert_string_equal(buf_z(&b), rows[i].want);
                buf_done(&b);
        }
}

static void json(Buf *out, Str s) { escape_json(out, s); }

static void test_json_is_escaped(void **state) {
        static const Row rows[] = {
                { STR_INIT("plain /usr/bin"), "plain /usr/bin" },
                { STR_INIT("a\"b\\c"), "a\\\"b\\\\c" },
                { STR_INIT("\n\r\t\0\x1b[31m\x7f"), "\\n\\r\\t\\u0000\\u001b[31m\\u007f" },
                { STR_INIT("caf\xc3\xa9 \xe6\x97\xa5 \xf0\x9f\x98\x80"),
                  "caf\xc3\xa9 \xe6\x97\xa5 \xf0\x9f\x98\x80" },
                { STR_INIT("\xe2\x80\xa8"), "\\u2028" },
                /* Unicode 15, table 3-8: one replacement for each maximal ill-formed part */
                { STR_INIT("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41"),
                  "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF"
                  "\xBF\xBD"
                  "A" },
                { STR_INIT("\xed\xa0\x80\xff\x41"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"
                                                    "A" },
                { STR_INIT("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41"),
                  "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"
                  "A" },
        };

        check_rows(rows, ARRAY_SIZE(rows), json);
}

static void test_json_says_when_bytes_were_replaced(void **state) {
        Buf b = BUF_INIT;

        assert_true(escape_json(&b, STR("caf\xc3\xa9\n")));
        assert_false(escape_json(&b, STR("caf\xe9")));
        assert_true(escape_is_utf8(STR("caf\xc3\xa9")));
        assert_false(escape_is_utf8(STR("\xf4\x90\x80\x80"))); /* beyond U+10FFFF */
        buf_done(&b);
}

static void test_terminal_is_inert(void **state) {
        static const Row rows[] = {
                { STR_INIT("alice"), "alice" },
                { STR_INIT("\x1b]0;x\x07"), "\\x1b]0;x\\x07" },
                { STR_INIT("a\nb\tc\rd"), "a\\x0ab\\x09c\\x0dd" },
                { STR_INIT("\xc2\x9b"
                           "31m"),
                  "\\x9b31m" }, /* C1 CSI */
                { STR_INIT("a\xe2\x80\xae"
                           "b"),
                  "a\\u{202e}b" },                              /* right-to-left override */
                { STR_INIT("\xf3\xa0\x81\x81"), "\\u{e0041}" }, /* tag character */
                { STR_INIT("\xff"), "\xEF\xBF\xBD" },
        };

        check_rows(rows, ARRAY_SIZE(rows), escape_terminal);
}

static void test_markup_is_inert(void **state) {
        static const Row rows[] = {
                { STR_INIT("<b>x</b>&\"'"), "&lt;b&gt;x&lt;/b&gt;&amp;&quot;&#39;" },
                { STR_INIT("\x1b<"), "\\x1b&lt;" },
        };

        check_rows(rows, ARRAY_SIZE(rows), escape_markup);
}

static void test_base64_is_rfc4648(void **state) {
        static const Row rows[] = {
                /* section 10 */
                { STR_INIT(""), "" },
                { STR_INIT("f"), "Zg==" },
                { STR_INIT("fo"), "Zm8=" },
                { STR_INIT("foo"), "Zm9v" },
                { STR_INIT("foob"), "Zm9vYg==" },
                { STR_INIT("fooba"), "Zm9vYmE=" },
                { STR_INIT("foobar"), "Zm9vYmFy" },
                { STR_INIT("\xff\xfe\0"), "//4A" },
        };

        check_rows(rows, ARRAY_SIZE(rows), escape_base64);
}

static void test_every_prefix_of_broken_text_ends(void **state) {
        Str all = STR("a\xf0\x9f\x98\x80\xe2\x80\xae\xed\xa0\x80\xf4\x90\xc3");

        for (size_t n = 0; n <= all.n; n++) {
                Str s = { test_guarded((Str){ all.p, n }, (char)0x80).p, n };
                Buf b = BUF_INIT;

                escape_json(&b, s);
                assert_true(escape_is_utf8(buf_view(&b)));
                buf_clear(&b);
                escape_terminal(&b, s);
                assert_true(escape_is_utf8(buf_view(&b)));
                buf_done(&b);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_json_is_escaped),
                cmocka_unit_test(test_json_says_when_bytes_were_replaced),
                cmocka_unit_test(test_terminal_is_inert),
                cmocka_unit_test(test_markup_is_inert),
                cmocka_unit_test(test_base64_is_rfc4648),
                cmocka_unit_test(test_every_prefix_of_broken_text_ends),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
