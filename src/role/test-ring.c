/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a successor finds of an engine that was killed: the bytes of RingShared are put as they are at that moment. */
#include <string.h>
#include <unistd.h>
#include "base/test-support.h"
#include "role/ring.h"

static Ring new_ring(void) {
        Ring r;
        int fd = ring_make();

        assert_true(fd >= 0);
        assert_int_equal(ring_map(&r, fd), 0);
        close(fd);
        return r;
}

/* Reads @n bytes 'x', as an engine that lives. */
static void read_some(Ring *r, size_t n) {
        static char text[RING_READ_MAX];
        int ends[2];
        const char *p;

        memset(text, 'x', sizeof(text));
        assert_int_equal(pipe(ends), 0);
        while (n) {
                size_t k = n < 4096 ? n : 4096;
                ssize_t got;

                assert_int_equal(write(ends[1], text, k), k);
                for (; k; k -= (size_t)got, n -= (size_t)got) /* less at the end of the memory */
                        assert_true((got = ring_read(r, ends[0], k, &p)) > 0);
        }
        close(ends[0]);
        close(ends[1]);
}

static void copied(Ring *r, const char *text) {
        for (size_t i = 0; text[i]; i++)
                r->bytes[(r->shared->head + i) % RING_BYTES] = text[i];
}

static void killed_at_its_first_start(void **state) {
        Ring r = new_ring();

        r.shared->begun = true; /* and nothing is blank yet */
        ring_begin(&r);
        assert_int_equal(r.shared->head, 0);
        ring_unmap(&r);
}

static void killed_behind_the_copy(void **state) {
        Ring r = new_ring();

        ring_begin(&r);
        read_some(&r, 1000);
        copied(&r, "a line\n");
        ring_begin(&r);
        assert_int_equal(r.shared->head, 1007);
        ring_begin(&r);
        assert_int_equal(r.shared->head, 1007);
        ring_unmap(&r);
}

/* What is behind the head was not made blank: it is empty memory, or, once around, what was read long ago. */
static void killed_behind_the_note(void **state) {
        for (size_t before = 1000; before < RING_BYTES * 2; before += RING_BYTES + 77) {
                Ring r = new_ring();

                ring_begin(&r);
                read_some(&r, before);
                copied(&r, "a line\n");
                r.shared->head += 7;
                ring_begin(&r);
                assert_int_equal(r.shared->head, before + 7);
                ring_unmap(&r);
        }
}

static void blank_bytes_are_not_given_out(void **state) {
        Ring r = new_ring();
        uint64_t from = 0, passed = 0;
        char byte;

        ring_begin(&r);
        read_some(&r, RING_BYTES + 50);
        assert_int_equal(ring_get(&r, &from, &byte, 1), 1);
        assert_int_equal(byte, 'x');
        assert_int_equal(from, 50 + RING_READ_MAX + 1);
        assert_int_equal(ring_next_line(&r, 60, &passed), RING_BYTES + 50); /* no end of a line is left */
        assert_int_equal(passed, RING_BYTES - 10);
        ring_unmap(&r);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(killed_at_its_first_start),
                cmocka_unit_test(killed_behind_the_copy),
                cmocka_unit_test(killed_behind_the_note),
                cmocka_unit_test(blank_bytes_are_not_given_out),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
