/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/test-support.h"
#include "audisp/plugin.h"
#include "base/log.h"

/* What was logged since the last call; stderr is a file. */
static const char *logged(void) {
        static char text[4096];
        static off_t from;
        ssize_t n = pread(STDERR_FILENO, text, sizeof(text) - 1, from);

        assert_true(n >= 0);
        text[n] = 0;
        from += n;
        return text;
}

/* It takes nothing, its queue is full, and what waits in the file comes up to the limit: it is said once, and then nobody may
 * give it more. */
static void a_full_file_is_told(void **state) {
        char name[] = "slow";
        Str line = STR("type=A msg=audit(1.001:1): a=1\n");
        Plugin p = { .fd = -1,
                     .version = version_find("3.0"),
                     .options = { .queue = 1, .spills = true },
                     .conf = { .name = name },
                     .queue = BUF_INIT,
                     .spill = SPILL_INIT };

        line.n--;
        assert_true(plugin_write(&p, line, false));
        assert_string_equal(logged(), "");
        assert_true(plugin_has_room(&p));
        assert_true(plugin_write(&p, line, false));
        assert_non_null(strstr(logged(), "waits in a file"));
        p.spill.to = (off_t)SPILL_MAX - 1; /* as if so much waited: the file is sparse */
        assert_true(plugin_has_room(&p));
        assert_true(plugin_write(&p, line, false));
        assert_non_null(strstr(logged(), "slow is behind by more than 1024 MiB"));
        assert_false(plugin_has_room(&p));
        assert_false(plugin_write(&p, line, false));
        assert_string_equal(logged(), "");
        assert_int_equal(p.dropped, 0);
        assert_int_equal(p.n_queued, 3);
        buf_done(&p.queue);
        spill_done(&p.spill);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(a_full_file_is_told) };
        FILE *f = tmpfile();

        if (!f || dup2(fileno(f), STDERR_FILENO) < 0)
                return 1;
        log_open("test");
        return cmocka_run_group_tests(tests, NULL, NULL);
}
