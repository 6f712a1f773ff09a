/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/buf.h"
#include "rule/nearest.h"

static const char *const words[] = { "contains",  "startswith",  "endswith", "cased", "re",
                                     "selection", "filter_main", "Image",    "gt" };

static Str find(Str word) {
        Nearest n = nearest_begin(word);

        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                nearest_try(&n, str_from(words[i]));
        return n.best;
}

static void a_misspelt_word_finds_the_right_one(void **state) {
        static const struct {
                const char *word, *want;
        } rows[] = {
                { "contain", "contains" },
                { "contians", "contains" },
                { "CONTAINS", "contains" },
                { "startwith", "startswith" },
                { "startsswith", "startswith" },
                { "endwith", "endswith" },
                { "sel", "selection" },
                { "selecton", "selection" },
                { "filter_mian", "filter_main" },
                { "image", "Image" },
                { "case", "cased" },
                { "xyz", "" },
                { "e", "" },
                { "", "" },
                { "keywords", "" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (!str_eqz(find(str_from(rows[i].word)), rows[i].want))
                        fail_msg("%s finds " STR_FMT, rows[i].word, STR_ARG(find(str_from(rows[i].word))));
}

static void hostile_words_cost_nothing(void **state) {
        Buf b = BUF_INIT;
        Nearest n;

        for (int i = 0; i < 100000; i++)
                buf_putc(&b, 'a');
        assert_int_equal(find(buf_view(&b)).n, 0);
        n = nearest_begin(STR("aaaa"));
        nearest_try(&n, buf_view(&b));
        assert_int_equal(n.best.n, 0);
        buf_done(&b);
        for (size_t i = 0; i < NEAREST_MAX; i++)
                nearest_try(&n, STR("other"));
        nearest_try(&n, STR("aaab"));
        assert_int_equal(n.best.n, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_misspelt_word_finds_the_right_one),
                cmocka_unit_test(hostile_words_cost_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
