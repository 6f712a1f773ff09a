/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <libaudit.h>
#include "base/buf.h"
#include "base/test-support.h"
#include "record/field.h"

/* "[name|value|part form]": part k(ernel) u(ser) e(nriched), form " quoted, { braced */
static void render(Buf *out, const FieldVec *vec) {
        static const char part[] = { [FIELD_KERNEL] = 'k', [FIELD_USER] = 'u', [FIELD_ENRICHED] = 'e' };

        for (size_t i = 0; i < vec->n; i++) {
                const Field *f = &vec->v[i];

                buf_putc(out, '[');
                buf_str(out, f->name);
                buf_putc(out, '|');
                buf_str(out, f->value);
                buf_printf(out, "|%c%s]", part[f->part], f->quoted ? "\"" : f->braced ? "{" : "");
        }
        if (vec->has_words)
                buf_putc(out, '~');
}

static void split(FieldVec *vec, Str body, int type) {
        Record r = { .text = test_guarded(body, '"'), .type = type };

        assert_int_equal(field_split(vec, &r), 0);
}

static const struct {
        int type;
        Str in;
        const char *want;
} rows[] = {
        { 1300, STR_INIT("arch=c000003e a0=3  comm=\"sshd\" key=(null)"),
          "[arch|c000003e|k][a0|3|k][comm|sshd|k\"][key|(null)|k]" },
        { 1300, STR_INIT(""), "" },
        { 1300, STR_INIT("   "), "" },
        { 1300, STR_INIT("a= b"), "[a||k]~" },
        { 1300, STR_INIT("a==b =c"), "[a|=b|k][|c|k]" },
        { 1300, STR_INIT("a=\"x y\" b=\"\""), "[a|x y|k\"][b||k\"]" },
        { 1300, STR_INIT("a=\"x"), "[a|\"x|k]" },
        { 1300, STR_INIT("a=\"x\"y b=1"), "[a|x|k\"][b|1|k]~" },
        { 1300, STR_INIT("a=\"x=y\", b=1"), "[a|x=y|k\"][b|1|k]" },
        { 1300,
          STR_INIT("ses=1\x1d"
                   "UID=\"root\" SYSCALL=openat"),
          "[ses|1|k][UID|root|e\"][SYSCALL|openat|e]" },
        { 1302, STR_INIT("name=\"/cut\x1dUID=\"root\""), "[name|\"/cut|k][UID|root|e\"]" },
        { 1112,
          STR_INIT("msg='op=\"x\x1d"
                   "AUID=\"a\x1d"
                   "b\" c='d'"),
          "[op|\"x|u][AUID|a\x1d"
          "b|e\"][c|'d'|e]" },
        { 1306,
          STR_INIT("saddr=0100\x1d"
                   "SADDR={ saddr_fam=local path=/run/} x }"),
          "[saddr|0100|k][SADDR| saddr_fam=local path=/run/} x |e{]" },
        { 1306,
          STR_INIT("\x1d"
                   "A={ B={ C"),
          "[A|{|e][B|{|e]~" },
        { 1112,
          STR_INIT("pid=1 msg='op=login acct=\"a b\" res=failed'\x1d"
                   "UID=\"root\""),
          "[pid|1|k][op|login|u][acct|a b|u\"][res|failed|u][UID|root|e\"]" },
        { 1112, STR_INIT("msg='op=it's ok res=1' ses=2"), "[op|it's|u][res|1|u][ses|2|k]~" },
        { 1112, STR_INIT("msg='op=x"), "[op|x|u]" },
        { 1112, STR_INIT("msg='"), "" },
        { 1112, STR_INIT("msg='x=1' msg='y=2'"), "[x|1'|u][msg|'y=2|u]" },
        { 1112,
          STR_INIT("msg='PAM: authentication acct=\"root\" : exe=\"/bin/su\" (hostname=?, addr=1.2.3.4, "
                   "terminal=x res=failed)'"),
          "[acct|root|u\"][exe|/bin/su|u\"][hostname|?|u][addr|1.2.3.4|u][terminal|x|u][res|failed|u]~" },
        { 1400, STR_INIT("avc:  denied  { read write } for  pid=7 comm=\"x\""),
          "[seresult|denied|k][seperms|read write|k][pid|7|k][comm|x|k\"]" },
        { 1107, STR_INIT("pid=1 msg='avc:  denied  { send_msg } for dest=:1.2'"),
          "[pid|1|k][seresult|denied|u][seperms|send_msg|u][dest|:1.2|u]" },
        { 1400, STR_INIT("avc:  denied  { read"), "[seresult|denied|k]~" },
        { 1400, STR_INIT("apparmor=\"DENIED\" info=\"Failed name lookup\""),
          "[apparmor|DENIED|k\"][info|Failed name lookup|k\"]" },
        { 2000, STR_INIT("initialized"), "~" },
        { 1300, STR_INIT("tty=(none) x=f(1) y=g1)"), "[tty|(none)|k][x|f(1)|k][y|g1|k]" },
};

static void test_forms(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                FieldVec vec = FIELD_VEC_INIT;
                Buf got = BUF_INIT;

                split(&vec, rows[i].in, rows[i].type);
                render(&got, &vec);
                assert_string_equal(buf_z(&got), rows[i].want);
                field_vec_done(&vec);
                buf_done(&got);
        }
}

static void test_every_prefix_stays_inside(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                for (size_t n = 0; n <= rows[i].in.n; n++) {
                        Record r = { .text = test_guarded((Str){ rows[i].in.p, n }, '\''),
                                     .type = rows[i].type };
                        FieldVec vec = FIELD_VEC_INIT;

                        assert_int_equal(field_split(&vec, &r), 0);
                        for (size_t k = 0; k < vec.n; k++) {
                                const char *end = vec.v[k].value.p + vec.v[k].value.n;

                                assert_true(vec.v[k].value.p >= r.text.p && end <= r.text.p + n);
                        }
                        field_vec_done(&vec);
                }
        }
}

static void test_fields_beyond_the_limit_are_counted(void **state) {
        FieldVec vec = FIELD_VEC_INIT;
        Buf text = BUF_INIT;

        for (unsigned i = 0; i < FIELD_MAX + 5; i++)
                BUF_LIT(&text, "a=1 ");
        split(&vec, buf_view(&text), 1300);
        assert_int_equal(vec.n, FIELD_MAX);
        assert_int_equal(vec.n_cut, 5);
        assert_non_null(field_find(&vec, STR("a")));
        assert_null(field_find(&vec, STR("b")));
        field_vec_done(&vec);
        buf_done(&text);
}

/* What field_split() gives for @name, and what field_split_named() gives for it when it was asked for no other. */
static void compare_named(const Record *r, Str name) {
        FieldVec all = FIELD_VEC_INIT, some = FIELD_VEC_INIT;
        FieldNames names = { 0 };
        size_t k = 0;

        field_names_add(&names, name);
        assert_int_equal(field_split(&all, r), 0);
        assert_int_equal(field_split_named(&some, r, &names), 0);
        for (size_t i = 0; i < all.n; i++) {
                if (!str_eq(all.v[i].name, name))
                        continue;
                while (k < some.n && !str_eq(some.v[k].name, name))
                        k++;
                assert_true(k < some.n);
                assert_true(some.v[k].value.p == all.v[i].value.p && some.v[k].value.n == all.v[i].value.n);
                assert_int_equal(some.v[k].part, all.v[i].part);
                assert_int_equal(some.v[k].quoted, all.v[i].quoted);
                assert_int_equal(some.v[k].braced, all.v[i].braced);
                k++;
        }
        for (; k < some.n; k++)
                assert_false(str_eq(some.v[k].name, name));
        assert_true(some.msg.p == all.msg.p && some.msg.n == all.msg.n);
        field_vec_done(&all);
        field_vec_done(&some);
}

static void test_named_fields_are_those_of_a_full_split(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Record r = { .text = test_guarded(rows[i].in, '"'), .type = rows[i].type };
                FieldVec all = FIELD_VEC_INIT;

                assert_int_equal(field_split(&all, &r), 0);
                compare_named(&r, STR("absent"));
                for (size_t k = 0; k < all.n; k++)
                        compare_named(&r, all.v[k].name);
                field_vec_done(&all);
        }
}

static void test_unwanted_fields_are_left_out(void **state) {
        Str text =
                STR("arch=c000003e a0=3 comm=\"a b\" key=\"k\" uid=0 auid=0\x1dUID=\"root\" AUID=\"root\"");
        Record r = { .text = test_guarded(text, '"'), .type = 1300 };
        FieldVec vec = FIELD_VEC_INIT;
        FieldNames names = { 0 };

        field_names_add(&names, STR("key"));
        assert_int_equal(field_split_named(&vec, &r, &names), 0);
        assert_true(vec.n >= 1 && vec.n < 4);
        assert_true(str_eq(field_find(&vec, STR("key"))->value, STR("k")));
        field_vec_done(&vec);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_forms),
                cmocka_unit_test(test_every_prefix_stays_inside),
                cmocka_unit_test(test_named_fields_are_those_of_a_full_split),
                cmocka_unit_test(test_unwanted_fields_are_left_out),
                cmocka_unit_test(test_fields_beyond_the_limit_are_counted),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
