/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include "meaning/names.h"

typedef struct {
        char passwd[64], group[64];
        Names *names;
} Fixture;

static void write_file(const char *path, const char *text) {
        FILE *f = fopen(path, "we");

        assert_non_null(f);
        assert_true(fputs(text, f) >= 0);
        assert_int_equal(fclose(f), 0);
}

static int setup(void **state) {
        Fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        strcpy(f->passwd, "/tmp/test-names-passwd-XXXXXX");
        strcpy(f->group, "/tmp/test-names-group-XXXXXX");
        close(mkstemp(f->passwd));
        close(mkstemp(f->group));
        write_file(f->passwd, "root:x:0:0::/root:/bin/sh\n"
                              "# a comment:x:7:\n"
                              "+nis:x:8:8:::\n"
                              "alice:x:700001:700001::/:/bin/sh\n"
                              "alias:x:700001:700001::/:/bin/sh\n"
                              "bad\n"
                              "worse:x:notanumber:1::/:\n"
                              ":x:700002:1::/:\n"
                              "big:x:4294967296:1::/:\n");
        write_file(f->group, "root:x:0:\nstaff:x:700001:alice,bob\n");
        assert_int_equal(names_new(&f->names, f->passwd, f->group), 0);
        names_only_snapshot(f->names);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        Fixture *f = *state;

        names_free(f->names);
        unlink(f->passwd);
        unlink(f->group);
        free(f);
        return 0;
}

static void expect(Names *n, NamesOf of, uint32_t id, const char *want) {
        Str got = names_of(n, of, id);

        if (!str_eqz(got, want))
                fail_msg("%u: " STR_FMT ", want %s", id, STR_ARG(got), want);
}

static void ids_have_the_names_of_the_files(void **state) {
        Names *n = ((Fixture *)*state)->names;

        expect(n, NAMES_USER, 0, "root");
        expect(n, NAMES_USER, UINT32_MAX, "unset");
        expect(n, NAMES_USER, 700001, "alice");
        expect(n, NAMES_GROUP, 700001, "staff");
        expect(n, NAMES_GROUP, UINT32_MAX, "unset");
}

static void unknown_ids_are_signed_numbers_and_counted(void **state) {
        Names *n = ((Fixture *)*state)->names;
        uint64_t lookups, skipped;

        expect(n, NAMES_USER, 7, "unknown(7)");
        expect(n, NAMES_USER, 8, "unknown(8)");
        expect(n, NAMES_USER, 700002, "unknown(700002)");
        expect(n, NAMES_USER, UINT32_MAX - 1, "unknown(-2)");
        expect(n, NAMES_GROUP, 1u << 31, "unknown(-2147483648)");
        names_count(n, &lookups, &skipped);
        assert_int_equal(lookups, 0);
        assert_int_equal(skipped, 5);
}

static void accounts_are_known_by_name(void **state) {
        Names *n = ((Fixture *)*state)->names;

        assert_true(names_known(n, NAMES_USER, STR("alice")));
        assert_true(names_known(n, NAMES_USER, STR("alias"))); /* though its id is shown as alice */
        assert_false(names_known(n, NAMES_USER, STR("staff")));
        assert_false(names_known(n, NAMES_USER, STR("bob")));
        assert_false(names_known(n, NAMES_USER, STR("")));
        assert_true(names_known(n, NAMES_GROUP, STR("staff")));
}

static void a_changed_file_is_read_again(void **state) {
        Fixture *f = *state;

        names_refresh(f->names);
        expect(f->names, NAMES_USER, 700001, "alice");
        write_file(f->passwd, "carol:x:700001:1::/:\n");
        expect(f->names, NAMES_USER, 700001, "alice");
        names_refresh(f->names);
        expect(f->names, NAMES_USER, 700001, "carol");
        assert_false(names_known(f->names, NAMES_USER, STR("alice")));
        unlink(f->passwd);
        names_refresh(f->names);
        expect(f->names, NAMES_USER, 700001, "unknown(700001)");
        expect(f->names, NAMES_GROUP, 700001, "staff");
}

static void many_accounts_are_all_found(void **state) {
        Fixture *f = *state;
        FILE *file = fopen(f->passwd, "we");

        assert_non_null(file);
        for (unsigned i = 1; i <= 5000; i++)
                fprintf(file, "u%u:x:%u:1::/:\n", i, 800000 + i * 7);
        fclose(file);
        names_refresh(f->names);
        for (unsigned i = 1; i <= 5000; i++) {
                char want[16];

                snprintf(want, sizeof(want), "u%u", i);
                expect(f->names, NAMES_USER, 800000 + i * 7, want);
                assert_true(names_known(f->names, NAMES_USER, str_from(want)));
        }
        expect(f->names, NAMES_USER, 800001, "unknown(800001)");
}

/* 2^31 and up: no system gives these to accounts. */
static void the_name_service_is_asked_within_a_budget(void **state) {
        Fixture *f = *state;
        uint64_t lookups, skipped;
        Names *n;

        assert_int_equal(names_new(&n, f->passwd, f->group), 0);
        for (uint32_t i = 0; i < 10000; i++)
                names_of(n, NAMES_USER, 0x80000000u + i);
        names_count(n, &lookups, &skipped);
        assert_int_equal(lookups + skipped, 10000);
        assert_in_range(lookups, 1, 10 * NAMES_BUDGET); /* ten seconds at most for this test */
        names_free(n);
}

static void what_is_unknown_is_asked_once(void **state) {
        Fixture *f = *state;
        uint64_t lookups, skipped;
        Names *n;

        assert_int_equal(names_new(&n, f->passwd, f->group), 0);
        for (int i = 0; i < 10000; i++)
                expect(n, NAMES_USER, 0x80000001u, "unknown(-2147483647)");
        names_count(n, &lookups, &skipped);
        assert_int_equal(lookups, 1);
        assert_int_equal(skipped, 0);
        names_free(n);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(ids_have_the_names_of_the_files, setup, teardown),
                cmocka_unit_test_setup_teardown(unknown_ids_are_signed_numbers_and_counted, setup, teardown),
                cmocka_unit_test_setup_teardown(accounts_are_known_by_name, setup, teardown),
                cmocka_unit_test_setup_teardown(a_changed_file_is_read_again, setup, teardown),
                cmocka_unit_test_setup_teardown(many_accounts_are_all_found, setup, teardown),
                cmocka_unit_test_setup_teardown(the_name_service_is_asked_within_a_budget, setup, teardown),
                cmocka_unit_test_setup_teardown(what_is_unknown_is_asked_once, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
