/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include "rule/encode.h"
#include "rule/pattern.h"
#include "rule/regex.h"

/* What the specification says about wildcards and escapes (Sigma v2.1.0, "Escape Character"). */
static void wildcards_and_escapes_mean_what_sigma_says(void **state) {
        static const struct {
                const char *pattern, *value;
                bool match;
        } rows[] = {
                { "", "", true },
                { "", "x", false },
                { "abc", "abc", true },
                { "abc", "abcd", false },
                { "a*c", "ac", true },
                { "a*c", "abbbc", true },
                { "a*c", "abbb", false },
                { "*", "", true },
                { "a?c", "abc", true },
                { "a?c", "ac", false },
                { "a?c",
                  "a\xC3\xA9"
                  "c",
                  true },
                { "a?c",
                  "a\xFF"
                  "c",
                  true },
                { "a??c",
                  "a\xC3\xA9"
                  "c",
                  false },
                { "\\*", "*", true },
                { "\\*", "x", false },
                { "\\\\*", "\\anything", true },
                { "\\\\*", "x", false },
                { "\\x", "\\x", true },
                { "a\\", "a\\", true },
                { "*a*b*", "xxaxxbxx", true },
                { "*a*b*", "xxbxxaxx", false },
                { "*ab?", "xabab1", true },
                { "*?", "", false },
                { "*?", "\xE2\x80\x93", true },
                { "*a?",
                  "\xC3\xA9"
                  "a\xC3\xA9",
                  true },
                { "?*?", "\xC3\xA9", false },
                { "a*a", "a", false },
                { "*aab", "aaab", true },
                { "*a*a*a", "aa", false },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Arena arena = ARENA_INIT;
                Pattern p;

                assert_int_equal(pattern_parse(&p, &arena, str_from(rows[i].pattern)), 0);
                if (pattern_match(&p, str_from(rows[i].value)) != rows[i].match)
                        fail_msg("%s against %s", rows[i].pattern, rows[i].value);
                arena_done(&arena);
        }
}

static void windash_takes_dashes_that_start_words_only(void **state) {
        static const struct {
                const char *pattern, *value;
                bool match;
        } rows[] = {
                { "-x", "/x", true },
                { "-x", "\xE2\x80\x93x", true },
                { "-x", "\xE2\x80\x95x", true },
                { "-x", "+x", false },
                { "a-x", "a/x", false },
                { "a -x -y", "a /x -y", true },
                { "--x", "-/x", true },
                { "--x", "/-x", false },
                { "- x", "/ x", false },
                { "\xE2\x80\x94x", "-x", true },
                { "*-x*", "run /x now", true },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Arena arena = ARENA_INIT;
                Pattern p;

                assert_int_equal(pattern_parse(&p, &arena, str_from(rows[i].pattern)), 0);
                assert_int_equal(pattern_windash(&p, &arena, &p), 0);
                if (pattern_match(&p, str_from(rows[i].value)) != rows[i].match)
                        fail_msg("%s against %s", rows[i].pattern, rows[i].value);
                arena_done(&arena);
        }
}

/* A star-heavy pattern over a long value must not take time that grows with its power. */
static void stars_cost_no_more_than_length_times_length(void **state) {
        enum { N = 200000 };
        Arena arena = ARENA_INIT;
        char *value = malloc(N);
        Pattern p;

        assert_non_null(value);
        memset(value, 'a', N);
        assert_int_equal(pattern_parse(&p, &arena, STR("*a*a*a*a*a*a*a*a*a*a*a*a*ab*b")), 0);
        for (int i = 0; i < 50; i++)
                assert_false(pattern_match(&p, (Str){ value, N }));
        free(value);
        arena_done(&arena);
}

static void regex_knows_ascii_classes_and_whole_characters(void **state) {
        static const struct {
                const char *regex, *value;
                unsigned flags;
                bool match;
        } rows[] = {
                { "^.$", "\xC3\xA9", 0, true },
                { "^.$", "\xC3\xA9", REGEX_CASELESS, true },
                { "^.$", "\xFF", 0, true },
                { "^\\w$", "\xC3\xA9", 0, false },
                { "^\xC3\x89$", "\xC3\xA9", REGEX_CASELESS, false },
                { "abc", "xABCx", 0, false },
                { "abc", "xABCx", REGEX_CASELESS, true },
                { "k", "\xE2\x84\xAA", REGEX_CASELESS, false },
                { "a.b", "a\nb", 0, false },
                { "a.b", "a\nb", REGEX_DOTALL, true },
                { "^b", "a\nb", 0, false },
                { "^b", "a\nb", REGEX_MULTILINE, true },
        };
        RegexScratch *scratch;

        assert_int_equal(regex_scratch_new(&scratch), 0);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Regex *r;
                RegexError e;

                assert_int_equal(regex_new(&r, str_from(rows[i].regex), rows[i].flags, &e), 0);
                if (regex_search(r, scratch, str_from(rows[i].value)) != rows[i].match)
                        fail_msg("row %zu: %s", i, rows[i].regex);
                regex_free(r);
        }
        assert_int_equal(regex_scratch_limited(scratch), 0);
        regex_scratch_free(scratch);
}

static void regex_that_backtracks_is_given_up_and_counted(void **state) {
        char value[4096];
        RegexScratch *scratch;
        RegexError e;
        Regex *r;

        memset(value, 'a', sizeof(value));
        assert_int_equal(regex_scratch_new(&scratch), 0);
        assert_int_equal(regex_new(&r, STR("(a+)+(b|c)\\1$"), 0, &e), 0);
        assert_false(regex_search(r, scratch, (Str){ value, sizeof(value) }));
        assert_int_equal(regex_scratch_limited(scratch), 1);
        regex_free(r);
        regex_scratch_free(scratch);
}

static void bad_regex_tells_where(void **state) {
        RegexError e;
        Regex *r = NULL;

        assert_int_equal(regex_new(&r, STR("\xC3\xA9(b"), 0, &e), REGEX_E_BAD);
        assert_null(r);
        assert_int_equal(e.offset, 4);
        assert_true(strlen(e.text) > 5);
}

/* Literals joined by "|", or "-" where none may be claimed. */
static void literals_of_a_regex_stand_in_every_match(void **state) {
        static const struct {
                const char *regex, *want;
        } rows[] = {
                { "abc", "abc" },
                { "ABC", "abc" },
                { "a.*bcd", "bcd" },
                { "ab?c", "a" },
                { "ab*", "a" },
                { "ab+cd", "ab" },
                { "(abc|de)f", "abc|de" },
                { "(abc|d*)xy", "xy" },
                { "abc|def", "abc|def" },
                { "abc|", "-" },
                { "[abc]def", "def" },
                { "a[]x]bcd", "bcd" },
                { "\\bnc\\b", "nc" },
                { "a\\.b", "a.b" },
                { "(?i)Foo", "foo" },
                { "(?:abc)?de", "de" },
                { "(?!abc)de", "de" },
                { "(?<=abc)de", "de" },
                { "(?x)a b c", "-" },
                { "\\x41bc", "-" },
                { "\\Qa.b\\E", "-" },
                { "a{0,3}bc", "bc" },
                { "ab{2}c", "ab" },
                { "(abc)*d", "d" },
                { "(?P<n>abc)", "-" },
                { ".*", "-" },
                { "\xC3\xA9+x", "\xC3\xA9" },
                { "\xC3\xA9?x", "x" },
                { "(a|(bcd|efg))hi", "hi" },
                { "x(*ACCEPT)abc", "-" },
                { "[[:alpha:]]abc", "abc" },
                { "[\\]]abc", "abc" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Arena arena = ARENA_INIT;
                Str v[REGEX_MAX_LITERALS];
                Buf got = BUF_INIT;
                size_t n = 0;

                if (!regex_literals(str_from(rows[i].regex), &arena, v, &n))
                        buf_putc(&got, '-');
                for (size_t k = 0; k < n; k++) {
                        buf_put(&got, "|", k > 0);
                        buf_str(&got, v[k]);
                }
                if (strcmp(buf_z(&got), rows[i].want) != 0)
                        fail_msg("%s: got %s, want %s", rows[i].regex, got.p, rows[i].want);
                buf_done(&got);
                arena_done(&arena);
        }
}

/* base64("foobar") = Zm9vYmFy, " foobar" = IGZvb2Jhcg==, "  foobar" = ICBmb29iYXI=: what does not depend on neighbours. */
static void base64_inside_a_text_leaves_out_what_neighbours_change(void **state) {
        static const char *const want[] = { "Zm9vYmFy", "Zvb2Jhc", "mb29iYX" };

        for (unsigned shift = 0; shift < 3; shift++) {
                Buf b = BUF_INIT;

                encode_base64_inside(&b, STR("foobar"), shift);
                assert_string_equal(buf_z(&b), want[shift]);
                buf_done(&b);
        }
}

static void utf16_encodes_pairs_and_replaces_what_is_not_text(void **state) {
        Buf b = BUF_INIT;

        encode_utf16(&b, STR("a\xF0\x9F\x98\x80\xFF"), false);
        assert_int_equal(b.n, 8);
        assert_memory_equal(b.p, "a\0\x3D\xD8\x00\xDE\xFD\xFF", 8);
        buf_done(&b);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(wildcards_and_escapes_mean_what_sigma_says),
                cmocka_unit_test(windash_takes_dashes_that_start_words_only),
                cmocka_unit_test(stars_cost_no_more_than_length_times_length),
                cmocka_unit_test(regex_knows_ascii_classes_and_whole_characters),
                cmocka_unit_test(regex_that_backtracks_is_given_up_and_counted),
                cmocka_unit_test(bad_regex_tells_where),
                cmocka_unit_test(literals_of_a_regex_stand_in_every_match),
                cmocka_unit_test(base64_inside_a_text_leaves_out_what_neighbours_change),
                cmocka_unit_test(utf16_encodes_pairs_and_replaces_what_is_not_text),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
