/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/test-support.h"
#include "source/source-ops.h"
#include "source/test-frame.h"

/* Frames in writes of @chunk bytes; what comes out must not depend on it. */
static void check_binary(size_t padded, size_t chunk) {
        static const char expected[] = "type=USER_LOGIN msg=audit(1.001:1): a=1\n"
                                       "type=SYSCALL msg=audit(1.001:2): b\n"
                                       "type=UNKNOWN[1999] msg=audit(1.001:3): one two\n";
        static char in[1 << 16], out[1 << 16];
        SourceCounters counters = { 0 };
        size_t n = 0, done = 0, n_out = 0;
        Binary *b;

        n += frame(in + n, 0, 1112, "audit(1.001:1): a=1", padded);
        n += frame(in + n, 1, 1300, "type=SYSCALL msg=audit(1.001:2): b", padded);
        n += frame(in + n, 0, 1999, "audit(1.001:3): one\ntwo\n", padded);
        assert_int_equal(binary_new(&b, &counters), 0);
        while (done < n) {
                size_t room, k = n - done < chunk ? n - done : chunk;
                char *space = binary_space(b, &room);

                k = k < room ? k : room;
                memcpy(space, in + done, k);
                binary_add(b, k);
                done += k;
                n_out += binary_lines(b, out + n_out, sizeof(out) - n_out);
        }
        out[n_out] = 0;
        assert_string_equal(out, expected);
        assert_int_equal(counters.bad_frames, 0);
        binary_free(b);
}

static void frames_become_lines_whatever_the_padding_and_the_chunks(void **state) {
        static const size_t chunks[] = { 1, 7, 16, 100, 4096, 65536 };

        for (size_t i = 0; i < ARRAY_SIZE(chunks); i++) {
                check_binary(0, chunks[i]);
                check_binary(8970, chunks[i]);
        }
}

static void a_first_frame_is_given_out_before_the_second_comes(void **state) {
        SourceCounters counters = { 0 };
        char out[64];
        size_t room;
        Binary *b;

        assert_int_equal(binary_new(&b, &counters), 0);
        binary_add(b, frame(binary_space(b, &room), 1, 1112, "type=USER_LOGIN msg=audit(1.001:1): a=1", 0));
        assert_int_equal(binary_lines(b, out, sizeof(out)), 0); /* no room for it */
        binary_free(b);
        assert_int_equal(binary_new(&b, &counters), 0);
        binary_add(b, frame(binary_space(b, &room), 1, 1112, "type=USER_LOGIN msg=audit(1.001:1): a=1", 0));
        assert_true(binary_lines(b, (char[16384]){ 0 }, 16384) > 0);
        binary_free(b);
}

static void what_is_no_frame_is_counted_and_the_next_one_found(void **state) {
        static char out[16384];
        SourceCounters counters = { 0 };
        size_t room, n = 0;
        char *space;
        Binary *b;

        assert_int_equal(binary_new(&b, &counters), 0);
        space = binary_space(b, &room);
        n += frame(space + n, 1, 1112, "type=A msg=audit(1.001:1):", 0);
        n += frame(space + n, 1, 1112, "type=B msg=audit(1.001:1):", 0);
        memcpy(space + n, "garbage", 7);
        n += 7;
        n += frame(space + n, 1, 1112, "type=C msg=audit(1.001:1):", 0);
        binary_add(b, n);
        out[binary_lines(b, out, sizeof(out))] = 0;
        assert_string_equal(
                out, "type=A msg=audit(1.001:1):\ntype=B msg=audit(1.001:1):\ntype=C msg=audit(1.001:1):\n");
        assert_int_equal(counters.bad_frames, 1);
        assert_int_equal(counters.skipped_bytes, 7);
        binary_free(b);
}

/* Whatever stands behind the first frame may be padding, which auditd does not clear; but a header has to follow that. */
static void what_is_no_padding_after_all_is_counted(void **state) {
        static char out[32768];
        SourceCounters counters = { 0 };
        size_t room, n = 0;
        char *space;
        Binary *b;

        assert_int_equal(binary_new(&b, &counters), 0);
        space = binary_space(b, &room);
        n += frame(space + n, 1, 1112, "type=A msg=audit(1.001:1):", 0);
        memset(space + n, 'g', 9000);
        n += 9000;
        n += frame(space + n, 1, 1112, "type=B msg=audit(1.001:1):", 0);
        n += frame(space + n, 1, 1112, "type=C msg=audit(1.001:1):", 0);
        binary_add(b, n);
        out[binary_lines(b, out, sizeof(out))] = 0;
        assert_string_equal(
                out, "type=A msg=audit(1.001:1):\ntype=B msg=audit(1.001:1):\ntype=C msg=audit(1.001:1):\n");
        assert_int_equal(counters.bad_frames, 1);
        assert_int_equal(counters.skipped_bytes, 9000);
        binary_free(b);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(frames_become_lines_whatever_the_padding_and_the_chunks),
                cmocka_unit_test(a_first_frame_is_given_out_before_the_second_comes),
                cmocka_unit_test(what_is_no_frame_is_counted_and_the_next_one_found),
                cmocka_unit_test(what_is_no_padding_after_all_is_counted),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
