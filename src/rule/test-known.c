/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* No recorded log holds a field that the table of known fields denies: a warning from it would be wrong. */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include "meaning/decode.h"
#include "record/field.h"
#include "record/header.h"
#include "rule/known.h"

static unsigned n_known;

static void check_record(const char *path, const Record *r, FieldVec *fields) {
        const KnownType *type = known_type(record_type_name(r));

        if (!type)
                return;
        n_known++;
        assert_int_equal(field_split(fields, r), 0);
        for (size_t i = 0; i < fields->n; i++) {
                Str name = fields->v[i].name;

                /* a long argument: a1_len=…, and its pieces are one value */
                if (str_ends(name, STR("_len")) || decode_execve_arg(name, NULL, NULL))
                        continue;
                if (!known_in_type(type, name))
                        fail_msg("%s: %s has " STR_FMT, path, type->type, STR_ARG(name));
        }
}

static void check_file(const char *path) {
        HeaderCache *cache = calloc(1, sizeof(*cache));
        FILE *f = fopen(path, "re");
        char *line = NULL;
        size_t cap = 0;
        FieldVec fields = { 0 };
        ssize_t n;

        assert_non_null(cache);
        assert_non_null(f);
        while ((n = getline(&line, &cap, f)) > 0) {
                char *copy = calloc(1, (size_t)n + STR_SLACK);
                RecordId id;
                Record r = { 0 };

                assert_non_null(copy);
                memcpy(copy, line, (size_t)n - (line[n - 1] == '\n'));
                if (!header_parse(cache, str_from(copy), &r, &id))
                        check_record(path, &r, &fields);
                free(copy);
        }
        free(line);
        fclose(f);
        field_vec_done(&fields);
        free(cache);
}

static void recorded_logs_hold_nothing_that_is_denied(void **state) {
        static const char *const patterns[] = { CAPTURES "/enriched/*.log", CAPTURES "/raw/*.log",
                                                CAPTURES "/rules/*.log", CAPTURES "/*.log" };

        for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
                glob_t g;

                assert_int_equal(glob(patterns[i], 0, NULL, &g), 0);
                for (size_t k = 0; k < g.gl_pathc; k++)
                        if (!strstr(g.gl_pathv[k], "inject")) /* records that a program made up */
                                check_file(g.gl_pathv[k]);
                globfree(&g);
        }
        assert_true(n_known > 1000);
}

static void what_is_certain_is_known(void **state) {
        assert_null(known_type(STR("USER_LOGIN")));
        assert_true(known_in_type(known_type(STR("path")), STR("exe")));
        assert_false(known_in_type(known_type(STR("PATH")), STR("acct")));
        assert_false(known_in_type(known_type(STR("SYSCALL")), STR("a4")));
        assert_true(known_in_type(known_type(STR("EXECVE")), STR("a4")));
        assert_string_equal(known_type_with(STR("nametype"), 0)->type, "PATH");
        assert_null(known_type_with(STR("nametype"), 1));
        assert_true(known_in_category(VIEW_PROCESS, STR("ParentImage")));
        assert_true(known_in_category(VIEW_FILE, STR("auid")));
        assert_false(known_in_category(VIEW_FILE, STR("ParentImage")));
        assert_false(known_in_category(VIEW_PROCESS, STR("IntegrityLevel")));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(recorded_logs_hold_nothing_that_is_denied),
                cmocka_unit_test(what_is_certain_is_known),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
