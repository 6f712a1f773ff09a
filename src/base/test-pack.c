/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include "base/pack.h"
#include "base/test-support.h"

#define TAG PACK_TAG('T', 'E', 'S', 'T')

static void write_all(Buf *out) {
        size_t begun = pack_begin(out, TAG, 7);

        pack_u8(out, 200);
        pack_u32(out, 0xDEADBEEF);
        pack_u64(out, UINT64_MAX - 1);
        pack_i64(out, -5);
        pack_text(out, STR("a\0b"));
        pack_text(out, STR_NULL);
        pack_text(out, STR(""));
        pack_end(out, begun);
        pack_seal(out, 0);
        assert_false(out->failed);
}

static void what_was_written_is_read(void **state) {
        Buf b = BUF_INIT;
        Unpack u, part;
        Str body, s;

        (void)state;
        write_all(&b);
        assert_int_equal(unpack_unseal(buf_view(&b), &body), 0);
        u = UNPACK_INIT(body);
        part = unpack_part(&u, TAG, 7);
        assert_int_equal(unpack_u8(&part), 200);
        assert_int_equal(unpack_u32(&part), 0xDEADBEEF);
        assert_true(unpack_u64(&part) == UINT64_MAX - 1);
        assert_true(unpack_time(&part) == -5);
        s = unpack_text(&part, 3);
        assert_true(str_eq(s, STR("a\0b")));
        assert_null(unpack_text(&part, 3).p);
        s = unpack_text(&part, 0);
        assert_true(s.p && !s.n);
        assert_int_equal(unpack_end(&part), 0);
        assert_int_equal(unpack_end(&u), 0);
        assert_int_equal(unpack_u8(&part), 0);
        assert_int_equal(unpack_end(&part), PACK_E_BAD);
        buf_done(&b);
}

static void every_accident_shows(void **state) {
        Buf b = BUF_INIT;
        Str body;

        (void)state;
        write_all(&b);
        for (size_t i = 0; i < b.n; i++)
                for (int bit = 0; bit < 8; bit++) {
                        b.p[i] = (char)(b.p[i] ^ 1 << bit);
                        assert_int_equal(unpack_unseal(buf_view(&b), &body), PACK_E_BAD);
                        b.p[i] = (char)(b.p[i] ^ 1 << bit);
                }
        for (size_t n = 0; n < b.n; n++)
                assert_int_equal(unpack_unseal((Str){ b.p, n }, &body), PACK_E_BAD);
        buf_done(&b);
}

static void other_parts_are_refused(void **state) {
        Buf b = BUF_INIT;
        Unpack u;

        (void)state;
        write_all(&b);
        u = UNPACK_INIT(buf_view(&b));
        assert_true(unpack_part(&u, TAG, 8).bad && u.bad);
        u = UNPACK_INIT(buf_view(&b));
        assert_true(unpack_part(&u, TAG + 1, 7).bad && u.bad);
        u = UNPACK_INIT(((Str){ b.p, 20 }));
        assert_true(unpack_part(&u, TAG, 7).bad && u.bad);
        buf_done(&b);
}

static void promises_are_not_believed(void **state) {
        Buf b = BUF_INIT;
        Unpack u;

        (void)state;
        pack_u32(&b, 3);
        pack_u64(&b, (uint64_t)INT64_MAX);
        u = UNPACK_INIT(buf_view(&b));
        assert_int_equal(unpack_count(&u, 3), 0);
        assert_true(u.bad);
        u = UNPACK_INIT(buf_view(&b));
        assert_int_equal(unpack_count(&u, 2), 3);
        assert_true(unpack_time(&u) == 0 && u.bad);
        u = UNPACK_INIT(buf_view(&b));
        assert_true(!unpack_text(&u, 2).p && u.bad);
        buf_done(&b);
}

static void reals_are_exact(void **state) {
        const long double v[] = { 0.0L,
                                  -0.0L,
                                  1.0L,
                                  -1.0L / 3,
                                  1e4000L,
                                  -1e-4940L,
                                  18446744073709551615.0L,
                                  (long double)INFINITY,
                                  0.1L + 0.2L };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
                Buf b = BUF_INIT;
                Unpack u;
                long double got;

                pack_real(&b, v[i]);
                u = UNPACK_INIT(buf_view(&b));
                got = unpack_real(&u);
                assert_true(got == v[i] && !signbit(got) == !signbit(v[i]));
                assert_int_equal(unpack_end(&u), 0);
                buf_done(&b);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_was_written_is_read), cmocka_unit_test(every_accident_shows),
                cmocka_unit_test(other_parts_are_refused),  cmocka_unit_test(promises_are_not_believed),
                cmocka_unit_test(reals_are_exact),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
